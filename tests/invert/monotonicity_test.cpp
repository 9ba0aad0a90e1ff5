#include "calibrant/invert/monotonicity.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <vector>

#include "responses.hpp"

using namespace responses;
using calibrant::invert::check_monotonicity;
using calibrant::invert::function_response;

namespace {

/// Slope x - theta_0: bad below theta_0, worst at the lowest x for the largest theta_0.
template <class S>
auto parabola() {
  return function_response<2, S>(
      []<class X>(const X& x, const auto* theta) { return fma(X(S(0.5)) * x, x, -X(theta[0]) * x) + X(theta[1]); },
      {S(1), S(11)});
}

}  // namespace

TEST_CASE_TEMPLATE("the bad region is found, counted, and its worst point named", S, float, double) {
  const auto response = parabola<S>();
  // From -5 to 5 there are 21 points, linear since the range does not stay above 0: -5, -4.5, ... 5.
  for (const int n : {1, 2, 63, 64, 65, 200}) {
    std::vector<S> theta;
    const int bad = n / 2;
    for (int i = 0; i < n; ++i) theta.insert(theta.end(), {i == bad ? S(-0.25) : S(-10), S(i)});
    const auto report = check_monotonicity<decltype(response)>(response, theta, {S(-5), S(5)}, 21);
    CHECK(report.n_objects == n);
    CHECK(report.n_points == 21 * n);
    CHECK(report.n_bad_objects == 1);
    CHECK(report.n_bad_points == 10);  // -5 ... -0.5
    CHECK_FALSE(report.monotone());
    CHECK(std::abs(report.smallest_slope + S(4.75)) <= S(1e-5));
    CHECK(std::abs(report.worst_x + S(5)) <= S(1e-5));
    REQUIRE(report.worst_theta.size() == 2);
    CHECK(std::abs(report.worst_theta[0] + S(0.25)) <= S(0));
    CHECK(std::abs(report.worst_theta[1] - S(bad)) <= S(0));
  }
}

TEST_CASE_TEMPLATE("points are logarithmic in a positive range, and include both edges", S, float, double) {
  std::vector<S> seen;
  const auto response = function_response<0, S>(
      [&seen]<class X>(const X& x, const auto*) {
        if constexpr (is_dual<X>) seen.push_back(x.value[0]);
        return x;
      },
      {S(1), S(1000)});
  const auto report = check_monotonicity(response, {}, {S(1), S(1000)}, 4);
  REQUIRE(seen.size() == 4);
  for (int i = 0; i < 4; ++i)
    CHECK(std::abs(static_cast<double>(seen[static_cast<std::size_t>(i)]) / std::pow(10.0, i) - 1.0) <= 1e-6);
  CHECK(seen[3] <= S(1000));
  CHECK(seen[3] >= S(1000));
  CHECK(report.monotone());
  CHECK(report.n_objects == 1);
  CHECK(report.n_points == 4);
  CHECK(std::abs(report.smallest_slope - S(1)) <= S(0));
}

TEST_CASE_TEMPLATE("flat is bad, and a slope that is no number is the worst of all", S, float, double) {
  const auto flat = function_response<0, S>([]<class X>(const X& x, const auto*) { return X(S(0)) * x; }, {S(1), S(2)});
  CHECK(check_monotonicity(flat, {}, {S(1), S(2)}, 5).n_bad_points == 5);

  // log(x - 3) has no slope below 3; falls nowhere.
  const auto partly = function_response<1, S>(
      []<class X>(const X& x, const auto* theta) { return sqrt(x - X(theta[0])); }, {S(1), S(11)});
  const std::vector<S> theta{S(0), S(3), S(-1)};
  const auto report = check_monotonicity<decltype(partly)>(partly, theta, {S(1), S(11)}, 11);
  CHECK(std::isnan(report.smallest_slope));
  REQUIRE(report.worst_theta.size() == 1);
  CHECK(std::abs(report.worst_theta[0] - S(3)) <= S(0));
  CHECK(report.worst_x < S(3));
  CHECK(report.n_bad_objects == 1);
}

TEST_CASE("the report is printed") {
  const auto response = parabola<double>();
  const std::vector<double> theta{2.0, 7.0};
  std::ostringstream out;
  check_monotonicity<decltype(response)>(response, theta, {-1.0, 5.0}, 4).print(out);
  CHECK(out.str() ==
        "monotonicity: dL/dx <= 0 at 2 of 4 points, for 1 of 1 objects; smallest slope -3 at x = -1, theta = 2 7\n");
}

TEST_CASE("bad input is refused") {
  const auto response = parabola<double>();
  const std::vector<double> theta{1.0, 2.0}, cut{1.0, 2.0, 3.0}, none;
  const auto check = [&](const std::vector<double>& values, Range<double> range, int points) {
    check_monotonicity<decltype(response)>(response, values, range, points);
  };
  CHECK_NOTHROW(check(theta, {1.0, 2.0}, 2));
  CHECK_THROWS_WITH_AS(check(theta, {2.0, 2.0}, 5),
                       "check_monotonicity: expected a finite range with low < high, found 2.000000 to 2.000000",
                       Error);
  CHECK_THROWS_AS(check(theta, {2.0, 1.0}, 5), Error);
  CHECK_THROWS_AS(check(theta, {1.0, infinity<double>}, 5), Error);
  CHECK_THROWS_AS(check(theta, {not_a_number<double>, 1.0}, 5), Error);
  CHECK_THROWS_WITH_AS(check(theta, {1.0, 2.0}, 1), "check_monotonicity: expected two points or more, found 1", Error);
  CHECK_THROWS_WITH_AS(check(cut, {1.0, 2.0}, 5),
                       "check_monotonicity, theta: expected rows of 2 values, found 3 values", Error);
  CHECK_THROWS_AS(check(none, {1.0, 2.0}, 5), Error);
  const auto bare = function_response<0, double>([](const auto& x, const auto*) { return x; }, {1.0, 2.0});
  CHECK_THROWS_AS(check_monotonicity<decltype(bare)>(bare, theta, {1.0, 2.0}, 5), Error);
}
