#include "calibrant/validate/calibrated.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <sstream>

#include "calibrant/invert/function_response.hpp"

namespace {

using namespace calibrant;

/// L = 0.8 x (1 + 0.1 theta) on 10 to 100 GeV: its inverse is exact.
auto scale_calibration() {
  return Calibration(invert::function_response<1, double>(
      [](const auto& x, const auto* theta) {
        using T = std::decay_t<decltype(x)>;
        return T(x) * T(0.8) * (T(1.0) + T(0.1) * T(theta[0]));
      },
      {10.0, 100.0}, {{{-1.0, 1.0}}}));
}
BasicTable<double> table(std::vector<double> values) {
  return BasicTable<double>({"true_pt", "eta", "reco_pt", "weight"}, std::move(values), "jets");
}

}  // namespace

TEST_CASE("a dataset is calibrated, and what has no value is counted") {
  const auto calibration = Calibration(scale_calibration().response(), invert::Newton{}, extrapolate::Reject{});
  const BasicDataset<double> jets(table({20, 0.5, 20 * 0.8 * 1.05, 1,   //
                                         50, -0.5, 50 * 0.8 * 0.95, 2,  //
                                         90, 0.1, 200, 3}),
                                  {"true_pt", "eta"}, "reco_pt", {.weight = "weight"});
  const auto events = validate::calibrate(calibration, jets);
  REQUIRE(events.calibrated.size() == 2);
  CHECK(events.calibrated[0] == doctest::Approx(20.0).epsilon(1e-6));
  CHECK(events.calibrated[1] == doctest::Approx(50.0).epsilon(1e-6));
  CHECK(events.truth == std::vector<double>{20.0, 50.0});
  CHECK(events.weight == std::vector<double>{1.0, 2.0});
  CHECK(events.event == std::vector<std::int64_t>{0, 1});
  CHECK(events.count(Status::ok) == 2);
  CHECK(events.count(Status::extrapolated_high) == 1);
  std::ostringstream out;
  events.print_statuses(out);
  CHECK(out.str().find("2 ok, 0 extrapolated_low, 1 extrapolated_high") != std::string::npos);
}

TEST_CASE("every status is counted") {
  const Calibration calibration(scale_calibration().response(), invert::Newton{}, extrapolate::Linear{},
                                {OutOfRange::reject});
  const BasicDataset<double> jets(table({20, 0.5, 20 * 0.8 * 1.05, 1,  //
                                         50, -1.5, 40, 2,              //
                                         90, 1.1, 200, 3}),
                                  {"true_pt", "eta"}, "reco_pt");
  const auto events = validate::calibrate(calibration, jets);
  CHECK(events.status_counts.size() == static_cast<std::size_t>(n_statuses));
  CHECK(events.count(Status::out_of_range) == 2);
  CHECK(events.calibrated.size() == 1);
  std::ostringstream out;
  events.print_statuses(out);
  CHECK(
      out.str() ==
      "1 ok, 0 extrapolated_low, 0 extrapolated_high, 0 clamped, 0 not_invertible, 0 invalid_input, 2 out_of_range\n");
  CHECK(to_string(static_cast<Status>(n_statuses - 1)) != "unknown");
  CHECK(to_string(static_cast<Status>(n_statuses)) == "unknown");
}

TEST_CASE("the closure of a calibration uses the dataset's weights") {
  const auto calibration = scale_calibration();
  // Twice the truth with weight 1, half the truth with weight 3: the weighted mean of the ratio is 0.875.
  const BasicDataset<double> jets(table({30, 0, 30 * 0.8 * 2, 1,  //
                                         40, 0.5, 40 * 0.8 * 1.05 * 0.5, 3}),
                                  {"true_pt", "eta"}, "reco_pt", {.weight = "weight"});
  const auto closure = validate::closure(calibration, jets, {10, 100});
  REQUIRE(closure.profile.bins.size() == 1);
  CHECK(closure.profile.bins[0].n == 2);
  CHECK(closure.profile.bins[0].mean.value == doctest::Approx(0.875).epsilon(1e-6));
}

TEST_CASE("a dataset with other features is refused") {
  const BasicDataset<double> jets(table({30, 0, 24, 1, 40, 0.5, 32, 1}), {"true_pt"}, "reco_pt");
  CHECK_THROWS_WITH_AS(validate::calibrate(scale_calibration(), jets),
                       "calibrating jets: expected 2 features, the truth first, found 1", Error);
}

TEST_CASE("targets have units, and ignored features may be anything") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const BasicDataset<double> jets(table({30, nan, 24, 1, 40, 0.5, 32, 1}),
                                  {"true_pt", Feature("eta", Transform::ignored)}, "reco_pt",
                                  {.target_units = {"GeV"}});
  CHECK(jets.target_units() == std::vector<std::string>{"GeV"});
  CHECK(jets.n_events() == 2);
  CHECK(jets.feature(0, 1) == 0.0);
}
