// Quadrature and root finding against closed forms.
#include "calibrant/validate/quadrature.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace quadrature = calibrant::quadrature;

namespace {

TEST_CASE("one panel integrates polynomials up to degree 31") {
  for (int degree = 0; degree <= 31; ++degree) {
    const auto integral = quadrature::gauss_legendre([&](double v) { return std::pow(v, degree); }, 0.0, 1.0);
    CHECK(std::abs(integral.value - 1.0 / (degree + 1)) < 1e-15);
  }
  const auto odd = quadrature::gauss_legendre([](double v) { return v; }, -1.0, 1.0);
  CHECK(odd.value == 0.0);
  CHECK(std::abs(odd.magnitude - 1.0) < 0.01);  // |v| has a kink: the magnitude is an estimate
}

TEST_CASE("panels are halved until kinks, peaks and singular slopes are resolved") {
  CHECK(std::abs(quadrature::integrate([](double v) { return std::abs(v - 0.3); }, 0.0, 1.0) - 0.29) < 1e-12);
  CHECK(std::abs(quadrature::integrate([](double v) { return std::sqrt(v); }, 0.0, 1.0) - 2.0 / 3.0) < 1e-12);
  const std::vector<double> peak{0.69, 0.71};
  CHECK(std::abs(quadrature::integrate([](double v) { return std::exp(-0.5 * std::pow((v - 0.7) / 1e-3, 2)); }, -10.0,
                                       10.0, peak) -
                 1e-3 * std::sqrt(2.0 * std::numbers::pi)) < 1e-16);
  const std::vector<double> kink{0.3};
  CHECK(std::abs(quadrature::integrate([](double v) { return std::abs(v - 0.3); }, 0.0, 1.0, kink) - 0.29) < 1e-15);
  CHECK(quadrature::integrate([](double) { return 1.0; }, 1.0, 1.0) == 0.0);
}

TEST_CASE("roots are found to rounding, also of awkward functions") {
  CHECK(std::abs(quadrature::find_root([](double v) { return std::cos(v); }, 0.0, 3.0) - std::numbers::pi / 2) < 4e-15);
  CHECK(std::abs(quadrature::find_root([](double v) { return std::pow(v, 9) - 1e-9; }, -1.0, 5.0) - 0.1) < 1e-15);
  CHECK(std::abs(quadrature::find_root([](double v) { return v < 0.3 ? -1e9 : 1e-9; }, 0.0, 1.0) - 0.3) < 1e-15);
  // A jump whose sides differ this much needs hundreds of secants; bisection keeps it near 4 x 52 evaluations at worst.
  int n_evaluations = 0;
  const double jump = quadrature::find_root(
      [&](double v) {
        ++n_evaluations;
        return v < 0.3 ? -1.0 : 1e-12;
      },
      0.0, 1.0);
  CHECK(std::abs(jump - 0.3) < 1e-15);
  CHECK(n_evaluations < 120);
  CHECK(quadrature::find_root([](double v) { return v; }, 0.0, 1.0) == 0.0);
  CHECK(quadrature::find_root([](double v) { return v - 1.0; }, 0.0, 1.0) == 1.0);
  CHECK(std::abs(quadrature::find_root([](double v) { return v - 0.123; }, 0.0, 1.0, 1e-3) - 0.123) < 1e-3);
}

}  // namespace
