// What to answer when y lies outside [L(low), L(high)] at the given theta: policies as types.
// Source: ATL-PHYS-PUB-2018-013, section on extrapolation; Athena's EtaJESCalibStep for the variants in use.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "calibrant/invert/edges.hpp"
#include "calibrant/invert/root.hpp"

namespace calibrant::extrapolate {

// A policy answers  apply(y, root) -> T  for the lanes where root.below or root.above is set (x, response and slope are
// those of the edge, the slope is positive), and names the status of those lanes: `clamps` is Status::clamped, else
// extrapolated_low/high. A value that is not finite becomes not_invertible, except from Reject, whose answer is NaN.
// All is per object: edge, slope and answer are those of its theta.

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

/// The ratio R = L/x goes on as the straight line that touches it at the edge: L(x) = x (R_edge + R'_edge (x -
/// x_edge)). Value and slope of the inverse are continuous, and y from L_edge down to 0 gives x from x_edge down to 0.
/// That needs R'_edge <= R_edge / x_edge (in L: L'_edge <= 2 L_edge / x_edge), or the line is below 0 on its way there:
/// not invertible. Below y = 0 the tangent at 0 answers; above the range nothing does where the line bends L down
/// again. The low-pT extrapolation of the ATLAS jet calibration (Athena, EtaJESCalibStep).
struct LinearRatio : NoSettings {
  static constexpr const char* name = "linear_ratio";
  static constexpr bool clamps = false, rejects = false;
  static constexpr const char* needs = "a ratio L/x that rises no faster than (L/x)/x at the edge, and x > 0 there";
  template <class T>
  CALIBRANT_INLINE T apply(const T& y, const invert::Root<T>& root) const noexcept {
    using S = ScalarOf<T>;
    const T zero(S(0)), nan(std::numeric_limits<S>::quiet_NaN());
    const T ratio = root.response / root.x;
    const T ratio_slope = (root.slope - ratio) / root.x;
    const T at_zero = fma(-ratio_slope, root.x, ratio);  // of the line
    const T discriminant = fma(at_zero, at_zero, T(S(4)) * ratio_slope * y);
    const T positive = (y + y) / (at_zero + sqrt(discriminant));
    const auto possible = root.x > zero && (root.above || at_zero >= zero);
    return select(possible, select(y < zero, y / at_zero, positive), nan);
  }
};

/// The policies of both sides of a policy: itself, unless it names others.
template <class Policy>
struct SidesOf {
  using Below = Policy;
  using Above = Policy;
};
template <class Policy>
requires requires {
  typename Policy::Below;
  typename Policy::Above;
}
struct SidesOf<Policy> {
  using Below = typename Policy::Below;
  using Above = typename Policy::Above;
};

/// "first(second, third)" as one constant.
template <class Names>
struct PolicyName {
  static constexpr std::size_t size = [] {
    std::size_t n = 0;
    for (const std::string_view part : Names::parts) n += part.size();
    return n;
  }();
  static constexpr auto text = [] {
    std::array<char, size + 1> result{};
    std::size_t at = 0;
    for (const std::string_view part : Names::parts)
      for (const char letter : part) result[at++] = letter;
    return result;
  }();
};

/// One policy below and one above, and where they begin: at cut-offs inside the trained range, or at its edges.
/// Sides<LinearRatio, Freeze>{.low = 20, .high = 2000}: what is solved for is 20 to 2000 in the unit of x.
template <class Below_, class Above_ = Below_>
struct Sides {
  using Below = Below_;
  using Above = Above_;
  struct Names {
    static constexpr std::array<std::string_view, 5> parts{"sides(", Below::name, ", ", Above::name, ")"};
  };
  static constexpr const char* name = PolicyName<Names>::text.data();
  static constexpr bool clamps = Below::clamps && Above::clamps, rejects = Below::rejects && Above::rejects;

  double low = no_low, high = no_high;  ///< cut-offs in x; these: the edges of the trained range
  Below below = {};
  Above above = {};

  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("low", self.low);
    visit("high", self.high);
    Below::each_setting(self.below, visit);
    Above::each_setting(self.above, visit);
  }
  /// What is solved for of the trained range. @throws Error if the cut-offs do not lie in it, in their order.
  template <class S>
  Range<S> range(const Range<S>& trained) const {
    return cut_off(trained, low, high, std::string("extrapolation ") + name);
  }
  template <class T>
  CALIBRANT_INLINE T apply(const T& y, const invert::Root<T>& root) const noexcept {
    return select(root.below, below.apply(y, root), above.apply(y, root));
  }
};

/// Another policy, and a limit on the correction factor x / y of every result, also inside the range: what is beyond is
/// moved to it and has (inside the range) Status::clamped. Results for y <= 0, which have no factor, are left alone.
template <class Policy>
struct FactorWithin {
  using Below = typename SidesOf<Policy>::Below;
  using Above = typename SidesOf<Policy>::Above;
  struct Names {
    static constexpr std::array<std::string_view, 3> parts{"factor_within(", Policy::name, ")"};
  };
  static constexpr const char* name = PolicyName<Names>::text.data();
  static constexpr bool clamps = Policy::clamps, rejects = Policy::rejects;

  double lowest = 0.5, highest = 2.0;
  Policy policy = {};

  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("lowest_factor", self.lowest);
    visit("highest_factor", self.highest);
    Policy::each_setting(self.policy, visit);
  }
  void validate() const {
    if (!(lowest > 0.0 && lowest < highest && std::isfinite(highest)))
      throw Error(std::string("extrapolation ") + name, "factors 0 < lowest < highest",
                  std::to_string(lowest) + " and " + std::to_string(highest));
  }
  template <class S>
  Range<S> range(const Range<S>& trained) const {
    if constexpr (requires { policy.range(trained); }) return policy.range(trained);
    return trained;
  }
  template <class T>
  CALIBRANT_INLINE T apply(const T& y, const invert::Root<T>& root) const noexcept {
    return policy.apply(y, root);
  }
  template <class T>
  CALIBRANT_INLINE T limit(const T& y, const T& x) const noexcept {
    using S = ScalarOf<T>;
    const T limited = max(T(static_cast<S>(lowest)) * y, min(T(static_cast<S>(highest)) * y, x));
    return select(is_finite(x) && y > T(S(0)), limited, x);
  }
};

}  // namespace calibrant::extrapolate
