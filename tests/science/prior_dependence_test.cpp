// The exact curves that the example prior_dependence compares its networks with, against the reference: what a direct
// regression learns from each spectrum, and what a numerical inversion answers.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "../../examples/prior_dependence/exact.hpp"
#include "../toys/reference.hpp"

using nlohmann::json;

namespace {

Detector detector_of(const json& block) { return {block.at("f") == "mu", block.at("sigma") == "eq4.3"}; }

AtTruth statistics(const Detector& detector, double x, const std::function<double(double)>& estimate) {
  std::vector<double> e;
  for (const double y : at_truth::measured(detector, x)) e.push_back(estimate(y));
  return at_truth::statistics(detector, x, e);
}

const Prior& prior_of(const std::string& name) {
  return name == "uniform" ? priors[0] : name == "exp(-x/30)" ? priors[1] : priors[2];
}

}  // namespace

TEST_CASE("what a direct regression learns") {
  const json reference = read_reference("r4_inversion.json");
  CHECK(reference.at("direct").size() == 12);
  for (const json& block : reference.at("direct")) {
    const Detector detector = detector_of(block);
    const std::string spectrum = block.at("prior");
    CAPTURE(detector.name());
    CAPTURE(spectrum);
    const Posterior posterior(detector, prior_of(spectrum));
    for (const json& row : block.at("M_of_y")) {
      const double y = row.at("y");
      CAPTURE(y);
      CHECK(agrees(posterior.moments(y).mean, row.at("M"), 0.0, 1e-6));
      CHECK(agrees(posterior.moments(y).sd, row.at("sd_x_given_y"), 0.0, 1e-5));
      CHECK(agrees(posterior.moments(y).slope, row.at("dM_dy"), 0.0, 1e-5));
    }
    const Tabulated m = exact_regression(posterior);
    const Bent most_probable(1e-5, 1e-7, [&](double y) { return posterior.mode(y); });
    for (const json& row : block.at("rows")) {
      const double x = row.at("x");
      CAPTURE(x);
      const AtTruth found = statistics(detector, x, m);
      CHECK(agrees(found.mean, row.at("mean_closure"), 1e-5));
      CHECK(agrees(found.median, row.at("median_closure"), 1e-5));
      CHECK(agrees(found.mode, row.at("mode_closure"), 1e-3));
      CHECK(agrees(found.sd, row.at("sd_over_x"), 1e-5));
      CHECK(agrees(found.slope, row.at("slope_dEM_dx"), 1e-5));
      // With x^-5, mu and 8 GeV the most probable x jumps by 11 GeV at y = 33.27 GeV. There the reference, which sums
      // over discrete y, is off by up to 1.3e-3 (a trapezoidal sum of 32,000 nodes agrees with ours to 2e-5).
      const double tolerance = detector.curved && !detector.varying && spectrum == "x^-5" && x < 100.0 ? 2e-3 : 1e-5;
      CHECK(agrees(most_probable.mean(detector, x) / x, row.at("map_mean_closure"), 0.0, tolerance));
      CHECK(agrees(posterior.mode(detector.f(x)) / x, row.at("map_at_f_over_x"), 0.0, 1e-5));
    }
  }
}

TEST_CASE("what the inversion of the exact response answers") {
  const json reference = read_reference("r4_inversion.json");
  CHECK(reference.at("ni").size() == 12);
  for (const json& block : reference.at("ni")) {
    const Detector detector = detector_of(block);
    CAPTURE(detector.name());
    for (const Policy& policy : policies) {
      if (block.at("inverse") != policy.name) continue;
      CAPTURE(policy.name);
      for (const json& row : block.at("rows")) {
        const double x = row.at("x");
        CAPTURE(x);
        const AtTruth found =
            statistics(detector, x, [&](double y) { return invert_exactly(detector, policy.beyond, y); });
        CHECK(agrees(found.mean, row.at("mean_closure"), 1e-4));
        CHECK(agrees(found.median, row.at("median_closure"), 1e-9));
        CHECK(agrees(found.sd, row.at("sd_over_x"), 2e-4));
        if (row.contains("mode_closure")) CHECK(agrees(found.mode, row.at("mode_closure"), 1e-3));
      }
    }
  }
}

TEST_CASE("draws of x at given y have its mean and standard deviation") {
  const Detector detector = detectors[0];
  const Posterior posterior(detector, priors[2]);
  constexpr std::size_t n = 100'000;
  for (const double y : {0.0, 20.0, 150.0}) {
    CAPTURE(y);
    // Equidistant numbers instead of random ones: the quantiles.
    std::vector<double> x;
    for (std::size_t i = 0; i < n; ++i) x.push_back((static_cast<double>(i) + 0.5) / n);
    posterior.draw(y, x);
    double mean = 0.0, squares = 0.0;
    for (const double one : x) mean += one / n;
    for (const double one : x) squares += (one - mean) * (one - mean) / n;
    CHECK(agrees(mean, posterior.moments(y).mean, 0.0, 1e-4));
    CHECK(agrees(std::sqrt(squares), posterior.moments(y).sd, 0.0, 1e-3));
  }
}
