// W6: a trained network for one object at a time and in batches. W7: numerical inversion of a response.
#include <cmath>
#include <vector>

#include "calibrant/inference.hpp"
#include "report.hpp"
#include "workloads.hpp"

namespace {

using namespace calibrant;

template <class Net>
Model<Net> untrained() {
  Model<Net> model;
  Random random(1);
  Parameters<float, Net::n_params> parameters;
  Net::template initialise<float>(parameters.view(), random);
  model.set_parameters(parameters);
  return model;
}
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

/// A rising response: the network's output is squeezed to a few per cent around 1.
Model<calibrant_bench::Inversion> response() {
  auto model = untrained<calibrant_bench::Inversion>();
  model.inputs[0] = {Transform::logarithm, std::log(100.0f), 1.0f, 20.0f, 1000.0f};
  for (std::size_t i = 1; i < 3; ++i) model.inputs[i] = {Transform::identity, 0.0f, 1.0f, -4.0f, 4.0f};
  auto parameters = model.parameters();
  constexpr int n = calibrant_bench::Inversion::n_params;
  for (int i = n - 65; i < n; ++i) parameters[i] *= 0.1f;
  parameters[n - 1] = 0.8f;
  model.set_parameters(parameters);
  model.outputs[0].output = Output::ratio;
  return model;
}

void inversion(benchmark::State& state) {
  const Calibration calibration(response(), invert::Newton{.tolerance = 1e-6});
  const int count = static_cast<int>(state.range(0));
  Random random(3);
  std::vector<float> y(static_cast<std::size_t>(count)), theta(y.size() * 2), x(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const float truth = static_cast<float>(std::exp(random.uniform(std::log(25.0), std::log(800.0))));
    theta[2 * i] = static_cast<float>(random.normal());
    theta[2 * i + 1] = static_cast<float>(random.normal());
    y[i] = calibration.response()({truth, theta[2 * i], theta[2 * i + 1]})[0];
  }
  const CalibrationBatch<float> jets(y, row_major<float>(theta, 2), x);
  // The number of Newton steps differs from pair to pair: samples per second say more than GFLOP/s.
  calibrant_bench::Report report(state, {.samples = static_cast<double>(count)});
  for (auto _ : state) {
    calibration(jets);
    benchmark::ClobberMemory();
  }
}

BENCHMARK(single<calibrant_bench::Narrow>)->Name("W6/inference/2-50-1/batch:1");
BENCHMARK(single<calibrant_bench::Wide>)->Name("W6/inference/15-64-128-64-1/batch:1");
BENCHMARK(single<calibrant_bench::Jets>)->Name("W6/inference/11-64-64-64-1/batch:1");
BENCHMARK(batch<calibrant_bench::Narrow>)->Name("W6/inference/2-50-1")->ArgName("batch")->Arg(1024);
BENCHMARK(batch<calibrant_bench::Wide>)->Name("W6/inference/15-64-128-64-1")->ArgName("batch")->Arg(1024);
BENCHMARK(batch<calibrant_bench::Jets>)->Name("W6/inference/11-64-64-64-1")->ArgName("batch")->Arg(1024);
BENCHMARK(inversion)->Name("W7/inversion/3-64-64-1")->ArgName("pairs")->Arg(1 << 18);

}  // namespace
