// What to answer where the solution for several truths leaves the box that they were trained in: a choice for each side
// of each truth. The policies of one truth are types, in extrapolate.hpp.
#pragma once

#include <string_view>

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

/// Of one truth, below and above its range.
struct Edges {
  Edge below = Edge::linear, above = Edge::linear;

  constexpr Edges() = default;
  constexpr Edges(Edge both) : below(both), above(both) {}  // NOLINT(google-explicit-constructor): the usual case
  constexpr Edges(Edge below_, Edge above_) : below(below_), above(above_) {}
  constexpr bool any_is(Edge edge) const noexcept { return below == edge || above == edge; }
  friend constexpr bool operator==(const Edges&, const Edges&) = default;
};

}  // namespace calibrant::extrapolate
