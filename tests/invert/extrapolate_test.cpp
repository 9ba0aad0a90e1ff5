#include "calibrant/invert/extrapolate.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
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
}

TEST_CASE("policies have names of their own and no settings") {
  CHECK(std::string(extrapolate::Linear::name) == "linear");
  CHECK(std::string(extrapolate::Freeze::name) == "freeze");
  CHECK(std::string(extrapolate::Clamp::name) == "clamp");
  CHECK(std::string(extrapolate::Reject::name) == "reject");
  int settings = 0;
  extrapolate::Linear linear_policy;
  extrapolate::Linear::each_setting(linear_policy, [&](const char*, auto&) { ++settings; });
  CHECK(settings == 0);
}
