#include "calibrant/calibration/check_edges.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "calibrant/invert/function_response.hpp"

using namespace calibrant;

namespace {

/// L = x (0.5 + theta_0 (x - 20) / 20) from 20 to 100: at 20 R is 0.5, R' theta_0 / 20 and R/x 0.025.
template <class Extrapolation>
auto calibration(Extrapolation extrapolation) {
  return Calibration(invert::function_response<1, float>(
                         []<class X>(const X& x, const auto* theta) {
                           return x * calibrant::fma(X(theta[0]), (x - X(20.0f)) * X(0.05f), X(0.5f));
                         },
                         {20.0f, 100.0f}, {{{-1.0f, 2.0f}}}),
                     invert::Newton{}, extrapolation);
}

template <class C>
std::string refusal(const C& object, const std::vector<float>& theta) {
  try {
    check_edges(object, row_major<float>(theta, 1));
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("a ratio that is too steep for its line is named, with its object") {
  const auto lines = calibration(extrapolate::LinearRatio{});
  CHECK(refusal(lines, {0.0f, 0.3f, 0.499f}) == "none");
  CHECK(refusal(lines, {0.0f, 0.501f, 0.6f}) ==
        "check_edges, x = 20.000000, row 1 with theta 0.501000: expected for linear_ratio, a ratio L/x that rises no "
        "faster than (L/x)/x at the edge, and x > 0 there, found L = 10.000000, dL/dx = 1.001000");
  // What it finds is what calls cannot answer.
  CHECK(lines(5.0f, {0.499f}).status == Status::extrapolated_low);
  CHECK(lines(5.0f, {0.501f}).status == Status::not_invertible);
  // Other policies take any slope that rises; the cut-off is where the slope counts.
  CHECK(refusal(calibration(extrapolate::Linear{}), {0.6f}) == "none");
  using Cut = extrapolate::Sides<extrapolate::LinearRatio, extrapolate::Freeze>;
  CHECK(refusal(calibration(Cut{.low = 40.0}), {0.6f}) != "none");  // R is 1.1 at 40, R' 0.03 > 1.1 / 40
  CHECK(refusal(calibration(Cut{.low = 40.0}), {0.4f}) == "none");  // 0.9, 0.02 <= 0.9 / 40
}

TEST_CASE("a response that does not rise at an edge, or has no number there") {
  const auto linear = calibration(extrapolate::Linear{});
  // L = x (0.7 - x / 100) for theta -0.2: falls from 35 on.
  CHECK(refusal(linear, {-0.2f})
            .starts_with("check_edges, x = 100.000000, row 0 with theta -0.200000: expected a response that rises, "
                         "found L = -30."));
  const auto rejecting = calibration(extrapolate::Reject{});
  CHECK(refusal(rejecting, {-0.2f}) != "none");
  CHECK(refusal(rejecting, {0.1f}) == "none");
  // Negative factors: L = x - 30.
  const Calibration frozen(
      invert::function_response<0, double>([]<class X>(const X& x, const auto*) { return x - X(30.0); }, {20.0, 100.0}),
      invert::Newton{}, extrapolate::Freeze{});
  CHECK_THROWS_WITH_AS(
      check_edges(frozen),
      "check_edges, x = 20.000000: expected an answer of freeze, found L = -10.000000, dL/dx = 1.000000", Error);
}

TEST_CASE("theta of another shape, and no numbers, are refused") {
  const auto linear = calibration(extrapolate::Linear{});
  CHECK(refusal(linear, {}) == "none");  // nothing to look at
  CHECK_THROWS_WITH_AS(check_edges(linear, row_major<float>(std::vector<float>{1.0f, 2.0f}, 2)),
                       "check_edges: expected theta of 1 column(s), found 2", Error);
  CHECK(refusal(linear, {0.1f, std::numeric_limits<float>::quiet_NaN()})
            .starts_with("check_edges, row 1, feature 0: expected a finite number"));
}
