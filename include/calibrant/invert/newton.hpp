// Newton's method inside a bracket, derivative from autodiff, whole tiles of objects at once.
// Source: Press et al., Numerical Recipes, 3rd ed., section 9.4 (rtsafe); lazy edges and lane masks are ours.
#pragma once

#include <limits>

#include "calibrant/invert/root.hpp"

namespace calibrant::invert {

/// Solves L(x) = y for x in a range. A Newton step that leaves the bracket, or does not shrink fast enough, is replaced
/// by a bisection, so the root is found wherever L is continuous and brackets y; an edge of the range is evaluated only
/// if a step leads past it, or L falls on the way there. A lane stops moving once it is done, so its result does not
/// depend on the others.
struct Newton {
  static constexpr const char* name = "newton";
  /// Relative accuracy of x for a response whose slope changes over 2 % of x or more (over less, that is a rough
  /// guide); what the scalar type resolves if that is coarser.
  double tolerance = 1e-6;
  int iterations = 60;  ///< at most; 3 to 6 are typical

  /// Calls visit(name, value) for each setting: what the model file stores.
  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("tolerance", self.tolerance);
    visit("iterations", self.iterations);
  }
  void validate() const { validate_settings("Newton", tolerance, iterations); }

  /// @param evaluate  x -> ValueSlope of the response.
  /// @param start     first guess, inside the range; y itself is a good one for a response near 1.
  template <class T, class Evaluate>
  Root<T> solve(const Evaluate& evaluate, const T& y, const Range<ScalarOf<T>>& range, const T& start) const noexcept {
    using S = ScalarOf<T>;
    using Mask = typename ScalarTraits<T>::Mask;
    const T bottom(range.low), top(range.high), zero(S(0)), half(S(0.5)), tenth(S(0.1)), fiftieth(S(0.02));
    const Accuracy<T> accuracy(tolerance, range);
    const Mask none = all_lanes<T>(false);
    Root<T> root{start, y, zero, none, none, none, none};
    T low = bottom, high = top, x = start;
    Mask low_known = none, high_known = none;  // a bracket is one only once L was seen below y and above y
    // The move that led to x and the slope where it began; nothing is known of the curvature before the first.
    T previous = (top - bottom) * T(S(2)), previous_slope(std::numeric_limits<S>::infinity());
    Mask done = none;
    for (int iteration = 0; iteration < iterations; ++iteration) {
      const ValueSlope<T> at = evaluate(x);
      const T residual = at.value - y;
      const T step = -residual / at.slope;
      const Mask rising = at.slope > zero;
      const Mask over = residual > zero;
      const Mask under = residual < zero;
      const Mask exact = residual <= zero && residual >= zero;
      const Mask valid = is_finite(at.value) && is_finite(at.slope) && (under || over || exact);

      // At an edge of the range, y beyond the response there ends the search.
      const Mask at_bottom = x <= bottom, at_top = x >= top;
      const Mask outside = !done && valid && ((over && at_bottom) || (under && at_top));
      low_known = low_known || under;
      high_known = high_known || over;
      low = select(under, x, low);
      high = select(over, x, high);

      // Newton's error after this step is |L'' / 2 L'| step^2. The curvature follows from the change of the slope over
      // the last move, if that was short enough to change it little; and, if that was Newton's too, from what it left
      // over. Both miss what is narrower than the move, so they are believed only where a curvature of 1 in 2 % of x
      // would do no harm either.
      const T size = abs(step), scale = accuracy.scale(x), allowed = accuracy.allowed(scale);
      const T shrink = size / previous;
      const T bend = half * abs(at.slope - previous_slope) / at.slope;
      const Mask quadratic =
          size * shrink * max(shrink, bend) <= tenth * allowed && size * size <= fiftieth * scale * allowed;
      const Mask converged = rising && (size <= allowed || quadratic);
      const Mask closed = low_known && high_known && high - low <= allowed;
      const Mask arrived = !done && !outside && valid && (converged || exact || closed);
      const Mask solved = arrived && rising && (converged || exact || accuracy.continuous(size, scale, at));
      const Mask below = outside && rising && over, above = outside && rising && under;
      const Mask failed = !done && (!valid || ((outside || arrived) && !(solved || below || above)));

      root.x = select(solved, max(low, min(high, x + step)), select(below || above || failed, x, root.x));
      root.response = select(below || above, at.value, root.response);
      root.slope = at.slope;  // lanes that are done stay where they are
      root.solved = root.solved || solved;
      root.below = root.below || below;
      root.above = root.above || above;
      root.failed = root.failed || failed;
      done = done || solved || below || above || failed;
      if (!any(!done)) return root;

      const T newton = x + step;
      // Positive ranges span decades: halve those in the logarithm.
      const T middle = select(low > zero, sqrt(low * high), half * (low + high));
      const Mask inside = rising && newton > low && newton < high;
      const Mask to_top = under && !high_known && (!rising || newton >= high);
      const Mask to_bottom = over && !low_known && (!rising || newton <= low);
      // Halving the bracket is sure to end: the way out for whatever makes Newton's method wander.
      const Mask slow = size > half * previous || all_lanes<T>(iteration >= wandering);
      const T next = select(to_top, top, select(to_bottom, bottom, select(inside && !slow, newton, middle)));
      previous_slope = at.slope;
      previous = select(done, previous, abs(next - x));
      x = select(done, x, next);
    }
    root.failed = root.failed || !done;
    return root;
  }

 private:
  static constexpr int wandering = 12;
};

}  // namespace calibrant::invert
