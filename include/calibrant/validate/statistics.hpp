// Statistics of a sample of numbers, weighted or not, each with its statistical error: mean, quantiles, half 16-84 %
// width, and the mode by half samples (Bickel, Comput. Stat. Data Anal. 39 (2002) 153) or by a Gaussian kernel.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/error.hpp"
#include "calibrant/validate/column.hpp"

namespace calibrant::validate {

/// A value with one standard error. An error of +infinity means unknown (a single value has no spread to estimate
/// from).
struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double error = std::numeric_limits<double>::infinity();
};

/// How the error of the half-sample mode is estimated.
struct SubsampleOptions {
  int n_estimates = 128;   ///< modes of subsamples to take; the error is known to 1 / sqrt(2 n_estimates)
  std::uint64_t seed = 1;  ///< of the Philox stream `bootstrap` that deals values to subsamples
};

/// A sample, checked and sorted once, of which any statistic can be taken.
///
/// Values of weight 0 have no influence. Infinite values are ordered like others in median, quantiles and widths, and
/// refused (Error) where they have no place: mean, standard deviation, modes, fits.
/// With one value, or one effective value, every error is +infinity; with equal values every width and error is 0.
class Sample {
 public:
  /// Implicit, so that every function of a Sample takes a vector or span of float or double, or {values, weights}.
  /// @throws Error if a value is NaN, if no value has a weight above 0, or for wrong weights (number, sign, not
  /// finite).
  template <class Values>
  requires std::convertible_to<const Values&, Column> Sample(const Values& values, Column weights = {}) {
    fill(values, weights);
  }

  /// Number of values of weight above 0.
  std::int64_t n() const noexcept { return static_cast<std::int64_t>(values_.size()); }
  double sum_of_weights() const noexcept { return weight_unit_ * sum_of_weights_; }
  /// (sum w)^2 / sum w^2: the number of unweighted values with the same relative error of the sum.
  double effective_size() const noexcept { return effective_size_; }
  /// In rising order.
  std::span<const double> values() const noexcept { return values_; }
  /// Weight of the i-th smallest value, in units of the largest weight (1 without weights).
  double weight(std::size_t i) const noexcept { return weights_.empty() ? 1.0 : weights_[i]; }
  bool is_finite() const noexcept { return std::isfinite(values_.front()) && std::isfinite(values_.back()); }

  /// Mean; its error is analytic: s / sqrt(n), or its weighted form.
  CALIBRANT_COLD Estimate mean() const {
    require_finite("mean");
    const Moments m = moments();
    return {m.mean, error_or_unknown(std::sqrt(m.weighted_square / (sum_of_weights_ * sum_of_weights_) * bessel()))};
  }

  /// Standard deviation (with the n - 1 correction, n the effective size); error from the fourth moment.
  Estimate standard_deviation() const {
    require_finite("standard deviation");
    const Moments m = moments();
    if (effective_size_ <= one_value) return {0.0, unknown};
    const double sd = std::sqrt(m.variance * bessel());
    if (sd == 0.0) return {0.0, 0.0};
    const double variance_of_variance = std::max(0.0, m.fourth - m.variance * m.variance) / effective_size_;
    return {sd, std::sqrt(variance_of_variance) / (2.0 * sd)};
  }

  Estimate median() const { return quantile(0.5); }

  /// Quantile q, linear between the values, the i-th of which (from 1) is at (i - 1/2)/n (Hazen's rule), or at the
  /// middle of its weight. Error: half of the range between quantiles q -+ sqrt(q (1 - q) / n), a distribution-free 68
  /// % interval.
  /// @throws Error if q is not in [0, 1], or falls between minus and plus infinity.
  Estimate quantile(double q) const { return {quantile_value(q), quantile_error(q)}; }

  /// Half of the range between two quantiles: the standard deviation of a Gaussian, with the defaults and to 0.6 %.
  /// The error takes their correlation into account.
  CALIBRANT_COLD Estimate half_width(double q_low = 0.16, double q_high = 0.84) const {
    return {0.5 * range(q_low, q_high), combined_error<2>({q_low, q_high}, {-0.5, 0.5})};
  }

  /// half_width() / median, the relative resolution of a response. @throws Error if the median is 0.
  CALIBRANT_COLD Estimate relative_half_width(double q_low = 0.16, double q_high = 0.84) const {
    const double centre = quantile_value(0.5);
    if (centre == 0.0) throw Error("relative half width", "a median that is not 0", "0");
    const double width = 0.5 * range(q_low, q_high);
    return {width / centre,
            combined_error<3>({q_low, 0.5, q_high}, {-0.5 / centre, -width / (centre * centre), 0.5 / centre})};
  }

  /// Half-sample mode: the shortest interval with half of the weight, of that again the shortest half, and so on. Needs
  /// no bandwidth and ignores tails; converges only like n^(-1/5).
  /// Error: spread of the modes of disjoint random subsamples, scaled to n by that power; measured on Gaussian samples
  /// it is right or up to 20 % too large. (A bootstrap fails here: repeated values would attract the mode.)
  Estimate half_sample_mode(SubsampleOptions options = {}) const {
    require_finite("half-sample mode");
    if (options.n_estimates < 2)
      throw Error("half-sample mode", "at least 2 subsample estimates", std::to_string(options.n_estimates));
    return {half_sample_mode_of(values_, weights_), half_sample_error(options)};
  }

  /// Kernel mode: highest point of the density smoothed with a Gaussian of width `bandwidth`, the sample's minimum of
  /// the Gaussian kernel loss of arXiv:1910.03773. Error: sandwich formula at fixed bandwidth, without the bias that
  /// the smoothing of a skew density has.
  /// @param bandwidth  in the unit of the values; 0 for 0.969 half_width n^(-1/7), the best for the slope of a Gaussian
  ///                   density (Chacon, Duong, Wand, Stat. Sinica 21 (2011) 807).
  /// @throws Error if the bandwidth is negative or not finite.
  CALIBRANT_COLD Estimate kernel_mode(double bandwidth = 0.0) const {
    require_finite("kernel mode");
    if (!(bandwidth >= 0.0 && std::isfinite(bandwidth)))
      throw Error("kernel mode", "a finite bandwidth >= 0", std::to_string(bandwidth));
    double h = bandwidth;
    if (h == 0.0) h = 0.969 * 0.5 * range(0.16, 0.84) * std::pow(effective_size_, -1.0 / 7.0);
    // Most values are one value: that is the mode.
    if (h == 0.0) return {quantile_value(0.5), error_or_unknown(0.0)};

    // The smoothed density on a grid, from a fine histogram, around the densest interval of the size of the kernel.
    constexpr int cells_per_bandwidth = 10;
    constexpr int reach = 6 * cells_per_bandwidth;   // of the kernel
    constexpr int search = 3 * cells_per_bandwidth;  // on each side
    constexpr int n_cells = 2 * (reach + search) + 1;
    const double cell = h / cells_per_bandwidth;
    const double low = densest_interval(h) - (reach + search) * cell;
    std::array<double, n_cells> histogram{};
    const auto [begin, end] = between(low - 0.5 * cell, low + (n_cells - 1) * cell);
    for (std::size_t i = begin; i < end; ++i)
      histogram[static_cast<std::size_t>(std::lround((values_[i] - low) / cell))] += weight(i);
    std::array<double, 2 * reach + 1> shape;
    for (int k = -reach; k <= reach; ++k)
      shape[static_cast<std::size_t>(k + reach)] = std::exp(-0.5 * k * k / (cells_per_bandwidth * cells_per_bandwidth));
    double highest = -1.0;
    double start = low;
    for (std::size_t i = 0; i <= 2 * search; ++i) {
      const double density = std::inner_product(shape.begin(), shape.end(), histogram.begin() + i, 0.0);
      if (density > highest) {
        highest = density;
        start = low + (static_cast<double>(i) + reach) * cell;
      }
    }
    return refined_kernel_mode(start, h);
  }

 private:
  static constexpr double unknown = std::numeric_limits<double>::infinity();
  /// An effective size up to this is a single value: rounding must not turn 1 into an error estimate.
  static constexpr double one_value = 1.0 + 1e-9;

  struct Moments {
    double mean = 0.0;
    double variance = 0.0;         // sum w d^2 / sum w
    double fourth = 0.0;           // sum w d^4 / sum w
    double weighted_square = 0.0;  // sum w^2 d^2
  };

  CALIBRANT_COLD void fill(Column values, Column weights) {
    check_no_nan(values, "statistics of a sample");
    check_weights(weights, values.size(), "statistics of a sample");
    if (weights.empty()) {
      values_.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) values_[i] = values[i];
      std::sort(values_.begin(), values_.end());
      sum_of_weights_ = effective_size_ = static_cast<double>(values_.size());
    } else {
      std::vector<std::pair<double, double>> pairs;
      pairs.reserve(values.size());
      for (std::size_t i = 0; i < values.size(); ++i)
        if (weights[i] > 0.0) pairs.emplace_back(values[i], weights[i]);
      std::sort(pairs.begin(), pairs.end());
      // Weights are only relative here: scaled, their squares neither overflow nor vanish.
      double largest = 0.0;
      for (const auto& pair : pairs) largest = std::max(largest, pair.second);
      double sum = 0.0;
      double sum_of_squares = 0.0;
      for (const auto& [value, weight] : pairs) {
        values_.push_back(value);
        weights_.push_back(weight / largest);
        middles_.push_back(sum + 0.5 * weights_.back());
        sum += weights_.back();
        sum_of_squares += weights_.back() * weights_.back();
      }
      weight_unit_ = largest;
      sum_of_weights_ = sum;
      effective_size_ = pairs.empty() ? 0.0 : sum * sum / sum_of_squares;
    }
    if (values_.empty())
      throw Error("statistics of a sample", "at least one value with a weight above 0",
                  std::to_string(values.size()) + " values" + (values.empty() ? "" : ", all of weight 0"));
  }

  CALIBRANT_COLD void require_finite(const char* what) const {
    if (is_finite()) return;
    const auto n_infinite = std::count_if(values_.begin(), values_.end(), [](double v) { return std::isinf(v); });
    throw Error(what, "finite values", std::to_string(n_infinite) + " infinite of " + std::to_string(n()));
  }

  /// n / (n - 1) for the effective size.
  double bessel() const noexcept { return effective_size_ / (effective_size_ - 1.0); }
  double error_or_unknown(double error) const noexcept { return effective_size_ > one_value ? error : unknown; }

  Moments moments() const noexcept {
    Moments m;
    // Deviations from a central value, so that a small spread far from 0 keeps its digits.
    const double reference = values_[values_.size() / 2];
    for (std::size_t i = 0; i < values_.size(); ++i) m.mean += weight(i) * (values_[i] - reference);
    m.mean = reference + m.mean / sum_of_weights_;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const double square = (values_[i] - m.mean) * (values_[i] - m.mean);
      m.variance += weight(i) * square;
      m.fourth += weight(i) * square * square;
      m.weighted_square += weight(i) * weight(i) * square;
    }
    m.variance /= sum_of_weights_;
    m.fourth /= sum_of_weights_;
    return m;
  }

  CALIBRANT_COLD double quantile_value(double q) const {
    if (!(q >= 0.0 && q <= 1.0)) throw Error("quantile", "a probability in [0, 1]", std::to_string(q));
    // Position between the middles of the weights: `below` and the next value, and the fraction of the way.
    std::size_t below = 0;
    double fraction = 0.0;
    const std::size_t last = values_.size() - 1;
    if (weights_.empty()) {
      const double position = q * static_cast<double>(values_.size()) - 0.5;
      if (position <= 0.0) return values_.front();
      if (position >= static_cast<double>(last)) return values_.back();
      below = static_cast<std::size_t>(position);
      fraction = position - static_cast<double>(below);
    } else {
      const double position = q * sum_of_weights_;
      if (position <= middles_.front()) return values_.front();
      if (position >= middles_.back()) return values_.back();
      below =
          static_cast<std::size_t>(std::upper_bound(middles_.begin(), middles_.end(), position) - middles_.begin()) - 1;
      fraction = (position - middles_[below]) / (middles_[below + 1] - middles_[below]);
    }
    const double low = values_[below];
    const double high = values_[std::min(below + 1, last)];
    if (low == high || fraction == 0.0) return low;
    const double value = low * (1.0 - fraction) + high * fraction;
    if (std::isnan(value)) throw Error("quantile", "a finite value next to it", "minus and plus infinity");
    return value;
  }

  CALIBRANT_COLD double quantile_error(double q) const {
    if (effective_size_ <= one_value) return unknown;
    const double step = std::sqrt(q * (1.0 - q) / effective_size_);
    const double low = quantile_value(std::max(0.0, q - step));
    const double high = quantile_value(std::min(1.0, q + step));
    return low == high ? 0.0 : 0.5 * (high - low);
  }

  double range(double q_low, double q_high) const {
    const double low = quantile_value(q_low);
    const double high = quantile_value(q_high);
    return low == high ? 0.0 : high - low;
  }

  /// Error of sum_i slope_i quantile(q_i), q rising: the correlation of two quantiles is sqrt(q_i (1-q_j) / (q_j
  /// (1-q_i))).
  template <std::size_t N>
  double combined_error(const std::array<double, N>& q, const std::array<double, N>& slope) const {
    if (effective_size_ <= one_value) return unknown;
    std::array<double, N> error;
    for (std::size_t i = 0; i < N; ++i) {
      error[i] = slope[i] * quantile_error(q[i]);
      if (!std::isfinite(error[i])) return unknown;
    }
    double variance = 0.0;
    for (std::size_t i = 0; i < N; ++i) {
      variance += error[i] * error[i];
      for (std::size_t j = i + 1; j < N; ++j)
        if (error[i] != 0.0 && error[j] != 0.0)
          variance += 2.0 * error[i] * error[j] * std::sqrt(q[i] * (1.0 - q[j]) / (q[j] * (1.0 - q[i])));
    }
    return std::sqrt(std::max(0.0, variance));
  }

  /// @pre values rising and finite, not empty; weights empty or one per value.
  CALIBRANT_COLD static double half_sample_mode_of(std::span<const double> values, std::span<const double> weights) {
    std::vector<double> sums;  // of the weights before each value
    if (!weights.empty()) {
      sums.assign(values.size() + 1, 0.0);
      std::partial_sum(weights.begin(), weights.end(), sums.begin() + 1);
    }
    const auto content = [&](std::size_t begin, std::size_t end) {
      return weights.empty() ? static_cast<double>(end - begin) : sums[end] - sums[begin];
    };
    std::size_t begin = 0;
    std::size_t end = values.size();
    std::vector<std::pair<std::size_t, std::size_t>> shortest;
    while (end - begin > 3) {
      // A hair less than half: rounding of sums of weights must not ask for one value more.
      const double half = 0.5 * (1.0 - 1e-12) * content(begin, end);
      double length = std::numeric_limits<double>::infinity();
      shortest.clear();
      for (std::size_t start = begin, stop = begin; start < end; ++start) {
        while (stop < end && content(start, stop) < half) ++stop;
        if (content(start, stop) < half) break;
        const double this_length = values[stop - 1] - values[start];
        if (this_length > length) continue;
        if (this_length < length) shortest.clear();
        length = this_length;
        shortest.emplace_back(start, stop);
      }
      // Of equally short intervals (rounded data) the middle one, so that neither side is preferred.
      std::tie(begin, end) = shortest[shortest.size() / 2];
    }
    if (end - begin == 3) {
      const double left = values[begin + 1] - values[begin];
      const double right = values[begin + 2] - values[begin + 1];
      if (left == right) return values[begin + 1];
      if (left < right)
        --end;
      else
        ++begin;
    }
    if (end - begin == 1) return values[begin];
    const double first = content(begin, begin + 1);
    const double second = content(begin + 1, end);
    return values[begin] + (values[begin + 1] - values[begin]) * (second / (first + second));
  }

  CALIBRANT_COLD double half_sample_error(const SubsampleOptions& options) const {
    if (effective_size_ <= one_value) return unknown;
    // Subsamples of at least 8 values where possible: large enough to scale, small enough to be many.
    unsigned n_groups = 2;
    while (n_groups < 32 && values_.size() / (2 * n_groups) >= 8) n_groups *= 2;
    std::vector<std::vector<double>> values(n_groups);
    std::vector<std::vector<double>> weights(n_groups);
    std::vector<double> modes;
    for (std::uint32_t round = 0; modes.size() < static_cast<std::size_t>(options.n_estimates); ++round) {
      const Random random(options.seed, Stream::bootstrap, round);
      for (auto& group : values) group.clear();
      for (auto& group : weights) group.clear();
      philox::Counter words{};
      for (std::size_t i = 0; i < values_.size(); ++i) {
        if (i % 16 == 0) words = random.block(i / 16);  // one byte per value
        const std::size_t group = words[i % 16 / 4] >> (8 * (i % 4)) & (n_groups - 1);
        values[group].push_back(values_[i]);
        if (!weights_.empty()) weights[group].push_back(weights_[i]);
      }
      for (std::size_t group = 0; group < n_groups; ++group)
        if (!values[group].empty()) modes.push_back(half_sample_mode_of(values[group], weights[group]));
    }
    // Deviations from one of them, so that equal modes give exactly 0.
    double shift = 0.0;
    for (const double mode : modes) shift += mode - modes.front();
    const double centre = modes.front() + shift / static_cast<double>(modes.size());
    double variance = 0.0;
    for (const double mode : modes) variance += (mode - centre) * (mode - centre);
    variance /= static_cast<double>(modes.size() - 1);
    return std::sqrt(variance) * std::pow(static_cast<double>(n_groups), -0.2);
  }

  /// Indices of the values in [low, high].
  std::pair<std::size_t, std::size_t> between(double low, double high) const noexcept {
    const auto first = std::lower_bound(values_.begin(), values_.end(), low);
    const auto last = std::upper_bound(first, values_.end(), high);
    return {static_cast<std::size_t>(first - values_.begin()), static_cast<std::size_t>(last - values_.begin())};
  }

  /// Newton's method on the slope of the smoothed density, from a point next to its maximum.
  Estimate refined_kernel_mode(double start, double h) const {
    double mode = start;
    double curvature = 0.0;
    double square_of_slopes = 0.0;
    for (int step = 0; step < 30; ++step) {
      const auto [begin, end] = between(mode - 6.5 * h, mode + 6.5 * h);
      double slope = 0.0;
      double density = 0.0;
      curvature = square_of_slopes = 0.0;
      for (std::size_t i = begin; i < end; ++i) {
        const double r = (values_[i] - mode) / h;
        const double kernel = weight(i) * std::exp(-0.5 * r * r);
        density += kernel;
        slope += kernel * r;
        curvature += kernel * (1.0 - r * r);
        square_of_slopes += kernel * r * kernel * r;
      }
      // Where the density is not concave, the mean-shift step, which always climbs.
      const bool newton = curvature > 0.1 * density;
      const double change = h * slope / (newton ? curvature : density);
      mode += std::clamp(change, -0.5 * h, 0.5 * h);
      // Newton's next step would be of the order of the square of this one.
      if (newton && std::abs(change) <= 1e-4 * h) break;
    }
    const double error = curvature > 0.0 ? h * std::sqrt(square_of_slopes) / curvature : unknown;
    return {mode, error_or_unknown(error)};
  }

  /// Middle of the interval of length 2 h with the most weight.
  double densest_interval(double h) const noexcept {
    double most = 0.0;
    double centre = values_.front();
    double inside = 0.0;
    std::size_t stop = 0;
    for (std::size_t start = 0; start < values_.size(); ++start) {
      while (stop < values_.size() && values_[stop] <= values_[start] + 2.0 * h) inside += weight(stop++);
      if (inside > most) {
        most = inside;
        centre = 0.5 * (values_[start] + values_[stop - 1]);
      }
      inside -= weight(start);
    }
    return centre;
  }

  std::vector<double> values_;   // rising
  std::vector<double> weights_;  // of the same order, largest 1; empty if there are none
  std::vector<double> middles_;  // sum of the weights below, plus half of the own
  double weight_unit_ = 1.0;
  double sum_of_weights_ = 0.0;  // in units of weight_unit_
  double effective_size_ = 0.0;
};

inline Estimate mean(const Sample& sample) { return sample.mean(); }
inline Estimate standard_deviation(const Sample& sample) { return sample.standard_deviation(); }
inline Estimate median(const Sample& sample) { return sample.median(); }
inline Estimate quantile(const Sample& sample, double q) { return sample.quantile(q); }
inline Estimate half_width(const Sample& sample) { return sample.half_width(); }
inline Estimate half_sample_mode(const Sample& sample, SubsampleOptions options = {}) {
  return sample.half_sample_mode(options);
}
inline Estimate kernel_mode(const Sample& sample, double bandwidth = 0.0) { return sample.kernel_mode(bandwidth); }

}  // namespace calibrant::validate
