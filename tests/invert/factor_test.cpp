// The inversion in one evaluation: y / R(y).
#include "calibrant/invert/factor.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace calibrant;

namespace {

/// L = x R with R = c (x / 100)^k.
struct PowerLaw {
  double c, k;
  ValueSlope<double> operator()(double x) const {
    const double response = c * x * std::pow(x / 100.0, k);
    return {response, (1.0 + k) * response / x};
  }
};

constexpr Range<double> range{20.0, 200.0};

TEST_CASE("exact where the response over x is constant") {
  const auto root = invert::Factor{}.solve(PowerLaw{0.8, 0.0}, 60.0, range, 60.0);
  CHECK(root.solved);
  CHECK(!root.failed);
  CHECK(root.x == doctest::Approx(75.0).epsilon(1e-14));
  CHECK(root.slope == doctest::Approx(0.8).epsilon(1e-14));
}

TEST_CASE("elsewhere wrong by (R - 1) d ln R / d ln x, to second order") {
  // R = (x/100)^k: the root is x = 100 (y/100)^(1/(1+k)), the answer y (y/100)^-k; both to second order in k.
  for (const double k : {0.01, 0.02, 0.04}) {
    const double y = 50.0, exact = 100.0 * std::pow(y / 100.0, 1.0 / (1.0 + k));
    const auto root = invert::Factor{}.solve(PowerLaw{1.0, k}, y, range, y);
    REQUIRE(root.solved);
    const double expected = (std::pow(y / 100.0, k) - 1.0) * k;
    CHECK(root.x / exact - 1.0 == doctest::Approx(expected).epsilon(3.0 * k));
  }
}

TEST_CASE("below and above the range the edge answers") {
  const auto below = invert::Factor{}.solve(PowerLaw{0.9, 0.0}, 10.0, range, 20.0);
  CHECK((below.below && !below.above && !below.solved && !below.failed));
  CHECK(below.x == 20.0);
  CHECK(below.response == doctest::Approx(18.0));
  const auto above = invert::Factor{}.solve(PowerLaw{0.9, 0.0}, 250.0, range, 200.0);
  CHECK((above.above && !above.below && !above.solved && !above.failed));
  CHECK(above.x == 200.0);
}

TEST_CASE("a flat response has an answer; none that is zero, negative, infinite or NaN") {
  const auto constant = [](double value) { return [=](double) { return ValueSlope<double>{value, 0.0}; }; };
  const auto flat = invert::Factor{}.solve(constant(40.0), 50.0, range, 50.0);
  CHECK(flat.solved);
  CHECK(flat.x == doctest::Approx(62.5));
  for (const double bad : {0.0, -40.0, std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::denorm_min()}) {
    const auto root = invert::Factor{}.solve(constant(bad), 50.0, range, 50.0);
    CHECK((root.failed && !root.solved && !root.below && !root.above));
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto no_measurement = invert::Factor{}.solve(PowerLaw{0.9, 0.0}, nan, range, nan);
  CHECK(no_measurement.failed);
}

}  // namespace
