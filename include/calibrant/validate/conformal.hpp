// Split-conformal intervals: a coverage that holds for any detector, any net and any number of events, by ranks in a
// sample that took no part in the training. Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World (2005);
// per bin ("Mondrian"), section 4.5 there; two-sided, Romano, Patterson, Candes, arXiv:1905.03222, theorem 2.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calibrant/calibration/intervals.hpp"
#include "calibrant/validate/bin_edges.hpp"
#include "calibrant/validate/column.hpp"

namespace calibrant::validate {

/// What a conformal coverage holds for: the objects of each bin of this.
enum class CoverageIn : unsigned char {
  calibrated,  ///< the calibrated value, which is known for every object
  truth,       ///< the truth: independent of the spectrum within as well as between bins that are narrow enough
};

constexpr std::string_view to_string(CoverageIn in) noexcept {
  return in == CoverageIn::truth ? "truth" : "calibrated";
}

/// Of the scores (value - truth) / scale of a bin: the order statistics between which the wanted part lies.
struct Tails {
  double low, high;
};

/// Intervals [value - b scale, value - a scale]: a and b are quantiles of (value - truth) / scale in a sample set
/// apart, per bin, each tail with half of what the coverage leaves. The probability to cover a new object of the bin is
/// at least the coverage and at most 2 / (n + 1) more, n objects of the sample being in the bin, as long as the new
/// object and the sample are exchangeable: drawn in the same way.
///
/// Made once, then immutable; calls are const, noexcept, allocate nothing and share nothing.
class Conformal {
 public:
  /// @param value  calibrated values of a sample that was not used in training.
  /// @param truth  their true values, in the same unit.
  /// @param scale  a positive number per object in proportion to which the intervals grow: the sigma of WithResolution,
  ///               or the value itself. The better it is, the shorter they are; the coverage does not depend on it.
  /// @param edges  bins of the calibrated values or of the truth. Objects outside of them are left out.
  /// @throws Error if the lengths differ, for numbers that are not finite, a scale that is not above 0, a coverage
  /// outside of (0, 1), and a bin with too few objects for its tails: (n + 1) (1 - coverage) / 2 must be 1 or more.
  CALIBRANT_COLD Conformal(Column value, Column truth, Column scale, BinEdges edges, double coverage,
                           CoverageIn in = CoverageIn::calibrated)
      : edges_(std::move(edges)), coverage_(coverage), in_(in) {
    check_coverage();
    if (truth.size() != value.size() || scale.size() != value.size())
      throw Error("Conformal", "as many truths and scales as values (" + std::to_string(value.size()) + ")",
                  std::to_string(truth.size()) + " and " + std::to_string(scale.size()));
    check_finite(value, "Conformal, value");
    check_finite(truth, "Conformal, truth");
    check_finite(scale, "Conformal, scale");
    column::refuse(
        scale, [](double one) { return !(one > 0.0); }, "Conformal, scale", "numbers above 0", "that are not");
    std::vector<std::vector<double>> scores(static_cast<std::size_t>(edges_.n_bins()));
    for (std::size_t i = 0; i < value.size(); ++i) {
      const int bin = edges_.find(in == CoverageIn::truth ? truth[i] : value[i]);
      if (bin >= 0 && bin < edges_.n_bins())
        scores[static_cast<std::size_t>(bin)].push_back((value[i] - truth[i]) / scale[i]);
    }
    for (int bin = 0; bin < edges_.n_bins(); ++bin)
      bins_.push_back(tails_of(scores[static_cast<std::size_t>(bin)], bin));
  }

  /// As it was made before: what a file holds.
  /// @throws Error for a coverage outside of (0, 1), and unless there are tails for every bin, finite and low <= high.
  CALIBRANT_COLD Conformal(BinEdges edges, std::vector<Tails> tails, double coverage, CoverageIn in)
      : edges_(std::move(edges)), coverage_(coverage), in_(in), bins_(std::move(tails)) {
    check_coverage();
    if (bins_.size() != static_cast<std::size_t>(edges_.n_bins()))
      throw Error("Conformal", "tails for " + std::to_string(edges_.n_bins()) + " bin(s)",
                  std::to_string(bins_.size()));
    for (const Tails& bin : bins_)
      if (!(bin.low <= bin.high && std::isfinite(bin.low) && std::isfinite(bin.high)))
        throw Error("Conformal, tails", "finite scores, low <= high",
                    std::to_string(bin.low) + " and " + std::to_string(bin.high));
  }

  double coverage() const noexcept { return coverage_; }
  const std::vector<Tails>& tails() const noexcept { return bins_; }
  const BinEdges& edges() const noexcept { return edges_; }
  CoverageIn in() const noexcept { return in_; }

  /// The interval of a calibrated value. NaN and invalid_input for numbers that are not finite or a scale that is not
  /// above 0, NaN and out_of_range for what lies in no bin.
  template <class Scalar>
  CalibratedInterval<Scalar> operator()(Scalar value, Scalar scale) const noexcept {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr Scalar nan = std::numeric_limits<Scalar>::quiet_NaN();
    if (!(is_finite(value) && is_finite(scale) && scale > Scalar(0))) return {nan, nan, Status::invalid_input};
    const auto center = static_cast<double>(value), width = static_cast<double>(scale);
    double low = infinity, high = -infinity;
    if (in_ == CoverageIn::calibrated) {
      const int bin = edges_.find(center);
      if (bin >= 0 && bin < edges_.n_bins()) {
        const Tails& tails = bins_[static_cast<std::size_t>(bin)];
        low = center - tails.high * width;
        high = center - tails.low * width;
      }
    } else {
      // Each bin has its own idea of which of its truths fit the value; the interval spans all that do.
      for (int bin = 0; bin < edges_.n_bins(); ++bin) {
        const Tails& tails = bins_[static_cast<std::size_t>(bin)];
        const double first = std::max(center - tails.high * width, edges_.low(bin));
        const double last = std::min(center - tails.low * width, edges_.high(bin));
        if (!(first <= last)) continue;
        low = std::min(low, first);
        high = std::max(high, last);
      }
    }
    if (!(low <= high)) return {nan, nan, Status::out_of_range};
    return {static_cast<Scalar>(low), static_cast<Scalar>(high), Status::ok};
  }

 private:
  CALIBRANT_COLD void check_coverage() const {
    if (!(coverage_ > 0.0 && coverage_ < 1.0))
      throw Error("Conformal, coverage", "a number between 0 and 1", std::to_string(coverage_));
  }

  CALIBRANT_COLD Tails tails_of(std::vector<double>& scores, int bin) const {
    const double tail = 0.5 * (1.0 - coverage_), n = static_cast<double>(scores.size());
    // Ranks from 1: rounding must not turn 39.999... + 1 of 40 into one rank less.
    const double exact = (n + 1.0) * tail, whole = std::round(exact);
    const double rank = std::abs(exact - whole) < 1e-9 * whole ? whole : std::floor(exact);
    if (!(rank >= 1.0))
      throw Error("Conformal, bin " + std::to_string(edges_.low(bin)) + " to " + std::to_string(edges_.high(bin)),
                  "at least " + std::to_string(static_cast<long>(std::ceil(1.0 / tail - 1e-9)) - 1) +
                      " objects for a coverage of " + std::to_string(coverage_),
                  std::to_string(scores.size()));
    std::sort(scores.begin(), scores.end());
    const auto from_end = static_cast<std::size_t>(rank) - 1;
    return {scores[from_end], scores[scores.size() - 1 - from_end]};
  }

  BinEdges edges_;
  double coverage_;
  CoverageIn in_;
  std::vector<Tails> bins_;
};

}  // namespace calibrant::validate
