// What a root finder is given and what it answers, for one object or a tile of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "calibrant/core/math.hpp"
#include "calibrant/error.hpp"
#include "calibrant/nn/model.hpp"

namespace calibrant::invert {

/// Solution of L(x) = y, lane by lane. Exactly one of the four masks is set in each lane.
template <class T>
struct Root {
  using Mask = typename ScalarTraits<T>::Mask;
  T x;         ///< the solution; the edge of the range where below or above is set
  T response;  ///< L at x; for a solution, y
  T slope;     ///< dL/dx at x (at the last point evaluated, for a solution)
  Mask solved;
  Mask below;   ///< y is below L at the lower edge, where L rises
  Mask above;   ///< y is above L at the upper edge, where L rises
  Mask failed;  ///< L is flat, falling, jumps or is not finite where the solution should be
};

/// @throws Error that names the solver if a setting is out of range.
CALIBRANT_COLD inline void validate_settings(const std::string& solver, double tolerance, int iterations) {
  if (!(tolerance > 0.0 && tolerance < 1.0))
    throw Error(solver + ", tolerance", "a number between 0 and 1", std::to_string(tolerance));
  if (iterations < 1) throw Error(solver + ", iterations", "one or more", std::to_string(iterations));
}

template <class T>
CALIBRANT_INLINE typename ScalarTraits<T>::Mask all_lanes(bool set) noexcept {
  return set ? T(ScalarOf<T>(0)) < T(ScalarOf<T>(1)) : T(ScalarOf<T>(1)) < T(ScalarOf<T>(0));
}

/// How exactly x is to be known: `tolerance` relative to x, but never finer than the scalar type resolves, nor finer
/// than for an x of a millionth of the range (or a root at 0 would never be exact enough).
template <class T>
class Accuracy {
 public:
  using S = ScalarOf<T>;
  using Mask = typename ScalarTraits<T>::Mask;

  Accuracy(double tolerance, const Range<S>& range) noexcept
      : relative_(std::max(static_cast<S>(tolerance), S(4) * std::numeric_limits<S>::epsilon())),
        smallest_(S(1e-6) * std::max(std::fabs(range.low), std::fabs(range.high))) {}

  CALIBRANT_INLINE T scale(const T& x) const noexcept { return max(abs(x), T(smallest_)); }
  CALIBRANT_INLINE T allowed(const T& scale) const noexcept { return T(relative_) * scale; }
  /// Whether the residual at an end of a closed bracket is what a continuous response leaves there (`step`, residual
  /// over slope, in thousandths of x at most) or rounding of x or of the response; what is left over a jump is more.
  CALIBRANT_INLINE Mask continuous(const T& step, const T& scale, const ValueSlope<T>& at) const noexcept {
    constexpr S epsilon = std::numeric_limits<S>::epsilon();
    return step <= T(std::max(S(1e-3), S(8) * relative_)) * scale || step <= T(S(4e6) * epsilon * smallest_) ||
           step * at.slope <= T(S(256) * epsilon) * abs(at.value);
  }

 private:
  S relative_, smallest_;
};

}  // namespace calibrant::invert
