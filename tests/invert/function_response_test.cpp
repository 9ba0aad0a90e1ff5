#include "calibrant/invert/function_response.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "calibrant/concepts.hpp"
#include "calibrant/toys/jet.hpp"
#include "responses.hpp"

using namespace responses;
using calibrant::invert::function_response;

TEST_CASE_TEMPLATE("value and slope of a formula", S, float, double) {
  const toys::Jet toy;
  const auto response = function_response<0, S>(JetToy{}, {S(20), S(200)});
  static_assert(Response<std::remove_const_t<decltype(response)>>);
  static_assert(response.n_theta == 0);
  const double relative = sizeof(S) == 4 ? 1e-6 : 1e-14;
  for (double x = -50.0; x < 300.0; x += 7.0) {
    const auto at = response.response(static_cast<S>(x), {});
    CHECK(std::abs(static_cast<double>(at.value) - toy.mu(x)) <= relative * (20.0 + std::abs(x)));
    CHECK(std::abs(static_cast<double>(at.slope) - toy.mu_slope(x)) <= relative * 5.0);
    CHECK(std::abs(response.response_value(static_cast<S>(x), {}) - at.value) <= S(0));
  }
  CHECK(response.truth_range().low <= S(20));
  CHECK(response.truth_range().high >= S(200));
}

TEST_CASE_TEMPLATE("features reach the formula, alone and in tiles", S, float, double) {
  const std::array<S, 4> theta{S(0.5), S(20), S(100), S(30)};
  const auto response = function_response<4, S>(Step{}, {S(10), S(500)});
  typename decltype(response)::template Encoded<S> encoded;
  response.encode(theta.data(), encoded);
  const auto one = response.response(S(120), encoded);
  CHECK(std::abs(static_cast<double>(one.value) - (60.0 + 20.0 * std::tanh(2.0 / 3.0))) <= 1e-4);

  using T = Tile<S>;
  const T wide[4] = {T(theta[0]), T(theta[1]), T(theta[2]), T(theta[3])};
  typename decltype(response)::template Encoded<T> encoded_tile;
  response.encode(wide, encoded_tile);
  const auto tile = response.response(T(S(120)), encoded_tile);
  for (int s = 0; s < T::n_samples; ++s) {
    CHECK((std::memcmp(&one.value, scalars(&tile.value) + s, sizeof(S)) == 0));
    CHECK((std::memcmp(&one.slope, scalars(&tile.slope) + s, sizeof(S)) == 0));
  }
}

TEST_CASE("features have the limits that are given, or none") {
  const auto limited =
      function_response<1>([](const auto& x, const auto*) { return x; }, {1.f, 2.f}, {{{-2.5f, 2.5f}}});
  CHECK(limited.theta_range(0).low >= -2.5f);
  CHECK(limited.theta_range(0).high <= 2.5f);
  CHECK(limited.uses_theta(0));
  const auto free = function_response<2>([](const auto& x, const auto*) { return x; }, {1.f, 2.f});
  for (const int i : {0, 1}) {
    CHECK(free.theta_range(i).low < -1e38f);
    CHECK(free.theta_range(i).high > 1e38f);
  }
}
