// Exact expected losses of a known law, and the exact minimiser of the leaky Gaussian kernel loss: what a network
// trained with that loss converges to. Losses: arXiv:1910.03773, section 3 (r = y - nu).
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/validate/quadrature.hpp"

namespace calibrant::toys {

/// A law of y with one peak and everything known about it.
template <class T>
concept Law = requires(const T law, double y) {
  { law.pdf(y) } -> std::convertible_to<double>;
  { law.cdf(y) } -> std::convertible_to<double>;
  { law.partial_mean(y) } -> std::convertible_to<double>;
  { law.inverse_cdf(y) } -> std::convertible_to<double>;
  { law.lower() } -> std::convertible_to<double>;
  { law.mode() } -> std::convertible_to<double>;
  { law.median() } -> std::convertible_to<double>;
  { law.mean() } -> std::convertible_to<double>;
  { law.standard_deviation() } -> std::convertible_to<double>;
  law.breakpoints();
};

/// The leaky Gaussian kernel loss -exp(-r^2 / 2h^2) / (sqrt(2 pi) h) + alpha |r|, with y, nu and h in the same unit
/// (GeV for the jet toy). For a target standardised as y/s with h', alpha': h = h' s and alpha = alpha' / s^2.
struct LeakyKernel {
  double bandwidth;        ///< h, in the unit of y, > 0
  double leakiness = 0.0;  ///< alpha, in 1 / (unit of y)^2, >= 0; 0 is the plain Gaussian kernel loss
};

/// E[(Y - nu)^2]. @throws Error if the law has no variance.
template <Law L>
double expected_squared_loss(const L& law, double nu) {
  const double sd = law.standard_deviation();
  const double bias = nu - law.mean();
  return sd * sd + bias * bias;
}

/// E|Y - nu|. @throws Error if the law has no mean: take expected_absolute_loss_difference then.
template <Law L>
double expected_absolute_loss(const L& law, double nu) {
  return law.mean() - 2.0 * law.partial_mean(nu) + nu * (2.0 * law.cdf(nu) - 1.0);
}

/// E[|Y - nu| - |Y - reference|], which exists for every law.
template <Law L>
double expected_absolute_loss_difference(const L& law, double nu, double reference) {
  const auto breakpoints = law.breakpoints();
  const double integral = quadrature::integrate([&](double y) { return 2.0 * law.cdf(y) - 1.0; },
                                                std::min(nu, reference), std::max(nu, reference), breakpoints);
  return nu < reference ? -integral : integral;
}

/// Expected pinball loss for quantile q: q |r| where y >= nu, else (1 - q) |r|. @throws Error if the law has no mean.
template <Law L>
double expected_pinball_loss(const L& law, double nu, double q) {
  return q * (law.mean() - nu) - (law.partial_mean(nu) - nu * law.cdf(nu));
}

namespace kernel {

/// Integral of weight(r / bandwidth) times density and normal kernel; beyond 10 bandwidths there is e^-50 of it.
template <Law L, class Weight>
double convolve(const L& law, double nu, double bandwidth, const Weight& weight) {
  std::vector<double> breakpoints = {nu - 3.0 * bandwidth, nu, nu + 3.0 * bandwidth};
  for (const double point : law.breakpoints()) breakpoints.push_back(point);
  return quadrature::integrate(
      [&](double y) {
        const double r = (y - nu) / bandwidth;
        return weight(r) * law.pdf(y) * std::exp(-0.5 * r * r) /
               (bandwidth * std::numbers::sqrt2 / std::numbers::inv_sqrtpi);
      },
      std::max(law.lower(), nu - 10.0 * bandwidth), nu + 10.0 * bandwidth, breakpoints);
}

inline void validate(const LeakyKernel& loss) {
  if (!(loss.bandwidth > 0.0 && std::isfinite(loss.bandwidth)))
    throw Error("leaky Gaussian kernel loss", "a finite bandwidth > 0", std::to_string(loss.bandwidth));
  if (!(loss.leakiness >= 0.0 && std::isfinite(loss.leakiness)))
    throw Error("leaky Gaussian kernel loss", "a finite leakiness >= 0", std::to_string(loss.leakiness));
}

}  // namespace kernel

/// The law's density convolved with a Gaussian of width `bandwidth`, at nu: minus the expected Gaussian kernel loss.
template <Law L>
double smoothed_density(const L& law, double nu, double bandwidth) {
  kernel::validate({bandwidth});
  return kernel::convolve(law, nu, bandwidth, [](double) { return 1.0; });
}

/// d smoothed_density / d nu.
template <Law L>
double smoothed_slope(const L& law, double nu, double bandwidth) {
  kernel::validate({bandwidth});
  return kernel::convolve(law, nu, bandwidth, [](double r) { return r; }) / bandwidth;
}

/// Expected leaky Gaussian kernel loss. @throws Error if leakiness > 0 and the law has no mean.
template <Law L>
double expected_leaky_kernel_loss(const L& law, double nu, LeakyKernel loss) {
  kernel::validate(loss);
  const double leak = loss.leakiness > 0.0 ? loss.leakiness * expected_absolute_loss(law, nu) : 0.0;
  return leak - smoothed_density(law, nu, loss.bandwidth);
}

/// Expected leaky Gaussian kernel loss minus leakiness E|Y - reference|: differs from the expected loss by a constant
/// and exists for every law.
template <Law L>
double expected_leaky_kernel_loss_difference(const L& law, double nu, LeakyKernel loss, double reference) {
  kernel::validate(loss);
  return loss.leakiness * expected_absolute_loss_difference(law, nu, reference) -
         smoothed_density(law, nu, loss.bandwidth);
}

/// Where the expected leaky Gaussian kernel loss is smallest, and all its local minima in rising order.
struct LeakyKernelMinimum {
  double minimiser = 0.0;
  std::vector<double> minima;
};

/// The exact limit of a network trained with the loss on infinitely many events; error below 1e-8 of the law's scale.
/// Cost: about a millisecond for leakiness 0, some milliseconds otherwise.
/// @throws Error for a bandwidth or leakiness out of range.
template <Law L>
LeakyKernelMinimum minimise_leaky_kernel_loss(const L& law, LeakyKernel loss) {
  kernel::validate(loss);
  const double h = loss.bandwidth;
  const double tolerance = 1e-12 * h;
  const auto density_slope = [&](double nu) { return smoothed_slope(law, nu, h); };

  // A law with one peak keeps one peak when it is smoothed with a Gaussian: walk uphill from its mode until it falls.
  double start = law.mode();
  const double direction = density_slope(start) >= 0.0 ? 1.0 : -1.0;
  double step = h;
  double end = start + direction * step;
  while (density_slope(end) * direction > 0.0) {
    start = end;
    step *= 2.0;
    end += direction * step;
  }
  const double smoothed_mode =
      quadrature::find_root(density_slope, std::min(start, end), std::max(start, end), tolerance);
  if (loss.leakiness == 0.0) return {smoothed_mode, {smoothed_mode}};

  // Kernel and leak both pull inwards outside of [smoothed mode, median]: all minima are in between.
  const double median = law.median();
  const double low = std::min(smoothed_mode, median);
  const double high = std::max(smoothed_mode, median);
  const auto loss_slope = [&](double nu) { return loss.leakiness * (2.0 * law.cdf(nu) - 1.0) - density_slope(nu); };
  const int n_intervals = static_cast<int>(std::clamp(4.0 * (high - low) / h, 32.0, 2048.0));
  LeakyKernelMinimum result;
  double left = low;
  bool falling = true;
  for (int i = 1; i <= n_intervals; ++i) {
    const double right = i == n_intervals ? high : low + (high - low) * i / n_intervals;
    const bool falling_right = i < n_intervals && loss_slope(right) < 0.0;
    if (falling && !falling_right) result.minima.push_back(quadrature::find_root(loss_slope, left, right, tolerance));
    falling = falling_right;
    left = right;
  }
  double lowest = std::numeric_limits<double>::infinity();
  for (const double minimum : result.minima)
    if (const double value = expected_leaky_kernel_loss_difference(law, minimum, loss, median); value < lowest) {
      lowest = value;
      result.minimiser = minimum;
    }
  return result;
}

}  // namespace calibrant::toys
