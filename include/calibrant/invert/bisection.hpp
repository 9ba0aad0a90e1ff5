// Bisection: slow, and right for every continuous response.
#pragma once

#include "calibrant/invert/root.hpp"

namespace calibrant::invert {

/// Solves L(x) = y by halving the range until it is `tolerance` wide, relative to x. The cost does not depend on the
/// response; Newton is several times faster where it is smooth.
struct Bisection {
  static constexpr const char* name = "bisection";
  double tolerance = 1e-6;
  int iterations = 60;

  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("tolerance", self.tolerance);
    visit("iterations", self.iterations);
  }
  void validate() const { validate_settings("Bisection", tolerance, iterations); }

  template <class T, class Evaluate>
  Root<T> solve(const Evaluate& evaluate, const T& y, const Range<ScalarOf<T>>& range, const T&) const noexcept {
    using S = ScalarOf<T>;
    using Mask = typename ScalarTraits<T>::Mask;
    const T zero(S(0)), half(S(0.5));
    const Accuracy<T> accuracy(tolerance, range);
    T low(range.low), high(range.high);
    const ValueSlope<T> at_low = evaluate(low), at_high = evaluate(high);
    const Mask comparable = at_low.value <= y || at_low.value > y;
    const Mask bracket =
        comparable && is_finite(at_low.value) && is_finite(at_high.value) && at_high.value > at_low.value;
    const Mask below = bracket && at_low.value > y && at_low.slope > zero;
    const Mask above = bracket && at_high.value < y && at_high.slope > zero;
    Mask failed = !bracket || (!below && at_low.value > y) || (!above && at_high.value < y);
    Mask done = below || above || failed;
    ValueSlope<T> at = at_low;
    T x = low;
    for (int iteration = 0; iteration < iterations && any(!done); ++iteration) {
      const T middle = half * (low + high);
      const ValueSlope<T> now = evaluate(middle);
      failed = failed || (!done && !is_finite(now.value));
      done = done || failed;
      x = select(done, x, middle);
      at.value = select(done, at.value, now.value);
      at.slope = select(done, at.slope, now.slope);
      low = select(!done && now.value < y, middle, low);
      high = select(!done && !(now.value < y), middle, high);
      done = done || high - low <= accuracy.allowed(accuracy.scale(middle));
    }
    const T left_over = abs(at.value - y) / at.slope;
    const Mask good = done && at.slope > zero && accuracy.continuous(left_over, accuracy.scale(x), at);
    Root<T> root;
    root.x = select(below, T(range.low), select(above, T(range.high), x));
    root.response = select(below, at_low.value, select(above, at_high.value, y));
    root.slope = select(below, at_low.slope, select(above, at_high.slope, at.slope));
    root.below = below;
    root.above = above;
    root.solved = good && !failed && !below && !above;
    root.failed = !root.solved && !below && !above;
    return root;
  }
};

}  // namespace calibrant::invert
