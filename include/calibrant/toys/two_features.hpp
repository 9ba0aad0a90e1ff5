// The two-feature toy: a response that depends on two correlated features of quark and gluon jets, with a term that
// does not factorise; two generators. What ideal calibrations leave over is exact. ATL-PHYS-PUB-2018-013; the toy is
// ours.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/toys/events.hpp"
#include "calibrant/toys/jet.hpp"

namespace calibrant::toys {

/// Law of the features (u, v) of one flavour: a two-dimensional normal.
struct FeatureLaw {
  double mean_u, mean_v, sd_u, sd_v, correlation;

  double density(double u, double v) const noexcept {
    const double a = (u - mean_u) / sd_u, b = (v - mean_v) / sd_v, rest = 1.0 - correlation * correlation;
    return std::exp(-0.5 * (a * a - 2.0 * correlation * a * b + b * b) / rest) /
           (2.0 * std::numbers::pi * sd_u * sd_v * std::sqrt(rest));
  }
};

/// How often a generator makes quark jets, and what the features of its jets are.
struct FeatureGenerator {
  double quark_fraction;
  FeatureLaw quark, gluon;

  static constexpr FeatureGenerator a() noexcept {
    return {0.4, {-0.55, -0.45, 0.85, 0.80, 0.45}, {0.50, 0.40, 0.80, 0.85, 0.55}};
  }
  static constexpr FeatureGenerator b() noexcept {
    return {0.6, {-0.45, -0.50, 0.90, 0.80, 0.35}, {0.25, 0.45, 0.85, 0.90, 0.45}};
  }

  double density(double u, double v) const noexcept {
    return quark_fraction * quark.density(u, v) + (1.0 - quark_fraction) * gluon.density(u, v);
  }
  double quark_probability(double u, double v) const noexcept {
    return quark_fraction * quark.density(u, v) / density(u, v);
  }
};

/// Truth x (GeV), features, flavour and measurement y (GeV) of each event.
template <class Scalar = double>
struct FeatureEvents {
  std::vector<Scalar> x, u, v, y;
  std::vector<char> is_quark;
};

/// y = x r(u, v, flavour) (1 + s(x) eps), eps standard normal, s(x) = sigma(x) / x of the Jet toy, with
///   r = 0.85 (1 - 0.08 tanh u - 0.06 tanh v + c tanh u tanh v) (1 +- delta), + for quarks.
/// x does not depend on features and flavour. u stands for the number of tracks n = 12 e^(0.35 u), v for the width
/// w = 0.08 e^(0.5 v).
struct TwoFeatures {
  FeatureGenerator generator = FeatureGenerator::a();
  double coupling = 0.10;       ///< c: what no product of a function of u and one of v can describe
  double flavour_offset = 0.0;  ///< delta: what the features do not tell

  static double n_tracks(double u) noexcept { return 12.0 * std::exp(0.35 * u); }
  static double width(double v) noexcept { return 0.08 * std::exp(0.5 * v); }
  /// s(x), x in GeV.
  static double relative_noise(double x) noexcept { return Jet{}.sigma(x) / x; }

  double response(double u, double v, bool is_quark) const noexcept {
    const double a = std::tanh(u), b = std::tanh(v);
    return 0.85 * (1.0 - 0.08 * a - 0.06 * b + coupling * a * b) * (1.0 + (is_quark ? 1.0 : -1.0) * flavour_offset);
  }
  /// E[r | u, v]; that of y / x, too.
  double mean_response(double u, double v) const noexcept {
    const double quark = generator.quark_probability(u, v);
    return quark * response(u, v, true) + (1.0 - quark) * response(u, v, false);
  }

  /// n events with log x uniform in [log x_low, log x_high]; event i depends only on (seed, first_event + i).
  /// @throws Error for a negative n or first_event, or a range that is not finite, rising and above 0.
  template <class Scalar = double>
  FeatureEvents<Scalar> sample(std::int64_t n, std::uint64_t seed, double x_low = 20.0, double x_high = 200.0,
                               std::int64_t first_event = 0) const {
    check_range(x_low, x_high);
    if (!(x_low > 0.0)) throw Error("two-feature toy", "x_low above 0 GeV", std::to_string(x_low));
    if (n < 0) throw Error("two-feature toy", "a number of events >= 0", std::to_string(n));
    if (first_event < 0) throw Error("two-feature toy", "a first event >= 0", std::to_string(first_event));
    const Random random(seed, Stream::toy);
    FeatureEvents<Scalar> events;
    for (auto* column : {&events.x, &events.u, &events.v, &events.y}) column->reserve(static_cast<std::size_t>(n));
    events.is_quark.reserve(static_cast<std::size_t>(n));
    for (std::int64_t i = first_event; i < first_event + n; ++i) {
      const auto [u_x, u_flavour] = uniform_pair(random, 3 * static_cast<std::uint64_t>(i));
      const auto [z_1, z_2] = normal_pair(random, 3 * static_cast<std::uint64_t>(i) + 1);
      const double noise = normal_pair(random, 3 * static_cast<std::uint64_t>(i) + 2)[0];
      const bool is_quark = u_flavour < generator.quark_fraction;
      const FeatureLaw& law = is_quark ? generator.quark : generator.gluon;
      // What the user sees is rounded first, so that y belongs to it.
      const auto x = static_cast<Scalar>(x_low * std::pow(x_high / x_low, u_x));
      const auto u = static_cast<Scalar>(law.mean_u + law.sd_u * z_1);
      const double other = std::sqrt(1.0 - law.correlation * law.correlation);
      const auto v = static_cast<Scalar>(law.mean_v + law.sd_v * (law.correlation * z_1 + other * z_2));
      const auto truth = static_cast<double>(x);
      events.x.push_back(x);
      events.u.push_back(u);
      events.v.push_back(v);
      events.y.push_back(
          static_cast<Scalar>(truth * response(static_cast<double>(u), static_cast<double>(v), is_quark) *
                              (1.0 + relative_noise(truth) * noise)));
      events.is_quark.push_back(is_quark ? 1 : 0);
    }
    return events;
  }

 private:
  /// Box and Muller.
  static std::array<double, 2> normal_pair(const Random& random, std::uint64_t index) noexcept {
    const auto [a, b] = uniform_pair(random, index);
    const double radius = std::sqrt(-2.0 * std::log(a)), angle = 2.0 * std::numbers::pi * b;
    return {radius * std::cos(angle), radius * std::sin(angle)};
  }
};

/// What is left of the toy's response after an ideal calibration: one that knows the mean of its training sample
/// exactly. Each correction divides by a mean: step_u() by E[R | u], step_v() by E[R | v], simultaneous() by E[R | u,
/// v], R being the response left over so far. Expectations are sums over a grid: of these smooth laws the trapezoidal
/// rule is exact to rounding.
class IdealCalibration {
 public:
  static constexpr double limit = 8.0, step = 0.1;
  static constexpr int n_points = 161;  ///< of each feature, -limit to limit

  /// The response over its mean: what there is before any calibration.
  explicit IdealCalibration(const TwoFeatures& training)
      : training_(training), correction_(static_cast<std::size_t>(n_points) * n_points, 1.0) {
    divide(0, n_points, 0, n_points);
  }

  IdealCalibration& step_u() {
    for (int i = 0; i < n_points; ++i) divide(i, i + 1, 0, n_points);
    return *this;
  }
  IdealCalibration& step_v() {
    for (int j = 0; j < n_points; ++j) divide(0, n_points, j, j + 1);
    return *this;
  }
  IdealCalibration& simultaneous() {
    for (int i = 0; i < n_points; ++i)
      for (int j = 0; j < n_points; ++j) divide(i, i + 1, j, j + 1);
    return *this;
  }
  /// step_u and step_v in turn until neither changes anything.
  IdealCalibration& iterate() {
    for (int i = 0; i < 60; ++i) step_u().step_v();
    return *this;
  }

  // What is left over in a sample of a generator, the training's or another with the same response.

  /// E[calibrated / x]: of all events, of quarks, of gluons.
  double mean(const FeatureGenerator& sample) const { return moments(sample, true, true).mean(); }
  double quark_mean(const FeatureGenerator& sample) const { return moments(sample, true, false).mean(); }
  double gluon_mean(const FeatureGenerator& sample) const { return moments(sample, false, true).mean(); }
  /// E[calibrated / x | u], | v, | u, v; the features are moved to the grid, whose points are multiples of `step`.
  double mean_at_u(const FeatureGenerator& sample, double u) const {
    const int i = index(u);
    return sum(sample, i, i + 1, 0, n_points).mean();
  }
  double mean_at_v(const FeatureGenerator& sample, double v) const {
    const int j = index(v);
    return sum(sample, 0, n_points, j, j + 1).mean();
  }
  double mean_at(const FeatureGenerator& sample, double u, double v) const {
    const int i = index(u), j = index(v);
    return sum(sample, i, i + 1, j, j + 1).mean();
  }
  /// Root mean square of E[calibrated / x | u, v] - 1 over the features.
  double residual_rms(const FeatureGenerator& sample) const {
    double squares = 0.0, weights = 0.0;
    for (int i = 0; i < n_points; ++i)
      for (int j = 0; j < n_points; ++j) {
        const double weight = sample.density(at(i), at(j));
        const double left = sum(sample, i, i + 1, j, j + 1).mean() - 1.0;
        squares += weight * left * left;
        weights += weight;
      }
    return std::sqrt(squares / weights);
  }
  /// Standard deviation over mean of the calibrated value at x (GeV).
  double resolution(const FeatureGenerator& sample, double x) const {
    const double feature = feature_resolution(sample), noise = TwoFeatures::relative_noise(x);
    return std::sqrt((1.0 + feature * feature) * (1.0 + noise * noise) - 1.0);
  }
  /// The part of it that is not the detector's noise.
  double feature_resolution(const FeatureGenerator& sample) const {
    const double mean = this->mean(sample);
    // About the mean: for a simultaneous calibration the difference of squares is all rounding.
    const Weighted about = sum(sample, 0, n_points, 0, n_points, true, true, mean);
    return std::sqrt(about.squares / about.weight) / mean;
  }

 private:
  struct Weighted {
    double weight = 0.0, sum = 0.0, squares = 0.0;  ///< squares about a centre
    double mean() const noexcept { return sum / weight; }
  };
  static double at(int i) noexcept { return -limit + step * i; }
  static int index(double feature) noexcept {
    return std::clamp(static_cast<int>(std::lround((feature + limit) / step)), 0, n_points - 1);
  }
  double& correction(int i, int j) noexcept { return correction_[static_cast<std::size_t>(i * n_points + j)]; }
  double correction(int i, int j) const noexcept { return correction_[static_cast<std::size_t>(i * n_points + j)]; }

  /// Sums of what is left over in a part of the grid, weighted with the density.
  Weighted sum(const FeatureGenerator& sample, int i_first, int i_last, int j_first, int j_last, bool quarks = true,
               bool gluons = true, double centre = 0.0) const {
    Weighted result;
    for (int i = i_first; i < i_last; ++i)
      for (int j = j_first; j < j_last; ++j)
        for (const bool quark : {true, false}) {
          if (quark ? !quarks : !gluons) continue;
          const double weight = (quark ? sample.quark_fraction : 1.0 - sample.quark_fraction) *
                                (quark ? sample.quark : sample.gluon).density(at(i), at(j));
          const double left = training_.response(at(i), at(j), quark) * correction(i, j);
          result.weight += weight;
          result.sum += weight * left;
          result.squares += weight * (left - centre) * (left - centre);
        }
    return result;
  }
  Weighted moments(const FeatureGenerator& sample, bool quarks, bool gluons) const {
    return sum(sample, 0, n_points, 0, n_points, quarks, gluons);
  }
  /// Divides the correction in a part of the grid by the mean that it leaves there.
  void divide(int i_first, int i_last, int j_first, int j_last) {
    const double mean = sum(training_.generator, i_first, i_last, j_first, j_last).mean();
    for (int i = i_first; i < i_last; ++i)
      for (int j = j_first; j < j_last; ++j) correction(i, j) /= mean;
  }

  TwoFeatures training_;
  std::vector<double> correction_;
};

}  // namespace calibrant::toys
