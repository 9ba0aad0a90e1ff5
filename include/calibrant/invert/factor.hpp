// Factor: a multiplicative correction in one evaluation, for responses that are nearly 1.
#pragma once

#include "calibrant/invert/root.hpp"

namespace calibrant::invert {

/// x = y / R(y; theta), R(x; theta) = L(x; theta) / x: the response is divided out at the measured value itself,
/// without solving anything. Where Newton would solve y = x R(x) this is the first step of the iteration x <- y / R(x),
/// wrong by about (R - 1) d ln R / d ln x, relatively: of second order for what a calibration has left over, and exact
/// where R does not depend on x. It needs no rising response, so that it also answers where L is flat.
///
/// Below and above the range the policy that extrapolates answers; extrapolate::Freeze keeps the factor of the edge.
/// Fails where L / y is not positive and finite.
struct Factor {
  static constexpr const char* name = "factor";

  template <class Self, class Visit>
  static void each_setting(Self&, Visit&&) {}
  void validate() const noexcept {}

  /// @param start  y, moved into the range.
  template <class T, class Evaluate>
  Root<T> solve(const Evaluate& evaluate, const T& y, const Range<ScalarOf<T>>&, const T& start) const noexcept {
    const T zero(ScalarOf<T>(0));
    const ValueSlope<T> at = evaluate(start);
    const T factor = start / at.value;
    const auto valid = is_finite(at.value) && is_finite(factor) && factor > zero;
    const auto inside = !(y < start) && !(y > start);
    Root<T> root;
    root.x = select(valid && inside, y * factor, start);
    root.response = select(valid && inside, y, at.value);
    root.slope = at.slope;
    root.below = valid && y < start;
    root.above = valid && y > start;
    root.solved = valid && inside && is_finite(root.x);
    root.failed = !root.solved && !root.below && !root.above;
    return root;
  }
};

}  // namespace calibrant::invert
