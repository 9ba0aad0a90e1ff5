// Energy and mass of a jet-like object, each response depending on both truths: one network learns both, and inverted
// together they close; learned and inverted one by one, each depends on the other truth.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "calibrant/calibration.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/train/trainer.hpp"

using namespace calibrant;

namespace {

/// Mean reco / true of pT and m, GeV: heavier jets have a lower pT response, the mass response rises with both.
std::array<double, 2> mean_ratios(double pt, double m) {
  const double x = std::log(pt / 150.0), z = std::log(m / 20.0);
  return {0.8 + 0.04 * std::tanh(x) - 0.06 * std::tanh(z), 0.85 + 0.12 * std::tanh(z) + 0.08 * std::tanh(x)};
}

constexpr double pt_low = 30.0, pt_high = 800.0, m_low = 5.0, m_high = 90.0;

Table events(int n) {
  Random random(7);
  std::vector<float> values;
  for (int i = 0; i < n; ++i) {
    const double pt = pt_low * std::pow(pt_high / pt_low, random.uniform());
    const double m = m_low * std::pow(m_high / m_low, random.uniform());
    const auto mean = mean_ratios(pt, m);
    const double reco_pt = pt * (mean[0] + 0.08 * random.normal()), reco_m = m * (mean[1] + 0.12 * random.normal());
    for (const double value : {pt, m, reco_pt, reco_m}) values.push_back(static_cast<float>(value));
  }
  return Table({"true_pt", "true_m", "reco_pt", "reco_m"}, std::move(values), "toy");
}

/// Root mean square of calibrated / true - 1 at the mean measured values, over a grid inside the trained box.
template <class Calibrate>
std::array<double, 2> non_closure(const Calibrate& calibrate) {
  constexpr int n = 20;
  std::array<double, 2> sum{};
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      const double pt = pt_low * std::pow(pt_high / pt_low, (i + 2.0) / (n + 3.0));
      const double m = m_low * std::pow(m_high / m_low, (j + 2.0) / (n + 3.0));
      const auto mean = mean_ratios(pt, m);
      const auto values = calibrate(static_cast<float>(pt * mean[0]), static_cast<float>(m * mean[1]));
      sum[0] += std::pow(static_cast<double>(values[0]) / pt - 1.0, 2) / (n * n);
      sum[1] += std::pow(static_cast<double>(values[1]) / m - 1.0, 2) / (n * n);
    }
  return {std::sqrt(sum[0]), std::sqrt(sum[1])};
}

}  // namespace

TEST_CASE("a trained response of pT and mass closes in both at once") {
  const Table table = events(100'000);
  FitOptions options{.epochs = 12, .batch_size = 500, .progress = ProgressLine::silent};
  options.adam.learning_rate = 0.01;

  using Net = Mlp<Inputs<2>, Hidden<16, Tanh>, Hidden<16, Tanh>, Outputs<2>>;
  options.output = Output::paired_ratio;
  const Dataset both(table, {{"true_pt", Transform::logarithm}, {"true_m", Transform::logarithm}},
                     std::vector<std::string>{"reco_pt", "reco_m"});
  const JointCalibration joint(fit<Net>(both, loss::Squared{}, options));
  CHECK(joint.response().outputs[1].output == Output::paired_ratio);
  int n_not_ok = 0;
  const auto together = non_closure([&](float pt, float m) {
    const auto [values, status] = joint({pt, m}, {});
    n_not_ok += status == Status::ok ? 0 : 1;
    return values;
  });

  using One = Mlp<Inputs<1>, Hidden<16, Tanh>, Outputs<1>>;
  options.output = Output::ratio;
  const auto alone = [&](const char* truth, const char* measured) {
    return Calibration(fit<One>(Dataset(table, {{truth, Transform::logarithm}}, measured), loss::Squared{}, options));
  };
  const auto pt_alone = alone("true_pt", "reco_pt"), m_alone = alone("true_m", "reco_m");
  const auto apart = non_closure([&](float pt, float m) {
    return std::array<float, 2>{pt_alone(pt, {}).value, m_alone(m, {}).value};
  });

  MESSAGE("together " << together[0] << ", " << together[1] << "; one by one " << apart[0] << ", " << apart[1]);
  CHECK(n_not_ok == 0);
  // 354 parameters from 90,000 events: a response of width w has an rms error of w sqrt(354 / 90,000) at most, if each
  // parameter counts in both outputs: 0.08 and 0.12 of it, over responses of about 0.8: 0.0063 and 0.0094. As a sum of
  // hundreds of squares that fluctuates by 1 / sqrt(2 * 354) = 4 %; five times that are the limits.
  CHECK(together[0] <= 0.0063 * 1.2);
  CHECK(together[1] <= 0.0094 * 1.2);
  // What one variable cannot know of the other: 0.06 rms tanh(z) / 0.8 and 0.08 rms tanh(x) / 0.85, both about 0.7.
  CHECK(apart[0] >= 0.03);
  CHECK(apart[1] >= 0.04);
}
