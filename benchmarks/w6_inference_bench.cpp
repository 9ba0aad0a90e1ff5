// W6: a trained network for one object at a time (ns) and in batches of 1024.
#include <array>
#include <vector>

#include "calibrant/inference.hpp"
#include "report.hpp"
#include "workloads.hpp"

namespace {

using namespace calibrant;
using calibrant_bench::untrained;

template <int n>
std::vector<float> objects(int count) {
  Random random(2);
  std::vector<float> values(static_cast<std::size_t>(count * n));
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

template <class Net>
void single(benchmark::State& state) {
  const Model<Net> model = untrained<Net>();
  constexpr int count = 256;
  const std::vector<float> features = objects<Net::n_in>(count);
  calibrant_bench::Report report(state, {.samples = count, .flops_per_sample = calibrant_bench::forward_flops<Net>()});
  for (auto _ : state)
    for (std::size_t i = 0; i < count; ++i) {
      std::array<float, static_cast<std::size_t>(Net::n_in)> object;
      for (std::size_t k = 0; k < object.size(); ++k) object[k] = features[i * object.size() + k];
      benchmark::DoNotOptimize(model(object));
    }
}

template <class Net>
void batch(benchmark::State& state) {
  const Model<Net> model = untrained<Net>();
  const int count = static_cast<int>(state.range(0));
  const std::vector<float> features = objects<Net::n_in>(count);
  std::vector<float> results(static_cast<std::size_t>(count * Net::n_out));
  calibrant_bench::Report report(
      state, {.samples = static_cast<double>(count), .flops_per_sample = calibrant_bench::forward_flops<Net>()});
  for (auto _ : state) {
    model.evaluate_batch(features, results);
    benchmark::ClobberMemory();
  }
}

BENCHMARK(single<calibrant_bench::Narrow>)->Name("W6/inference/2-50-1/batch:1");
BENCHMARK(single<calibrant_bench::Wide>)->Name("W6/inference/15-64-128-64-1/batch:1");
BENCHMARK(single<calibrant_bench::Jets>)->Name("W6/inference/11-64-64-64-1/batch:1");
BENCHMARK(batch<calibrant_bench::Narrow>)->Name("W6/inference/2-50-1")->ArgName("batch")->Arg(1024);
BENCHMARK(batch<calibrant_bench::Wide>)->Name("W6/inference/15-64-128-64-1")->ArgName("batch")->Arg(1024);
BENCHMARK(batch<calibrant_bench::Jets>)->Name("W6/inference/11-64-64-64-1")->ArgName("batch")->Arg(1024);

}  // namespace
