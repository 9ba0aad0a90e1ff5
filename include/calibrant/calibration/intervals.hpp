// Intervals for the truth of one object, by inverting two quantiles of the response.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "calibrant/calibration/calibration.hpp"

namespace calibrant {

/// An interval for the truth of one object. Both ends are NaN if there is none; the status says why.
template <class Scalar>
struct CalibratedInterval {
  Scalar low;
  Scalar high;
  Status status;

  constexpr bool contains(Scalar truth) const noexcept { return low <= truth && truth <= high; }
};

/// { x : L_p(x; theta) <= y <= L_q(x; theta) } = [L_q^-1(y; theta), L_p^-1(y; theta)] for the quantiles p < q of y
/// given x, learned with pinball losses: generalized numerical inversion of both. An object of any truth x and any
/// theta is covered with probability q - p, whatever the spectrum (Neyman's construction), as far as the nets have
/// learned their quantiles; Conformal needs no such proviso.
///
/// @tparam Lower, Upper  Calibrations of the quantiles p and q, of the same features.
///
/// The status is the worse of the two; not_invertible where the results cross, which quantiles that do not cross
/// (head Quantiles) do only beyond the trained range. Calls are const, noexcept, allocate nothing and share nothing.
template <class Lower, class Upper = Lower>
class QuantileIntervals {
 public:
  using Scalar = typename Lower::Scalar;
  static constexpr int n_theta = Lower::n_theta;
  static_assert(Upper::n_theta == n_theta && std::is_same_v<typename Upper::Scalar, Scalar>,
                "QuantileIntervals: two quantiles of the same features");
  using Theta = std::array<Scalar, static_cast<std::size_t>(n_theta)>;

  QuantileIntervals(Lower lower_quantile, Upper upper_quantile)
      : lower_(std::move(lower_quantile)), upper_(std::move(upper_quantile)) {}

  /// The inverse of the lower quantile, which is the upper end of the interval; and of the upper.
  const Lower& lower_quantile() const noexcept { return lower_; }
  const Upper& upper_quantile() const noexcept { return upper_; }

  /// What the model file calls it, and is made of.
  static std::string kind() { return "quantile_intervals"; }
  static constexpr std::array<const char*, 2> part_names{"lower_quantile", "upper_quantile"};
  auto parts() const noexcept { return std::tie(lower_, upper_); }

  /// One object: auto [low, high, status] = interval(reco_pt, {eta, ntrk}).
  CalibratedInterval<Scalar> operator()(Scalar y, const Theta& theta) const noexcept {
    return joined(upper_(y, theta), lower_(y, theta));
  }

  /// Many objects; the same bits as one by one.
  /// @param theta  as for CalibrationBatch. @param status  may be empty. @throws Error if the sizes differ.
  template <class Features>
  void operator()(std::span<const Scalar> y, const Features& theta, std::span<Scalar> low, std::span<Scalar> high,
                  std::span<Status> status = {}) const {
    // Checked before anything is written; the ends have one status each until they are joined.
    const typename Upper::Batch low_end(CalibrationBatch<Scalar>(y, theta, low, status));
    const typename Lower::Batch high_end(CalibrationBatch<Scalar>(y, theta, high, status));
    constexpr std::size_t piece = 256;
    for (std::size_t at = 0; at < y.size(); at += piece) {
      const std::size_t count = std::min(piece, y.size() - at);
      Scalar measured[piece];  // the results may overwrite y
      Status first[piece], second[piece];
      std::copy_n(y.begin() + static_cast<std::ptrdiff_t>(at), count, measured);
      MatrixView<Scalar> rows = low_end.theta;
      if (n_theta > 0) {
        rows.data += static_cast<std::ptrdiff_t>(at) * rows.row_stride;
        rows.n_rows = static_cast<std::ptrdiff_t>(count);
      }
      const std::span<const Scalar> values(measured, count);
      upper_(CalibrationBatch<Scalar>(values, rows, low.subspan(at, count), std::span<Status>(first, count)));
      lower_(CalibrationBatch<Scalar>(values, rows, high.subspan(at, count), std::span<Status>(second, count)));
      for (std::size_t s = 0; s < count; ++s) {
        const auto one = joined({low[at + s], first[s]}, {high[at + s], second[s]});
        low[at + s] = one.low;
        high[at + s] = one.high;
        if (!status.empty()) status[at + s] = one.status;
      }
    }
  }

 private:
  static CalibratedInterval<Scalar> joined(const Calibrated<Scalar>& low, const Calibrated<Scalar>& high) noexcept {
    CalibratedInterval<Scalar> result{low.value, high.value, worse(low.status, high.status)};
    if (low.value > high.value) result.status = worse(result.status, Status::not_invertible);
    if (!(low.value <= high.value)) result.low = result.high = std::numeric_limits<Scalar>::quiet_NaN();
    return result;
  }

  Lower lower_;
  Upper upper_;
};

}  // namespace calibrant
