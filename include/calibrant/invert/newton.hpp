// Newton's method inside a bracket, derivative from autodiff, whole tiles of objects at once.
// Source: Press et al., Numerical Recipes, 3rd ed., section 9.4 (rtsafe); lazy edges and lane masks are ours.
#pragma once

#include <string>

#include "calibrant/error.hpp"
#include "calibrant/invert/root.hpp"

namespace calibrant::invert {

/// Solves L(x) = y for x in a range. A Newton step that leaves the bracket, or does not shrink fast enough, is replaced
/// by a bisection, so the root is found wherever L is continuous and brackets y; a step past an edge of the range
/// evaluates L there, and only then. A lane stops moving once it is done, so its result does not depend on the others.
struct Newton {
  static constexpr const char* name = "newton";
  double tolerance = 1e-6;  ///< relative accuracy of x
  int iterations = 60;      ///< at most; 4 to 6 are typical

  /// Calls visit(name, value) for each setting: what the model file stores.
  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("tolerance", self.tolerance);
    visit("iterations", self.iterations);
  }
  void validate() const {
    if (!(tolerance > 0.0)) throw Error("Newton, tolerance", "a positive number", std::to_string(tolerance));
    if (iterations < 1) throw Error("Newton, iterations", "one or more", std::to_string(iterations));
  }

  /// @param evaluate  x -> ValueSlope of the response.
  /// @param start     first guess, inside the range; y itself is a good one for a response near 1.
  template <class T, class Evaluate>
  Root<T> solve(const Evaluate& evaluate, const T& y, const Range<ScalarOf<T>>& range, const T& start) const noexcept {
    using S = ScalarOf<T>;
    using Mask = typename ScalarTraits<T>::Mask;
    const T bottom(range.low), top(range.high), zero(S(0)), half(S(0.5));
    const T relative(static_cast<S>(tolerance)), estimate(static_cast<S>(0.1 * tolerance));
    const Mask none = all_lanes<T>(false);
    Root<T> root{start, y, zero, none, none, none, none};
    T low = bottom, high = top, x = start;
    T previous = (top - bottom) * T(S(2));
    Mask done = none;
    for (int iteration = 0; iteration < iterations; ++iteration) {
      const ValueSlope<T> at = evaluate(x);
      const T residual = at.value - y;
      const T step = -residual / at.slope;
      const Mask finite = is_finite(at.value) && is_finite(at.slope);
      const Mask rising = at.slope > zero;
      const Mask under = residual<zero, over = residual> zero;

      // At an edge of the range, y beyond the response there ends the search.
      const Mask below = !done && finite && over && x <= bottom;
      const Mask above = !done && finite && under && x >= top;
      low = select(under, x, low);
      high = select(over, x, high);
      const T size = abs(step), scale = abs(x);
      // Newton's error after this step is about step^3 / previous^2 once it converges quadratically.
      const Mask small = size <= relative * scale || high - low <= relative * scale ||
                         (size * size * size <= estimate * scale * previous * previous && size < half * previous);
      const Mask exact = residual <= zero && residual >= zero;
      const Mask arrived = !done && !below && !above && finite && (small || exact);
      const Mask solved = arrived && rising;
      const Mask failed = (arrived && !rising) || (!done && !finite);

      const T polished = max(low, min(high, x + step));
      root.x = select(solved, polished, select(below || above || failed, x, root.x));
      root.response = select(below || above, at.value, root.response);
      root.slope = select(done, root.slope, at.slope);
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
      // A step past an edge that was not looked at yet goes to that edge.
      const Mask to_top = rising && under && newton >= high && high >= top;
      const Mask to_bottom = rising && over && newton <= low && low <= bottom;
      const Mask slow = inside && size > half * previous;
      const T next = select(to_top, top, select(to_bottom, bottom, select(inside && !slow, newton, middle)));
      previous = select(done, previous, abs(next - x));
      x = select(done, x, next);
    }
    root.failed = root.failed || !done;
    return root;
  }
};

}  // namespace calibrant::invert
