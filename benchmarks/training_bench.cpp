// Training: whole epochs and single steps. W0 is the main job's network, W1 the small one
// of arXiv:1910.03773, W2 the topo-cluster network.
#include "calibrant/loss.hpp"
#include "calibrant/train/trainer.hpp"
#include "report.hpp"
#include "workloads.hpp"

namespace {

using namespace calibrant;

template <class Net>
Dataset events(std::int64_t n) {
  return Dataset(calibrant_bench::made_up(n, Net::n_in), calibrant_bench::all_features(Net::n_in), "y");
}
FitOptions settings(const benchmark::State& state) {
  FitOptions options;
  options.epochs = 1 << 30;
  options.batch_size = static_cast<int>(state.range(0));
  options.validation_fraction = 0.0;
  options.schedule = schedule::Constant{};
  options.threads = static_cast<int>(state.range(1));
  options.progress = ProgressLine::silent;
  return options;
}

/// Whole epochs, shuffling included.
template <class Net, class Loss>
void train(benchmark::State& state, Loss loss, std::int64_t n_events) {
  Trainer<Net, float, Loss> trainer(events<Net>(n_events), loss, settings(state));
  trainer.epoch();
  calibrant_bench::Report report(state, {.samples = static_cast<double>(n_events),
                                         .flops_per_sample = calibrant_bench::training_flops<Net>(),
                                         .cores = static_cast<int>(state.range(1))});
  for (auto _ : state) benchmark::DoNotOptimize(trainer.epoch());
}

/// Training steps on one batch: gather, forward, backward, Adam.
template <class Net, class Loss>
void step(benchmark::State& state, Loss loss) {
  const auto size = state.range(0);
  Trainer<Net, float, Loss> trainer(events<Net>(size), loss, settings(state));
  std::vector<std::uint32_t> batch(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = static_cast<std::uint32_t>(i);
  calibrant_bench::Report report(
      state, {.samples = static_cast<double>(size), .flops_per_sample = calibrant_bench::training_flops<Net>()});
  for (auto _ : state) benchmark::DoNotOptimize(trainer.step(batch));
}

void w0(benchmark::State& state) { train<calibrant_bench::Jets>(state, loss::Absolute{}, 139335); }
void w1_squared(benchmark::State& state) { train<calibrant_bench::Narrow>(state, loss::Squared{}, 500000); }
void w1_kernel(benchmark::State& state) { train<calibrant_bench::Narrow>(state, loss::LeakyGaussianKernel{}, 500000); }
void w2(benchmark::State& state) { train<calibrant_bench::Wide>(state, loss::Squared{}, 131072); }

void w1_step(benchmark::State& state) { step<calibrant_bench::Narrow>(state, loss::Squared{}); }
void w2_step(benchmark::State& state) { step<calibrant_bench::Wide>(state, loss::Squared{}); }

BENCHMARK(w1_step)
    ->Name("W1/step/2-50-1/squared")
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{32, 256, 1024, 8192}, {1}});
BENCHMARK(w2_step)->Name("W2/step/15-64-128-64-1")->ArgNames({"batch", "threads"})->ArgsProduct({{256, 1024}, {1}});
BENCHMARK(w0)
    ->Name("W0/train/11-64-64-64-1")
    ->ArgNames({"batch", "threads"})
    ->Args({1024, 1})
    ->Args({1024, 2})
    ->UseRealTime();
BENCHMARK(w1_squared)
    ->Name("W1/train/2-50-1/squared")
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{32, 256, 1024, 8192}, {1}})
    ->UseRealTime();
BENCHMARK(w1_kernel)
    ->Name("W1/train/2-50-1/leaky_gaussian_kernel")
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{32, 256, 1024, 8192}, {1}})
    ->UseRealTime();
BENCHMARK(w2)
    ->Name("W2/train/15-64-128-64-1")
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{256, 1024, 4096}, {1}})
    ->Args({1024, 2})
    ->UseRealTime();

}  // namespace
