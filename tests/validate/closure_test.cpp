// Closure, resolution and residual dependence on toys whose answers are known.
#include "calibrant/validate/closure.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "pseudo_experiments.hpp"

using namespace calibrant::validate;
using Values = std::vector<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Toy {
  std::vector<float> truth, calibrated;
  Values feature;
};

/// calibrated = truth (1 + shift) (1 + 0.1 gauss) with shift = 0.05 above 100, and a feature of slope `slope`.
Toy make_toy(int n, double slope) {
  calibrant::Random random(77);
  Toy toy;
  for (int i = 0; i < n; ++i) {
    const double truth = random.uniform(20.0, 200.0);
    const double feature = random.uniform();
    const double shift = (truth > 100.0 ? 0.05 : 0.0) + slope * (feature - 0.5);
    toy.truth.push_back(static_cast<float>(truth));
    toy.calibrated.push_back(static_cast<float>(truth * (1.0 + shift) * (1.0 + 0.1 * random.normal())));
    toy.feature.push_back(feature);
  }
  return toy;
}

TEST_CASE("closure finds the bins that do not close, resolution the width") {
  const Toy toy = make_toy(60000, 0.0);
  const Closure result = closure(toy.calibrated, toy.truth, {20, 60, 100, 150, 190});
  const auto& bins = result.profile.bins;
  for (std::size_t b = 0; b < 4; ++b) {
    const double expected = b < 2 ? 1.0 : 1.05;
    for (const auto member : {&ProfileBin::mean, &ProfileBin::median, &ProfileBin::mode, &ProfileBin::core_mean}) {
      CHECK(std::abs((bins[b].*member).value - expected) < 5.0 * (bins[b].*member).error);
      CHECK((bins[b].*member).error < 0.01);
    }
    CHECK(std::abs(bins[b].relative_half_width.value - 0.0994457883) < 5.0 * bins[b].relative_half_width.error);
  }
  CHECK(result.profile.above > 0);
  const Deviation largest = result.largest_deviation();
  CHECK(largest.bin >= 2);
  CHECK(result.max_abs() == std::abs(largest.value));
  CHECK(std::abs(result.max_abs() - 0.05) < 5.0 * largest.error);

  const Resolution width = resolution(toy.calibrated, toy.truth, {20, 60, 100, 150, 190});
  for (std::size_t b = 0; b < 4; ++b)
    CHECK(width.profile.bins[b].relative_half_width.value == bins[b].relative_half_width.value);
}

TEST_CASE("residual dependence is the largest deviation of the median between the 5 and 95 % quantiles") {
  const Toy toy = make_toy(60000, 0.1);
  Values flat = ratio(toy.calibrated, toy.truth);
  for (std::size_t i = 0; i < flat.size(); ++i)
    if (toy.truth[i] > 100.0f) flat[i] -= 0.05;
  const ResidualOptions options{.name = "width"};
  const auto result = residual_dependence(flat, toy.feature, 9, options);
  REQUIRE(result.profile.bins.size() == 9);
  CHECK(std::abs(result.profile.bins[0].low - 0.05) < 0.01);
  CHECK(std::abs(result.profile.bins[8].high - 0.95) < 0.01);
  CHECK(std::abs(static_cast<double>(result.profile.below) / 60000 - 0.05) < 0.001);
  CHECK(std::abs(static_cast<double>(result.profile.above) / 60000 - 0.05) < 0.001);
  CHECK(std::abs(result.overall_median.value - 1.0) < 5.0 * result.overall_median.error);
  // The outer bins are centred at 0.1 and 0.9: 0.4 x 0.1 from the middle.
  CHECK(std::abs(result.max_abs() - 0.04) < 5.0 * std::hypot(result.largest.error, result.overall_median.error));
  CHECK((result.largest.bin == 0 || result.largest.bin == 8));
  // Given bins reach further than the quantiles: events outside of these do not count.
  const auto wide = residual_dependence(flat, toy.feature, BinEdges{0.0, 0.2, 0.8, 1.0}, options);
  CHECK(std::abs(wide.profile.bins[0].x_mean - 0.125) < 0.01);
  CHECK(wide.profile.n_events == 60000);
  CHECK(std::abs(static_cast<double>(wide.profile.below) / 60000 - 0.05) < 0.001);
  CHECK(std::abs(static_cast<double>(wide.profile.above) / 60000 - 0.05) < 0.001);
  CHECK(wide.overall_median.value == median(flat).value);
  std::ostringstream text;
  wide.print(text);
  CHECK(text.str().find("residual dependence on width: overall median") == 0);
}

TEST_CASE("a bin with few events does not decide the residual dependence") {
  calibrant::Random random(2);
  Values response, feature;
  for (int i = 0; i < 2000; ++i) {
    response.push_back(1.0 + 0.01 * random.normal());
    feature.push_back(random.uniform());
  }
  response[0] = 5.0;
  feature[0] = 0.5;
  const BinEdges edges{0.0, 0.4999999, 0.5000001, 1.0};
  CHECK(residual_dependence(response, feature, edges).max_abs() < 0.01);
  CHECK(residual_dependence(response, feature, edges, {.min_n = 1}).max_abs() > 3.0);
  CHECK_THROWS_AS(residual_dependence(response, feature, edges, {.min_n = 5000}), calibrant::Error);
}

TEST_CASE("tables are complete and aligned") {
  const Values truth{1.0, 1.0, 1.0, 3.0, 9.0};
  const Values calibrated{1.0, 1.1, 1.2, 2.7, 9.0};
  const Closure result = closure(calibrated, truth, {0, 2, 2.5, 4});
  std::ostringstream text;
  result.print(text);
  const std::string expected_start =
      "closure: calibrated / true in bins of the truth\n"
      "   true  n            median              mean";
  CHECK(text.str().substr(0, expected_start.size()) == expected_start);
  CHECK(text.str().find("2 - 2.5  0                 -                 -") != std::string::npos);
  CHECK(text.str().find("2.5 - 4  1            0.9000") != std::string::npos);
  CHECK(text.str().find("* the core fit did not converge\n") != std::string::npos);
  CHECK(text.str().find("outside of the bins: 0 below, 1 above, of 5\n") != std::string::npos);
  std::ostringstream resolution_text;
  resolution(calibrated, truth, {0, 2, 2.5, 4}).print(resolution_text);
  CHECK(resolution_text.str().find("half 16-84 % width") != std::string::npos);
}

TEST_CASE("CSV has a row per bin and for what is outside, and reads back to the same bits") {
  const Toy toy = make_toy(3000, 0.0);
  const Closure result = closure(toy.calibrated, toy.truth, {30, 60, 100, 300, 400});
  std::ostringstream csv;
  result.write_csv(csv);
  std::istringstream lines(csv.str());
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream cells(line + ",end");
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
    rows.back().pop_back();
  }
  REQUIRE(rows.size() == 7);
  for (const auto& row : rows) CHECK(row.size() == rows[0].size());
  const auto column = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(rows[0].begin(), rows[0].end(), name) - rows[0].begin());
  };
  CHECK(rows[1][0] == "-inf");
  CHECK(std::stoll(rows[1][column("n")]) == result.profile.below);
  CHECK(rows[6][1] == "inf");
  CHECK(rows[6][column("n")] == "0");
  CHECK(rows[5][column("n")] == "0");
  CHECK(rows[5][column("median")].empty());
  CHECK(rows[5][column("median_error")].empty());
  for (std::size_t b = 0; b < 3; ++b) {
    const ProfileBin& bin = result.profile.bins[b];
    CHECK(std::stod(rows[b + 2][column("median")]) == bin.median.value);
    CHECK(std::stod(rows[b + 2][column("mode_error")]) == bin.mode.error);
    CHECK(std::stod(rows[b + 2][column("relative_half_width")]) == bin.relative_half_width.value);
    CHECK(std::stod(rows[b + 2][column("x_mean")]) == bin.x_mean);
  }
}

TEST_CASE("bad data is refused with its place") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(closure(Values{1.0, 1.0}, Values{1.0, 0.0}, {0, 1}),
                       "ratio of calibrated to truth: expected a finite truth above 0, found 0.000000 at index 1",
                       calibrant::Error);
  CHECK_THROWS_AS(closure(Values{1.0}, Values{nan}, {0, 1}), calibrant::Error);
  CHECK_THROWS_AS(closure(Values{1.0}, Values{infinity}, {0, 1}), calibrant::Error);
  CHECK_THROWS_AS(closure(Values{nan}, Values{1.0}, {0, 1}), calibrant::Error);
  CHECK_THROWS_AS(closure(Values{1.0, 2.0}, Values{1.0}, {0, 1}), calibrant::Error);
  CHECK_THROWS_AS(closure(Values{}, Values{}, {0, 1}).max_abs(), calibrant::Error);
  CHECK_THROWS_AS(residual_dependence(Values{1.0}, Values{nan}), calibrant::Error);
  CHECK_THROWS_AS(residual_dependence(Values{1.0}, Values{1.0, 2.0}), calibrant::Error);
  CHECK_THROWS_AS(residual_dependence(Values{}, Values{}), calibrant::Error);
}

}  // namespace
