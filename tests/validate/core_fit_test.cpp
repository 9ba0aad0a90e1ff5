// Iterative core fit: exact for a Gaussian, deaf to tails, honest about its error and its failures.
#include "calibrant/validate/core_fit.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "calibrant/toys/crystal_ball.hpp"
#include "pseudo_experiments.hpp"

using namespace calibrant::validate;
using Values = std::vector<double>;

namespace {

TEST_CASE("moments of the cut Gaussian agree with closed forms") {
  // a = b = 0: uniform on [-1, 1].
  const core::CutGaussian uniform(0.0, 0.0);
  CHECK(std::abs(uniform.log_norm - std::log(2.0)) < 1e-14);
  CHECK(std::abs(uniform.mean_1) < 1e-15);
  CHECK(std::abs(uniform.mean_2 - 1.0 / 3.0) < 1e-14);
  CHECK(std::abs(uniform.var_22 - (1.0 / 5.0 - 1.0 / 9.0)) < 1e-14);
  // A Gaussian of 5 sigma on each side is hardly cut: sigma = 0.2.
  const core::CutGaussian narrow(0.0, -12.5);
  CHECK(std::abs(std::exp(narrow.log_norm) -
                 0.2 * std::sqrt(2.0 * 3.14159265358979324) * std::erf(5.0 / std::sqrt(2.0))) < 1e-12);
  CHECK(std::abs(narrow.var_11 - 0.04) < 1e-5);
}

TEST_CASE("quantiles of an exact Gaussian give it back, whatever the window") {
  const calibrant::toys::CrystalBall law({.beta = 30.0, .m = 2.0}, 3.0, 0.5);
  Values values;
  constexpr int n = 20000;
  for (int i = 0; i < n; ++i) values.push_back(law.inverse_cdf((i + 0.5) / n));
  for (const double n_sigma : {0.7, 1.5, 2.0, 3.0, 5.0}) {
    const CoreFit fit = core_fit(values, {.n_sigma = n_sigma});
    CAPTURE(n_sigma);
    CHECK(fit.converged);
    // Not random: regular values represent the law to about 1/n.
    CHECK(std::abs(fit.mean.value - 3.0) < 1e-3);
    CHECK(std::abs(fit.sigma.value / 0.5 - 1.0) < 2e-3);
    const double inside = std::erf(n_sigma / std::sqrt(2.0));
    CHECK(std::abs(static_cast<double>(fit.n_in_window) / n - inside) < 2e-3);
  }
}

TEST_CASE("stated errors are the true spread, with and without weights") {
  constexpr int n_experiments = 600;  // 3.54 / sqrt(600) = 14 % is 5 sigma of a ratio of spread and error
  constexpr double tolerance = 0.145;
  for (const bool weighted : {false, true}) {
    const auto draw = [&](calibrant::Random& random) {
      const Values values = draw_normal(random, 3000, 1.0, 0.1);
      Values weights;
      for (std::size_t i = 0; weighted && i < values.size(); ++i) weights.push_back(random.uniform(0.0, 2.0));
      return Sample(values, weights);
    };
    const Spread mean = repeat(n_experiments, draw, [](const Sample& s) {
      const CoreFit fit = core_fit(s);
      CHECK(fit.converged);
      return fit.mean;
    });
    CHECK(std::abs(mean.mean - 1.0) < 5.0 * mean.deviation / std::sqrt(n_experiments));
    CHECK(std::abs(mean.mean_error / mean.deviation - 1.0) < tolerance);
    const Spread sigma = repeat(n_experiments, draw, [](const Sample& s) { return core_fit(s).sigma; });
    CHECK(std::abs(sigma.mean - 0.1) < 5.0 * sigma.deviation / std::sqrt(n_experiments));
    CHECK(std::abs(sigma.mean_error / sigma.deviation - 1.0) < tolerance);
  }
}

TEST_CASE("the fit matches the moments in its window, and its error is the response to every single weight") {
  // A skew sample on a grid: the median and the half width, which set the first window, are inside of runs of equal
  // values and do not move with small changes of a weight.
  const std::vector<int> counts{2, 9, 26, 60, 93, 110, 104, 81, 55, 34, 19, 9, 5};
  Values values, weights;
  std::vector<std::size_t> first_of_run;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    first_of_run.push_back(values.size());
    for (int i = 0; i < counts[k]; ++i) {
      values.push_back(static_cast<double>(k));
      weights.push_back(1.0 + 0.5 * static_cast<double>(k % 3));
    }
  }
  const auto fit = [&] { return core_fit({values, weights}, {.n_sigma = 1.7, .max_iterations = 1}); };
  const CoreFit reference = fit();
  const Sample sample(values, weights);
  const double low = sample.median().value - 1.7 * sample.half_width().value;
  const double high = sample.median().value + 1.7 * sample.half_width().value;
  CHECK(std::abs(reference.mean.value - sample.median().value) > 0.02);  // the first window is not centred on the fit

  double sum_w = 0.0, sum_v = 0.0, sum_v2 = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] >= low && values[i] <= high) {
      sum_w += weights[i];
      sum_v += weights[i] * values[i];
      sum_v2 += weights[i] * values[i] * values[i];
    }
  const auto moment = [&](int power) {
    return calibrant::quadrature::integrate(
        [&](double v) {
          const double t = (v - reference.mean.value) / reference.sigma.value;
          return std::pow(v, power) * std::exp(-0.5 * t * t);
        },
        low, high);
  };
  CHECK(std::abs(moment(1) / moment(0) - sum_v / sum_w) < 1e-9);
  CHECK(std::abs(moment(2) / moment(0) - sum_v2 / sum_w) < 1e-8);

  double mean_variance = 0.0, sigma_variance = 0.0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    double& weight = weights[first_of_run[k]];
    const double unchanged = weight;
    constexpr double step = 1e-3;
    weight = unchanged + step;
    const CoreFit above = fit();
    weight = unchanged - step;
    const CoreFit below = fit();
    weight = unchanged;
    // Each value contributes (w d/dw)^2.
    const double mean_response = unchanged * (above.mean.value - below.mean.value) / (2.0 * step);
    const double sigma_response = unchanged * (above.sigma.value - below.sigma.value) / (2.0 * step);
    mean_variance += counts[k] * mean_response * mean_response;
    sigma_variance += counts[k] * sigma_response * sigma_response;
  }
  CHECK(std::abs(reference.mean.error / std::sqrt(mean_variance) - 1.0) < 1e-5);
  CHECK(std::abs(reference.sigma.error / std::sqrt(sigma_variance) - 1.0) < 1e-5);
}

TEST_CASE("a tail outside of the window does not move the fit") {
  const calibrant::toys::CrystalBall law({.beta = 2.0, .m = 2.0}, 1.0, 0.1);
  calibrant::Random random(12);
  Values values;
  for (int i = 0; i < 100000; ++i) values.push_back(law.inverse_cdf(random.uniform()));
  const CoreFit fit = core_fit(values);
  CHECK(fit.converged);
  CHECK(std::abs(fit.mean.value - 1.0) < 5.0 * fit.mean.error);
  CHECK(std::abs(fit.sigma.value - 0.1) < 5.0 * fit.sigma.error);
  CHECK(fit.mean.error < 1e-3);
}

TEST_CASE("weights are repetitions for the values, and doubling them all changes nothing") {
  calibrant::Random random(7);
  const Values values = draw_normal(random, 500, 0.0, 1.0);
  Values weights, repeated;
  for (const double value : values) {
    weights.push_back(1.0 + random.below(3));
    for (int k = 0; k < static_cast<int>(weights.back()); ++k) repeated.push_back(value);
  }
  // The start of the iteration (median and width) differs by a fraction of a value between the two forms.
  const CoreFit weighted = core_fit({values, weights}, {.n_sigma = 2.0});
  const CoreFit unweighted = core_fit(repeated, {.n_sigma = 2.0});
  CHECK(std::abs(weighted.mean.value - unweighted.mean.value) < 0.02 * weighted.mean.error);
  CHECK(std::abs(weighted.sigma.value - unweighted.sigma.value) < 0.02 * weighted.sigma.error);
  CHECK(weighted.mean.error > unweighted.mean.error);
}

TEST_CASE("samples without a core say so, with finite values") {
  const auto check = [](const Values& values) {
    const CoreFit fit = core_fit(values);
    CHECK(!fit.converged);
    CHECK(std::isfinite(fit.mean.value));
    CHECK(std::isfinite(fit.sigma.value));
  };
  check({1.0});
  check({1.0, 2.0});
  check({1.0, 2.0, 3.0, 4.0});
  check(Values(50, 7.0));
  Values two_spikes;
  for (int i = 0; i < 100; ++i) two_spikes.push_back(i % 2 == 0 ? -1.0 : 1.0);
  check(two_spikes);
  CHECK(core_fit(Values{1.0, 2.0}).mean.value == 1.5);
}

TEST_CASE("small samples nearly always converge") {
  int n_converged = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    calibrant::Random random(seed);
    n_converged += core_fit(draw_normal(random, 60, 0.0, 1.0), {.n_sigma = 2.0}).converged ? 1 : 0;
  }
  CHECK(n_converged >= 190);
}

TEST_CASE("wrong options and infinities are refused") {
  const Values values{1.0, 2.0, 3.0};
  CHECK_THROWS_AS(core_fit(values, {.n_sigma = 0.1}), calibrant::Error);
  CHECK_THROWS_AS(core_fit(values, {.n_sigma = 9.0}), calibrant::Error);
  CHECK_THROWS_AS(core_fit(values, {.max_iterations = 0}), calibrant::Error);
  CHECK_THROWS_AS(core_fit(Values{1.0, std::numeric_limits<double>::infinity()}), calibrant::Error);
}

}  // namespace
