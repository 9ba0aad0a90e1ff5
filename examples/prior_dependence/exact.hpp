// The exact curves, by quadrature: what a direct regression learns, what an inversion answers, and how either is
// distributed at given truth.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "detector.hpp"

/// Seven sigma and more around the response to every truth from 10 to 210 GeV.
inline constexpr double lowest_measured = -60.0, highest_measured = 320.0;

/// x given y, for a spectrum on [x_low, x_high].
class Posterior {
 public:
  struct Moments {
    double mean, sd;
    double slope;  ///< d mean / dy
  };

  Posterior(const Detector& detector, const Prior& prior)
      : detector_(detector), prior_(prior), weight_(n), f_(n), inverse_sigma_(n) {
    for (std::size_t i = 0; i < n; ++i) {
      const double x = truth(i);
      f_[i] = detector.f(x);
      inverse_sigma_[i] = 1.0 / detector.sigma(x);
      weight_[i] = simpson(i) * prior.density(x) * inverse_sigma_[i];
    }
  }

  /// The mean is M(y), what a regression of x on y with the squared loss learns.
  Moments moments(double y) const noexcept {
    double norm = 0.0, mean = 0.0, squares = 0.0, slope = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      const double p = density(i, y);
      norm += p;
      mean += p * truth(i);
    }
    mean /= norm;
    for (std::size_t i = 0; i < n; ++i) {
      const double p = density(i, y), off = truth(i) - mean;
      squares += p * off * off;
      // The last factor is d ln p(y | x) / dy.
      slope += p * off * (f_[i] - y) * inverse_sigma_[i] * inverse_sigma_[i];
    }
    return {mean, std::sqrt(squares / norm), slope / norm};
  }

  /// The most probable x: the maximum a posteriori, which is an end of the spectrum where the density falls from there.
  double mode(double y) const noexcept {
    std::size_t best = 0;
    double highest = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      if (const double here = density(i, y) / simpson(i); here > highest) {
        highest = here;
        best = i;
      }
    const auto log_density = [&](double x) {
      const double sigma = detector_.sigma(x), z = (y - detector_.f(x)) / sigma;
      return std::log(prior_.density(x) / sigma) - 0.5 * z * z;
    };
    constexpr double golden_section = 0.6180339887498949;
    double low = std::max(x_low, truth(best) - 0.5 * cell), high = std::min(x_high, truth(best) + 0.5 * cell);
    while (high - low > 1e-7) {  // GeV; closer, the rounding errors of the density decide
      const double left = high - golden_section * (high - low), right = low + golden_section * (high - low);
      const bool falls = log_density(left) > log_density(right);
      (falls ? high : low) = falls ? right : left;
    }
    return low == x_low ? x_low : high == x_high ? x_high : 0.5 * (low + high);
  }

  /// Turns uniform numbers in (0, 1) into draws of x at this y.
  void draw(double y, std::span<double> numbers) const {
    const auto border = [&](std::size_t i) { return i == 0 || i + 1 == n ? density(i, y) : 0.5 * density(i, y); };
    std::vector<double> cumulative = {0.0};
    for (std::size_t i = 2; i < n; i += 2)  // what is between two cells belongs to both
      cumulative.push_back(cumulative.back() + border(i - 2) + density(i - 1, y) + border(i));
    for (double& number : numbers) {
      const double target = number * cumulative.back();
      const auto above = std::upper_bound(cumulative.begin() + 1, cumulative.end() - 1, target);
      const double inside = (target - *(above - 1)) / (*above - *(above - 1));
      number = x_low + cell * (static_cast<double>(above - cumulative.begin() - 1) + inside);
    }
  }

 private:
  static constexpr std::size_t n = 1801;
  static constexpr double cell = 2.0 * (x_high - x_low) / static_cast<double>(n - 1);
  static double truth(std::size_t i) noexcept { return x_low + 0.5 * cell * static_cast<double>(i); }
  static double simpson(std::size_t i) noexcept { return i == 0 || i + 1 == n ? 1.0 : i % 2 == 1 ? 4.0 : 2.0; }
  double density(std::size_t i, double y) const noexcept {
    const double z = (y - f_[i]) * inverse_sigma_[i];
    return weight_[i] * std::exp(-0.5 * z * z);
  }

  Detector detector_;
  Prior prior_;
  std::vector<double> weight_, f_, inverse_sigma_;
};

/// A function that rises, from values at equal distances: straight lines between them and beyond.
class Tabulated {
 public:
  template <class Function>
  Tabulated(double low, double high, double step, const Function& function) : low_(low), step_(step) {
    for (int i = 0; low + step * i <= high; ++i) values_.push_back(function(low + step * i));
  }

  double operator()(double x) const noexcept {
    const auto last = static_cast<std::ptrdiff_t>(values_.size()) - 2;
    const auto i = std::clamp(static_cast<std::ptrdiff_t>(std::floor((x - low_) / step_)), std::ptrdiff_t{0}, last);
    const double* at = values_.data() + i;
    return at[0] + (at[1] - at[0]) * ((x - low_) / step_ - static_cast<double>(i));
  }
  double inverse(double value) const noexcept {
    const auto above = std::upper_bound(values_.begin() + 1, values_.end() - 1, value);
    const auto i = static_cast<double>(above - values_.begin() - 1);
    return low_ + step_ * (i + (value - *(above - 1)) / (*above - *(above - 1)));
  }
  /// Whether a value is one of those between the ends.
  bool reaches(double value) const noexcept { return value >= values_.front() && value <= values_.back(); }

 private:
  double low_, step_;
  std::vector<double> values_;
};

/// A function of y that may bend and jump: straight lines between points that lie closer where it does.
class Bent {
 public:
  /// @param tolerance  of the function half-way between two points, unless these are closer than `smallest_step`.
  template <class Function>
  Bent(double tolerance, double smallest_step, const Function& function) {
    const auto add = [&](double y, double value) {
      y_.push_back(y);
      value_.push_back(value);
    };
    const auto refine = [&](const auto& self, double left, double at_left, double right, double at_right) -> void {
      const double middle = 0.5 * (left + right), at_middle = function(middle);
      if (right - left > smallest_step && std::abs(at_middle - 0.5 * (at_left + at_right)) > tolerance) {
        self(self, left, at_left, middle, at_middle);
        self(self, middle, at_middle, right, at_right);
      } else {
        add(middle, at_middle);
        add(right, at_right);
      }
    };
    constexpr double step = 0.5;
    add(lowest_measured, function(lowest_measured));
    while (y_.back() < highest_measured) {
      const double left = y_.back();
      refine(refine, left, value_.back(), left + step, function(left + step));
    }
  }

  /// Its mean over Y, normal around f(x) with width sigma(x).
  double mean(const Detector& detector, double x) const noexcept {
    const double f = detector.f(x), sigma = detector.sigma(x);
    const auto part_below = [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); };
    const auto density = [](double z) { return std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi); };
    double sum = 0.0;
    for (std::size_t i = 1; i < y_.size(); ++i) {
      const double slope = (value_[i] - value_[i - 1]) / (y_[i] - y_[i - 1]);
      const double from = (y_[i - 1] - f) / sigma, to = (y_[i] - f) / sigma;
      sum += (value_[i] + slope * (f - y_[i])) * (part_below(to) - part_below(from)) -
             slope * sigma * (density(to) - density(from));
    }
    return sum;
  }

 private:
  std::vector<double> y_, value_;
};

/// M(y) = E[x | y], for all y that occur. Straight lines between y 0.1 GeV apart are wrong by less than 1e-4 GeV.
inline Tabulated exact_regression(const Posterior& posterior) {
  return {lowest_measured, highest_measured, 0.1, [&](double y) { return posterior.moments(y).mean; }};
}

/// What to answer for y outside [f(x_low), f(x_high)].
enum class Beyond { tangent, inverse, edge };
struct Policy {
  Beyond beyond;
  const char* name;
};
inline constexpr std::array<Policy, 3> policies = {
    {{Beyond::tangent, "linear_extrapolation"}, {Beyond::inverse, "true_inverse"}, {Beyond::edge, "clamped"}}};

/// f^-1(y) by Newton's method: f' is between 0.57 and 1, so every step comes closer.
inline double inverse(const Detector& detector, double y) noexcept {
  double x = y;
  for (int i = 0; i < 200; ++i) {
    const double move = (detector.f(x) - y) / detector.slope(x);
    x -= move;
    if (std::abs(move) < 1e-11) break;
  }
  return x;
}

/// The numerical inversion of the exact response.
inline double invert_exactly(const Detector& detector, Beyond beyond, double y) noexcept {
  const double low = detector.f(x_low), high = detector.f(x_high);
  if (beyond == Beyond::inverse || (y >= low && y <= high)) return inverse(detector, y);
  const double edge = y < low ? x_low : x_high;
  return beyond == Beyond::edge ? edge : edge + (y - detector.f(edge)) / detector.slope(edge);
}

/// Of an estimate e(Y) of the truth, at given x.
struct AtTruth {
  double mean, median, mode, sd;  ///< over x
  double slope;                   ///< d E[e(Y) | x] / dx
};

/// Quadrature over Y given x.
namespace at_truth {

/// Nodes z of a standard normal variable. The trapezoidal rule is exact for smooth estimates, and good to 1e-4 for one
/// with a kink (clamped).
inline constexpr int n_nodes = 281;
inline constexpr double step = 0.05;
inline double node(int k) noexcept { return step * (k - n_nodes / 2); }
inline double weight(int k) noexcept { return std::exp(-0.5 * node(k) * node(k)); }

/// The measured values at the nodes.
inline std::vector<double> measured(const Detector& detector, double x) {
  std::vector<double> y;
  for (int k = 0; k < n_nodes; ++k) y.push_back(detector.f(x) + detector.sigma(x) * node(k));
  return y;
}

/// The part of events for which is(k) is true.
template <class Predicate>
double fraction(const Predicate& is) {
  double all = 0.0, some = 0.0;
  for (int k = 0; k < n_nodes; ++k) {
    all += weight(k);
    if (is(static_cast<std::size_t>(k))) some += weight(k);
  }
  return some / all;
}

/// Where the density of e(Y) is largest: that of z over de/dz, between the nodes by a parabola.
inline double mode(std::span<const double> estimate) {
  constexpr int centre = n_nodes / 2, reach = 60;  // three standard deviations
  const auto at = [&](int k) { return estimate[static_cast<std::size_t>(k)]; };
  const auto log_density = [&](int k) { return -0.5 * node(k) * node(k) - std::log(at(k + 1) - at(k - 1)); };
  int best = centre;
  for (int k = centre - reach; k <= centre + reach; ++k)
    if (log_density(k) > log_density(best)) best = k;
  const double left = log_density(best - 1), middle = log_density(best), right = log_density(best + 1);
  const double offset = 0.5 * (left - right) / (left - 2.0 * middle + right);
  return at(best) + 0.5 * offset * (at(best + 1) - at(best - 1));
}

/// @param estimate  e at the measured values of x; NaN for events without one, which are left out.
inline AtTruth statistics(const Detector& detector, double x, std::span<const double> estimate) {
  double norm = 0.0, mean = 0.0, squares = 0.0, slope = 0.0;
  const double sigma = detector.sigma(x), f_slope = detector.slope(x), sigma_slope = detector.sigma_slope(x);
  const auto each = [&](const auto& visit) {
    for (int k = 0; k < n_nodes; ++k)
      if (const double e = estimate[static_cast<std::size_t>(k)]; std::isfinite(e)) visit(node(k), weight(k), e);
  };
  each([&](double z, double w, double e) {
    norm += w;
    mean += w * e;
    // The factor is d ln p(y | x) / dx.
    slope += w * e * (z * f_slope + (z * z - 1.0) * sigma_slope) / sigma;
  });
  mean /= norm;
  each([&](double, double w, double e) { squares += w * (e - mean) * (e - mean); });
  // e rises with y, so its median is that of y.
  return {mean / x, estimate[n_nodes / 2] / x, mode(estimate) / x, std::sqrt(squares / norm) / x, slope / norm};
}

}  // namespace at_truth
