// Profiles: every event is counted once, bins agree with samples made by hand, empty bins stay out of summaries.
#include "calibrant/validate/profile.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "calibrant/toys/jet.hpp"
#include "pseudo_experiments.hpp"

using namespace calibrant::validate;
using Values = std::vector<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void check_same(Estimate a, Estimate b) {
  CHECK(a.value == b.value);
  CHECK(a.error == b.error);
}

TEST_CASE("each bin holds the statistics of its events") {
  calibrant::Random random(3);
  Values x, y, w;
  for (int i = 0; i < 6000; ++i) {
    x.push_back(random.uniform(0.0, 40.0));
    y.push_back(1.0 + 0.01 * x.back() + 0.1 * random.normal());
    w.push_back(random.uniform(0.5, 2.0));
  }
  const BinEdges edges{5, 10, 30, 38};
  for (const bool weighted : {false, true})
    for (const ModeMethod mode : {ModeMethod::kernel, ModeMethod::half_sample}) {
      ProfileOptions options{.mode = mode, .core = {.n_sigma = 2.0}};
      if (weighted) options.weights = w;
      const Profile result = profile(y, x, edges, options);
      REQUIRE(result.bins.size() == 3);
      for (std::size_t b = 0; b < 3; ++b) {
        Values bin_y, bin_w;
        double sum_x = 0.0, sum_w = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i)
          if (x[i] >= edges.values()[b] && x[i] < edges.values()[b + 1]) {
            bin_y.push_back(y[i]);
            if (weighted) bin_w.push_back(w[i]);
            sum_x += (weighted ? w[i] : 1.0) * x[i];
            sum_w += weighted ? w[i] : 1.0;
          }
        const Sample sample(bin_y, bin_w);
        const ProfileBin& bin = result.bins[b];
        CHECK(bin.n == sample.n());
        CHECK(bin.effective_n == sample.effective_size());
        CHECK(bin.low == edges.values()[b]);
        CHECK(bin.high == edges.values()[b + 1]);
        CHECK(std::abs(bin.x_mean - sum_x / sum_w) < 1e-12);
        check_same(bin.mean, sample.mean());
        check_same(bin.median, sample.median());
        check_same(bin.mode, mode == ModeMethod::kernel ? sample.kernel_mode() : sample.half_sample_mode());
        check_same(bin.half_width, sample.half_width());
        check_same(bin.relative_half_width, sample.relative_half_width());
        const CoreFit core = core_fit(sample, {.n_sigma = 2.0});
        check_same(bin.core_mean, core.mean);
        check_same(bin.core_sigma, core.sigma);
        CHECK(bin.core_converged == core.converged);
      }
    }
}

TEST_CASE("every event is counted once") {
  const Values x{-infinity, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, infinity};
  const Values y(x.size(), 1.0);
  const Values w{1, 1, 1, 0, 1, 1, 1, 1, 1};
  const Profile result = profile(y, x, {1, 2, 3}, {.weights = w});
  CHECK(result.n_events == 9);
  CHECK(result.below == 2);
  CHECK(result.above == 2);
  CHECK(result.without_weight == 1);
  CHECK(result.bins[0].n == 1);
  CHECK(result.bins[1].n == 3);
}

TEST_CASE("statistics of the jet toy come out within their errors") {
  const calibrant::toys::Jet jet;
  // Narrow bins: the law hardly changes inside.
  const auto events = jet.sample<float>(20000, 21, 79.99, 80.01);
  const auto law = jet.law(80.0);
  const Profile result = profile(events.y, events.x, {79, 81});
  const ProfileBin& bin = result.bins[0];
  const auto check = [](Estimate found, double truth) {
    CHECK(std::abs(found.value - truth) < 5.0 * found.error);
    CHECK(found.error < 0.03 * std::abs(truth));
  };
  check(bin.mean, law.mean());
  check(bin.median, law.median());
  check(bin.half_width, law.half_width());
  check(bin.relative_half_width, law.half_width() / law.median());
  // The mode's bandwidth, 2 GeV, shifts it by less than 0.01 GeV.
  check(bin.mode, law.mode());
}

TEST_CASE("empty bins are marked and do not disturb summaries") {
  const Values x{0.5, 0.6, 2.5, 2.6};
  const Values y{1.0, 1.2, 0.7, 0.9};
  const Profile result = profile(y, x, {0, 1, 2, 3});
  CHECK(!result.bins[0].empty());
  CHECK(result.bins[1].empty());
  CHECK(std::isnan(result.bins[1].median.value));
  CHECK(result.bins[1].median.error == infinity);
  const Deviation largest = result.largest_deviation(&ProfileBin::median, 1.0);
  CHECK(largest.bin == 2);
  CHECK(std::abs(largest.value + 0.2) < 1e-14);
  CHECK(largest.error == result.bins[2].median.error);
  CHECK_THROWS_AS(result.largest_deviation(&ProfileBin::median, 1.0, 3), calibrant::Error);
  const Profile nothing = profile(Values{}, Values{}, {0, 1});
  CHECK(nothing.n_events == 0);
  CHECK(nothing.bins[0].empty());
  CHECK_THROWS_AS(nothing.largest_deviation(&ProfileBin::median, 1.0), calibrant::Error);
  // A bin with only weightless events is empty.
  CHECK(profile(y, x, {0, 1, 2, 3}, {.weights = Values{0, 0, 1, 1}}).bins[0].empty());
}

TEST_CASE("a median of 0 has no relative width, and stops nothing") {
  const Profile result = profile(Values{-1.0, 0.0, 1.0}, Values{0.5, 0.5, 0.5}, {0, 1});
  CHECK(std::isnan(result.bins[0].relative_half_width.value));
  CHECK(result.bins[0].half_width.value > 0.0);
}

TEST_CASE("bad data is refused before anything is computed") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(
      profile(Values{1.0, nan}, Values{0.5, 9.0}, {0, 1}),
      "profile, values: expected finite numbers, found 1 NaN or infinite among 2, the first at index 1",
      calibrant::Error);
  CHECK_THROWS_AS(profile(Values{1.0, infinity}, Values{0.5, 0.5}, {0, 1}), calibrant::Error);
  CHECK_THROWS_AS(profile(Values{1.0, 1.0}, Values{0.5, nan}, {0, 1}), calibrant::Error);
  CHECK_THROWS_AS(profile(Values{1.0}, Values{0.5, 0.5}, {0, 1}), calibrant::Error);
  CHECK_THROWS_AS(profile(Values{1.0}, Values{0.5}, {0, 1}, {.weights = Values{-1.0}}), calibrant::Error);
}

}  // namespace
