// Expected losses against the reference minimisers, and against sample means.
#include "calibrant/toys/expected_loss.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "calibrant/toys/crystal_ball.hpp"
#include "calibrant/toys/gamma.hpp"
#include "calibrant/toys/jet.hpp"
#include "reference.hpp"

using namespace calibrant::toys;

namespace {

template <class Law>
void check_minimum(const Law& law, LeakyKernel loss, const nlohmann::json& row, double tolerance) {
  CAPTURE(row.dump());
  const auto minimum = minimise_leaky_kernel_loss(law, loss);
  CHECK(agrees(minimum.minimiser, row["minimiser"], tolerance));
  if (!row.contains("minima")) return;
  REQUIRE(minimum.minima.size() == row["minima"].size());
  for (std::size_t i = 0; i < minimum.minima.size(); ++i) CHECK(agrees(minimum.minima[i], row["minima"][i], tolerance));
}

TEST_CASE("minimisers for the jet toy agree with the reference to 1e-7 GeV") {
  const Jet jet;
  const auto reference = read_reference("r1_lgk_minimiser.json");
  REQUIRE(reference["rows"].size() == 120);
  for (const auto& row : reference["rows"])
    check_minimum(jet.law(row["x"]), {row["h_GeV"], row["alpha_GeV"]}, row, 1e-7);
  for (const auto& row : reference["noise_rows"]) {
    check_minimum(jet.law(row["x"]), {row["h_GeV"]}, row, 1e-7);
    // E[exp(-(y - nu)^2 / 2h^2)] is the smoothed density without the kernel's norm.
    const double h = row["h_GeV"];
    CHECK(agrees(smoothed_density(jet.law(row["x"]), row["minimiser"], h) * h * std::sqrt(2.0 * std::numbers::pi),
                 row["effective_fraction"], 1e-7));
  }
}

TEST_CASE("minimisers for gamma and Crystal Ball agree with the reference to 1e-8") {
  const auto reference = read_reference("r2_minimisers.json");
  for (const auto& row : reference["gamma_lgk"]) {
    check_minimum(Gamma(), {row["h"], row["alpha"]}, row, 1e-8);
    CHECK(agrees(-smoothed_density(Gamma(), row["minimiser"], row["h"]), row["loss_at_minimiser_smooth_part"], 1e-8));
  }
  for (const auto& row : reference["crystal_ball_lgk"])
    check_minimum(CrystalBall({.beta = row["beta"], .m = row["m"]}), {row["h"], row["alpha"]}, row, 1e-8);
}

TEST_CASE("two local minima are both found and the lower one is chosen") {
  // With a tail this heavy the median is far from the peak: the kernel makes a minimum near one, the leak near the
  // other.
  const CrystalBall law({.beta = 0.8, .m = 1.2});
  bool seen_two = false;
  for (double leakiness = 0.03; leakiness < 0.2; leakiness *= 1.15) {
    const LeakyKernel loss{0.1, leakiness};
    const auto minimum = minimise_leaky_kernel_loss(law, loss);
    REQUIRE(!minimum.minima.empty());
    seen_two = seen_two || minimum.minima.size() > 1;
    const double median = law.median();
    const auto value = [&](double nu) { return expected_leaky_kernel_loss_difference(law, nu, loss, median); };
    const double lowest = value(minimum.minimiser);
    for (double nu = median - 1.0; nu < 1.0; nu += 0.25) REQUIRE(value(nu) >= lowest - 1e-12);
    for (const double each : minimum.minima) {
      CHECK(value(each - 1e-3) > value(each));
      CHECK(value(each + 1e-3) > value(each));
    }
  }
  CHECK(seen_two);
}

TEST_CASE("a very wide kernel finds the mean") {
  // The loss is then the squared loss plus a term in r^4 / h^2: the shift is of order (third moment) / (2 h^2) = 1e-4.
  for (const double x : {15.0, 80.0}) {
    const auto law = Jet{}.law(x);
    CHECK(agrees(minimise_leaky_kernel_loss(law, {1e4}).minimiser, law.mean(), 1e-3));
  }
  CHECK(agrees(minimise_leaky_kernel_loss(Gamma(), {1e3}).minimiser, 2.0, 1e-5));
}

TEST_CASE("closed-form losses have the right minimum and the right differences") {
  const Gamma law;
  for (const double nu : {0.3, 1.0, 2.0, 5.0}) {
    const auto integral = [&](auto&& loss) {
      const std::vector<double> marks{nu, 1.0, 5.0, 10.0};
      return calibrant::quadrature::integrate([&](double y) { return loss(y - nu) * law.pdf(y); }, 0.0, 60.0, marks);
    };
    CHECK(agrees(expected_squared_loss(law, nu), integral([](double r) { return r * r; }), 1e-11));
    CHECK(agrees(expected_absolute_loss(law, nu), integral([](double r) { return std::abs(r); }), 1e-12));
    CHECK(agrees(expected_pinball_loss(law, nu, 0.2), integral([](double r) { return r >= 0.0 ? 0.2 * r : -0.8 * r; }),
                 1e-12));
    CHECK(agrees(expected_absolute_loss_difference(law, nu, 1.5),
                 expected_absolute_loss(law, nu) - expected_absolute_loss(law, 1.5), 1e-12));
    const LeakyKernel loss{0.3, 0.1};
    const auto leaky = [&](double r) {
      return 0.1 * std::abs(r) - std::exp(-0.5 * r * r / 0.09) / (0.3 * std::sqrt(2.0 * std::numbers::pi));
    };
    CHECK(agrees(expected_leaky_kernel_loss(law, nu, loss), integral(leaky), 1e-12));
    CHECK(agrees(expected_leaky_kernel_loss_difference(law, nu, loss, 1.5),
                 integral(leaky) - 0.1 * expected_absolute_loss(law, 1.5), 1e-12));
  }
}

TEST_CASE("a law without a mean has differences of losses, not losses") {
  const CrystalBall law;
  CHECK_THROWS_AS(expected_squared_loss(law, 0.0), calibrant::Error);
  CHECK_THROWS_AS(expected_absolute_loss(law, 0.0), calibrant::Error);
  CHECK_THROWS_AS(expected_leaky_kernel_loss(law, 0.0, {0.5, 0.1}), calibrant::Error);
  CHECK(expected_leaky_kernel_loss(law, 0.0, {0.5, 0.0}) < 0.0);
  const double median = law.median();
  CHECK(expected_absolute_loss_difference(law, median + 0.5, median) > 0.0);
  CHECK(expected_absolute_loss_difference(law, median - 0.5, median) > 0.0);
  CHECK(expected_absolute_loss_difference(law, median, median) == 0.0);
}

TEST_CASE("bandwidth and leakiness out of range are refused") {
  const Gamma law;
  CHECK_THROWS_AS(minimise_leaky_kernel_loss(law, {0.0, 0.1}), calibrant::Error);
  CHECK_THROWS_AS(minimise_leaky_kernel_loss(law, {0.1, -0.1}), calibrant::Error);
  CHECK_THROWS_AS(smoothed_density(law, 1.0, std::nan("")), calibrant::Error);
}

}  // namespace
