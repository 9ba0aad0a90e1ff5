// What a root finder is given and what it answers, for one object or a tile of them.
#pragma once

#include "calibrant/core/math.hpp"
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
  Mask below;   ///< y is below L at the lower edge
  Mask above;   ///< y is above L at the upper edge
  Mask failed;  ///< the response is flat, falling or not finite where the solution should be
};

template <class T>
CALIBRANT_INLINE typename ScalarTraits<T>::Mask all_lanes(bool set) noexcept {
  return set ? T(ScalarOf<T>(0)) < T(ScalarOf<T>(1)) : T(ScalarOf<T>(1)) < T(ScalarOf<T>(0));
}

}  // namespace calibrant::invert
