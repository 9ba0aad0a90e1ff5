// What a calibration does with the features of its objects before it solves: bad numbers, and ranges.
#pragma once

#include <cstddef>
#include <string_view>

#include "calibrant/invert/root.hpp"

namespace calibrant {

/// What to do with an object one of whose features is outside of its trained range.
enum class OutOfRange : unsigned char {
  clamp,   ///< calibrate it as at the edge; Status::clamped
  reject,  ///< no value: NaN and Status::out_of_range
};
constexpr std::string_view to_string(OutOfRange policy) noexcept {
  return policy == OutOfRange::clamp ? "clamp" : "reject";
}

/// What became of the features of one object, or of the objects of a tile.
template <class T>
struct FeatureLimits {
  using Mask = typename ScalarTraits<T>::Mask;
  Mask valid;  ///< all numbers so far are finite
  Mask clamped = invert::all_lanes<T>(false), rejected = clamped;

  /// The next feature: moves it into its limits.
  CALIBRANT_INLINE void apply(T& theta, const Range<ScalarOf<T>>& limits, OutOfRange policy) noexcept {
    const T bottom(limits.low), top(limits.high);
    valid = valid && is_finite(theta);
    const Mask beyond = theta < bottom || theta > top;
    if (policy == OutOfRange::clamp)
      clamped = clamped || beyond;
    else
      rejected = rejected || beyond;
    theta = max(bottom, min(top, theta));
  }
};

/// What is wrong with one object, or with the objects of a tile: what its status is made of.
template <class T>
struct Flaws {
  using Mask = typename ScalarTraits<T>::Mask;
  Mask invalid, rejected, failed, below, above, clamped;  ///< below, above: extrapolated, not clamped
};
template <class Scalar>
CALIBRANT_INLINE Status status_of(const Flaws<Scalar>& flaws) noexcept {
  return worst_of(flaws.invalid, flaws.rejected, flaws.failed, flaws.below, flaws.above, flaws.clamped);
}

/// A mask as one number per lane.
template <class T>
struct LaneFlags {
  using Scalar = ScalarOf<T>;
  alignas(virtual_register_bytes) Scalar values[T::n_samples];
  explicit LaneFlags(const typename T::Mask& mask) noexcept { select(mask, T(Scalar(1)), T(Scalar(0))).store(values); }
  bool operator[](std::ptrdiff_t lane) const noexcept { return values[lane] > Scalar(0); }
};
/// The statuses of a tile.
template <class T>
struct LaneStatuses {
  LaneFlags<T> invalid, rejected, failed, below, above, clamped;
  explicit LaneStatuses(const Flaws<T>& flaws) noexcept
      : invalid(flaws.invalid),
        rejected(flaws.rejected),
        failed(flaws.failed),
        below(flaws.below),
        above(flaws.above),
        clamped(flaws.clamped) {}
  Status operator[](std::ptrdiff_t lane) const noexcept {
    return worst_of(invalid[lane], rejected[lane], failed[lane], below[lane], above[lane], clamped[lane]);
  }
};

}  // namespace calibrant
