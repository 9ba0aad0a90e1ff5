// The gamma law against closed forms, the reference and its own inverse.
#include "calibrant/toys/gamma.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "reference.hpp"

using calibrant::toys::Gamma;

namespace {

TEST_CASE("shape 2 has closed forms") {
  const Gamma law;
  for (const double y : {1e-8, 0.1, 1.0, 2.9, 3.1, 10.0, 50.0}) {
    CHECK(agrees(law.pdf(y), y * std::exp(-y), 0.0, 1e-14));
    CHECK(agrees(law.survival(y), (1.0 + y) * std::exp(-y), 0.0, 1e-13));
    // 1 - (1 + y) e^-y without its cancellation.
    CHECK(agrees(law.cdf(y), -std::expm1(-y) - y * std::exp(-y), 1e-15, 1e-13));
    // Integral of y^2 e^-y.
    CHECK(agrees(law.partial_mean(y), 2.0 * -std::expm1(-y) - (2.0 * y + y * y) * std::exp(-y), 1e-14, 1e-13));
  }
  CHECK(agrees(law.cdf(1e-8), 0.5e-16, 0.0, 1e-7));
}

TEST_CASE("statistics agree with the reference to 1e-8") {
  const Gamma law;
  const auto reference = read_reference("r2_minimisers.json");
  CHECK(agrees(law.mode(), reference["gamma"]["mode"], 1e-8));
  CHECK(agrees(law.mean(), reference["gamma"]["mean_MSE"], 1e-8));
  CHECK(agrees(law.median(), reference["gamma"]["median_MAE"], 1e-8));
  CHECK(agrees(law.standard_deviation(), reference["gamma"]["sd"], 1e-8));
  for (const auto& row : reference["quantile"]) CHECK(agrees(law.quantile(row["q"]), row["minimiser"], 1e-8));
}

TEST_CASE("the inverse undoes the distribution function for all shapes") {
  for (const double shape : {1.0, 1.3, 2.0, 7.5, 60.0, 160.0})
    for (const double scale : {0.01, 1.0, 30.0}) {
      const Gamma law(shape, scale);
      CAPTURE(shape);
      for (const double u : {1e-100, 1e-12, 0.01, 0.3, 0.5, 0.77, 0.999}) {
        CHECK(agrees(law.cdf(law.inverse_cdf(u)), u, 0.0, 1e-11));
        CHECK(agrees(law.survival(law.inverse_survival(u)), u, 0.0, 1e-11));
      }
      CHECK(law.inverse_cdf(0.0) == 0.0);
      CHECK(law.inverse_cdf(1.0) == std::numeric_limits<double>::infinity());
      CHECK(std::isnan(law.inverse_cdf(-0.1)));
      CHECK(law.cdf(std::numeric_limits<double>::infinity()) == 1.0);
    }
}

TEST_CASE("samples follow the exact law") {
  const Gamma law(3.5, 2.0);
  const auto values = law.sample(200000, 3);
  std::vector<double> u;
  u.reserve(values.size());
  for (const double y : values) u.push_back(law.cdf(y));
  CHECK(kolmogorov(u) < 2.75);
  CHECK(law.sample(10, 3)[9] == values[9]);
}

TEST_CASE("wrong parameters are refused") {
  CHECK_THROWS_AS(Gamma(0.5), calibrant::Error);
  CHECK_THROWS_AS(Gamma(500.0), calibrant::Error);
  CHECK_THROWS_AS(Gamma(2.0, 0.0), calibrant::Error);
  CHECK_THROWS_AS(Gamma(std::nan("")), calibrant::Error);
}

}  // namespace
