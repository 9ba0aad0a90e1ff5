// Bisection: slow, and right for every continuous response.
#pragma once

#include <string>

#include "calibrant/error.hpp"
#include "calibrant/invert/root.hpp"

namespace calibrant::invert {

/// Solves L(x) = y by halving the range until it is `tolerance` wide, relative to x.
struct Bisection {
  static constexpr const char* name = "bisection";
  double tolerance = 1e-6;
  int iterations = 60;

  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("tolerance", self.tolerance);
    visit("iterations", self.iterations);
  }
  void validate() const {
    if (!(tolerance > 0.0)) throw Error("Bisection, tolerance", "a positive number", std::to_string(tolerance));
    if (iterations < 1) throw Error("Bisection, iterations", "one or more", std::to_string(iterations));
  }

  template <class T, class Evaluate>
  Root<T> solve(const Evaluate& evaluate, const T& y, const Range<ScalarOf<T>>& range, const T&) const noexcept {
    using S = ScalarOf<T>;
    using Mask = typename ScalarTraits<T>::Mask;
    const T zero(S(0)), half(S(0.5)), relative(static_cast<S>(tolerance));
    T low(range.low), high(range.high);
    const ValueSlope<T> at_low = evaluate(low), at_high = evaluate(high);
    const Mask finite = is_finite(at_low.value) && is_finite(at_high.value);
    const Mask below = finite && at_low.value > y && at_high.value > at_low.value;
    const Mask above = finite && at_high.value < y && at_high.value > at_low.value;
    Mask failed = !finite || !(at_high.value > at_low.value);
    Mask done = below || above || failed;
    ValueSlope<T> at{at_low.value, at_low.slope};
    T x = low;
    for (int iteration = 0; iteration < iterations && any(!done); ++iteration) {
      const T middle = half * (low + high);
      const ValueSlope<T> now = evaluate(middle);
      failed = failed || (!done && !is_finite(now.value));
      done = done || failed;
      x = select(done, x, middle);
      at.slope = select(done, at.slope, now.slope);
      low = select(!done && now.value < y, middle, low);
      high = select(!done && !(now.value < y), middle, high);
      done = done || high - low <= relative * abs(middle);
    }
    failed = failed || (!below && !above && !(at.slope > zero)) || !done;
    Root<T> root;
    root.x = select(below, T(range.low), select(above, T(range.high), x));
    root.response = select(below, at_low.value, select(above, at_high.value, y));
    root.slope = select(below, at_low.slope, select(above, at_high.slope, at.slope));
    root.below = below;
    root.above = above;
    root.failed = failed && !below && !above;
    root.solved = !root.failed && !below && !above;
    return root;
  }
};

}  // namespace calibrant::invert
