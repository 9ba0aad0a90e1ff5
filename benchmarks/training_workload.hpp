// Whole epochs and single steps of a training, for the programs that time them.
#pragma once

#include "calibrant/loss.hpp"
#include "calibrant/train/trainer.hpp"
#include "report.hpp"
#include "workloads.hpp"

namespace calibrant_bench {

template <class Net>
calibrant::Dataset events(std::int64_t n) {
  return calibrant::Dataset(made_up(n, Net::n_in), all_features(Net::n_in), "y");
}

/// Arguments of a benchmark: batch size, threads.
inline calibrant::FitOptions fit_options(const benchmark::State& state) {
  calibrant::FitOptions options;
  options.epochs = 1 << 30;
  options.batch_size = static_cast<int>(state.range(0));
  options.validation_fraction = 0.0;
  options.schedule = calibrant::schedule::Constant{};
  options.threads = static_cast<int>(state.range(1));
  options.progress = calibrant::ProgressLine::silent;
  return options;
}

/// Whole epochs, shuffling included.
template <class Net, class Loss>
void train(benchmark::State& state, Loss loss, std::int64_t n_events) {
  calibrant::Trainer<Net, float, Loss> trainer(events<Net>(n_events), loss, fit_options(state));
  trainer.epoch();
  Report report(state, {.samples = static_cast<double>(n_events),
                        .flops_per_sample = training_flops<Net>(),
                        .cores = static_cast<int>(state.range(1))});
  for (auto _ : state) benchmark::DoNotOptimize(trainer.epoch());
}

/// Training steps on one batch: gather, forward, backward, Adam.
template <class Net, class Loss>
void train_step(benchmark::State& state, Loss loss) {
  const auto size = state.range(0);
  calibrant::Trainer<Net, float, Loss> trainer(events<Net>(size), loss, fit_options(state));
  std::vector<std::uint32_t> batch(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = static_cast<std::uint32_t>(i);
  Report report(state, {.samples = static_cast<double>(size), .flops_per_sample = training_flops<Net>()});
  for (auto _ : state) benchmark::DoNotOptimize(trainer.step(batch));
}

}  // namespace calibrant_bench
