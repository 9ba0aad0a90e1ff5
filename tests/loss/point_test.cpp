// The losses of the response's statistics: slopes, kinks, minimisers, units, bad settings.
#include "calibrant/loss/point.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/toys/gamma.hpp"
#include "calibrant/validate/quadrature.hpp"

using namespace calibrant;

namespace {

struct Point {
  double prediction, target;
};

/// Points away from r = 0, where most of these losses have a kink; both signs of r, small and large.
std::vector<Point> some_points() {
  std::vector<Point> points;
  Random random(1);
  while (points.size() < 200) {
    const Point p{random.uniform(-3.0, 3.0), random.uniform(0.2, 4.0)};
    if (std::fabs(p.prediction - p.target) > 0.01) points.push_back(p);
  }
  for (const double d : {-100.0, -0.05, 0.05, 0.3, 100.0}) points.push_back({1.0 + d, 1.0});
  return points;
}

/// d loss / d prediction by differences of fourth order in double.
double difference(const std::function<double(double, double)>& loss, const Point& p) {
  constexpr double h = 1e-4;
  const auto at = [&](double shift) { return loss(p.prediction + shift, p.target); };
  return (8.0 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12.0 * h);
}

/// `value` and `slope` over T against those in double, one point in every lane.
template <class T, class L>
void check_scalar_type(const L& loss, const std::vector<Point>& points) {
  using S = ScalarOf<T>;
  constexpr int n = ScalarTraits<T>::n_samples;
  constexpr double eps = static_cast<double>(std::numeric_limits<S>::epsilon());
  double worst = 0.0, worst_duals = 0.0;
  for (std::size_t first = 0; first + n <= points.size(); first += n) {
    S nu[n], y[n];
    for (std::size_t s = 0; s < n; ++s) {
      nu[s] = static_cast<S>(points[first + s].prediction);
      y[s] = static_cast<S>(points[first + s].target);
    }
    T prediction, target;
    if constexpr (is_wide<T>) {
      prediction = T::load(nu);
      target = T::load(y);
    } else {
      prediction = nu[0];
      target = y[0];
    }
    const loss::ValueAndSlope<T> both = loss.slope(prediction, target);
    const T value = loss(prediction, target);
    const Dual<T, 1> duals = loss(Dual<T, 1>::variable(prediction), Dual<T, 1>(target));
    for (int s = 0; s < n; ++s) {
      const double exact_value = loss(static_cast<double>(nu[s]), static_cast<double>(y[s]));
      const double exact_slope = loss.slope(static_cast<double>(nu[s]), static_cast<double>(y[s])).slope;
      // Rounding of r relative to nu and y, times the steepest slope and curvature of the losses used here (25 and
      // 400); squares of numbers up to 100.
      const double room = eps * (2e3 + 8.0 * std::fabs(exact_value) + 8.0 * std::fabs(exact_slope) * 1e2);
      const auto lane = [&](const T& wide) {
        if constexpr (is_wide<T>)
          return static_cast<double>(wide[s]);
        else
          return static_cast<double>(wide);
      };
      worst = std::max({worst, std::fabs(lane(value) - exact_value) / room,
                        std::fabs(lane(both.value) - exact_value) / room,
                        std::fabs(lane(both.slope) - exact_slope) / room});
      worst_duals = std::max({worst_duals, std::fabs(lane(duals.value) - lane(both.value)) / room,
                              std::fabs(lane(duals.tangent[0]) - lane(both.slope)) / room});
    }
  }
  CHECK(worst <= 1.0);
  CHECK(worst_duals <= 1.0);
}

/// @param kink  |r| where the loss has another kink or jump of curvature; points near it are left out.
template <class L>
void check_loss(const L& loss, double kink = 0.0) {
  INFO(loss.describe());
  std::vector<Point> points;
  for (const Point& p : some_points())
    if (std::fabs(std::fabs(p.prediction - p.target) - kink) > 1e-3) points.push_back(p);
  double worst_dual = 0.0, worst_difference = 0.0, worst_curvature = 0.0;
  for (const Point& p : points) {
    const auto both = loss.slope(p.prediction, p.target);
    const auto dual = loss(Dual<double, 1>::variable(p.prediction), Dual<double, 1>(p.target));
    CHECK(both.value == loss(p.prediction, p.target));
    CHECK(dual.value == both.value);
    const double size = 1.0 + std::fabs(both.slope);
    worst_dual = std::max(worst_dual, std::fabs(dual.tangent[0] - both.slope) / size);
    worst_difference = std::max(worst_difference, std::fabs(difference(loss, p) - both.slope) / size);
    // Duals through the hand-written slope: the curvature that reverse-over-dual losses use.
    const auto second = loss.slope(Dual<double, 1>::variable(p.prediction), Dual<double, 1>(p.target));
    CHECK(std::fabs(second.slope.value - both.slope) <= 1e-12 * size);
    CHECK(std::fabs(second.value.tangent[0] - both.slope) <= 1e-12 * size);
    const auto slope_at = [&](double nu, double y) { return loss.slope(nu, y).slope; };
    const double curvature = difference(slope_at, p);
    worst_curvature =
        std::max(worst_curvature, std::fabs(second.slope.tangent[0] - curvature) / (10.0 + std::fabs(curvature)));
  }
  CHECK(worst_dual <= 1e-12);
  // Differences: rounding 1e-16 * |loss| / 1e-4 with |loss| up to 1e6, curvature terms h^4 f^(5) / 30 below 1e-10.
  CHECK(worst_difference <= 2e-8);
  CHECK(worst_curvature <= 2e-8);
  check_scalar_type<float>(loss, points);
  check_scalar_type<Wide<float, 1>>(loss, points);
  check_scalar_type<Wide<double, 1>>(loss, points);
}

TEST_CASE("hand-written slopes are those of duals and of differences, for every scalar type") {
  check_loss(loss::Squared{});
  check_loss(loss::Absolute{});
  check_loss(loss::Huber{0.7}, 0.7);
  check_loss(loss::GaussianKernel{0.3});
  check_loss(loss::LeakyGaussianKernel{0.2, 0.05});
  check_loss(loss::LeakyGaussianKernelRatio{0.2, 0.05});
  check_loss(loss::Pinball{0.84});
  check_loss(loss::SmoothPinball{0.16, 0.2});
  check_loss(loss::Moment<1>{});
  check_loss(loss::Moment<2>{});
  check_loss(loss::Moment<3>{});
}

TEST_CASE("values of the losses are those of the formulas") {
  const double nu = 1.3, y = 0.9, r = y - nu;
  const double root = std::sqrt(2.0 * std::numbers::pi);
  const auto close = [](double found, double expected) { return std::fabs(found - expected) <= 1e-14; };
  CHECK(close(loss::Squared{}(nu, y), r * r));
  CHECK(close(loss::Absolute{}(nu, y), 0.4));
  CHECK(close(loss::Huber{1.0}(nu, y), 0.08));
  CHECK(close(loss::Huber{0.1}(nu, y), 0.1 * (0.4 - 0.05)));
  CHECK(close(loss::GaussianKernel{0.5}(nu, y), -std::exp(-0.16 / 0.5) / (root * 0.5)));
  CHECK(close(loss::LeakyGaussianKernel{0.5, 0.2}(nu, y), -std::exp(-0.16 / 0.5) / (root * 0.5) + 0.2 * 0.4));
  const double ratio = nu / y - 1.0;
  CHECK(close(loss::LeakyGaussianKernelRatio{0.5, 0.2}(nu, y),
              -std::exp(-ratio * ratio / 0.5) / (root * 0.5) + 0.2 * ratio));
  CHECK(close(loss::Pinball{0.8}(nu, y), 0.2 * 0.4));
  CHECK(close(loss::Pinball{0.8}(y, nu), 0.8 * 0.4));
  CHECK(close(loss::SmoothPinball{0.8, 0.1}(nu, y), 0.8 * r + 0.1 * std::log1p(std::exp(4.0))));
  CHECK(close(loss::Moment<3>{}(nu, y), (nu - 0.729) * (nu - 0.729)));
}

TEST_CASE("at the kink r = 0 the slope is 0, by hand and by duals") {
  const auto check = [](const auto& loss, double expected_value) {
    INFO(loss.describe());
    for (const double y : {1.0, 0.25, 3.0}) {
      const auto both = loss.slope(y, y);
      const auto dual = loss(Dual<double, 1>::variable(y), Dual<double, 1>(y));
      CHECK(std::fabs(both.value - expected_value) <= 1e-15);
      CHECK(dual.value == both.value);
      CHECK(both.slope == 0.0);
      CHECK(dual.tangent[0] == 0.0);
      const auto wide = loss.slope(Wide<float, 1>(static_cast<float>(y)), Wide<float, 1>(static_cast<float>(y)));
      CHECK(wide.slope[5] == 0.0f);
    }
  };
  check(loss::Squared{}, 0.0);
  check(loss::Absolute{}, 0.0);
  check(loss::Huber{0.5}, 0.0);
  const double top = -1.0 / (std::sqrt(2.0 * std::numbers::pi) * 0.1);
  check(loss::GaussianKernel{0.1}, top);
  check(loss::LeakyGaussianKernel{0.1, 0.3}, top);
  check(loss::LeakyGaussianKernelRatio{0.1, 0.3}, top);
  check(loss::Pinball{0.1}, 0.0);
}

TEST_CASE("the smoothed pinball lies above the pinball, by width log 2 at most, and meets it far away") {
  const loss::Pinball sharp{0.3};
  for (const double width : {0.01, 0.5}) {
    const loss::SmoothPinball smooth{0.3, width};
    for (double r = -2.0; r <= 2.0; r += 0.01) {
      const double excess = smooth(0.0, r) - sharp(0.0, r);
      CHECK(excess >= -1e-15);
      CHECK(excess <= width * std::numbers::ln2 + 1e-15);
    }
    CHECK(std::fabs(smooth(0.0, 40.0 * width) - sharp(0.0, 40.0 * width)) <= 1e-14);
    CHECK(std::fabs(smooth(0.0, -40.0 * width) - sharp(0.0, -40.0 * width)) <= 1e-14);
  }
}

TEST_CASE("NaN in gives a loss of NaN, which stops a training, never a number") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto check = [&](const auto& loss) {
    INFO(loss.describe());
    CHECK(std::isnan(loss(nan, 1.0)));
    CHECK(std::isnan(loss(1.0, nan)));
    CHECK(std::isnan(loss.slope(nan, 1.0).value));
    CHECK(std::isnan(loss.slope(Wide<float, 1>(static_cast<float>(nan)), Wide<float, 1>(1.0f)).value[0]));
  };
  check(loss::Squared{});
  check(loss::Absolute{});
  check(loss::Huber{});
  check(loss::GaussianKernel{});
  check(loss::LeakyGaussianKernel{});
  check(loss::LeakyGaussianKernelRatio{});
  check(loss::Pinball{});
  check(loss::SmoothPinball{});
  check(loss::Moment<2>{});
}

TEST_CASE("far away the leaky kernel still pulls and the kernel alone does not") {
  CHECK(loss::GaussianKernel{0.1}.slope(50.0, 1.0).slope == 0.0);
  CHECK(loss::LeakyGaussianKernel{0.1, 1e-4}.slope(50.0, 1.0).slope == 1e-4);
  CHECK(loss::LeakyGaussianKernel{0.1, 1e-4}.slope(-50.0, 1.0).slope == -1e-4);
  CHECK(loss::LeakyGaussianKernel{0.1, 0.0}(1.02, 1.0) == loss::GaussianKernel{0.1}(1.02, 1.0));
}

TEST_CASE("units: with the target in units of s, h becomes h s and alpha becomes alpha / s^2") {
  const double s = 50.0;
  const loss::LeakyGaussianKernel standardised{0.1, 0.02}, gev{0.1 * s, 0.02 / (s * s)};
  for (const Point& p : some_points()) {
    const double there = gev(p.prediction * s, p.target * s) * s, here = standardised(p.prediction, p.target);
    CHECK(std::fabs(there - here) <= 1e-12 * (1.0 + std::fabs(here)));
  }
}

TEST_CASE("the ratio form does not depend on the unit at all") {
  const loss::LeakyGaussianKernelRatio ratio{0.1, 0.05};
  for (const Point& p : some_points())
    CHECK(std::fabs(ratio(p.prediction * 1e3, p.target * 1e3) - ratio(p.prediction, p.target)) <=
          1e-12 * (1.0 + std::fabs(ratio(p.prediction, p.target))));
}

// ---- minimisers ----------------------------------------------------------------------------------------------------

using Slope = std::function<double(double, double)>;

/// nu where the expected slope over gamma(2, 1) vanishes: the statistic that the loss learns.
double root_of(const Slope& slope, double low, double high, double width) {
  const toys::Gamma law;
  const Slope weighted = [&](double nu, double y) { return y > 0.0 ? slope(nu, y) * law.pdf(y) : 0.0; };
  const auto expected_slope = [&](double nu) {
    std::vector<double> marks;
    for (const double k : {-9.0, -6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 9.0})
      if (nu + k * width > 0.0) marks.push_back(nu + k * width);
    return quadrature::integrate([&](double y) { return weighted(nu, y); }, 0.0, 80.0, marks);
  };
  return quadrature::find_root(expected_slope, low, high, 1e-12);
}
template <class L>
double minimiser(const L& loss, double low, double high, double width = 1.0) {
  return root_of([&](double nu, double y) { return loss.slope(nu, y).slope; }, low, high, width);
}

TEST_CASE("each loss is least, in expectation, at its statistic") {
  std::ifstream file(std::string(CALIBRANT_TEST_DATA) + "/r2_minimisers.json");
  const auto reference = nlohmann::json::parse(file);
  const double median = reference["gamma"]["median_MAE"];
  CHECK(std::fabs(minimiser(loss::Squared{}, 0.1, 5.0) - 2.0) <= 1e-8);
  CHECK(std::fabs(minimiser(loss::Absolute{}, 0.1, 5.0) - median) <= 1e-8);
  CHECK(std::fabs(minimiser(loss::Pinball{0.5}, 0.1, 5.0) - median) <= 1e-8);
  for (const double q : {0.01, 0.16, 0.84, 0.99}) {
    const double found = minimiser(loss::Pinball{q}, 0.01, 20.0);
    CHECK(std::fabs(1.0 - (1.0 + found) * std::exp(-found) - q) <= 1e-8);  // the distribution function
  }
  for (const auto& row : reference["gamma_lgk"]) {
    CAPTURE(row.dump());
    const double h = row["h"], alpha = row["alpha"];
    CHECK(std::fabs(minimiser(loss::LeakyGaussianKernel{h, alpha}, 0.9, 1.7, h) - row["minimiser"].get<double>()) <=
          1e-8);
    if (alpha == 0.0)
      CHECK(std::fabs(minimiser(loss::GaussianKernel{h}, 0.9, 1.7, h) - row["minimiser"].get<double>()) <= 1e-8);
  }
  CHECK(std::fabs(minimiser(loss::Moment<2>{}, 0.1, 20.0) - 6.0) <= 1e-8);
  CHECK(std::fabs(minimiser(loss::Moment<3>{}, 0.1, 50.0) - 24.0) <= 1e-8);
  // Huber: the mean for a large delta, the median for a small one (shift of order delta^2), in between otherwise.
  CHECK(std::fabs(minimiser(loss::Huber{1e3}, 0.1, 5.0) - 2.0) <= 1e-8);
  CHECK(std::fabs(minimiser(loss::Huber{1e-2}, 0.1, 5.0, 1e-2) - median) <= 1e-4);
  const double robust = minimiser(loss::Huber{1.0}, 0.1, 5.0);
  CHECK(robust > median + 0.05);
  CHECK(robust < 1.95);
  // The smoothed pinball shifts the quantile by (pi^2 / 6) width^2 f' / f, below 3e-4 here.
  CHECK(std::fabs(minimiser(loss::SmoothPinball{0.84, 0.01}, 0.1, 9.0, 0.01) -
                  minimiser(loss::Pinball{0.84}, 0.1, 9.0)) <= 3e-4);
}

TEST_CASE("for a small bandwidth the ratio form learns the mode of ln y, not of y") {
  // ln y has the density y f(y) = y^2 exp(-y), highest at 2; f itself at 1. The shift is of order h^2.
  const double h = 0.02;
  CHECK(std::fabs(minimiser(loss::LeakyGaussianKernelRatio{h, 0.0}, 1.5, 2.5, 2.0 * h) - 2.0) <= 0.01);
  CHECK(std::fabs(minimiser(loss::LeakyGaussianKernel{h, 0.0}, 0.5, 1.5, h) - 1.0) <= 0.01);
}

// ---- several quantiles ---------------------------------------------------------------------------------------------

template <class T>
void check_pinball_set() {
  using S = ScalarOf<T>;
  const loss::PinballSet set{0.16, 0.5, 0.84};
  static_assert(loss::n_targets<loss::PinballSet<3>, 3>() == 1);
  const T nu[3]{T(S(0.5)), T(S(1.25)), T(S(2))}, y[1]{T(S(1))};
  T slopes[3];
  const auto first = [](const T& x) {
    if constexpr (is_wide<T>)
      return static_cast<double>(x[0]);
    else
      return static_cast<double>(x);
  };
  const T value = loss::value_and_slopes(set, View<const T, 3>(nu), View<const T, 1>(y), View<T, 3>(slopes));
  constexpr double eps = 4.0 * static_cast<double>(std::numeric_limits<S>::epsilon());
  CHECK(std::fabs(first(value) - (0.16 * 0.5 + 0.5 * 0.25 + 0.16 * 1.0)) <= eps);
  CHECK(std::fabs(first(slopes[0]) + 0.16) <= eps);
  CHECK(std::fabs(first(slopes[1]) - 0.5) <= eps);
  CHECK(std::fabs(first(slopes[2]) - 0.16) <= eps);
  CHECK(first(loss::value(set, View<const T, 3>(nu), View<const T, 1>(y))) == first(value));
  // The same from duals.
  using D = Dual<T, 3>;
  D variables[3];
  for (int i = 0; i < 3; ++i) variables[i] = D::variable(nu[i], i);
  const D target[1]{D(y[0])};
  const D both = set(View<const D, 3>(variables), View<const D, 1>(target));
  CHECK(first(both.value) == first(value));
  for (int i = 0; i < 3; ++i) CHECK(first(both.tangent[i]) == first(slopes[i]));
}

TEST_CASE("a set of quantiles: value and slopes") {
  check_pinball_set<float>();
  check_pinball_set<double>();
  check_pinball_set<Wide<float, 4>>();
  check_pinball_set<Wide<double, 1>>();
}

// ---- settings ------------------------------------------------------------------------------------------------------

template <class L>
std::string refusal(const L& loss) {
  try {
    loss::validate(loss);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("settings out of range are refused by name") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double bad : {0.0, -0.1, nan, inf, -inf}) {
    CAPTURE(bad);
    CHECK(has(refusal(loss::Huber{bad}), "Huber, delta"));
    CHECK(has(refusal(loss::GaussianKernel{bad}), "GaussianKernel, bandwidth"));
    CHECK(has(refusal(loss::LeakyGaussianKernel{bad, 0.1}), "LeakyGaussianKernel, bandwidth"));
    CHECK(has(refusal(loss::LeakyGaussianKernelRatio{bad, 0.1}), "bandwidth"));
    CHECK(has(refusal(loss::SmoothPinball{0.5, bad}), "SmoothPinball, width"));
    if (bad != 0.0) {
      CHECK(has(refusal(loss::LeakyGaussianKernel{0.1, bad}), "LeakyGaussianKernel, leakiness"));
      CHECK(has(refusal(loss::LeakyGaussianKernelRatio{0.1, bad}), "leakiness"));
    }
  }
  for (const double bad : {0.0, 1.0, -0.5, 1.5, nan, inf}) {
    CAPTURE(bad);
    CHECK(has(refusal(loss::Pinball{bad}), "Pinball, quantile"));
    CHECK(has(refusal(loss::SmoothPinball{bad, 0.1}), "quantile"));
    CHECK(has(refusal(loss::PinballSet{0.1, bad, 0.9}), "quantile"));
  }
  CHECK(has(refusal(loss::PinballSet{0.5, 0.16}), "rising order"));
  CHECK(has(refusal(loss::PinballSet{0.16, 0.5, 0.5}), "0.16 0.5 0.5"));
}

TEST_CASE("settings in range are accepted") {
  CHECK(refusal(loss::Squared{}).empty());
  CHECK(refusal(loss::Huber{}).empty());
  CHECK(refusal(loss::GaussianKernel{}).empty());
  CHECK(refusal(loss::LeakyGaussianKernel{0.1, 0.0}).empty());
  CHECK(refusal(loss::LeakyGaussianKernelRatio{}).empty());
  CHECK(refusal(loss::Pinball{1e-6}).empty());
  CHECK(refusal(loss::SmoothPinball{}).empty());
  CHECK(refusal(loss::PinballSet{0.16, 0.5, 0.84}).empty());
  CHECK(refusal([](const auto& nu, const auto& y) { return square(nu - y); }).empty());
}

TEST_CASE("a description names the loss and its settings") {
  CHECK(loss::Squared{}.describe() == "squared");
  CHECK(loss::Absolute{}.describe() == "absolute");
  CHECK(loss::Huber{0.25}.describe() == "huber(delta=0.25)");
  CHECK(loss::GaussianKernel{0.1}.describe() == "gaussian_kernel(bandwidth=0.1)");
  CHECK(loss::LeakyGaussianKernel{0.1, 1e-4}.describe() == "leaky_gaussian_kernel(bandwidth=0.1, leakiness=0.0001)");
  CHECK(loss::LeakyGaussianKernelRatio{0.1, 0.05}.describe() ==
        "leaky_gaussian_kernel_ratio(bandwidth=0.1, leakiness=0.05)");
  CHECK(loss::Pinball{0.84}.describe() == "pinball(quantile=0.84)");
  CHECK(loss::SmoothPinball{0.84, 0.01}.describe() == "smooth_pinball(quantile=0.84, width=0.01)");
  CHECK(loss::PinballSet{0.16, 0.84}.describe() == "pinball_set(quantiles=0.16 0.84)");
  CHECK(loss::Moment<2>{}.describe() == "moment(order=2)");
}

}  // namespace
