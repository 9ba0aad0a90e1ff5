// The Crystal Ball law: a Gaussian core with a power-law lower tail, optionally cut from below; exact density,
// distribution function, quantiles and moments. Formula: arXiv:1910.03773, eq. 4.1 (Cheong et al.).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "calibrant/error.hpp"
#include "calibrant/validate/quadrature.hpp"

namespace calibrant::toys {

namespace normal {

/// Mills ratio e^(t^2/2) * integral of e^(-s^2/2) over s > t, for t >= 0; no underflow, relative error about 1e-15.
inline double mills_ratio(double t) {
  if (t < 5.0) return std::sqrt(0.5 * std::numbers::pi) * std::exp(0.5 * t * t) * std::erfc(t / std::numbers::sqrt2);
  // Laplace's continued fraction 1/(t + 1/(t + 2/(t + ...))); 40 levels suffice from t = 5 up.
  double denominator = t;
  for (int level = 40; level > 0; --level) denominator = t + level / denominator;
  return 1.0 / denominator;
}

/// The t >= 0 above which the integral of e^(-s^2/2) is e^log_integral. @pre log_integral <= log(sqrt(pi/2)).
inline double upper_quantile(double log_integral) {
  // Start: Abramowitz and Stegun 26.2.23, absolute error 4.5e-4; then Halley steps on the logarithm, each cubing it.
  const double log_probability = log_integral - 0.5 * std::log(2.0 * std::numbers::pi);
  const double w = std::sqrt(std::max(0.0, -2.0 * log_probability));
  double t = w - (2.515517 + w * (0.802853 + w * 0.010328)) / (1.0 + w * (1.432788 + w * (0.189269 + w * 0.001308)));
  for (int step = 0; step < 2; ++step) {
    t = std::max(t, 0.0);
    const double mills = mills_ratio(t);
    const double excess = std::log(mills) - 0.5 * t * t - log_integral;
    t += 2.0 * excess * mills / (2.0 - excess * (t * mills - 1.0));
  }
  return std::max(t, 0.0);
}

}  // namespace normal

/// Shape of the law in t = (y - location) / scale: e^(-t^2/2) for t > -beta, below it the power t^-m, joined smoothly.
struct CrystalBallShape {
  double beta = 1.5;  ///< where the tail begins, in units of scale, > 0
  double m = 2.0;     ///< power of the tail, > 1; the mean exists for m > 2 only, unless the law is cut
};

/// A Crystal Ball law of y, normalised over y > lower. All members take and return y in the units of `location`.
class CrystalBall {
 public:
  /// @param location  the mode of the uncut law, mu(x) of eq. 4.1.
  /// @param scale     width of the core, sigma(x) of eq. 4.1, > 0.
  /// @param lower     E_min of eq. 4.1: the density is 0 below; minus infinity for no cut.
  /// @throws Error if a parameter is not finite or out of range.
  explicit CrystalBall(CrystalBallShape shape = {}, double location = 0.0, double scale = 1.0,
                       double lower = -std::numeric_limits<double>::infinity())
      : beta_(shape.beta), m_(shape.m), location_(location), scale_(scale), lower_(lower) {
    if (!(beta_ > 0.0 && std::isfinite(beta_))) fail("a finite beta > 0", beta_);
    if (!(m_ > 1.0 && std::isfinite(m_))) fail("a finite m > 1", m_);
    if (!std::isfinite(location_)) fail("a finite location", location_);
    if (!(scale_ > 0.0 && std::isfinite(scale_))) fail("a finite scale > 0", scale_);
    if (!(lower_ < std::numeric_limits<double>::infinity()))
      fail("a lower cut that is a number or minus infinity", lower_);
    cut_ = (lower_ - location_) / scale_;
    join_ = std::max(cut_, -beta_);
    tail_constant_ = std::exp(-0.5 * beta_ * beta_) * (m_ / beta_) / (m_ - 1.0);
    if (cut_ < -beta_) {
      below_cut_ = tail_integral(cut_);
      tail_ = tail_constant_ - below_cut_;
    }
    integral_ = tail_ + core_above(join_);
  }

  double location() const noexcept { return location_; }
  double scale() const noexcept { return scale_; }
  CrystalBallShape shape() const noexcept { return {beta_, m_}; }
  /// Lower end of the support.
  double lower() const noexcept { return lower_; }
  /// E_tail of eq. 4.1, where the tail begins; nothing of the tail is left if this is below `lower()`.
  double tail_edge() const noexcept { return location_ - beta_ * scale_; }
  /// Probability of the tail.
  double tail_fraction() const noexcept { return tail_ / integral_; }
  /// Integral of the shape over t above the cut.
  double shape_integral() const noexcept { return integral_ * std::exp(-log_reference()); }
  /// A_2 of eq. 4.1, in 1/y.
  double core_amplitude() const noexcept { return 1.0 / (scale_ * shape_integral()); }
  /// A_1 of eq. 4.1, in 1/y: A_2 (m/beta)^m e^(-beta^2/2).
  double tail_amplitude() const noexcept {
    return core_amplitude() * std::exp(m_ * std::log(m_ / beta_) - 0.5 * beta_ * beta_);
  }

  /// Density, in 1/y.
  double pdf(double y) const noexcept {
    if (y < lower_) return 0.0;
    const double t = (y - location_) / scale_;
    const double shape = t <= -beta_ ? std::exp(-0.5 * beta_ * beta_ - m_ * log_tail_argument(t)) : core_shape(t);
    return shape / (scale_ * integral_);
  }

  /// Probability below y.
  double cdf(double y) const noexcept {
    if (y <= lower_) return 0.0;
    const double t = (y - location_) / scale_;
    if (t <= -beta_) return std::max(0.0, (tail_integral(t) - below_cut_) / integral_);
    const double above = core_above(t) / integral_;
    return above < 0.5 ? 1.0 - above : (tail_ + core_between(join_, t)) / integral_;
  }

  /// Probability above y: exact in the far upper tail, where 1 - cdf(y) has no digits left.
  double survival(double y) const noexcept {
    if (y <= lower_) return 1.0;
    const double t = (y - location_) / scale_;
    return t <= -beta_ ? 1.0 - cdf(y) : std::min(1.0, core_above(t) / integral_);
  }

  /// The y with cdf(y) = u. @pre 0 <= u <= 1 (NaN outside); the ends of the support for 0 and 1.
  double inverse_cdf(double u) const noexcept { return inverse(u, 1.0 - u); }
  /// The y with survival(y) = u; for u near 0 more exact than inverse_cdf(1 - u).
  double inverse_survival(double u) const noexcept { return inverse(1.0 - u, u); }

  double quantile(double q) const noexcept { return inverse_cdf(q); }
  double median() const noexcept { return inverse_cdf(0.5); }
  double mode() const noexcept { return std::max(location_, lower_); }
  /// Half of the range between the 16 % and the 84 % quantile.
  double half_width() const noexcept { return 0.5 * (inverse_cdf(0.84) - inverse_cdf(0.16)); }

  bool has_mean() const noexcept { return m_ > 2.0 || std::isfinite(lower_); }
  bool has_variance() const noexcept { return m_ > 3.0 || std::isfinite(lower_); }

  /// @throws Error if it does not exist: no cut and m <= 2.
  double mean() const {
    if (!has_mean()) fail("m > 2 or a lower cut, for the mean to exist", m_);
    return location_ + scale_ * first_moment(std::numeric_limits<double>::infinity()) / integral_;
  }

  /// E[Y; Y < y], the part of the mean below y. @throws Error as mean().
  double partial_mean(double y) const {
    if (!has_mean()) fail("m > 2 or a lower cut, for the mean to exist", m_);
    if (y <= lower_) return 0.0;
    return location_ * cdf(y) + scale_ * first_moment((y - location_) / scale_) / integral_;
  }

  /// @throws Error if it does not exist: no cut and m <= 3.
  double standard_deviation() const {
    if (!has_variance()) fail("m > 3 or a lower cut, for the standard deviation to exist", m_);
    if (cut_ > 2.0) return scale_ * standard_deviation_far_above();
    const double mean_t = first_moment(std::numeric_limits<double>::infinity()) / integral_;
    double second = join_ * core_shape(join_) + core_above(join_);
    if (tail_ > 0.0) {
      const double b = m_ / beta_ - beta_;
      const double step = m_ / beta_;
      second += std::exp(-0.5 * beta_ * beta_) * step *
                (b * b * power_integral(m_, -beta_) - 2.0 * b * step * power_integral(m_ - 1.0, -beta_) +
                 step * step * power_integral(m_ - 2.0, -beta_));
    }
    return scale_ * std::sqrt(second / integral_ - mean_t * mean_t);
  }

  /// Where the density or a derivative jumps, and marks around the peak: hints for quadrature.
  std::array<double, 8> breakpoints() const noexcept {
    // Far above the core the law falls like e^(-cut t).
    const double length = scale_ / std::max(1.0, cut_);
    return {lower_,
            tail_edge(),
            location_ - 4.0 * scale_,
            location_,
            location_ + 3.0 * scale_,
            location_ + 9.0 * scale_,
            mode() + 3.0 * length,
            mode() + 12.0 * length};
  }

 private:
  [[noreturn]] static void fail(const char* expected, double found) {
    throw Error("CrystalBall", expected, std::to_string(found));
  }

  /// Everything is multiplied by e^log_reference, so that a cut far above the core does not underflow.
  double log_reference() const noexcept { return cut_ > 0.0 ? 0.5 * cut_ * cut_ : 0.0; }

  double core_shape(double t) const noexcept {
    return cut_ > 0.0 ? std::exp(-0.5 * (t - cut_) * (t + cut_)) : std::exp(-0.5 * t * t);
  }
  double core_above(double t) const noexcept {
    if (t == std::numeric_limits<double>::infinity()) return 0.0;
    if (cut_ > 0.0) return core_shape(t) * normal::mills_ratio(t);
    return std::sqrt(0.5 * std::numbers::pi) * std::erfc(t / std::numbers::sqrt2);
  }
  /// Integral of the core from a to t; quadrature where a difference of integrals would lose digits.
  double core_between(double a, double t) const noexcept {
    if (cut_ > 0.0 || t - a < 1.0)
      return quadrature::gauss_legendre([this](double s) { return core_shape(s); }, a, t).value;
    return std::sqrt(0.5 * std::numbers::pi) *
           (std::erfc(-t / std::numbers::sqrt2) - std::erfc(-a / std::numbers::sqrt2));
  }

  /// The tail is e^(-beta^2/2) r^-m with r = 1 + (beta/m)(-beta - t); this is log r.
  double log_tail_argument(double t) const noexcept { return std::log1p(beta_ / m_ * (-beta_ - t)); }
  /// Integral of the uncut tail below t <= -beta.
  double tail_integral(double t) const noexcept { return tail_constant_ * std::exp((1.0 - m_) * log_tail_argument(t)); }
  /// Integral of r^-p over the tail between the cut and t <= -beta (dr, not dt).
  double power_integral(double p, double t) const noexcept {
    const double log_near = log_tail_argument(t);
    const double q = 1.0 - p;
    const double nearest = std::exp(q * log_near);
    if (std::isinf(cut_)) return nearest / -q;  // only asked for p > 1
    const double span = log_tail_argument(cut_) - log_near;
    return q == 0.0 ? span : nearest * std::expm1(q * span) / q;
  }

  /// Integral of t times the shape, from the cut to t.
  double first_moment(double t) const noexcept {
    double sum = 0.0;
    if (cut_ < -beta_) {
      const double edge = std::min(t, -beta_);
      const double step = m_ / beta_;
      sum = std::exp(-0.5 * beta_ * beta_) * step *
            ((step - beta_) * power_integral(m_, edge) - step * power_integral(m_ - 1.0, edge));
    }
    if (t > join_) sum += core_shape(join_) - (std::isinf(t) ? 0.0 : core_shape(t));
    return sum;
  }

  /// In units of scale, for a cut above the core, where E[t^2] - E[t]^2 would cancel: moments of t - cut by quadrature.
  double standard_deviation_far_above() const noexcept {
    std::array<double, 3> moments{};
    const double panel = 5.0 / cut_;  // the density falls at least as fast as e^(-cut (t - cut)): by e^-40 in 8 panels
    for (int i = 0; i < 8; ++i)
      for (std::size_t power = 0; power < moments.size(); ++power)
        moments[power] +=
            quadrature::gauss_legendre(
                [&](double v) { return std::pow(v, static_cast<double>(power)) * std::exp(-v * (cut_ + 0.5 * v)); },
                panel * i, panel * (i + 1))
                .value;
    const double mean = moments[1] / moments[0];
    return std::sqrt(moments[2] / moments[0] - mean * mean);
  }

  double inverse(double from_below, double from_above) const noexcept {
    if (!(from_below >= 0.0 && from_above >= 0.0)) return std::numeric_limits<double>::quiet_NaN();
    if (from_below == 0.0) return lower_;
    if (from_above == 0.0) return std::numeric_limits<double>::infinity();
    const double below = from_below * integral_;
    const double above = from_above * integral_;
    double t;
    if (below <= tail_) {
      const double log_ratio = std::log((below_cut_ + below) / tail_constant_);
      t = -beta_ - m_ / beta_ * std::expm1(-log_ratio / (m_ - 1.0));
    } else if (cut_ > 0.0) {
      t = normal::upper_quantile(std::log(above) - log_reference());
    } else {
      // Integral of the whole Gaussian below t: the smaller of the two sides carries the digits.
      const double gaussian_below =
          std::sqrt(0.5 * std::numbers::pi) * std::erfc(-join_ / std::numbers::sqrt2) + (below - tail_);
      t = above <= gaussian_below ? normal::upper_quantile(std::log(above))
                                  : -normal::upper_quantile(std::log(gaussian_below));
    }
    return std::max(lower_, location_ + scale_ * t);
  }

  double beta_, m_, location_, scale_, lower_;
  double cut_ = 0.0;            // the cut in t
  double join_ = 0.0;           // where the core begins in t
  double tail_constant_ = 0.0;  // integral of the uncut tail
  double below_cut_ = 0.0;      // integral of the tail below the cut
  double tail_ = 0.0;           // integral of the tail that is left
  double integral_ = 0.0;       // of tail and core
};

}  // namespace calibrant::toys
