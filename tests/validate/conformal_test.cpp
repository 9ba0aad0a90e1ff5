#include "calibrant/validate/conformal.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/validate/coverage.hpp"

using namespace calibrant;
using validate::BinEdges;
using validate::Conformal;
using validate::CoverageIn;

namespace {

/// Calibrated values around truths of a falling spectrum, skewed, with a resolution that depends on the truth, and a
/// bias that nobody has calibrated away.
struct Events {
  std::vector<double> value, truth, scale;

  Events(int n, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < n; ++i) {
      const double x = 20.0 / std::pow(random.uniform(0.01, 1.0), 0.5);
      const double sigma = 0.5 * std::sqrt(x), z = random.normal();
      truth.push_back(x);
      value.push_back(x + sigma * (z + 0.3 * z * z) + 1.0);
      scale.push_back(std::sqrt(std::max(value.back(), 1.0)));
    }
  }
};

/// Coverage of new events in the bins that the intervals were made for.
validate::Coverage coverage_of(const Conformal& conformal, const Events& events) {
  std::vector<double> low, high;
  for (std::size_t i = 0; i < events.value.size(); ++i) {
    const auto interval = conformal(events.value[i], events.scale[i]);
    low.push_back(interval.low);
    high.push_back(interval.high);
  }
  return validate::coverage(low, high, events.truth, conformal.in() == CoverageIn::truth ? events.truth : events.value,
                            conformal.edges());
}

}  // namespace

// Noise of the coverage in a bin: binomial of the new events, and of the ranks of the sample, which is as large. Bins
// have more than 20,000 events in each: sqrt(2 * 0.68 * 0.32 / 20,000) = 0.0047, 5 of them 0.024; for 0.95, 0.011.
TEST_CASE("the coverage of new events holds in every bin") {
  const Events sample(400'000, 1), events(400'000, 2);
  for (const CoverageIn in : {CoverageIn::calibrated, CoverageIn::truth})
    for (const double wanted : {0.68, 0.95}) {
      const Conformal conformal(sample.value, sample.truth, sample.scale, {21.0, 25.0, 30.0, 40.0, 60.0, 100.0}, wanted,
                                in);
      CHECK(conformal.coverage() == wanted);
      for (const auto& bin : coverage_of(conformal, events).bins) {
        CAPTURE(bin.low);
        REQUIRE(bin.n > 20'000);
        // Spanning the truths of all bins that fit may cover a little more, at the bins' edges.
        const double tolerance = wanted < 0.8 ? 0.024 : 0.011;
        CHECK(bin.fraction() > wanted - tolerance);
        CHECK(bin.fraction() < wanted + tolerance + (in == CoverageIn::truth ? 0.03 : 0.0));
      }
    }
}

TEST_CASE("the ends are order statistics") {
  // Scores -4 to 4: with 9 of them and a coverage of 0.8 the tails hold one each, with 0.6 two.
  std::vector<double> value, truth(9, 50.0), scale(9, 2.0);
  for (int i = -4; i <= 4; ++i) value.push_back(50.0 + 2.0 * i);
  const Conformal wide(value, truth, scale, {0.0, 100.0}, 0.8), narrow(value, truth, scale, {0.0, 100.0}, 0.6);
  const auto interval = wide(60.0, 1.0);
  CHECK(interval.status == Status::ok);
  CHECK(interval.low == 56.0);
  CHECK(interval.high == 64.0);
  CHECK(narrow(60.0f, 2.0f).low == 54.0f);
  CHECK(narrow(60.0f, 2.0f).high == 66.0f);
  CHECK_THROWS_WITH_AS(
      Conformal(value, truth, scale, {0.0, 100.0}, 0.9),
      "Conformal, bin 0.000000 to 100.000000: expected at least 19 objects for a coverage of 0.900000, "
      "found 9",
      Error);
}

TEST_CASE("in bins of the truth, an interval spans the truths that fit") {
  // Below 50 the values are right to +-1, above they are 10 too high, to +-2.
  std::vector<double> value, truth, scale;
  for (int i = -4; i <= 4; ++i) {
    truth.insert(truth.end(), {25.0, 75.0});
    value.insert(value.end(), {25.0 + 0.25 * i, 85.0 + 0.5 * i});
    scale.insert(scale.end(), {1.0, 1.0});
  }
  const Conformal conformal(value, truth, scale, {0.0, 50.0, 100.0}, 0.8, CoverageIn::truth);
  CHECK(conformal(30.0, 1.0).low == 29.0);
  CHECK(conformal(30.0, 1.0).high == 31.0);
  CHECK(conformal(90.0, 1.0).low == 78.0);
  CHECK(conformal(90.0, 1.0).high == 82.0);
  CHECK(conformal(59.5, 1.0).low == 50.0);  // 47.5 to 51.5, as far as it is above 50
  CHECK(conformal(59.5, 1.0).high == 51.5);
  CHECK(conformal(50.5, 1.0).low == 49.5);
  CHECK(conformal(50.5, 1.0).high == 50.0);
  CHECK(conformal(55.0, 1.0).status == Status::out_of_range);  // 54 to 56 is not below 50, 43 to 47 not above
  CHECK(std::isnan(conformal(55.0, 1.0).low));
}

TEST_CASE("numbers that make no interval") {
  const Events sample(1000, 3);
  const Conformal conformal(sample.value, sample.truth, sample.scale, {20.0, 200.0}, 0.68);
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (const auto& [value, scale] :
       {std::pair{nan, 1.0}, {50.0, nan}, {infinity, 1.0}, {50.0, infinity}, {50.0, 0.0}}) {
    CHECK(conformal(value, scale).status == Status::invalid_input);
    CHECK(std::isnan(conformal(value, scale).high));
  }
  CHECK(conformal(19.0, 1.0).status == Status::out_of_range);
  CHECK(conformal(201.0, 1.0).status == Status::out_of_range);
}

TEST_CASE("samples that cannot be used are refused") {
  const std::vector<double> good(10, 1.0), few(9, 1.0), none(10, 0.0);
  std::vector<double> bad = good;
  bad[3] = std::nan("");
  const BinEdges edges{0.0, 2.0};
  const auto refused = [&](const auto& value, const auto& truth, const auto& scale, double coverage, const char* text) {
    CHECK_THROWS_WITH_AS(Conformal(value, truth, scale, edges, coverage), doctest::Contains(text), Error);
  };
  refused(good, few, good, 0.5, "as many truths and scales as values (10), found 9 and 10");
  refused(good, good, few, 0.5, "found 10 and 9");
  refused(bad, good, good, 0.5, "Conformal, value: expected finite numbers, found 1 NaN");
  refused(good, bad, good, 0.5, "Conformal, truth");
  refused(good, good, bad, 0.5, "Conformal, scale");
  refused(good, good, none, 0.5, "numbers above 0, found 10 that are not");
  refused(good, good, good, 1.0, "Conformal, coverage: expected a number between 0 and 1");
  refused(good, good, good, std::nan(""), "Conformal, coverage");
  refused(std::vector<double>{}, std::vector<double>{}, std::vector<double>{}, 0.5, "at least 3 objects");
}
