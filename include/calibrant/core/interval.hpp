// Interval: a scalar type whose value is known to lie between two numbers. A module over intervals gives rigorous
// bounds of its outputs over a box of inputs, over duals of intervals those of its slopes. Moore, Kearfott, Cloud,
// Introduction to Interval Analysis (SIAM 2009), chapters 2 and 5.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "calibrant/core/math.hpp"

namespace calibrant {

/// What is known of a comparison of intervals.
struct IntervalMask {
  bool may_hold, may_fail;
  friend IntervalMask operator&&(IntervalMask a, IntervalMask b) noexcept {
    return {a.may_hold && b.may_hold, a.may_fail || b.may_fail};
  }
  friend IntervalMask operator||(IntervalMask a, IntervalMask b) noexcept {
    return {a.may_hold || b.may_hold, a.may_fail && b.may_fail};
  }
  friend IntervalMask operator!(IntervalMask a) noexcept { return {a.may_fail, a.may_hold}; }
};

/// All numbers from low to high. Every operation gives an interval that holds all results for all numbers of its
/// operands: ends are rounded to nearest and then moved outward by more than that rounding, so no rounding mode is
/// touched. An operation without a result somewhere (division by an interval around 0) gives the whole line.
struct Interval {
  double low, high;

  Interval() = default;
  constexpr Interval(double number) noexcept : low(number), high(number) {}  // NOLINT(google-explicit-constructor)
  constexpr Interval(double from, double to) noexcept : low(from), high(to) {}

  double middle() const noexcept { return low + 0.5 * (high - low); }
  double width() const noexcept { return high - low; }

  /// [from, to], each of them off by `units` of 2^-52 of itself at most. NaN is the whole line.
  static Interval outward(double from, double to, double units = 1.0) noexcept {
    constexpr double epsilon = std::numeric_limits<double>::epsilon(), tiny = 1e-300;
    const double bottom = from - (units * epsilon * std::fabs(from) + tiny),
                 top = to + (units * epsilon * std::fabs(to) + tiny);
    return {bottom == bottom ? bottom : -infinite, top == top ? top : infinite};
  }

  Interval operator-() const noexcept { return {-high, -low}; }
  friend Interval operator+(const Interval& a, const Interval& b) noexcept {
    return outward(a.low + b.low, a.high + b.high);
  }
  friend Interval operator-(const Interval& a, const Interval& b) noexcept {
    return outward(a.low - b.high, a.high - b.low);
  }
  friend Interval operator*(const Interval& a, const Interval& b) noexcept {
    const double one = a.low * b.low, two = a.low * b.high, three = a.high * b.low, four = a.high * b.high;
    if (!(std::fabs(one) + std::fabs(two) + std::fabs(three) + std::fabs(four) < infinite))
      return {-infinite, infinite};
    return outward(std::min(std::min(one, two), std::min(three, four)),
                   std::max(std::max(one, two), std::max(three, four)));
  }
  friend Interval operator/(const Interval& a, const Interval& b) noexcept {
    if (!(b.low > 0.0 || b.high < 0.0)) return {-infinite, infinite};
    return a * outward(1.0 / b.high, 1.0 / b.low);
  }
  Interval& operator+=(const Interval& other) noexcept { return *this = *this + other; }
  Interval& operator-=(const Interval& other) noexcept { return *this = *this - other; }
  Interval& operator*=(const Interval& other) noexcept { return *this = *this * other; }

  friend IntervalMask operator<(const Interval& a, const Interval& b) noexcept {
    return {a.low < b.high, a.high >= b.low};
  }
  friend IntervalMask operator<=(const Interval& a, const Interval& b) noexcept {
    return {a.low <= b.high, a.high > b.low};
  }
  friend IntervalMask operator>(const Interval& a, const Interval& b) noexcept { return b < a; }
  friend IntervalMask operator>=(const Interval& a, const Interval& b) noexcept { return b <= a; }

 private:
  static constexpr double infinite = std::numeric_limits<double>::infinity();
};

template <>
struct ScalarTraits<Interval> {
  static constexpr bool is_wide = false, is_dual = false;
  static constexpr int n_samples = 1, n_tangents = 0, n_components = 1;
  using Scalar = double;
  using Value = Interval;
  using Mask = IntervalMask;
};

/// The smallest interval that holds both.
inline Interval hull(const Interval& a, const Interval& b) noexcept {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}
/// Both branches where the comparison is open.
inline Interval select(const IntervalMask& mask, const Interval& yes, const Interval& no) noexcept {
  if (!mask.may_fail) return yes;
  return mask.may_hold ? hull(yes, no) : no;
}
inline Interval scale_where(const IntervalMask& mask, const Interval& a, const Interval& factor) noexcept {
  return select(mask, a * factor, a);
}
inline Interval min(const Interval& a, const Interval& b) noexcept {
  return {std::min(a.low, b.low), std::min(a.high, b.high)};
}
inline Interval max(const Interval& a, const Interval& b) noexcept {
  return {std::max(a.low, b.low), std::max(a.high, b.high)};
}
inline Interval fma(const Interval& a, const Interval& b, const Interval& c) noexcept { return a * b + c; }
inline Interval fma(double weight, const Interval& b, const Interval& c) noexcept {
  const bool rises = weight >= 0.0;
  // Two roundings of numbers no larger than the product and the sum.
  const double low = weight * (rises ? b.low : b.high), high = weight * (rises ? b.high : b.low);
  return Interval::outward(low, high) + c;
}
inline Interval abs(const Interval& a) noexcept {
  if (a.low >= 0.0) return a;
  if (a.high <= 0.0) return -a;
  return {0.0, std::max(-a.low, a.high)};
}
inline bool is_finite(const Interval& a) noexcept { return is_finite(a.low) && is_finite(a.high); }

// Rising functions: the ends, off by their errors (core/math.hpp: 2.41 units at most).
#define CALIBRANT_INTERVAL_FUNCTION(NAME, LOWEST, HIGHEST)                                 \
  inline Interval NAME(const Interval& x) noexcept {                                       \
    const Interval result = Interval::outward(NAME(x.low), NAME(x.high), 4.0);             \
    return {std::max(result.low, double(LOWEST)), std::min(result.high, double(HIGHEST))}; \
  }
CALIBRANT_INTERVAL_FUNCTION(exp, 0.0, std::numeric_limits<double>::infinity())
CALIBRANT_INTERVAL_FUNCTION(expm1, -1.0, std::numeric_limits<double>::infinity())
CALIBRANT_INTERVAL_FUNCTION(log1p, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity())
CALIBRANT_INTERVAL_FUNCTION(tanh, -1.0, 1.0)
CALIBRANT_INTERVAL_FUNCTION(sigmoid, 0.0, 1.0)
CALIBRANT_INTERVAL_FUNCTION(softplus, 0.0, std::numeric_limits<double>::infinity())
CALIBRANT_INTERVAL_FUNCTION(sqrt, 0.0, std::numeric_limits<double>::infinity())
CALIBRANT_INTERVAL_FUNCTION(log, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity())
#undef CALIBRANT_INTERVAL_FUNCTION

}  // namespace calibrant
