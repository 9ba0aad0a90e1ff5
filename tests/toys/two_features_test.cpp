// The two-feature toy: ideal calibrations against the reference, and the sampler against the exact law.
#include "calibrant/toys/two_features.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "calibrant/validate/quadrature.hpp"
#include "reference.hpp"

using namespace calibrant::toys;

namespace {

FeatureGenerator generator(const std::string& name) {
  return name == "A" ? FeatureGenerator::a() : FeatureGenerator::b();
}

}  // namespace

// r5_two_features: 1e-8.
TEST_CASE("what ideal calibrations leave over agrees with the reference") {
  const auto reference = read_reference("r5_two_features.json");
  const std::map<std::string, std::function<void(IdealCalibration&)>> kinds = {
      {"none", [](IdealCalibration&) {}},
      {"step_u", [](IdealCalibration& c) { c.step_u(); }},
      {"step_v", [](IdealCalibration& c) { c.step_v(); }},
      {"sequential_uv", [](IdealCalibration& c) { c.step_u().step_v(); }},
      {"sequential_vu", [](IdealCalibration& c) { c.step_v().step_u(); }},
      {"iterated_uv", [](IdealCalibration& c) { c.iterate(); }},
      {"simultaneous", [](IdealCalibration& c) { c.simultaneous(); }}};
  REQUIRE(reference["rows"].size() == 6);
  int n_bins = 0;
  for (const auto& row : reference["rows"]) {
    const TwoFeatures training{generator(row["train"]), row["c"], row["delta"]};
    const FeatureGenerator sample = generator(row["apply"]);
    CAPTURE(row["train"].get<std::string>() + row["apply"].get<std::string>());
    CAPTURE(training.flavour_offset);
    for (const auto& one : kinds) {
      const std::string& kind = one.first;
      CAPTURE(kind);
      IdealCalibration ideal(training);
      one.second(ideal);
      const auto& exact = row[kind];
      CHECK(agrees(ideal.mean(sample), exact["mean_closure"], 1e-8));
      CHECK(agrees(ideal.quark_mean(sample), exact["quark"], 1e-8));
      CHECK(agrees(ideal.gluon_mean(sample), exact["gluon"], 1e-8));
      CHECK(agrees(ideal.residual_rms(sample), exact["rms_residual_in_uv"], 1e-8));
      for (const auto& at : exact["resolution"]) {
        CHECK(agrees(ideal.resolution(sample, at["x"]), at["sd_over_mean"], 1e-8));
        // The reference takes a root of a difference of 1e-16.
        CHECK(agrees(ideal.feature_resolution(sample), at["feature_part"], 3e-8));
      }
      for (const auto& at : exact["vs_u"]) {
        CHECK(agrees(ideal.mean_at_u(sample, at["u"]), at["value"], 1e-8));
        CHECK(agrees(TwoFeatures::n_tracks(at["u"]), at["n"], 1e-8));
      }
      for (const auto& at : exact["vs_v"]) {
        CHECK(agrees(ideal.mean_at_v(sample, at["v"]), at["value"], 1e-8));
        CHECK(agrees(TwoFeatures::width(at["v"]), at["w"], 1e-8));
      }
      for (const auto& at : exact["vs_uv"]) CHECK(agrees(ideal.mean_at(sample, at["u"], at["v"]), at["value"], 1e-8));
      if (!exact.contains("bins_u")) continue;
      for (const auto& bin : exact["bins_u"]) {
        const auto density = [&](double u) {
          const auto of = [&](const FeatureLaw& law) {
            return std::exp(-0.5 * std::pow((u - law.mean_u) / law.sd_u, 2)) / law.sd_u;
          };
          return (sample.quark_fraction * of(sample.quark) + (1.0 - sample.quark_fraction) * of(sample.gluon)) /
                 std::sqrt(2.0 * std::numbers::pi);
        };
        const double probability = calibrant::quadrature::integrate(density, bin["u_lo"], bin["u_hi"]);
        const double sum = calibrant::quadrature::integrate(
            [&](double u) { return density(u) * ideal.mean_at_u(sample, u); }, bin["u_lo"], bin["u_hi"]);
        CHECK(agrees(probability, bin["probability"], 1e-8));
        // The reference adds up the points of a grid that fall into the bin: 1e-4 off the integral.
        CHECK(agrees(sum / probability, bin["value"], 2e-4));
        ++n_bins;
      }
    }
  }
  CHECK(n_bins == 168);
}

TEST_CASE("no product of corrections changes the cross ratio") {
  const TwoFeatures toy;
  const double wanted = read_reference("r5_two_features.json")["ln_cross_ratio"];
  IdealCalibration ideal(toy);
  const auto cross_ratio = [&] {
    const auto at = [&](double u, double v) { return std::log(ideal.mean_at(toy.generator, u, v)); };
    return at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1);
  };
  CHECK(agrees(cross_ratio(), wanted, 1e-8));
  ideal.step_u();
  CHECK(agrees(cross_ratio(), wanted, 1e-8));
  ideal.iterate();
  CHECK(agrees(cross_ratio(), wanted, 1e-8));
  ideal.simultaneous();
  CHECK(agrees(cross_ratio(), 0.0, 1e-8));
}

TEST_CASE("samples follow the law: features of each flavour, truth and noise") {
  for (const TwoFeatures& toy : {TwoFeatures{}, TwoFeatures{FeatureGenerator::b(), 0.1, 0.015}}) {
    const auto events = toy.sample(100'000, 7);
    std::vector<double> flat_x, flat_u, flat_v, flat_y;
    double quarks = 0.0;
    const auto normal_cdf = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
    for (std::size_t i = 0; i < events.x.size(); ++i) {
      const bool quark = events.is_quark[i] != 0;
      quarks += quark ? 1.0 : 0.0;
      const FeatureLaw& law = quark ? toy.generator.quark : toy.generator.gluon;
      const double z_u = (events.u[i] - law.mean_u) / law.sd_u, z_v = (events.v[i] - law.mean_v) / law.sd_v;
      const double x = events.x[i], mean = x * toy.response(events.u[i], events.v[i], quark);
      flat_x.push_back(std::log(x / 20.0) / std::log(10.0));
      flat_u.push_back(normal_cdf(z_u));
      // Given u, v is normal with a shifted mean: this tests the correlation.
      flat_v.push_back(normal_cdf((z_v - law.correlation * z_u) / std::sqrt(1.0 - std::pow(law.correlation, 2))));
      flat_y.push_back(normal_cdf((events.y[i] - mean) / (mean * TwoFeatures::relative_noise(x))));
    }
    for (const auto* flat : {&flat_x, &flat_u, &flat_v, &flat_y}) CHECK(kolmogorov(*flat) < 2.75);
    // Five standard errors of a binomial fraction.
    const double p = toy.generator.quark_fraction, n = static_cast<double>(events.x.size());
    CHECK(std::abs(quarks / n - p) < 5.0 * std::sqrt(p * (1.0 - p) / n));
    // Columns are independent where they should be: a mean product of centred uniforms has 1 / (12 sqrt(n)).
    for (const auto* other : {&flat_u, &flat_v, &flat_y}) {
      double product = 0.0;
      for (std::size_t i = 0; i < flat_x.size(); ++i) product += (flat_x[i] - 0.5) * ((*other)[i] - 0.5);
      CHECK(std::abs(product / n) < 5.0 / (12.0 * std::sqrt(n)));
    }
  }
}

TEST_CASE("an event depends only on seed and index") {
  const TwoFeatures toy;
  const auto all = toy.sample<float>(1000, 3), later = toy.sample<float>(400, 3, 20.0, 200.0, 600);
  for (std::size_t i = 0; i < 400; ++i) {
    REQUIRE(later.y[i] == all.y[600 + i]);
    REQUIRE(later.u[i] == all.u[600 + i]);
    REQUIRE(later.is_quark[i] == all.is_quark[600 + i]);
  }
  CHECK(toy.sample(1, 4).y[0] != toy.sample(1, 3).y[0]);
  CHECK(toy.sample(0, 4).y.empty());
}

TEST_CASE("density and flavour probability") {
  const FeatureGenerator a = FeatureGenerator::a();
  double sum = 0.0, quarks = 0.0;
  for (double u = -8.0; u <= 8.0; u += 0.125)
    for (double v = -8.0; v <= 8.0; v += 0.125) {
      sum += a.density(u, v) / 64.0;
      quarks += a.quark_probability(u, v) * a.density(u, v) / 64.0;
    }
  CHECK(agrees(sum, 1.0, 1e-12));
  CHECK(agrees(quarks, 0.4, 1e-12));
  const TwoFeatures offset{a, 0.1, 0.015};
  const double q = a.quark_probability(0.3, -0.2);
  CHECK(agrees(offset.mean_response(0.3, -0.2),
               q * offset.response(0.3, -0.2, true) + (1.0 - q) * offset.response(0.3, -0.2, false), 1e-15));
}

TEST_CASE("wrong use is refused") {
  const TwoFeatures toy;
  CHECK_THROWS_AS(toy.sample(-1, 1), calibrant::Error);
  CHECK_THROWS_AS(toy.sample(1, 1, 0.0, 10.0), calibrant::Error);
  CHECK_THROWS_AS(toy.sample(1, 1, 30.0, 20.0), calibrant::Error);
  CHECK_THROWS_AS(toy.sample(1, 1, 20.0, 30.0, -1), calibrant::Error);
}
