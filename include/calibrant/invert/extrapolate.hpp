// What to answer when y lies outside [L(low), L(high)] at the given theta: policies as types.
// Source: ATL-PHYS-PUB-2018-013, section on extrapolation; Athena's EtaJESCalibStep for the variants in use.
#pragma once

#include <limits>

#include "calibrant/invert/root.hpp"

namespace calibrant::extrapolate {

// A policy answers  apply(y, root) -> T  for the lanes where root.below or root.above is set (x, response and slope are
// those of the edge, the slope is positive), and names the status of those lanes: `clamps` is Status::clamped, else
// extrapolated_low/high. A value that is not finite becomes not_invertible, except from Reject, whose answer is NaN.

struct NoSettings {
  template <class Self, class Visit>
  static void each_setting(Self&, Visit&&) {}
};

/// The tangent of the inverse at the edge: x_edge + (y - L_edge) / L'_edge. Value and slope are continuous there.
struct Linear : NoSettings {
  static constexpr const char* name = "linear";
  static constexpr bool clamps = false, rejects = false;
  template <class T>
  CALIBRANT_INLINE T apply(const T& y, const invert::Root<T>& root) const noexcept {
    return root.x + (y - root.response) / root.slope;
  }
};

/// The correction factor of the edge: y x_edge / L_edge; not invertible if that factor is negative.
struct Freeze : NoSettings {
  static constexpr const char* name = "freeze";
  static constexpr bool clamps = false, rejects = false;
  template <class T>
  CALIBRANT_INLINE T apply(const T& y, const invert::Root<T>& root) const noexcept {
    const T factor = root.x / root.response;
    return select(factor >= T(ScalarOf<T>(0)), y * factor, T(std::numeric_limits<ScalarOf<T>>::quiet_NaN()));
  }
};

/// The edge itself.
struct Clamp : NoSettings {
  static constexpr const char* name = "clamp";
  static constexpr bool clamps = true, rejects = false;
  template <class T>
  CALIBRANT_INLINE T apply(const T&, const invert::Root<T>& root) const noexcept {
    return root.x;
  }
};

/// No answer: NaN.
struct Reject : NoSettings {
  static constexpr const char* name = "reject";
  static constexpr bool clamps = false, rejects = true;
  template <class T>
  CALIBRANT_INLINE T apply(const T&, const invert::Root<T>&) const noexcept {
    return T(std::numeric_limits<ScalarOf<T>>::quiet_NaN());
  }
};

}  // namespace calibrant::extrapolate
