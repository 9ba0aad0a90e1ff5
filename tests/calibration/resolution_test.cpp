#include "calibrant/calibration/resolution.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "calibrant/invert/function_response.hpp"
#include "calibrant/invert/output_of.hpp"
#include "jet_response.hpp"

using namespace jets;
using calibrant::invert::function_response;

namespace {

/// L = theta_0 x, and sigma_y = 0.1 x + theta_1 (the calibration does not know theta_1's use).
template <class S>
auto line_with_width() {
  const std::array<Range<S>, 2> ranges{{{S(0.5), S(2)}, {S(0), S(5)}}};
  const auto mean =
      function_response<2, S>([]<class X>(const X& x, const auto* t) { return X(t[0]) * x; }, {S(10), S(100)}, ranges);
  const auto width =
      function_response<2, S>([]<class X>(const X& x, const auto* t) { return calibrant::fma(X(S(0.1)), x, X(t[1])); },
                              {S(10), S(100)}, ranges);
  return WithResolution(Calibration(mean), width);
}

}  // namespace

TEST_CASE_TEMPLATE("sigma_y over the slope of the response", S, float, double) {
  const auto calibrate = line_with_width<S>();
  const double relative = sizeof(S) == 4 ? 1e-6 : 1e-14;
  const auto check = [&](S y, S slope, S offset, double value, double sigma, Status status) {
    const auto found = calibrate(y, {slope, offset});
    CHECK(std::abs(static_cast<double>(found.value) - value) <= 2 * relative * value);
    CHECK(std::abs(static_cast<double>(found.sigma) - sigma) <= 4 * relative * sigma);
    CHECK(found.status == status);
  };
  check(S(50), S(1), S(2), 50.0, 7.0, Status::ok);
  check(S(50), S(2), S(2), 25.0, 2.25, Status::ok);
  check(S(50), S(3), S(2), 25.0, 2.25, Status::clamped);
  check(S(50), S(2), S(7), 25.0, 3.75, Status::clamped);
  check(S(300), S(1), S(0), 300.0, 10.0, Status::extrapolated_high);  // that of the edge, 100
  const S nan = std::numeric_limits<S>::quiet_NaN();
  const auto none = calibrate(nan, {S(1), S(0)});
  CHECK(none.status == Status::invalid_input);
  CHECK(std::isnan(none.value));
  CHECK(std::isnan(none.sigma));
}

TEST_CASE_TEMPLATE("a batch gives the bits of its objects one by one", S, float, double) {
  const auto width = function_response<3, S>(
      []<class X>(const X& x, const auto* t) { return calibrant::fma(X(S(0.05)), x, X(t[1])); }, {S(15), S(2000)});
  const WithResolution calibrate(Calibration(response<S>()), width);
  const Jets<S> some(1000);
  Answers<S> batch(some.size());
  std::vector<S> sigma(some.size());
  calibrate({some.y, row_major<S>(some.theta, 3), batch.value, batch.status}, sigma);
  int n_finite = 0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    const auto one = calibrate(some.y[i], some.features(i));
    CHECK(same_bits(one.value, batch.value[i]));
    CHECK(one.status == batch.status[i]);
    CHECK((same_bits(one.sigma, sigma[i]) || (std::isnan(one.sigma) && std::isnan(sigma[i]))));
    CHECK(std::isnan(one.sigma) == std::isnan(one.value));
    n_finite += std::isfinite(one.sigma) ? 1 : 0;
  }
  CHECK(n_finite > 800);
}

// y = L(x) + sigma_y z: the propagated sigma is the spread of the calibrated values at given truth.
TEST_CASE("sigma is the spread of calibrated values") {
  const auto calibrate = line_with_width<double>();
  Random random(3);
  constexpr int n = 100'000;
  const double x = 60.0, sigma_y = 0.1 * x + 1.0;
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < n; ++i) {
    const auto one = calibrate(1.5 * x + sigma_y * random.normal(), {1.5, 1.0});
    sum += one.value;
    squares += one.value * one.value;
  }
  const double spread = std::sqrt(squares / n - sum / n * (sum / n));
  // The spread is known to 1 / sqrt(2 n) = 0.22 %: 5 of them.
  CHECK(std::abs(spread / calibrate(1.5 * x, {1.5, 1.0}).sigma - 1.0) < 0.0112);
}
