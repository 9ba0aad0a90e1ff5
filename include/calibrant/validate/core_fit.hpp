// Gaussian fit of the core of a sample, iterated: within n_sigma of the mean of the fit before. Unbinned likelihood of
// a Gaussian cut to the window; its sufficient statistics are the window's first two moments (exponential family).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "calibrant/error.hpp"
#include "calibrant/validate/quadrature.hpp"
#include "calibrant/validate/statistics.hpp"

namespace calibrant::validate {

struct CoreFitOptions {
  double n_sigma = 1.5;      ///< half of the window in units of the fitted sigma, 0.5 to 5
  int max_iterations = 100;  ///< of window and fit
};

struct CoreFit {
  Estimate mean = {};      ///< of the Gaussian; where not converged, the last fit, or the median if there was none
  Estimate sigma = {};     ///< of the Gaussian; where not converged, the last fit, or the half 16-84 % width
  bool converged = false;  ///< the last window moved by less than the fit's error allows to see
  int iterations = 0;
  std::int64_t n_in_window = 0;  ///< values in the last window
};

namespace core {

/// Means, covariance and log norm of (u, u^2) under the density e^(a u + b u^2) on [-1, 1].
struct CutGaussian {
  double log_norm, mean_1, mean_2, var_11, var_12, var_22;

  CutGaussian(double a, double b) noexcept {
    std::array<double, 5> moments{};
    const auto add = [&](double u, double weight) {
      double term = weight * std::exp(a * u + b * u * u);
      for (double& moment : moments) {
        moment += term;
        term *= u;
      }
    };
    // Two panels of 16 points resolve windows of up to 5 sigma to 1e-12.
    for (std::size_t i = 0; i < quadrature::gauss_legendre_nodes.size(); ++i)
      for (const double sign : {-1.0, 1.0})
        for (const double centre : {-0.5, 0.5})
          add(centre + 0.5 * sign * quadrature::gauss_legendre_nodes[i], 0.5 * quadrature::gauss_legendre_weights[i]);
    for (std::size_t k = 1; k < moments.size(); ++k) moments[k] /= moments[0];
    log_norm = std::log(moments[0]);
    mean_1 = moments[1];
    mean_2 = moments[2];
    var_11 = moments[2] - moments[1] * moments[1];
    var_12 = moments[3] - moments[1] * moments[2];
    var_22 = moments[4] - moments[2] * moments[2];
  }
};

}  // namespace core

/// Iterative Gaussian core fit. The start is median and half 16-84 % width. The errors are those of the likelihood in
/// the last window, by the sandwich formula: right for a Gaussian core, with weights too. For a skew core the window
/// moves with the fit, and the error of the mean is too small (by 13 % for a gamma law of shape 9).
/// Fewer than 5 values, values without spread, or a window in which the density has no peak give `converged = false`.
/// @throws Error for infinite values (and for NaN, by Sample) or options out of range.
inline CoreFit core_fit(const Sample& sample, CoreFitOptions options = {}) {
  if (!(options.n_sigma >= 0.5 && options.n_sigma <= 5.0))
    throw Error("core fit", "n_sigma from 0.5 to 5", std::to_string(options.n_sigma));
  if (options.max_iterations < 1)
    throw Error("core fit", "at least 1 iteration", std::to_string(options.max_iterations));
  if (!sample.is_finite()) throw Error("core fit", "finite values", "infinite ones");

  CoreFit fit{.mean = sample.median(), .sigma = sample.half_width()};
  double centre = fit.mean.value;
  double sigma = fit.sigma.value;
  constexpr int min_values = 5;
  constexpr int patience = 20;
  const auto values = sample.values();
  while (fit.iterations < options.max_iterations && sigma > 0.0) {
    ++fit.iterations;
    // u = (value - centre) / half is in [-1, 1] inside the window.
    const double half = options.n_sigma * sigma;
    const auto first = std::lower_bound(values.begin(), values.end(), centre - half);
    const auto last = std::upper_bound(first, values.end(), centre + half);
    fit.n_in_window = last - first;
    if (fit.n_in_window < min_values) return fit;
    const auto offset = static_cast<std::size_t>(first - values.begin());
    const auto n = static_cast<std::size_t>(fit.n_in_window);
    double sum = 0.0, sum_u = 0.0, sum_u2 = 0.0;
    for (std::size_t i = offset; i < offset + n; ++i) {
      const double u = (values[i] - centre) / half;
      const double w = sample.weight(i);
      sum += w;
      sum_u += w * u;
      sum_u2 += w * u * u;
    }
    const double mean_u = sum_u / sum;
    const double mean_u2 = sum_u2 / sum;

    // Newton's method on the concave log-likelihood a mean_u + b mean_u2 - log_norm(a, b), step halved until it climbs.
    double a = 0.0;
    double b = -0.5 * options.n_sigma * options.n_sigma;
    core::CutGaussian density(a, b);
    for (int step = 0; step < 100; ++step) {
      const double gradient_a = mean_u - density.mean_1;
      const double gradient_b = mean_u2 - density.mean_2;
      const double determinant = density.var_11 * density.var_22 - density.var_12 * density.var_12;
      double step_a = (density.var_22 * gradient_a - density.var_12 * gradient_b) / determinant;
      double step_b = (density.var_11 * gradient_b - density.var_12 * gradient_a) / determinant;
      const double gain = gradient_a * step_a + gradient_b * step_b;
      if (!(gain > 1e-20)) break;
      // More than this is a spike narrower than the quadrature resolves, or no Gaussian at all.
      const double longest = std::max(std::abs(step_a), std::abs(step_b));
      double length = std::min(1.0, 10.0 / longest);
      const double height = a * mean_u + b * mean_u2 - density.log_norm;
      for (int halving = 0; halving < 40; ++halving, length *= 0.5) {
        density = core::CutGaussian(a + length * step_a, b + length * step_b);
        const double climbed =
            (a + length * step_a) * mean_u + (b + length * step_b) * mean_u2 - density.log_norm - height;
        if (climbed >= 0.0 || gain < 1e-12) break;
      }
      a += length * step_a;
      b += length * step_b;
      if (std::abs(b) > 200.0 || std::abs(a) > 400.0) return fit;
    }
    // A sigma of more than 5 half windows: flat or hollow.
    if (!(b < -0.02)) return fit;
    const double fitted_mean = centre + half * a / (-2.0 * b);
    const double fitted_sigma = half / std::sqrt(-2.0 * b);

    // Sandwich: V^-1 J V^-1 / W^2 with V the model's covariance and J = sum w^2 s s^T of the scores s.
    double j_11 = 0.0, j_12 = 0.0, j_22 = 0.0;
    for (std::size_t i = offset; i < offset + n; ++i) {
      const double u = (values[i] - centre) / half;
      const double w2 = sample.weight(i) * sample.weight(i);
      const double s_1 = u - density.mean_1;
      const double s_2 = u * u - density.mean_2;
      j_11 += w2 * s_1 * s_1;
      j_12 += w2 * s_1 * s_2;
      j_22 += w2 * s_2 * s_2;
    }
    const double determinant = density.var_11 * density.var_22 - density.var_12 * density.var_12;
    // Variance of d_a a + d_b b for given derivatives of a result.
    const auto error = [&](double d_a, double d_b) {
      const double v_1 = (density.var_22 * d_a - density.var_12 * d_b) / determinant;
      const double v_2 = (density.var_11 * d_b - density.var_12 * d_a) / determinant;
      return std::sqrt(std::max(0.0, v_1 * v_1 * j_11 + 2.0 * v_1 * v_2 * j_12 + v_2 * v_2 * j_22)) / sum;
    };
    fit.mean = {fitted_mean, error(half / (-2.0 * b), 2.0 * half * a / (4.0 * b * b))};
    fit.sigma = {fitted_sigma, error(0.0, fitted_sigma / (-2.0 * b))};

    const double change =
        std::max(std::abs(fitted_mean - centre) / fit.mean.error, std::abs(fitted_sigma - sigma) / fit.sigma.error);
    // A value at the window's edge can make the fit flip between two results for ever; after a while half steps and a
    // difference that is small against the error are enough.
    const bool settling = fit.iterations > patience;
    fit.converged = change < (settling ? 0.25 : 0.01);
    if (fit.converged) return fit;
    const double rate = settling ? 0.5 : 1.0;
    // A window never moves further than itself: a peak outside is reached in several steps.
    centre += rate * std::clamp(fitted_mean - centre, -half, half);
    sigma += rate * (std::min(fitted_sigma, 2.0 * sigma) - sigma);
  }
  return fit;
}

}  // namespace calibrant::validate
