// The muon toy: momentum response with a Gaussian core and a heavy tail. arXiv:1910.03773, section 4.2, eq. 4.4.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "calibrant/error.hpp"
#include "calibrant/toys/crystal_ball.hpp"
#include "calibrant/toys/events.hpp"

namespace calibrant::toys {

/// Law of y = 1 + sigma(x) z (measured over true momentum) for true momentum x in GeV; z is a standard Crystal Ball
/// variable without a cut. For m = 2 the mean and the standard deviation of y do not exist, its quantiles do.
struct Muon {
  CrystalBallShape shape = {.beta = 2.0, .m = 2.0};  ///< the paper varies beta from 0.5 to 3

  /// sigma(x), eq. 4.4, dimensionless. @pre x > 1 GeV (NaN otherwise).
  static double sigma(double x) noexcept {
    return 0.03 * (0.25 * std::exp(20.0 * std::log10(std::log10(x)) - 4.0) + 1.0);
  }

  /// The law of y given x. @throws Error if x <= 1 GeV or the shape is out of range.
  CrystalBall law(double x) const {
    if (!(x > 1.0 && std::isfinite(x))) throw Error("muon toy", "a finite momentum above 1 GeV", std::to_string(x));
    return CrystalBall(shape, 1.0, sigma(x));
  }

  /// n events with log x uniform in [log x_low, log x_high]; event i depends only on (seed, first_event + i).
  /// @throws Error for a negative n, or a range that is not finite, rising and above 1 GeV.
  template <class Scalar = double>
  Events<Scalar> sample(std::int64_t n, std::uint64_t seed, double x_low = 7.0, double x_high = 100.0,
                        std::int64_t first_event = 0) const {
    check_range(x_low, x_high);
    if (!(x_low > 1.0)) throw Error("muon toy", "x_low above 1 GeV", std::to_string(x_low));
    const double log_low = std::log(x_low);
    const double log_range = std::log(x_high) - log_low;
    return draw_events<Scalar>(
        n, seed, first_event, [&](double u) { return std::exp(log_low + log_range * u); },
        [this](double x) { return law(x); });
  }
};

}  // namespace calibrant::toys
