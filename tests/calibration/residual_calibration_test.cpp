// The multiplicative correction: what it divides by, how far it is from the inversion, and where only it answers.
#include "calibrant/calibration/residual_calibration.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "calibrant/invert.hpp"

using namespace calibrant;
using invert::function_response;

namespace {

/// x (1 + 0.02 theta + 0.01 ln(x / 50)): R is 1.00 to 1.04, d ln R / d ln x = 0.01 / R.
template <class S>
auto nearly_one() {
  return function_response<1, S>(
      []<class X>(const X& x, const auto* t) {
        return x * (X(S(1)) + X(t[0]) * X(S(0.02)) + log(x * X(S(0.02))) * X(S(0.01)));
      },
      {S(20), S(200)}, {{{S(-1), S(1)}}});
}

}  // namespace

TEST_CASE_TEMPLATE("y is divided by R(y)", S, float, double) {
  const ResidualCalibration<decltype(nearly_one<S>())> residual(nearly_one<S>());
  for (const double y : {20.0, 35.0, 50.0, 200.0})
    for (const double theta : {-1.0, 0.5}) {
      const double factor = 1.0 + 0.02 * theta + 0.01 * std::log(y / 50.0);
      const auto found = residual(static_cast<S>(y), {static_cast<S>(theta)});
      CHECK(found.status == Status::ok);
      CHECK(std::abs(found.value / (y / factor) - 1.0) <= 8.0 * std::numeric_limits<S>::epsilon());
    }
}

TEST_CASE("the difference from numerical inversion is of second order") {
  const auto response = nearly_one<double>();
  const Calibration exact(response, invert::Newton{.tolerance = 1e-12});
  const ResidualCalibration<decltype(nearly_one<double>())> residual(response);
  for (const double y : {25.0, 60.0, 180.0})
    for (const double theta : {-1.0, 1.0}) {
      const double R = 1.0 + 0.02 * theta + 0.01 * std::log(y / 50.0);
      const double difference = residual(y, {theta}).value / exact(y, {theta}).value - 1.0;
      CHECK(std::abs(difference) <= 1.2 * std::abs(R - 1.0) * 0.01 / R + 1e-12);
    }
}

TEST_CASE_TEMPLATE("outside the range it keeps the factor of the edge", S, float, double) {
  const ResidualCalibration<decltype(nearly_one<S>())> residual(nearly_one<S>());
  const double low = 1.0 + 0.01 * std::log(20.0 / 50.0), high = 1.0 + 0.01 * std::log(200.0 / 50.0);
  const auto below = residual(S(10), {S(0)}), above = residual(S(400), {S(0)});
  CHECK(below.status == Status::extrapolated_low);
  CHECK(above.status == Status::extrapolated_high);
  CHECK(std::abs(below.value / (10.0 / low) - 1.0) <= 8.0 * std::numeric_limits<S>::epsilon());
  CHECK(std::abs(above.value / (400.0 / high) - 1.0) <= 8.0 * std::numeric_limits<S>::epsilon());
}

TEST_CASE("it answers where the response is flat, and fails where it is not positive") {
  // The response of a direct regression: flat at the lower edge.
  const auto flat = function_response<0>(
      []<class X>(const X& x, const auto*) { return select(x < X(30.f), X(30.f), x); }, {20.f, 200.f});
  CHECK(Calibration(flat)(29.f, {}).status == Status::not_invertible);
  const auto found = ResidualCalibration<decltype(flat)>(flat)(25.f, {});
  CHECK(found.status == Status::ok);
  CHECK(found.value == doctest::Approx(25.0 * 25.0 / 30.0));
  const auto negative =
      function_response<1>([]<class X>(const X& x, const auto* t) { return x * X(t[0]); }, {20.f, 200.f});
  const ResidualCalibration<decltype(negative)> wrong(negative);
  CHECK(wrong(50.f, {-1.f}).status == Status::not_invertible);
  CHECK(wrong(50.f, {0.f}).status == Status::not_invertible);
  CHECK(wrong(10.f, {-1.f}).status == Status::not_invertible);
  CHECK(std::isnan(wrong(50.f, {0.f}).value));
  CHECK(wrong(std::numeric_limits<float>::quiet_NaN(), {1.f}).status == Status::invalid_input);
}
