// The jet toy: energy response of a calorimeter with threshold and tail. arXiv:1910.03773, section 4.1, eqs. 4.1-4.3.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "calibrant/toys/crystal_ball.hpp"
#include "calibrant/toys/events.hpp"

namespace calibrant::toys {

/// Law of the measured energy y of a jet of true energy x; everything in GeV. The defaults are those of the paper.
struct Jet {
  double x0 = 25.0;              ///< energy scale of the non-linearity of mu(x), GeV
  double noise = 4.0;            ///< N of eq. 4.3, GeV
  double stochastic = 0.6;       ///< S of eq. 4.3, sqrt(GeV)
  double constant = 0.05;        ///< C of eq. 4.3
  CrystalBallShape shape = {};   ///< beta and m of eq. 4.1
  double minimum_energy = 10.0;  ///< E_min of eq. 4.1, GeV; nothing is measured below

  /// mu(x), eq. 4.2: the mode of y (where above E_min). Odd, strictly rising, x - x0/2 far above x0.
  double mu(double x) const noexcept {
    return x + 5.0 * (log_sum_exp(0.1 * x0, 0.1 * x) - log_sum_exp(0.0, 0.1 * (x + x0)));
  }
  /// d mu / dx.
  double mu_slope(double x) const noexcept { return 1.0 + 0.5 * (logistic(0.1 * (x - x0)) - logistic(0.1 * (x + x0))); }
  /// sigma(x), eq. 4.3: noise, stochastic and constant term in quadrature.
  double sigma(double x) const noexcept {
    return std::sqrt(noise * noise + stochastic * stochastic * x + constant * constant * x * x);
  }

  /// The law of y given x. @throws Error if a parameter is out of range.
  CrystalBall law(double x) const { return CrystalBall(shape, mu(x), sigma(x), minimum_energy); }

  /// n events with x uniform in [x_low, x_high]; event i depends only on (seed, first_event + i).
  /// @throws Error for a negative n or a range that is not finite and rising.
  template <class Scalar = double>
  Events<Scalar> sample(std::int64_t n, std::uint64_t seed, double x_low, double x_high,
                        std::int64_t first_event = 0) const {
    check_range(x_low, x_high);
    return draw_events<Scalar>(
        n, seed, first_event, [&](double u) { return x_low + (x_high - x_low) * u; },
        [this](double x) { return law(x); });
  }

 private:
  static double log_sum_exp(double a, double b) noexcept {
    return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
  }
  static double logistic(double v) noexcept { return 1.0 / (1.0 + std::exp(-v)); }
};

}  // namespace calibrant::toys
