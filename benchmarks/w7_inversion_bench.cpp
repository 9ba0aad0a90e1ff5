// W7: numerical inversion of the response of a 3-64-64-1 tanh network by bracketed Newton, a million pairs (y, theta),
// to a relative accuracy of 1e-6; and by a learned inverse, a 3-48-48-1 SiLU network, alone and with one Newton step.
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "calibrant/inference.hpp"
#include "calibrant/invert/fit_inverse.hpp"
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

struct Pairs {
  std::vector<float> y, theta, x;

  Pairs(const Model<calibrant_bench::Inversion>& model, int count)
      : y(static_cast<std::size_t>(count)), theta(y.size() * 2), x(y.size()) {
    Random random(3);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const float truth = static_cast<float>(std::exp(random.uniform(std::log(25.0), std::log(800.0))));
      theta[2 * i] = static_cast<float>(random.normal());
      theta[2 * i + 1] = static_cast<float>(random.normal());
      y[i] = model({truth, theta[2 * i], theta[2 * i + 1]})[0];
    }
  }
  CalibrationBatch<float> batch() { return {y, row_major<float>(theta, 2), x}; }
};

template <class C>
void run(benchmark::State& state, const C& calibration, Pairs& pairs) {
  const CalibrationBatch<float> jets = pairs.batch();
  // The number of Newton steps differs from pair to pair: samples per second say more than GFLOP/s.
  calibrant_bench::Report report(state, {.samples = static_cast<double>(pairs.y.size())});
  for (auto _ : state) {
    calibration(jets);
    benchmark::ClobberMemory();
  }
}

void inversion(benchmark::State& state) {
  const Calibration calibration(response(), invert::Newton{.tolerance = 1e-6});
  Pairs pairs(calibration.response(), static_cast<int>(state.range(0)));
  run(state, calibration, pairs);
}

using Inverse = Mlp<Inputs<3>, Hidden<48>, Hidden<48>, Outputs<1>>;

/// Trained once (3 s), on features like those of the pairs.
const invert::Learned<Inverse>& inverse() {
  static const auto learned = [] {
    Random random(4);
    std::vector<float> theta(100'000);
    for (float& feature : theta) feature = static_cast<float>(random.normal());
    FitOptions options;
    options.epochs = 60;
    options.batch_size = 512;
    options.adam.learning_rate = 0.01;
    options.validation_fraction = 0.0;
    options.progress = ProgressLine::silent;
    return fit_inverse<Inverse>(response(), std::span<const float>(theta), {}, options);
  }();
  return learned;
}

/// Counters: the differences to Newton's method to 1e-6, which one in a thousand pairs exceeds, and the mean square.
void learned(benchmark::State& state, int steps) {
  auto policy = inverse();
  policy.steps = steps;
  const Calibration calibration(response(), policy);
  Pairs pairs(calibration.response(), static_cast<int>(state.range(0)));
  run(state, calibration, pairs);
  Pairs exact = pairs;
  Calibration(response(), invert::Newton{.tolerance = 1e-6})(exact.batch());
  std::vector<double> difference;
  double sum = 0.0;
  for (std::size_t i = 0; i < pairs.x.size(); ++i) {
    difference.push_back(std::fabs(static_cast<double>(pairs.x[i]) / static_cast<double>(exact.x[i]) - 1.0));
    sum += difference.back() * difference.back();
  }
  std::sort(difference.begin(), difference.end());
  state.counters["rms"] = std::sqrt(sum / static_cast<double>(difference.size()));
  state.counters["q999"] = difference[difference.size() - 1 - difference.size() / 1000];
  state.counters["largest"] = difference.back();
}
void inversion_learned_start(benchmark::State& state) { learned(state, 1); }
void learned_inverse(benchmark::State& state) { learned(state, 0); }

BENCHMARK(inversion)->Name("W7/inversion/3-64-64-1")->ArgName("pairs")->Arg(1000000);
BENCHMARK(inversion_learned_start)->Name("W7/inversion_learned_start/3-64-64-1")->ArgName("pairs")->Arg(1000000);
BENCHMARK(learned_inverse)->Name("W7/learned_inverse/3-64-64-1")->ArgName("pairs")->Arg(1000000);

}  // namespace
