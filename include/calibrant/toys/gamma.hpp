// The gamma law, the asymmetric example of arXiv:1910.03773, figure 1 (shape 2, scale 1): exact density, distribution
// function and quantiles. Incomplete gamma function: series and continued fraction, Abramowitz and
// Stegun 6.5.29, 6.5.31.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/error.hpp"
#include "calibrant/toys/events.hpp"

namespace calibrant::toys {

/// Density y^(shape - 1) e^(-y/scale) / (Gamma(shape) scale^shape) for y > 0.
class Gamma {
 public:
  /// @throws Error unless 1 <= shape <= 160 (one finite mode; Gamma(shape + 1) must fit a double) and scale > 0.
  explicit Gamma(double shape = 2.0, double scale = 1.0) : shape_(shape), scale_(scale), norm_(std::tgamma(shape)) {
    if (!(shape_ >= 1.0 && shape_ <= 160.0)) throw Error("Gamma", "a shape from 1 to 160", std::to_string(shape_));
    if (!(scale_ > 0.0 && std::isfinite(scale_))) throw Error("Gamma", "a finite scale > 0", std::to_string(scale_));
  }

  double shape() const noexcept { return shape_; }
  double scale() const noexcept { return scale_; }
  double lower() const noexcept { return 0.0; }

  double pdf(double y) const noexcept { return y < 0.0 ? 0.0 : density(y / scale_) / scale_; }
  double cdf(double y) const noexcept { return y <= 0.0 ? 0.0 : probabilities(shape_, norm_, y / scale_).first; }
  double survival(double y) const noexcept { return y <= 0.0 ? 1.0 : probabilities(shape_, norm_, y / scale_).second; }

  /// The y with cdf(y) = u. @pre 0 <= u <= 1 (NaN outside).
  double inverse_cdf(double u) const noexcept { return inverse(u, 1.0 - u); }
  /// The y with survival(y) = u; for u near 0 more exact than inverse_cdf(1 - u).
  double inverse_survival(double u) const noexcept { return inverse(1.0 - u, u); }

  double quantile(double q) const noexcept { return inverse_cdf(q); }
  double median() const noexcept { return inverse_cdf(0.5); }
  double mode() const noexcept { return (shape_ - 1.0) * scale_; }
  double half_width() const noexcept { return 0.5 * (inverse_cdf(0.84) - inverse_cdf(0.16)); }
  double mean() const noexcept { return shape_ * scale_; }
  double standard_deviation() const noexcept { return std::sqrt(shape_) * scale_; }
  /// E[Y; Y < y], the part of the mean below y.
  double partial_mean(double y) const noexcept {
    return y <= 0.0 ? 0.0 : mean() * probabilities(shape_ + 1.0, shape_ * norm_, y / scale_).first;
  }

  /// n independent values; value i depends only on (seed, i). @throws Error for a negative n.
  template <class Scalar = double>
  std::vector<Scalar> sample(std::int64_t n, std::uint64_t seed) const {
    return draw_events<Scalar>(
               n, seed, 0, [](double) { return 0.0; }, [this](double) { return *this; })
        .y;
  }

  /// Hints for quadrature: the edge and marks around the peak.
  std::array<double, 6> breakpoints() const noexcept {
    const double sd = standard_deviation();
    return {0.0, mode(), mean() + sd, mean() + 4.0 * sd, mean() + 12.0 * sd, mean() + 40.0 * sd};
  }

 private:
  double density(double z) const noexcept { return std::exp((shape_ - 1.0) * std::log(z) - z) / norm_; }

  /// P and Q, the regularised incomplete gamma functions of z > 0: the smaller one keeps its digits.
  static std::pair<double, double> probabilities(double shape, double norm, double z) noexcept {
    if (std::isinf(z)) return {1.0, 0.0};
    const double front = std::exp(shape * std::log(z) - z) / norm;
    if (z < shape + 1.0) {
      double term = 1.0 / shape;
      double sum = term;
      for (double k = shape + 1.0; term > 1e-17 * sum; k += 1.0) {
        term *= z / k;
        sum += term;
      }
      return {front * sum, 1.0 - front * sum};
    }
    // Lentz's evaluation of the continued fraction of Q.
    double b = z + 1.0 - shape;
    double c = 1e300;
    double d = 1.0 / b;
    double fraction = d;
    for (int k = 1; k < 1000; ++k) {
      const double a = -k * (k - shape);
      b += 2.0;
      d = 1.0 / (a * d + b);
      c = b + a / c;
      fraction *= d * c;
      if (std::abs(d * c - 1.0) < 1e-16) break;
    }
    return {1.0 - front * fraction, front * fraction};
  }

  double inverse(double below, double above) const noexcept {
    if (!(below >= 0.0 && above >= 0.0)) return std::numeric_limits<double>::quiet_NaN();
    if (below == 0.0) return 0.0;
    if (above == 0.0) return std::numeric_limits<double>::infinity();
    // log P is concave in log z and log Q is concave in z, so that Newton's steps converge from one side. For P start
    // at the root of P's upper bound z^shape / Gamma(shape + 1), which is below the solution.
    double z = below <= above ? std::exp((std::log(below) + std::log(shape_ * norm_)) / shape_) : shape_;
    for (int step = 0; step < 200; ++step) {
      const auto [p, q] = probabilities(shape_, norm_, z);
      const double previous = z;
      if (below <= above)
        z *= std::exp(std::log(below / p) * p / (z * density(z)));
      else
        z = std::max(0.1 * z, z - std::log(above / q) * q / density(z));
      if (std::abs(z - previous) <= 1e-9 * z) break;  // the next step would be of the order of the square
    }
    return scale_ * z;
  }

  double shape_, scale_;
  double norm_;  // Gamma(shape)
};

}  // namespace calibrant::toys
