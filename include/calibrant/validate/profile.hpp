// Binned profile: the statistics of a ratio (or any quantity) in bins of another quantity.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/validate/bin_edges.hpp"
#include "calibrant/validate/column.hpp"
#include "calibrant/validate/core_fit.hpp"
#include "calibrant/validate/statistics.hpp"

namespace calibrant::validate {

enum class ModeMethod { kernel, half_sample };

struct ProfileOptions {
  Column weights = {};                   ///< none, or one per event
  ModeMethod mode = ModeMethod::kernel;  ///< the kernel is more precise, half samples have no bandwidth
  double bandwidth = 0.0;                ///< of the kernel, in the unit of the values; 0 for automatic
  SubsampleOptions subsamples = {};      ///< for the error of the half-sample mode
  CoreFitOptions core = {};
};

/// One bin. The estimates of an empty bin are NaN with unknown errors and take no part in summaries.
struct ProfileBin {
  double low = 0.0;
  double high = 0.0;
  std::int64_t n = 0;                                        ///< events of weight above 0
  double effective_n = 0.0;                                  ///< (sum w)^2 / sum w^2
  double x_mean = std::numeric_limits<double>::quiet_NaN();  ///< weighted mean of the binned quantity
  Estimate mean = {};
  Estimate median = {};
  Estimate mode = {};
  Estimate core_mean = {};  ///< of the iterative Gaussian core fit, see CoreFit
  Estimate core_sigma = {};
  bool core_converged = false;
  Estimate half_width = {};           ///< half of the 16-84 % range
  Estimate relative_half_width = {};  ///< half_width / median: the resolution of a response; NaN if the median is 0

  bool empty() const noexcept { return n == 0; }
};

/// The bin that is furthest from a reference value.
struct Deviation {
  double value = 0.0;  ///< statistic - reference, with its sign
  double error = 0.0;  ///< of the statistic
  int bin = 0;         ///< index in Profile::bins
};

/// Every event is in one of the bins, in `below`, `above` or `without_weight`.
struct Profile {
  std::vector<ProfileBin> bins = {};
  std::int64_t n_events = 0;
  std::int64_t below = 0;           ///< events under the first edge
  std::int64_t above = 0;           ///< events over the last edge
  std::int64_t without_weight = 0;  ///< events of weight 0 inside of the edges

  /// The largest |statistic - reference| of the bins with at least min_n events (and at least 1):
  /// largest_deviation(&ProfileBin::median, 1.0). @throws Error if no bin has that many.
  Deviation largest_deviation(Estimate ProfileBin::*statistic, double reference, std::int64_t min_n = 1) const {
    Deviation largest{.bin = -1};
    for (std::size_t i = 0; i < bins.size(); ++i) {
      const Estimate& estimate = bins[i].*statistic;
      if (bins[i].empty() || bins[i].n < min_n || std::isnan(estimate.value)) continue;
      if (largest.bin < 0 || std::abs(estimate.value - reference) > std::abs(largest.value))
        largest = {estimate.value - reference, estimate.error, static_cast<int>(i)};
    }
    if (largest.bin < 0)
      throw Error("largest deviation of a profile", "a bin with at least " + std::to_string(min_n) + " events",
                  "none among " + std::to_string(bins.size()) + " bins");
    return largest;
  }
};

/// All statistics of the values of a bin. @pre there is a value.
inline CALIBRANT_COLD void describe(const Sample& sample, const ProfileOptions& options, ProfileBin& bin) {
  bin.n = sample.n();
  bin.effective_n = sample.effective_size();
  bin.mean = sample.mean();
  bin.median = sample.median();
  bin.mode = options.mode == ModeMethod::kernel ? sample.kernel_mode(options.bandwidth)
                                                : sample.half_sample_mode(options.subsamples);
  const CoreFit core = core_fit(sample, options.core);
  bin.core_mean = core.mean;
  bin.core_sigma = core.sigma;
  bin.core_converged = core.converged;
  bin.half_width = sample.half_width();
  if (bin.median.value != 0.0) bin.relative_half_width = sample.relative_half_width();
}

/// Statistics of `values` in bins of `x`. Time: about 0.3 s for a million events.
/// @param values  any quantity, for example the ratio calibrated / true, one per event.
/// @param x       the binned quantity, one per event; infinite ones are below or above all bins.
/// @throws Error if the lengths differ, for NaN in x, for NaN or infinity in values (with their number and the first
///         index), and for weights that are negative or not finite.
inline CALIBRANT_COLD Profile profile(Column values, Column x, const BinEdges& edges,
                                      const ProfileOptions& options = {}) {
  if (values.size() != x.size())
    throw Error("profile", "as many values as x (" + std::to_string(x.size()) + ")", std::to_string(values.size()));
  check_finite(values, "profile, values");
  check_no_nan(x, "profile, x");
  check_weights(options.weights, values.size(), "profile, weights");

  const std::size_t n = values.size();
  const auto n_bins = static_cast<std::size_t>(edges.n_bins());
  Profile result;
  result.n_events = static_cast<std::int64_t>(n);
  result.bins.resize(n_bins);

  // Events of weight 0 are set apart here, so that a bin with nothing else is empty.
  constexpr int nowhere = -1;
  std::vector<int> bin_of(n, nowhere);
  std::vector<std::size_t> begin(n_bins + 1, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const int bin = edges.find(x[i]);
    if (bin < 0) {
      ++result.below;
    } else if (bin >= edges.n_bins()) {
      ++result.above;
    } else if (!options.weights.empty() && options.weights[i] == 0.0) {
      ++result.without_weight;
    } else {
      bin_of[i] = bin;
      ++begin[static_cast<std::size_t>(bin) + 1];
    }
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());

  std::vector<double> sorted_values(begin.back());
  std::vector<double> sorted_weights(options.weights.empty() ? 0 : begin.back());
  std::vector<double> sum_x(n_bins, 0.0);
  std::vector<double> sum_w(n_bins, 0.0);
  std::vector<std::size_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t i = 0; i < n; ++i) {
    if (bin_of[i] == nowhere) continue;
    const auto bin = static_cast<std::size_t>(bin_of[i]);
    const double weight = options.weights.empty() ? 1.0 : options.weights[i];
    const std::size_t position = next[bin]++;
    sorted_values[position] = values[i];
    if (!options.weights.empty()) sorted_weights[position] = weight;
    sum_w[bin] += weight;
    sum_x[bin] += weight * x[i];
  }

  for (std::size_t b = 0; b < n_bins; ++b) {
    ProfileBin& bin = result.bins[b];
    bin.low = edges.low(static_cast<int>(b));
    bin.high = edges.high(static_cast<int>(b));
    const std::size_t size = begin[b + 1] - begin[b];
    if (size == 0) continue;
    const std::span<const double> all_values(sorted_values);
    const std::span<const double> all_weights(sorted_weights);
    const Sample sample(all_values.subspan(begin[b], size),
                        all_weights.empty() ? Column() : Column(all_weights.subspan(begin[b], size)));
    bin.x_mean = sum_x[b] / sum_w[b];
    describe(sample, options, bin);
  }
  return result;
}

}  // namespace calibrant::validate
