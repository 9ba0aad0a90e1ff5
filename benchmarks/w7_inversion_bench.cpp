// W7: numerical inversion of the response of a 3-64-64-1 tanh network by bracketed Newton, a million pairs (y, theta),
// to a relative accuracy of 1e-6.
#include <cmath>
#include <vector>

#include "calibrant/inference.hpp"
#include "report.hpp"
#include "workloads.hpp"

namespace {

using namespace calibrant;

/// A rising response: the network's output is squeezed to a few per cent around 1.
Model<calibrant_bench::Inversion> response() {
  auto model = calibrant_bench::untrained<calibrant_bench::Inversion>();
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

BENCHMARK(inversion)->Name("W7/inversion/3-64-64-1")->ArgName("pairs")->Arg(1000000);

}  // namespace
