// Responses with known roots, and a way to look at single lanes of a solution.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "calibrant/invert.hpp"

namespace responses {

using namespace calibrant;
using calibrant::fma;

template <class S>
inline constexpr S infinity = std::numeric_limits<S>::infinity();
template <class S>
inline constexpr S not_a_number = std::numeric_limits<S>::quiet_NaN();

/// The toy's mu(x), arXiv:1910.03773 eq. 4.2, through the library's softplus.
struct JetToy {
  template <class X, class Theta>
  X operator()(const X& x, const Theta*) const noexcept {
    using S = ScalarOf<X>;
    const X bend = softplus(fma(X(S(0.1)), x, X(S(-2.5)))) - softplus(fma(X(S(0.1)), x, X(S(2.5))));
    return fma(X(S(5)), bend, x + X(S(12.5)));
  }
};

/// theta_0 x + theta_1 tanh((x - theta_2) / theta_3): straight, curved, flat, falling, wavy or with a jump.
struct Step {
  template <class X, class Theta>
  X operator()(const X& x, const Theta* theta) const noexcept {
    return fma(X(theta[0]), x, X(theta[1]) * tanh((x - X(theta[2])) / X(theta[3])));
  }
};

/// A power law theta_0 x^theta_1.
struct Power {
  template <class X, class Theta>
  X operator()(const X& x, const Theta* theta) const noexcept {
    return X(theta[0]) * exp(X(theta[1]) * log(x));
  }
};

/// Slope theta_0 below theta_2 and theta_1 above, theta_3 at the kink: what a network of ReLUs is made of.
struct Kink {
  template <class X, class Theta>
  X operator()(const X& x, const Theta* theta) const noexcept {
    const X d = x - X(theta[2]);
    return fma(select(d > X(ScalarOf<X>(0)), X(theta[1]), X(theta[0])), d, X(theta[3]));
  }
};

/// One lane of a solution, or a solution of one object.
template <class S>
struct Solution {
  S x, response, slope;
  bool solved, below, above, failed;

  int n_set() const { return int{solved} + int{below} + int{above} + int{failed}; }
  friend bool operator==(const Solution& a, const Solution& b) {
    const auto same = [](S u, S v) { return std::memcmp(&u, &v, sizeof(S)) == 0 || (std::isnan(u) && std::isnan(v)); };
    return same(a.x, b.x) && same(a.response, b.response) && same(a.slope, b.slope) && a.solved == b.solved &&
           a.below == b.below && a.above == b.above && a.failed == b.failed;
  }
};
template <class S>
Solution<S> lane_of(const invert::Root<S>& root, int) {
  return {root.x, root.response, root.slope, root.solved, root.below, root.above, root.failed};
}
template <class S, int P>
Solution<S> lane_of(const invert::Root<Wide<S, P>>& root, int lane) {
  const auto set = [&](const WideMask<S, P>& mask) {
    return select(mask, Wide<S, P>(S(1)), Wide<S, P>(S(0)))[lane] > S(0);
  };
  return {root.x[lane],    root.response[lane], root.slope[lane], set(root.solved),
          set(root.below), set(root.above),     set(root.failed)};
}

/// Solves L(x) = y for one object or a tile, as a calibration does, and counts the evaluations.
template <class Inversion, class Response, class T>
invert::Root<T> solve(const Inversion& inversion, const Response& response, const T& y, const T* theta,
                      int* evaluations = nullptr) {
  typename Response::template Encoded<T> encoded;
  response.encode(theta, encoded);
  const auto range = response.truth_range();
  const T start = max(T(range.low), min(T(range.high), y));
  int n = 0;
  const auto root = inversion.solve(
      [&](const T& x) noexcept {
        ++n;
        return response.response(x, encoded);
      },
      y, range, start);
  if (evaluations != nullptr) *evaluations = n;
  return root;
}

/// One object.
template <class Inversion, class Response, class S>
Solution<S> solve_one(const Inversion& inversion, const Response& response, S y,
                      const std::array<S, static_cast<std::size_t>(Response::n_theta)>& theta = {},
                      int* evaluations = nullptr) {
  S values[Response::n_theta > 0 ? Response::n_theta : 1] = {};
  for (std::size_t i = 0; i < theta.size(); ++i) values[i] = theta[i];
  return lane_of(solve(inversion, response, y, values, evaluations), 0);
}

/// Many objects, all of one tile's lanes at a time; the number must be a multiple of the lanes.
template <class Inversion, class Response, class S>
std::vector<Solution<S>> solve_tiles(
    const Inversion& inversion, const Response& response, const std::vector<S>& y,
    const std::vector<std::array<S, static_cast<std::size_t>(Response::n_theta)>>& theta) {
  using T = Tile<S>;
  constexpr std::size_t samples = T::n_samples;
  REQUIRE(y.size() % samples == 0);
  std::vector<Solution<S>> solutions;
  for (std::size_t first = 0; first < y.size(); first += samples) {
    T features[Response::n_theta > 0 ? Response::n_theta : 1];
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t i = 0; i < theta[first + s].size(); ++i)
        scalars(features)[i * samples + s] = theta[first + s][i];
    const auto root = solve(inversion, response, T::load(y.data() + first), features);
    for (int s = 0; s < T::n_samples; ++s) solutions.push_back(lane_of(root, s));
  }
  return solutions;
}

/// Whether L, which rises, takes the value y within `tolerance`, relative to x, of x: computed in double, and up to
/// what the rounding of L in S explains, L being a sum of terms no larger than y or `magnitude`.
template <class S, class Function, std::size_t N>
bool accurate(const Function& function, S x, S y, const std::array<S, N>& theta, double tolerance,
              double magnitude = 1.0) {
  double wide[N > 0 ? N : 1] = {};
  for (std::size_t i = 0; i < N; ++i) wide[i] = static_cast<double>(theta[i]);
  const double reach = tolerance * std::abs(static_cast<double>(x)), wanted = static_cast<double>(y);
  const double rounding =
      16.0 * static_cast<double>(std::numeric_limits<S>::epsilon()) * (magnitude + std::abs(wanted));
  return function(static_cast<double>(x) - reach, wide) <= wanted + rounding &&
         function(static_cast<double>(x) + reach, wide) >= wanted - rounding;
}

/// Objects of every difficulty for Step over [10, 500]: good, curved, flat, falling, with a jump, NaN, y outside.
template <class S>
struct Mixture {
  std::vector<S> y;
  std::vector<std::array<S, 4>> theta;

  Mixture(std::size_t n, std::uint64_t seed) {
    Random random(seed);
    const auto uniform = [&](double low, double high) { return static_cast<S>(random.uniform(low, high)); };
    for (std::size_t i = 0; i < n; ++i) {
      std::array<S, 4> shape{uniform(0.05, 1.2), uniform(0, 100), uniform(10, 500), uniform(1, 200)};
      S measured = uniform(-50, 700);
      switch (random.below(12)) {
        case 0: shape[0] = shape[1] = S(0); break;  // flat
        case 1: shape[0] = -shape[0]; break;        // falls, or rises and falls
        case 2: shape[3] = S(0); break;             // jumps
        case 3: shape[0] = not_a_number<S>; break;  // no number at all
        case 4: shape[0] = S(0); break;             // saturates on both sides
        case 5: shape[1] = -shape[1]; break;        // may have three roots
        case 6: measured = random.below(2) == 0 ? infinity<S> : -infinity<S>; break;
        case 7: measured = not_a_number<S>; break;
        case 8: shape[3] = uniform(0.001, 0.1); break;  // nearly a jump
        default: break;
      }
      y.push_back(measured);
      theta.push_back(shape);
    }
  }
};

/// What a lane of a tile finds is what the object finds alone, whatever stands in the other lanes.
template <class S, class Inversion>
void check_lanes_are_independent(const Inversion& inversion) {
  const auto response = invert::function_response<4, S>(Step{}, {S(10), S(500)});
  constexpr std::size_t samples = Tile<S>::n_samples;
  const Mixture<S> objects(40 * samples, 7);
  const auto together = solve_tiles(inversion, response, objects.y, objects.theta);
  int n_solved = 0, n_failed = 0, n_below = 0, n_above = 0, n_different = 0, n_not_one = 0;
  for (std::size_t i = 0; i < objects.y.size(); ++i) {
    const auto alone = solve_one(inversion, response, objects.y[i], objects.theta[i]);
    n_different += alone == together[i] ? 0 : 1;
    n_not_one += together[i].n_set() == 1 ? 0 : 1;
    n_solved += together[i].solved ? 1 : 0;
    n_failed += together[i].failed ? 1 : 0;
    n_below += together[i].below ? 1 : 0;
    n_above += together[i].above ? 1 : 0;
  }
  CHECK(n_different == 0);
  CHECK(n_not_one == 0);
  // The mixture holds enough of each.
  CHECK(n_solved > static_cast<int>(samples));
  CHECK(n_failed > static_cast<int>(samples));
  CHECK(n_below > static_cast<int>(samples));
  CHECK(n_above > static_cast<int>(samples));

  // Reversed, then with every other object replaced by one that has no answer.
  Mixture<S> reversed = objects;
  std::reverse(reversed.y.begin(), reversed.y.end());
  std::reverse(reversed.theta.begin(), reversed.theta.end());
  const auto backwards = solve_tiles(inversion, response, reversed.y, reversed.theta);
  Mixture<S> lonely = objects;
  for (std::size_t i = 1; i < lonely.y.size(); i += 2) {
    lonely.y[i] = i % 4 == 1 ? not_a_number<S> : S(100);
    lonely.theta[i] = i % 4 == 1 ? lonely.theta[i] : std::array<S, 4>{S(0), S(0), S(0), S(1)};
  }
  const auto among_the_lost = solve_tiles(inversion, response, lonely.y, lonely.theta);
  int n_moved = 0;
  for (std::size_t i = 0; i < objects.y.size(); ++i) {
    n_moved += backwards[objects.y.size() - 1 - i] == together[i] ? 0 : 1;
    if (i % 2 == 0) n_moved += among_the_lost[i] == together[i] ? 0 : 1;
    if (i % 2 == 1) CHECK(among_the_lost[i].failed);
  }
  CHECK(n_moved == 0);
}

}  // namespace responses
