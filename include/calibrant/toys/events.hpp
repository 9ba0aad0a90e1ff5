// Toy events: pairs of truth and measurement, drawn so that event i depends only on (seed, i).
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/error.hpp"

namespace calibrant::toys {

/// Truth x and measurement y of each event.
template <class Scalar = double>
struct Events {
  std::vector<Scalar> x;
  std::vector<Scalar> y;
};

/// Two independent uniform numbers in the open interval (0, 1), 52 random bits each, for event `index`.
inline std::pair<double, double> uniform_pair(const Random& random, std::uint64_t index) noexcept {
  const philox::Counter words = random.block(index);
  const auto uniform = [](std::uint64_t high, std::uint64_t low) {
    return (static_cast<double>(((high >> 6) << 26) | (low >> 6)) + 0.5) * 0x1p-52;
  };
  return {uniform(words[0], words[1]), uniform(words[2], words[3])};
}

/// Draws events first_event ... first_event + n - 1 of the endless sequence that belongs to `seed`.
/// @param draw_x  uniform number -> x.
/// @param law_of  x -> the law of y, which has inverse_cdf.
/// @throws Error if n or first_event is negative.
template <class Scalar, class DrawX, class LawOf>
Events<Scalar> draw_events(std::int64_t n, std::uint64_t seed, std::int64_t first_event, const DrawX& draw_x,
                           const LawOf& law_of) {
  if (n < 0) throw Error("toy sample", "a number of events >= 0", std::to_string(n));
  if (first_event < 0) throw Error("toy sample", "a first event >= 0", std::to_string(first_event));
  const Random random(seed, Stream::toy);
  Events<Scalar> events;
  events.x.reserve(static_cast<std::size_t>(n));
  events.y.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto [u_x, u_y] = uniform_pair(random, static_cast<std::uint64_t>(first_event + i));
    // x is rounded first, so that y belongs to the x that the user sees.
    const auto x = static_cast<Scalar>(draw_x(u_x));
    events.x.push_back(x);
    events.y.push_back(static_cast<Scalar>(law_of(static_cast<double>(x)).inverse_cdf(u_y)));
  }
  return events;
}

/// @throws Error if [low, high] is not a finite range in rising order.
inline void check_range(double low, double high) {
  if (!(std::isfinite(low) && std::isfinite(high) && low <= high))
    throw Error("toy sample", "a finite range x_low <= x_high", std::to_string(low) + " to " + std::to_string(high));
}

}  // namespace calibrant::toys
