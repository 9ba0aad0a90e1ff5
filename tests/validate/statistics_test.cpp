// Statistics against hand-computed values, exact laws and the true spread of pseudo-experiments.
#include "calibrant/validate/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "calibrant/toys/gamma.hpp"
#include "calibrant/toys/jet.hpp"
#include "pseudo_experiments.hpp"

using namespace calibrant::validate;
using Values = std::vector<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double exact_to = 1e-14;

// The stated error and the true spread of R experiments differ by 1/sqrt(2 R) of statistics (5 sigma: 3.54 / sqrt(R)),
// to which `bias` adds what the estimate of the error is known to be off by.
void check_error(const Spread& spread, int n_experiments, double bias) {
  CAPTURE(spread.mean_error);
  CAPTURE(spread.deviation);
  CHECK(std::abs(spread.mean_error / spread.deviation - 1.0) < 3.54 / std::sqrt(n_experiments) + bias);
}

void check_mean(const Spread& spread, int n_experiments, double truth) {
  CAPTURE(spread.mean);
  CHECK(std::abs(spread.mean - truth) < 5.0 * spread.deviation / std::sqrt(n_experiments));
}

TEST_CASE("small samples by hand") {
  const Sample sample(Values{4.0, 1.0, 2.0, 3.0});
  CHECK(sample.n() == 4);
  CHECK(sample.effective_size() == 4.0);
  CHECK(sample.mean().value == 2.5);
  CHECK(std::abs(sample.mean().error - std::sqrt(5.0 / 3.0 / 4.0)) < exact_to);
  CHECK(std::abs(sample.standard_deviation().value - std::sqrt(5.0 / 3.0)) < exact_to);
  CHECK(sample.median().value == 2.5);
  CHECK(sample.quantile(0.125).value == 1.0);
  CHECK(sample.quantile(0.25).value == 1.5);
  CHECK(sample.quantile(0.0).value == 1.0);
  CHECK(sample.quantile(1.0).value == 4.0);
  // Quantiles 0.16 and 0.84 are at 1.14 and 3.86.
  CHECK(std::abs(sample.half_width().value - 1.36) < exact_to);
  CHECK(std::abs(sample.relative_half_width().value - 1.36 / 2.5) < exact_to);
  // The median's error is half of the range of quantiles 0.5 -+ 0.25.
  CHECK(std::abs(sample.median().error - 1.0) < exact_to);
}

TEST_CASE("float and double, span and vector, are all samples") {
  const std::vector<float> floats{1.0f, 2.0f, 6.0f};
  CHECK(mean(floats).value == 3.0);
  CHECK(median(std::span<const float>(floats)).value == 2.0);
  CHECK(median({floats, Values{1.0, 1.0, 10.0}}).value > 5.0);
}

TEST_CASE("weights: the same for all change nothing, zero removes, their unit does not matter") {
  calibrant::Random random(4);
  const Values values = draw_normal(random, 500, 2.0, 1.0);
  Values weights(500), larger(500), with_zeros, kept, kept_weights;
  for (std::size_t i = 0; i < 500; ++i) {
    weights[i] = random.uniform(0.1, 3.0);
    larger[i] = 1e150 * weights[i];
    with_zeros.push_back(i % 3 == 0 ? 0.0 : weights[i]);
    if (i % 3 != 0) {
      kept.push_back(values[i]);
      kept_weights.push_back(weights[i]);
    }
  }
  const auto check_same = [](const Sample& a, const Sample& b) {
    const auto same = [](Estimate p, Estimate q) {
      CHECK(std::abs(p.value - q.value) < 1e-12);
      CHECK(std::abs(p.error - q.error) < 1e-12);
    };
    CHECK(a.n() == b.n());
    CHECK(std::abs(a.effective_size() - b.effective_size()) < 1e-9);
    same(a.mean(), b.mean());
    same(a.standard_deviation(), b.standard_deviation());
    for (const double q : {0.0, 0.03, 0.3, 0.5, 0.77, 1.0}) same(a.quantile(q), b.quantile(q));
    same(a.half_width(), b.half_width());
    same(a.relative_half_width(), b.relative_half_width());
    same(a.half_sample_mode(), b.half_sample_mode());
    same(a.kernel_mode(), b.kernel_mode());
  };
  check_same(Sample(values), Sample(values, Values(500, 0.7)));
  check_same(Sample(values, weights), Sample(values, larger));
  check_same(Sample(values, with_zeros), Sample(kept, kept_weights));
  CHECK(std::abs(Sample(values, larger).sum_of_weights() / Sample(values, weights).sum_of_weights() / 1e150 - 1.0) <
        1e-12);
}

TEST_CASE("effective size is (sum w)^2 / sum w^2") {
  CHECK(std::abs(Sample(Values{1.0, 2.0, 3.0}, Values{1.0, 2.0, 3.0}).effective_size() - 36.0 / 14.0) < exact_to);
}

TEST_CASE("one, two and equal values have defined results") {
  const Sample one(Values{3.0});
  for (const Estimate& estimate :
       {one.mean(), one.median(), one.quantile(0.9), one.half_sample_mode(), one.kernel_mode()}) {
    CHECK(estimate.value == 3.0);
    CHECK(estimate.error == infinity);
  }
  CHECK(one.half_width().value == 0.0);
  CHECK(one.half_width().error == infinity);
  CHECK(one.relative_half_width().error == infinity);
  CHECK(one.standard_deviation().value == 0.0);
  CHECK(one.standard_deviation().error == infinity);
  // One value that carries all the weight, up to rounding, is one value.
  CHECK(Sample(Values{3.0, 9.0}, Values{1.0, 1e-30}).mean().error == infinity);

  const Sample two(Values{1.0, 3.0});
  CHECK(two.mean().value == 2.0);
  CHECK(std::abs(two.mean().error - 1.0) < exact_to);
  CHECK(two.median().value == 2.0);
  CHECK(two.median().error == 1.0);
  CHECK(two.half_sample_mode().value == 2.0);
  CHECK(std::isfinite(two.half_sample_mode().error));
  CHECK(two.kernel_mode(10.0).value == doctest::Approx(2.0).epsilon(1e-12));
  CHECK(two.half_width().value > 0.0);

  const Sample equal(Values(100, 0.1));
  for (const Estimate& estimate : {equal.mean(), equal.median(), equal.half_sample_mode(), equal.kernel_mode()}) {
    CHECK(estimate.value == 0.1);
    CHECK(estimate.error == 0.0);
  }
  CHECK(equal.half_width().value == 0.0);
  CHECK(equal.half_width().error == 0.0);
  CHECK(equal.standard_deviation().value == 0.0);
  CHECK(equal.kernel_mode(0.5).value == 0.1);
}

TEST_CASE("wrong samples are refused with what was found") {
  CHECK_THROWS_WITH_AS(Sample(Values{}),
                       "statistics of a sample: expected at least one value with a weight above 0, found 0 values",
                       calibrant::Error);
  CHECK_THROWS_WITH_AS(
      Sample(Values{1.0, 2.0}, Values{0.0, 0.0}),
      "statistics of a sample: expected at least one value with a weight above 0, found 2 values, all of weight 0",
      calibrant::Error);
  CHECK_THROWS_WITH_AS(Sample(Values{1.0, nan}),
                       "statistics of a sample: expected numbers, found 1 NaN among 2, the first at index 1",
                       calibrant::Error);
  CHECK_THROWS_AS(Sample(Values{1.0, 2.0}, Values{1.0}), calibrant::Error);
  CHECK_THROWS_AS(Sample(Values{1.0, 2.0}, Values{1.0, -1.0}), calibrant::Error);
  const Sample sample(Values{1.0, 2.0});
  CHECK_THROWS_AS(sample.quantile(1.1), calibrant::Error);
  CHECK_THROWS_AS(sample.quantile(nan), calibrant::Error);
  CHECK_THROWS_AS(sample.kernel_mode(-1.0), calibrant::Error);
  CHECK_THROWS_AS(sample.half_sample_mode({.n_estimates = 1}), calibrant::Error);
  CHECK_THROWS_AS(Sample(Values{-1.0, 1.0}).relative_half_width(), calibrant::Error);
}

TEST_CASE("infinities are ordered, and refused where they have no place") {
  const Sample sample(Values{1.0, 2.0, 3.0, infinity, -infinity});
  CHECK(sample.median().value == 2.0);
  CHECK(sample.quantile(0.95).value == infinity);
  CHECK(sample.half_width().value == infinity);
  CHECK(sample.half_width().error == infinity);
  CHECK_THROWS_WITH_AS(sample.mean(), "mean: expected finite values, found 2 infinite of 5", calibrant::Error);
  CHECK_THROWS_AS(sample.standard_deviation(), calibrant::Error);
  CHECK_THROWS_AS(sample.half_sample_mode(), calibrant::Error);
  CHECK_THROWS_AS(sample.kernel_mode(), calibrant::Error);
  CHECK(Sample(Values{infinity, infinity, infinity}).half_width().value == 0.0);
  CHECK_THROWS_AS(Sample(Values{-infinity, infinity}).median(), calibrant::Error);
}

TEST_CASE("a small spread far from 0 keeps its digits") {
  Values values;
  for (int i = 0; i < 1000; ++i) values.push_back(1e9 + (i % 2 == 0 ? 1e-3 : -1e-3));
  // Values near 1e9 are held to 1.2e-7.
  CHECK(std::abs(Sample(values).standard_deviation().value - 1e-3 * std::sqrt(1000.0 / 999.0)) < 3e-7);
}

TEST_CASE("half-sample mode by hand") {
  CHECK(half_sample_mode(Values{1.0, 2.0, 2.1, 9.0}).value == doctest::Approx(2.05).epsilon(1e-14));
  CHECK(half_sample_mode(Values{1.0, 2.0, 4.0}).value == 1.5);
  CHECK(half_sample_mode(Values{1.0, 3.0, 4.0}).value == 3.5);
  CHECK(half_sample_mode(Values{1.0, 2.0, 3.0}).value == 2.0);
  // Ties: the middle of 0..9, not one of its ends.
  CHECK(std::abs(half_sample_mode(Values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).value - 4.5) <= 1.0);
  // A weight is a repetition.
  CHECK(half_sample_mode({Values{0.0, 1.0, 2.0, 3.0, 10.0}, Values{1, 1, 1, 1, 9}}).value == 10.0);
  CHECK(half_sample_mode({Values{0.0, 3.0}, Values{1.0, 2.0}}).value == 2.0);
  // Many tied values are the mode.
  CHECK(half_sample_mode(Values{-5, 0.3, 0.3, 0.3, 0.3, 1, 4, 9, 12}).value == 0.3);
}

TEST_CASE("stated errors are the true spread: Gaussian") {
  const auto draw = [](calibrant::Random& random) { return Sample(draw_normal(random, 2000, 5.0, 1.0)); };
  constexpr int n_experiments = 600;
  const auto check = [&](auto&& take, double truth, double bias) {
    const Spread spread = repeat(n_experiments, draw, take);
    check_mean(spread, n_experiments, truth);
    check_error(spread, n_experiments, bias);
  };
  const double z84 = 0.994457883209753;
  check([](const Sample& s) { return s.mean(); }, 5.0, 0.0);
  check([](const Sample& s) { return s.standard_deviation(); }, 1.0, 0.01);
  check([](const Sample& s) { return s.median(); }, 5.0, 0.02);
  check([](const Sample& s) { return s.quantile(0.84); }, 5.0 + z84, 0.02);
  check([](const Sample& s) { return s.half_width(); }, z84, 0.02);
  check([](const Sample& s) { return s.relative_half_width(); }, z84 / 5.0, 0.02);
  check([](const Sample& s) { return s.kernel_mode(); }, 5.0, 0.03);
  check([](const Sample& s) { return s.kernel_mode(0.4); }, 5.0, 0.03);
}

TEST_CASE("the stated error of the half-sample mode is its true spread, or up to 20 % more") {
  constexpr int n_experiments = 400;
  const double noise = 3.54 / std::sqrt(n_experiments);
  for (const int n : {200, 2000}) {
    const Spread spread = repeat(
        n_experiments, [&](calibrant::Random& random) { return Sample(draw_normal(random, n, 5.0, 1.0)); },
        [](const Sample& s) { return s.half_sample_mode(); });
    check_mean(spread, n_experiments, 5.0);
    CHECK(spread.mean_error / spread.deviation > 1.0 - noise);
    CHECK(spread.mean_error / spread.deviation < 1.2 + noise);
  }
}

TEST_CASE("errors of quantiles and widths are the asymptotic ones of the law") {
  // Regular values of the exponential law: -log(1 - u). Quantiles have variance q (1 - q) / (n f^2), f = 1 - q, and
  // covariance q_i (1 - q_j) / (n f_i f_j).
  constexpr int n = 1000000;
  Values values;
  for (int i = 0; i < n; ++i) values.push_back(-std::log1p(-(i + 0.5) / n));
  const Sample sample(values);
  const auto covariance = [](double q_i, double q_j) { return q_i * (1.0 - q_j) / (n * (1.0 - q_i) * (1.0 - q_j)); };
  const double q_1 = 0.16, q_2 = 0.5, q_3 = 0.84;
  const auto near = [](double found, double expected) { return std::abs(found / expected - 1.0) < 1e-3; };
  CHECK(near(sample.median().error, std::sqrt(covariance(q_2, q_2))));
  CHECK(near(sample.quantile(q_3).error, std::sqrt(covariance(q_3, q_3))));
  const double width_variance = 0.25 * (covariance(q_1, q_1) + covariance(q_3, q_3) - 2.0 * covariance(q_1, q_3));
  CHECK(near(sample.half_width().error, std::sqrt(width_variance)));
  const double median = std::log(2.0);
  const double width = 0.5 * (std::log(0.84) - std::log(0.16));
  // Slopes of (y3 - y1) / (2 y2).
  const double s_1 = -0.5 / median, s_2 = -width / (median * median), s_3 = 0.5 / median;
  const double relative_variance =
      s_1 * s_1 * covariance(q_1, q_1) + s_2 * s_2 * covariance(q_2, q_2) + s_3 * s_3 * covariance(q_3, q_3) +
      2.0 * (s_1 * s_2 * covariance(q_1, q_2) + s_1 * s_3 * covariance(q_1, q_3) + s_2 * s_3 * covariance(q_2, q_3));
  CHECK(near(sample.relative_half_width().value, width / median));
  CHECK(near(sample.relative_half_width().error, std::sqrt(relative_variance)));
  CHECK(sample.kernel_mode().value ==
        sample.kernel_mode(0.969 * sample.half_width().value * std::pow(1.0 * n, -1.0 / 7.0)).value);
}

TEST_CASE("stated errors are the true spread: weighted values") {
  constexpr int n_experiments = 600;
  // Values uniform in (0, 2), weights that turn them into the density y/2 (median sqrt 2, mean 4/3) times random
  // numbers.
  const auto draw = [](calibrant::Random& random) {
    Values values, weights;
    for (int i = 0; i < 2000; ++i) {
      values.push_back(random.uniform(0.0, 2.0));
      weights.push_back(values.back() * random.uniform(0.0, 2.0));
    }
    return Sample(values, weights);
  };
  const Spread mean = repeat(n_experiments, draw, [](const Sample& s) { return s.mean(); });
  check_mean(mean, n_experiments, 4.0 / 3.0);
  check_error(mean, n_experiments, 0.0);
  // The effective size knows nothing of weights that depend on the value: 10 % here.
  const Spread median = repeat(n_experiments, draw, [](const Sample& s) { return s.median(); });
  check_mean(median, n_experiments, std::sqrt(2.0));
  check_error(median, n_experiments, 0.1);
}

TEST_CASE("modes of a skew law are found within their errors and the shift that smoothing has") {
  const calibrant::toys::Gamma law(9.0, 1.0);
  const auto draw = [&](calibrant::Random& random) {
    Values values;
    for (int i = 0; i < 2000; ++i) values.push_back(law.inverse_cdf(random.uniform()));
    return Sample(values);
  };
  constexpr int n_experiments = 200;
  const Spread half_sample = repeat(n_experiments, draw, [](const Sample& s) { return s.half_sample_mode(); });
  CHECK(std::abs(half_sample.mean - law.mode()) < 0.2);  // mean of the law: 9, median: 8.67, mode: 8
  // Up to 20 % too large, see above.
  check_error(half_sample, n_experiments, 0.2);
  // A kernel of width h shifts the mode by h^2 f'''/(2 |f''|) = h^2 / 8 for this law; h is 0.97 here.
  const Spread kernel = repeat(n_experiments, draw, [](const Sample& s) { return s.kernel_mode(); });
  CHECK(std::abs(kernel.mean - law.mode() - 0.97 * 0.97 / 8.0) <
        0.03 + 5.0 * kernel.deviation / std::sqrt(n_experiments));
  check_error(kernel, n_experiments, 0.03);
}

TEST_CASE("spread of the kernel mode at fixed bandwidth is the exact one of the reference") {
  std::ifstream file(std::string(CALIBRANT_TEST_DATA) + "/r1_lgk_minimiser.json");
  const auto reference = nlohmann::json::parse(file);
  const calibrant::toys::Jet jet;
  constexpr int n = 20000;
  int n_rows = 0;
  for (const auto& row : reference["noise_rows"]) {
    const double h = row["h_GeV"];
    if (h < 5.0) continue;  // narrower kernels need more events than a test should draw
    ++n_rows;
    const auto law = jet.law(row["x"]);
    Values values;
    calibrant::Random random(31);
    for (int i = 0; i < n; ++i) values.push_back(law.inverse_cdf(random.uniform()));
    const Estimate mode = kernel_mode(values, h);
    const double exact_error = row["sd_times_sqrt_n"].get<double>() / std::sqrt(n);
    CHECK(std::abs(mode.value - row["minimiser"].get<double>()) < 5.0 * exact_error);
    // The error is a ratio of means over the 20000 f effective values in the kernel: known to 1 to 2 %.
    CHECK(std::abs(mode.error / exact_error - 1.0) < 0.1);
  }
  CHECK(n_rows == 3);
}

TEST_CASE("the kernel mode is the highest point of the smoothed density") {
  calibrant::Random random(8);
  Values values = draw_normal(random, 3000, 0.0, 1.0);
  for (int i = 0; i < 1500; ++i) values.push_back(6.0 + 0.2 * random.normal());  // fewer, but denser
  for (int i = 0; i < 50; ++i) values.push_back(1e6 * random.uniform());         // far tails
  const double h = 0.15;
  const auto density = [&](double at) {
    double sum = 0.0;
    for (const double v : values) sum += std::exp(-0.5 * std::pow((v - at) / h, 2));
    return sum;
  };
  const double mode = kernel_mode(values, h).value;
  for (double at = -3.0; at < 8.0; at += 0.05) REQUIRE(density(at) <= density(mode) * (1.0 + 1e-6));
  CHECK(density(mode + 1e-4) < density(mode));
  CHECK(density(mode - 1e-4) < density(mode));
}

TEST_CASE("the error of the half-sample mode depends on the seed only through noise, and on nothing else") {
  calibrant::Random random(8);
  const Sample sample(draw_normal(random, 4000, 0.0, 1.0));
  CHECK(sample.half_sample_mode({.seed = 5}).error == sample.half_sample_mode({.seed = 5}).error);
  CHECK(sample.half_sample_mode({.seed = 5}).error != sample.half_sample_mode({.seed = 6}).error);
  // Two independent estimates from 128 modes each differ by 1/sqrt(128); 5 sigma is 44 %.
  CHECK(std::abs(sample.half_sample_mode({.seed = 5}).error / sample.half_sample_mode({.seed = 6}).error - 1.0) < 0.44);
}

}  // namespace
