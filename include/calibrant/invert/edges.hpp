// What to answer where the solution for several truths leaves the box that they were trained in: a choice for each side
// of each truth. The policies of one truth are types, in extrapolate.hpp.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "calibrant/error.hpp"
#include "calibrant/nn/model.hpp"

namespace calibrant::extrapolate {

enum class Edge : unsigned char {
  linear,  ///< the response goes on as a straight line in this truth; status extrapolated_low or _high
  clamp,   ///< this truth stays at its edge and the others are solved for there; status clamped
  reject,  ///< as linear, but no value: NaN for all truths; status extrapolated_low or _high
};
constexpr std::string_view to_string(Edge edge) noexcept {
  switch (edge) {
    case Edge::linear: return "linear";
    case Edge::clamp: return "clamp";
    case Edge::reject: return "reject";
  }
  return "unknown";
}

/// Cut-offs that are none: what is solved for goes to the edges of the trained range.
inline constexpr double no_low = std::numeric_limits<double>::lowest(), no_high = std::numeric_limits<double>::max();

/// What cut-offs leave of a trained range. @throws Error if they do not lie in it, in their order.
template <class S>
CALIBRANT_COLD Range<S> cut_off(const Range<S>& trained, double low, double high, const std::string& where) {
  const Range<S> result{low <= no_low ? trained.low : static_cast<S>(low),
                        high >= no_high ? trained.high : static_cast<S>(high)};
  if (!(trained.low <= result.low && result.low < result.high && result.high <= trained.high))
    throw Error(where,
                "cut-offs in their order within the trained range, " + std::to_string(trained.low) + " to " +
                    std::to_string(trained.high),
                std::to_string(result.low) + " and " + std::to_string(result.high));
  return result;
}

/// Of one truth: what to do below and above, and where that begins: at cut-offs inside the trained range, or at its
/// edges. Edges(Edge::clamp, Edge::linear, 20, 2000): what is solved for is 20 to 2000 in the unit of the truth.
struct Edges {
  Edge below = Edge::linear, above = Edge::linear;
  double low = no_low, high = no_high;

  constexpr Edges() = default;
  constexpr Edges(Edge both) : below(both), above(both) {}  // NOLINT(google-explicit-constructor): the usual case
  constexpr Edges(Edge below_, Edge above_, double low_ = no_low, double high_ = no_high)
      : below(below_), above(above_), low(low_), high(high_) {}
  constexpr bool any_is(Edge edge) const noexcept { return below == edge || above == edge; }
};

}  // namespace calibrant::extrapolate
