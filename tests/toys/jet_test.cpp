// The jet toy against the reference numbers, and its sampler against the exact law.
#include "calibrant/toys/jet.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "reference.hpp"

using calibrant::toys::Jet;

namespace {

// r1_response: 1e-8 GeV absolute, 1e-10 relative in the amplitudes.
TEST_CASE("law of y given x agrees with the reference") {
  const Jet jet;
  const auto reference = read_reference("r1_response.json");
  REQUIRE(reference["rows"].size() == 7);
  for (const auto& row : reference["rows"]) {
    const double x = row["x"];
    CAPTURE(x);
    const auto law = jet.law(x);
    CHECK(agrees(jet.mu(x), row["mu"], 1e-8));
    CHECK(agrees(jet.sigma(x), row["sigma"], 1e-8));
    CHECK(agrees(jet.mu_slope(x), row["dmu_dx"], 1e-8));
    CHECK(agrees(law.tail_edge(), row["E_tail"], 1e-8));
    CHECK((law.tail_edge() > law.lower()) == row["tail_present"].get<bool>());
    CHECK(agrees((law.lower() - law.location()) / law.scale(), row["z_min"], 1e-8));
    CHECK(agrees(law.shape_integral(), row["shape_integral"], 1e-8));
    CHECK(agrees(law.core_amplitude(), row["A2"], 0.0, 1e-10));
    CHECK(agrees(law.tail_amplitude(), row["A1"], 0.0, 1e-10));
    CHECK(agrees(law.tail_amplitude() / law.core_amplitude(), reference["A1_over_A2"], 0.0, 1e-10));
    CHECK(agrees(law.tail_fraction(), row["tail_fraction"], 1e-8));
    const calibrant::toys::CrystalBall uncut(jet.shape, jet.mu(x), jet.sigma(x));
    CHECK(agrees(uncut.cdf(jet.minimum_energy), row["lost_fraction"], 1e-8));
    CHECK(agrees(law.mean(), row["mean"], 1e-8));
    CHECK(agrees(law.standard_deviation(), row["sd"], 1e-8));
    CHECK(agrees(law.mode(), row["mode"], 1e-8));
    CHECK(agrees(law.quantile(0.05), row["q05"], 1e-8));
    CHECK(agrees(law.quantile(0.16), row["q16"], 1e-8));
    CHECK(agrees(law.quantile(0.25), row["q25"], 1e-8));
    CHECK(agrees(law.median(), row["median"], 1e-8));
    CHECK(agrees(law.quantile(0.75), row["q75"], 1e-8));
    CHECK(agrees(law.quantile(0.84), row["q84"], 1e-8));
    CHECK(agrees(law.quantile(0.95), row["q95"], 1e-8));
    CHECK(agrees(law.half_width(), row["half_iqr68"], 1e-8));
    CHECK(agrees(law.cdf(jet.mu(x)), row["cdf_at_mu"], 1e-8));
    // For x = 15 GeV mu is below the threshold, where the density is 0.
    CHECK(agrees(law.pdf(jet.mu(x)), row["pdf_at_mu"], 1e-8));
  }
  CHECK(agrees(jet.mu(reference["x_where_mu_equals_Emin"]), jet.minimum_energy, 1e-8));
  const double crossing = reference["x_where_Etail_equals_Emin"];
  CHECK(agrees(jet.law(crossing).tail_edge(), jet.minimum_energy, 1e-8));
  const double equal = reference["mean_equals_mode_crossing_x"];
  CHECK(agrees(jet.law(equal).mean(), jet.law(equal).mode(), 1e-8));
}

TEST_CASE("mu is odd, rising, stable far away, and its slope is its derivative") {
  const Jet jet;
  CHECK(jet.mu(0.0) == doctest::Approx(0.0).epsilon(1e-14));
  CHECK(agrees(jet.mu(1e5), 1e5 - 12.5, 1e-9));
  CHECK(agrees(jet.mu(-1e5), -1e5 + 12.5, 1e-9));
  for (double x = -200.0; x <= 400.0; x += 7.0) {
    CHECK(agrees(jet.mu(-x), -jet.mu(x), 1e-12));
    CHECK(jet.mu_slope(x) > 0.0);
    CHECK(agrees((jet.mu(x + 1e-4) - jet.mu(x - 1e-4)) / 2e-4, jet.mu_slope(x), 1e-8));
  }
}

TEST_CASE("samples follow the exact law and depend only on seed and index") {
  const Jet jet;
  const auto events = jet.sample(200000, 5, 15.0, 200.0);
  std::vector<double> u_x, u_y;
  double product = 0.0;
  for (std::size_t i = 0; i < events.x.size(); ++i) {
    u_x.push_back((events.x[i] - 15.0) / 185.0);
    u_y.push_back(jet.law(events.x[i]).cdf(events.y[i]));
    product += (u_x.back() - 0.5) * (u_y.back() - 0.5);
  }
  CHECK(kolmogorov(u_x) < 2.75);
  CHECK(kolmogorov(u_y) < 2.75);
  // The mean product of independent centred uniform numbers has a standard deviation of 1 / (12 sqrt(n)).
  CHECK(std::abs(product / 200000.0) < 5.0 / (12.0 * std::sqrt(200000.0)));

  const auto shorter = jet.sample(1000, 5, 15.0, 200.0);
  const auto later = jet.sample(500, 5, 15.0, 200.0, 300);
  for (std::size_t i = 0; i < 1000; ++i) {
    REQUIRE(shorter.x[i] == events.x[i]);
    REQUIRE(shorter.y[i] == events.y[i]);
  }
  for (std::size_t i = 0; i < 500; ++i) REQUIRE(later.y[i] == events.y[300 + i]);
  CHECK(jet.sample(1, 6, 15.0, 200.0).y[0] != events.y[0]);
  for (const float y : jet.sample<float>(10000, 5, 15.0, 30.0).y) REQUIRE(y >= 10.0f);
  CHECK(jet.sample(0, 5, 15.0, 200.0).x.empty());
}

TEST_CASE("wrong use is refused") {
  CHECK_THROWS_AS(Jet{}.sample(-1, 1, 20.0, 30.0), calibrant::Error);
  CHECK_THROWS_AS(Jet{}.sample(1, 1, 30.0, 20.0), calibrant::Error);
  CHECK_THROWS_AS(Jet{}.sample(1, 1, std::nan(""), 20.0), calibrant::Error);
  CHECK_THROWS_AS(Jet{}.sample(1, 1, 10.0, 20.0, -1), calibrant::Error);
  CHECK_THROWS_AS(Jet{.noise = std::nan("")}.law(20.0), calibrant::Error);
}

}  // namespace
