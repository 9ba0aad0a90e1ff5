#include "calibrant/invert/extrapolate.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/toys/jet.hpp"
#include "responses.hpp"

using namespace responses;
using calibrant::invert::function_response;

namespace {

const toys::Jet toy;

template <class Extrapolation, class S, class Inversion = invert::Newton>
auto toy_calibration() {
  const auto response = function_response<0, S>(JetToy{}, {S(20), S(200)});
  return Calibration(response, Inversion{}, Extrapolation{});
}

/// Everything about an extrapolated answer: the value (NaN for none) and the status, below and above the range.
template <class Extrapolation, class S>
void check_answers(double (*expected)(double y, double edge), Status low, Status high) {
  const auto by_newton = toy_calibration<Extrapolation, S>();
  const auto by_bisection = toy_calibration<Extrapolation, S, invert::Bisection>();
  const double relative = sizeof(S) == 4 ? 2e-6 : 1e-13;
  const auto check = [&](S y, double edge, Status status) {
    const double wanted = expected(static_cast<double>(y), edge);
    for (const auto& [value, is] : {by_newton(y, {}), by_bisection(y, {})}) {
      CAPTURE(y);
      CHECK(is == status);
      if (std::isnan(wanted))
        CHECK(std::isnan(value));
      else
        CHECK(std::abs(static_cast<double>(value) - wanted) <= relative * (20.0 + std::abs(wanted)));
    }
  };
  for (const double y : {12.3, 10.0, 1.0, 0.0, -30.0}) check(static_cast<S>(y), 20.0, low);
  for (const double y : {188.0, 200.0, 300.0, 5000.0}) check(static_cast<S>(y), 200.0, high);
}

double linear(double y, double edge) { return edge + (y - toy.mu(edge)) / toy.mu_slope(edge); }
double freeze(double y, double edge) { return y * edge / toy.mu(edge); }
double clamp(double, double edge) { return edge; }
double reject(double, double) { return std::numeric_limits<double>::quiet_NaN(); }

}  // namespace

TEST_CASE_TEMPLATE("each policy gives its value and its status", S, float, double) {
  check_answers<extrapolate::Linear, S>(linear, Status::extrapolated_low, Status::extrapolated_high);
  check_answers<extrapolate::Freeze, S>(freeze, Status::extrapolated_low, Status::extrapolated_high);
  check_answers<extrapolate::Clamp, S>(clamp, Status::clamped, Status::clamped);
  check_answers<extrapolate::Reject, S>(reject, Status::extrapolated_low, Status::extrapolated_high);
}

TEST_CASE("the linear extrapolation continues value and slope, the others the value or the factor") {
  const auto by_line = toy_calibration<extrapolate::Linear, double>();
  const auto by_factor = toy_calibration<extrapolate::Freeze, double>();
  for (const double edge : {20.0, 200.0}) {
    const double y = toy.mu(edge), step = 1e-4;
    const double outwards = edge < 100.0 ? -step : step;
    const double inside = by_line(y - outwards, {}).value, at = by_line(y, {}).value,
                 outside = by_line(y + outwards, {}).value;
    CHECK(by_line(y + outwards, {}).status != Status::ok);
    CHECK(by_line(y - outwards, {}).status == Status::ok);
    // The inside value is a root, known to 1e-6.
    CHECK(std::abs(at - edge) <= 1e-6 * edge);
    CHECK(std::abs((outside - at) / outwards - 1.0 / toy.mu_slope(edge)) <= 1e-6 * edge / step);
    CHECK(std::abs(outside - 2.0 * at + inside) <= 3e-6 * edge);
    CHECK(std::abs(by_factor(y + outwards, {}).value - edge) <= 1e-6 * edge + 2.0 * step);
  }
  // Far away the line is a line to the last bits.
  const double far = by_line(1000.0, {}).value, farther = by_line(2000.0, {}).value;
  CHECK(std::abs((farther - far) * toy.mu_slope(200.0) - 1000.0) <= 1e-9);
}

TEST_CASE_TEMPLATE("where the response does not rise at the edge, no policy answers", S, float, double) {
  const std::array<S, 4> falling_end{S(-0.2), S(300), S(10), S(100)}, flat{S(0), S(0), S(0), S(1)};
  const auto response = function_response<4, S>(Step{}, {S(10), S(500)});
  const auto check = [&](const auto& calibration) {
    for (const auto& theta : {falling_end, flat}) {
      const auto [value, status] = calibration(S(1000), theta);
      CHECK(std::isnan(value));
      CHECK(status == Status::not_invertible);
    }
  };
  check(Calibration(response, invert::Newton{}, extrapolate::Linear{}));
  check(Calibration(response, invert::Newton{}, extrapolate::Freeze{}));
  check(Calibration(response, invert::Newton{}, extrapolate::Clamp{}));
  check(Calibration(response, invert::Newton{}, extrapolate::Reject{}));
  check(Calibration(response, invert::Bisection{}, extrapolate::Clamp{}));
}

TEST_CASE_TEMPLATE("a factor that is negative or infinite is no correction", S, float, double) {
  const auto frozen = [](S offset) {
    const auto response =
        function_response<0, S>([offset]<class X>(const X& x, const auto*) { return x - X(offset); }, {S(20), S(200)});
    return Calibration(response, invert::Newton{}, extrapolate::Freeze{});
  };
  CHECK(frozen(S(30))(S(-11), {}).status == Status::not_invertible);  // L = -10 at 20
  CHECK(std::isnan(frozen(S(30))(S(-11), {}).value));
  CHECK(frozen(S(20))(S(-1), {}).status == Status::not_invertible);  // L = 0
  CHECK(frozen(S(10))(S(5), {}).status == Status::extrapolated_low);
  CHECK(std::abs(frozen(S(10))(S(5), {}).value - S(10)) <= S(1e-5));
}

TEST_CASE_TEMPLATE("policies work lane by lane", S, float, double) {
  using T = Tile<S>;
  S y[T::n_samples], x[T::n_samples], response[T::n_samples], slope[T::n_samples];
  for (int s = 0; s < T::n_samples; ++s) {
    y[s] = S(10) + S(s);
    x[s] = S(20) + S(0.5) * S(s);
    response[s] = S(12) + S(s);
    slope[s] = S(0.5) + S(0.01) * S(s);
  }
  const auto none = invert::all_lanes<T>(false);
  const invert::Root<T> tile{T::load(x), T::load(response), T::load(slope), none, !none, none, none};
  const auto check = [&](const auto& policy) {
    const T together = policy.apply(T::load(y), tile);
    for (int s = 0; s < T::n_samples; ++s) {
      const invert::Root<S> one{x[s], response[s], slope[s], false, true, false, false};
      const S alone = policy.apply(y[s], one);
      CHECK((std::memcmp(&alone, scalars(&together) + s, sizeof(S)) == 0 || std::isnan(alone)));
      CHECK(std::isnan(alone) == std::isnan(scalars(&together)[s]));
    }
  };
  check(extrapolate::Linear{});
  check(extrapolate::Freeze{});
  check(extrapolate::Clamp{});
  check(extrapolate::Reject{});
  check(extrapolate::LinearRatio{});
  check(extrapolate::Sides<extrapolate::LinearRatio, extrapolate::Freeze>{});
  check(extrapolate::FactorWithin<extrapolate::Linear>{});
}

TEST_CASE_TEMPLATE("the linear ratio is solved by the quadratic formula", S, float, double) {
  // R = 0.5 + x/400: L = x (0.5 + x/400) everywhere, so that the extrapolation must find the root of L itself.
  const auto ratio = [](S at_zero, S slope) {
    return Calibration(
        function_response<0, S>(
            [at_zero, slope]<class X>(const X& x, const auto*) { return x * fma(X(slope), x, X(at_zero)); },
            {S(20), S(100)}),
        invert::Newton{}, extrapolate::LinearRatio{});
  };
  const double relative = sizeof(S) == 4 ? 2e-6 : 1e-14;
  const auto rising = ratio(S(0.5), S(0.0025));
  for (const double x : {0.0, 0.001, 1.0, 10.0, 19.9, 101.0, 500.0}) {
    const auto [value, status] = rising(static_cast<S>(x * (0.5 + 0.0025 * x)), {});
    CAPTURE(x);
    CHECK(std::abs(static_cast<double>(value) - x) <= relative * (20.0 + x));
    CHECK(status == (x < 50.0 ? Status::extrapolated_low : Status::extrapolated_high));
  }
  CHECK(std::abs(static_cast<double>(rising(S(-3), {}).value) + 6.0) <= 6.0 * relative);  // the tangent at 0
  // A falling ratio: L = x (1 - x/400) turns at x = 200, where it is 100.
  const auto falling = ratio(S(1), S(-0.0025));
  CHECK(std::abs(static_cast<double>(falling(S(150 * 0.625), {}).value) - 150.0) <= 150.0 * 10 * relative);
  CHECK(falling(S(101), {}).status == Status::not_invertible);
  CHECK(std::isnan(falling(S(101), {}).value));
  // R = -0.1 + x/100 is 0 at x = 10: too steep at 20, where R/x is 0.005. From the upper edge on it rises for ever.
  const auto steep = ratio(S(-0.1), S(0.01));
  CHECK(steep(S(1), {}).status == Status::not_invertible);
  CHECK(steep(S(50), {}).status == Status::ok);
  CHECK(std::abs(static_cast<double>(steep(S(200 * 1.9), {}).value) - 200.0) <= 200.0 * 10 * relative);
}

TEST_CASE("the linear ratio continues value and slope") {
  const auto calibration = toy_calibration<extrapolate::LinearRatio, double>();
  for (const double edge : {20.0, 200.0}) {
    const double y = toy.mu(edge), step = edge < 100.0 ? 1e-4 : -1e-4;
    const double outside = calibration(y - step, {}).value;
    CHECK(calibration(y - step, {}).status != Status::ok);
    // Second differences of the inverse are L'' / L'^3 step^2 < 1e-9; the slope itself is known to 1e-6 edge / step
    // from a root, so the extrapolation's own two points are taken.
    const double farther = calibration(y - 2 * step, {}).value;
    CHECK(std::abs((outside - farther) / step - 1.0 / toy.mu_slope(edge)) <= 1e-5);
    CHECK(std::abs(2 * outside - farther - edge) <= 1e-8);
  }
}

TEST_CASE_TEMPLATE("each side has its own policy, from a cut-off on", S, float, double) {
  using Both = extrapolate::Sides<extrapolate::Linear, extrapolate::Clamp>;
  const auto response = function_response<0, S>(JetToy{}, {S(20), S(200)});
  const Calibration calibration(response, invert::Newton{}, Both{.low = 30.0, .high = 150.0});
  const Calibration whole(response, invert::Newton{}, Both{});
  CHECK(calibration.solved_range().low == S(30));
  CHECK(calibration.solved_range().high == S(150));
  CHECK(calibration.truth_range().low == S(20));
  CHECK(whole.solved_range().low == S(20));
  CHECK(whole.solved_range().high == S(200));
  const double relative = sizeof(S) == 4 ? 2e-6 : 1e-13;
  const auto at = [&](double x) { return static_cast<S>(toy.mu(x)); };
  CHECK(calibration(at(31), {}).status == Status::ok);
  const auto [low, low_status] = calibration(at(25), {});
  CHECK(low_status == Status::extrapolated_low);
  CHECK(std::abs(static_cast<double>(low) - (30.0 + (static_cast<double>(at(25)) - toy.mu(30)) / toy.mu_slope(30))) <=
        30.0 * relative);
  CHECK(calibration(at(151), {}).value == S(150));
  CHECK(calibration(at(151), {}).status == Status::clamped);
  CHECK(whole(at(151), {}).status == Status::ok);
  CHECK(whole(at(19), {}).status == Status::extrapolated_low);

  // A side that rejects has the status of its side and no value; the other side is not asked.
  using Mixed = extrapolate::Sides<extrapolate::Reject, extrapolate::Freeze>;
  const Calibration mixed(response, invert::Newton{}, Mixed{});
  CHECK(mixed(at(19), {}).status == Status::extrapolated_low);
  CHECK(std::isnan(mixed(at(19), {}).value));
  CHECK(mixed(at(210), {}).status == Status::extrapolated_high);
  CHECK(std::isfinite(mixed(at(210), {}).value));
}

TEST_CASE_TEMPLATE("the correction factor stays within its limits", S, float, double) {
  // x / y is 3 at x = 30, 1.5 at 60, 0.75 at 120: L = x^2 / 90.
  using Limited = extrapolate::FactorWithin<extrapolate::Sides<extrapolate::Linear, extrapolate::Reject>>;
  const auto square = function_response<0, S>([]<class X>(const X& x, const auto*) { return x * x * X(S(1.0 / 90.0)); },
                                              {S(20), S(300)});
  const Calibration calibration(square, invert::Newton{},
                                Limited{.lowest = 0.5, .highest = 2.0, .policy = {.low = 25.0, .high = 250.0}});
  const double relative = sizeof(S) == 4 ? 4e-6 : 1e-6;  // Newton's default tolerance
  const auto answer = [&](double y, double expected, Status status) {
    const auto [value, is] = calibration(static_cast<S>(y), {});
    CAPTURE(y);
    CHECK(is == status);
    CHECK(std::abs(static_cast<double>(value) - expected) <= relative * expected);
  };
  answer(40.0, 60.0, Status::ok);
  answer(10.0, 20.0, Status::clamped);          // the root is 30
  answer(6.0, 12.0, Status::extrapolated_low);  // the line gives 23
  answer(360.0, 180.0, Status::ok);             // just 0.5
  answer(640.0, 320.0, Status::clamped);        // the root is 240
  CHECK(calibration(S(700), {}).status == Status::extrapolated_high);
  CHECK(std::isnan(calibration(S(700), {}).value));  // rejected: not limited to a number
  CHECK(calibration(S(-1), {}).value ==
        Calibration(square, invert::Newton{}, extrapolate::Sides<extrapolate::Linear>{.low = 25.0, .high = 250.0})(
            S(-1), {})
            .value);
}

TEST_CASE("settings that make no sense are refused") {
  const auto response = function_response<0, float>(JetToy{}, {20.0f, 200.0f});
  const auto with = [&](auto extrapolation) { return Calibration(response, invert::Newton{}, extrapolation); };
  using Both = extrapolate::Sides<extrapolate::Linear>;
  using Limited = extrapolate::FactorWithin<extrapolate::Linear>;
  CHECK_THROWS_WITH_AS(
      with(Both{.low = 10.0}),
      "extrapolation sides(linear, linear): expected cut-offs in their order within the trained range, "
      "20.000000 to 200.000000, found 10.000000 and 200.000000",
      Error);
  CHECK_THROWS_AS(with(Both{.high = 201.0}), Error);
  CHECK_THROWS_AS(with(Both{.low = 100.0, .high = 90.0}), Error);
  CHECK_THROWS_AS(with(Both{.low = std::nan("")}), Error);
  CHECK_THROWS_WITH_AS(with(Limited{.lowest = 2.0, .highest = 0.5}),
                       "extrapolation factor_within(linear): expected factors 0 < lowest < highest, found 2.000000 and "
                       "0.500000",
                       Error);
  CHECK_THROWS_AS(with(Limited{.lowest = 0.0}), Error);
  CHECK_THROWS_AS(with(Limited{.highest = std::numeric_limits<double>::infinity()}), Error);
  CHECK_THROWS_AS(with(extrapolate::FactorWithin<Both>{.policy = {.low = 10.0}}), Error);
}

TEST_CASE("policies have names of their own") {
  CHECK(std::string(extrapolate::Linear::name) == "linear");
  CHECK(std::string(extrapolate::Freeze::name) == "freeze");
  CHECK(std::string(extrapolate::Clamp::name) == "clamp");
  CHECK(std::string(extrapolate::Reject::name) == "reject");
  CHECK(std::string(extrapolate::LinearRatio::name) == "linear_ratio");
  CHECK(std::string(extrapolate::FactorWithin<extrapolate::Sides<extrapolate::Linear, extrapolate::Freeze>>::name) ==
        "factor_within(sides(linear, freeze))");
  int settings = 0;
  extrapolate::Linear linear_policy;
  extrapolate::Linear::each_setting(linear_policy, [&](const char*, auto&) { ++settings; });
  CHECK(settings == 0);
}
