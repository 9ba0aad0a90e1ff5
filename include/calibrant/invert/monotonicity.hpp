// Where can a trained response be inverted? A scan of dL/dx over a region, with the worst point.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/nn/model.hpp"

namespace calibrant::invert {

template <class Scalar>
struct MonotonicityReport {
  std::int64_t n_objects = 0;      ///< values of theta looked at
  std::int64_t n_points = 0;       ///< (x, theta) pairs looked at
  std::int64_t n_bad_points = 0;   ///< with dL/dx <= 0, or not finite
  std::int64_t n_bad_objects = 0;  ///< theta with at least one bad point
  Scalar smallest_slope = 0;       ///< over all points; NaN if there is one without a slope
  Scalar worst_x = 0;              ///< where that is
  std::vector<Scalar> worst_theta;

  bool monotone() const noexcept { return n_bad_points == 0; }
  void print(std::ostream& out) const {
    out << "monotonicity: dL/dx <= 0 at " << n_bad_points << " of " << n_points << " points, for " << n_bad_objects
        << " of " << n_objects << " objects; smallest slope " << smallest_slope << " at x = " << worst_x << ", theta =";
    for (const Scalar value : worst_theta) out << ' ' << value;
    out << '\n';
  }
};

/// Scans dL/dx at `points` values of x, logarithmic in [range.low, range.high] if range.low > 0 and else linear, for
/// each row of theta (row-major, n x n_theta; real objects show correlations that a box does not).
/// @throws Error for an empty or infinite range, less than two points, or theta that is not n x n_theta.
template <class Response>
MonotonicityReport<typename Response::Scalar> check_monotonicity(const Response& response,
                                                                 std::span<const typename Response::Scalar> theta,
                                                                 Range<typename Response::Scalar> range,
                                                                 int points = 64) {
  using S = typename Response::Scalar;
  using T = Tile<S>;
  constexpr int n_theta = Response::n_theta;
  constexpr std::size_t samples = T::n_samples;
  require_width(range, "check_monotonicity", "a finite range with low < high");
  if (points < 2) throw Error("check_monotonicity", "two points or more", std::to_string(points));
  const std::size_t n = n_theta == 0 ? 1 : theta.size() / static_cast<std::size_t>(std::max(n_theta, 1));
  if (n * static_cast<std::size_t>(n_theta) != theta.size() || n == 0)
    throw Error("check_monotonicity, theta", "rows of " + std::to_string(n_theta) + " values",
                std::to_string(theta.size()) + " values");
  MonotonicityReport<S> report;
  report.smallest_slope = std::numeric_limits<S>::infinity();
  report.n_objects = static_cast<std::int64_t>(n);
  const bool logarithmic = range.low > S(0);
  for (std::size_t first = 0; first < n; first += samples) {
    const std::size_t count = std::min(samples, n - first);
    T theta_tile[n_theta > 0 ? n_theta : 1];
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t i = 0; i < static_cast<std::size_t>(n_theta); ++i)
        scalars(theta_tile)[i * samples + s] =
            theta[(first + (s < count ? s : 0)) * static_cast<std::size_t>(n_theta) + i];
    typename Response::template Encoded<T> encoded;
    response.encode(theta_tile, encoded);
    bool bad[samples] = {};
    for (int point = 0; point < points; ++point) {
      const double fraction = point / (points - 1.0);
      const double low = range.low, high = range.high;
      const double inner = logarithmic ? low * std::pow(high / low, fraction) : low + (high - low) * fraction;
      const S x = point == points - 1 ? range.high : static_cast<S>(inner);
      const auto at = response.response(T(x), encoded);
      for (std::size_t s = 0; s < count; ++s) {
        const S slope = at.slope[static_cast<int>(s)];
        ++report.n_points;
        if (!(slope > S(0)) || !is_finite(slope)) {
          ++report.n_bad_points;
          if (!bad[s]) ++report.n_bad_objects;
          bad[s] = true;
        }
        // NaN is worse than any number, and stays.
        if (!std::isnan(report.smallest_slope) && !(slope >= report.smallest_slope)) {
          report.smallest_slope = slope;
          report.worst_x = x;
          report.worst_theta.assign(theta.begin() + static_cast<std::ptrdiff_t>((first + s) * n_theta),
                                    theta.begin() + static_cast<std::ptrdiff_t>((first + s + 1) * n_theta));
        }
      }
    }
  }
  return report;
}

}  // namespace calibrant::invert
