#include "calibrant/calibration/intervals.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "calibrant/invert/function_response.hpp"
#include "jet_response.hpp"

using namespace jets;
using calibrant::invert::function_response;

namespace {

/// The quantile of y = 0.8 x + (theta_0 + 0.1 x) z, z standard normal, at `deviations` from the median.
template <class S>
auto quantile(S deviations) {
  const auto response = function_response<1, S>(
      [deviations]<class X>(const X& x, const auto* theta) {
        return calibrant::fma(X(S(0.8) + deviations * S(0.1)), x, X(deviations * S(1)) * X(theta[0]));
      },
      {S(10), S(200)}, {{{S(1), S(3)}}});
  return Calibration(response);
}

}  // namespace

TEST_CASE_TEMPLATE("each end is the inverse of the other quantile", S, float, double) {
  const QuantileIntervals interval(quantile<S>(S(-1)), quantile<S>(S(1)));
  const double relative = sizeof(S) == 4 ? 4e-6 : 1e-6;  // of the inversions
  const auto found = interval(S(60), {S(2)});
  CHECK(found.status == Status::ok);
  CHECK(std::abs(static_cast<double>(found.low) - 58.0 / 0.9) <= relative * 65.0);
  CHECK(std::abs(static_cast<double>(found.high) - 62.0 / 0.7) <= relative * 89.0);
  CHECK(found.contains(S(70)));
  CHECK_FALSE(found.contains(S(60)));
  CHECK_FALSE(found.contains(std::numeric_limits<S>::quiet_NaN()));
  CHECK(interval(S(60), {S(5)}).status == Status::clamped);
  CHECK(interval(S(150), {S(2)}).status == Status::extrapolated_high);  // the upper end is beyond 200
  const auto none = interval(std::numeric_limits<S>::infinity(), {S(2)});
  CHECK(none.status == Status::invalid_input);
  CHECK(std::isnan(none.low));
  CHECK(std::isnan(none.high));
  CHECK_FALSE(none.contains(S(60)));
  // Quantiles in the wrong order, as those that cross.
  const QuantileIntervals crossed(quantile<S>(S(1)), quantile<S>(S(-1)));
  CHECK(crossed(S(60), {S(2)}).status == Status::not_invertible);
  CHECK(std::isnan(crossed(S(60), {S(2)}).low));
}

// Whatever the spectrum: at every truth 68.27 % are covered. 200,000 events each: 5 sigma are 0.0052.
TEST_CASE("coverage at given truth is that between the quantiles") {
  const QuantileIntervals interval(quantile<double>(-1.0), quantile<double>(1.0));
  Random random(5);
  for (const double x : {20.0, 70.0, 180.0}) {
    constexpr int n = 200'000;
    int covered = 0;
    for (int i = 0; i < n; ++i)
      covered += interval(0.8 * x + (2.0 + 0.1 * x) * random.normal(), {2.0}).contains(x) ? 1 : 0;
    CAPTURE(x);
    CHECK(std::abs(covered / static_cast<double>(n) - 0.682689) < 0.0052);
  }
}

TEST_CASE_TEMPLATE("a batch gives the bits of its objects one by one", S, float, double) {
  const QuantileIntervals interval(Calibration(response<S>(1)), Calibration(response<S>(2)));
  const Jets<S> some(1000);
  std::vector<S> low(some.size()), high(some.size()), overwritten = some.y, high_too(some.size());
  std::vector<Status> status(some.size());
  const auto theta = row_major<S>(some.theta, 3);
  interval(some.y, theta, low, high, status);
  interval(std::span<const S>(overwritten), theta, overwritten, high_too);
  const auto same = [](S a, S b) { return same_bits(a, b) || (std::isnan(a) && std::isnan(b)); };
  for (std::size_t i = 0; i < some.size(); ++i) {
    const auto one = interval(some.y[i], some.features(i));
    CHECK(same(one.low, low[i]));
    CHECK(same(one.high, high[i]));
    CHECK(one.status == status[i]);
    CHECK(same(overwritten[i], low[i]));
    CHECK(same(high_too[i], high[i]));
  }
  std::vector<S> too_few(some.size() - 1);
  CHECK_THROWS_AS(interval(some.y, theta, too_few, high), Error);
  CHECK_THROWS_AS(interval(some.y, theta, low, too_few), Error);
  CHECK_THROWS_AS(interval(some.y, row_major<S>(some.y, 1), low, high), Error);
}
