// Losses whose minimiser is a statistic of the response: mean, median, mode, quantiles, moments.
// Source: Cheong, Cukierman, Nachman, Safdari, Schwartzman, arXiv:1910.03773, section 2; ratio form: Loch,
// ATL-PHYS-PUB-2023-019, with the exponent's sign and square corrected. r = y - nu throughout, nu the prediction.
// Units: `bandwidth`, `delta` and `width` are in the unit of the network's target (for a response net that is y/x, or
// (y - shift)/scale for a standardised output); `leakiness` multiplies |r| against a kernel of unit 1/r: with the
// target in units of s, h_GeV = h s and alpha_GeV = alpha / s^2.
#pragma once

#include <cstdio>
#include <numbers>

#include "calibrant/loss/loss.hpp"

namespace calibrant::loss {

/// r^2: the mean.
struct Squared {
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    return square(prediction - target);
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    const T d = prediction - target;
    return {d * d, d + d};
  }
  std::string describe() const { return "squared"; }
};

/// |r|: the median. The derivative at r = 0 is 0.
struct Absolute {
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    return abs(prediction - target);
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    const T d = prediction - target;
    return {abs(d), sign(d)};
  }
  std::string describe() const { return "absolute"; }
};

/// r^2/2 for |r| <= delta, else delta (|r| - delta/2): a robust mean.
struct Huber {
  double delta = 1.0;
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    using S = ScalarOf<T>;
    const T size = abs(prediction - target), edge = T(static_cast<S>(delta)), half = T(S(0.5));
    return select(size > edge, edge * (size - half * edge), half * size * size);
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    const T edge = T(static_cast<ScalarOf<T>>(delta));
    return {(*this)(prediction, target), max(-edge, min(edge, prediction - target))};
  }
  void validate() const { require_positive(delta, "Huber, delta"); }
  std::string describe() const { return "huber(delta=" + number(delta) + ")"; }
};

/// GK = -exp(-r^2 / 2 h^2) / (sqrt(2 pi) h): the mode, as h goes to 0; for a finite h the maximum of the density
/// smoothed by a Gaussian of width h, which an asymmetric density shifts.
struct GaussianKernel {
  double bandwidth = 0.1;
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    return kernel(prediction - target);
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    const T d = prediction - target, value = kernel(d);
    return {value, -value * d * T(static_cast<ScalarOf<T>>(1.0 / (bandwidth * bandwidth)))};
  }
  void validate() const { require_positive(bandwidth, "GaussianKernel, bandwidth"); }
  std::string describe() const { return "gaussian_kernel(bandwidth=" + number(bandwidth) + ")"; }

  template <class T>
  CALIBRANT_INLINE T kernel(const T& d) const {
    using S = ScalarOf<T>;
    const S exponent = static_cast<S>(-0.5 / (bandwidth * bandwidth));
    const S height = static_cast<S>(-1.0 / (std::sqrt(2.0 * std::numbers::pi) * bandwidth));
    return exp(d * d * T(exponent)) * T(height);
  }
};

/// LGK = GK + alpha |r|: the mode, trainable from far away (arXiv:1910.03773, eq 2.3).
struct LeakyGaussianKernel {
  double bandwidth = 0.1;
  double leakiness = 1e-4;
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    const T d = prediction - target;
    return fma(T(static_cast<ScalarOf<T>>(leakiness)), abs(d), GaussianKernel{bandwidth}.kernel(d));
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    const T leak = T(static_cast<ScalarOf<T>>(leakiness));
    const T d = prediction - target;
    const auto core = GaussianKernel{bandwidth}.slope(prediction, target);
    return {fma(leak, abs(d), core.value), fma(leak, sign(d), core.slope)};
  }
  void validate() const {
    require_positive(bandwidth, "LeakyGaussianKernel, bandwidth");
    require_not_negative(leakiness, "LeakyGaussianKernel, leakiness");
  }
  std::string describe() const {
    return "leaky_gaussian_kernel(bandwidth=" + number(bandwidth) + ", leakiness=" + number(leakiness) + ")";
  }
};

/// LGK of the ratio r = nu/y - 1 (ATL-PHYS-PUB-2023-019: h = 0.1, alpha = 0.05 in a first pass, then alpha = 0 started
/// from it). For small h it learns the mode of the density of ln y, not of y. Targets must not be zero.
struct LeakyGaussianKernelRatio {
  double bandwidth = 0.1;
  double leakiness = 0.05;
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    const T one = T(ScalarOf<T>(1));
    return LeakyGaussianKernel{bandwidth, leakiness}(prediction / target, one);
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    const T one = T(ScalarOf<T>(1));
    const auto ratio = LeakyGaussianKernel{bandwidth, leakiness}.slope(prediction / target, one);
    return {ratio.value, ratio.slope / target};
  }
  void validate() const { LeakyGaussianKernel{bandwidth, leakiness}.validate(); }
  std::string describe() const {
    return "leaky_gaussian_kernel_ratio(bandwidth=" + number(bandwidth) + ", leakiness=" + number(leakiness) + ")";
  }
};

/// q |r| if y >= nu, else (1 - q) |r|: the quantile q ("GAE" of arXiv:1910.03773). The derivative at r = 0 is 0.
struct Pinball {
  double quantile = 0.5;
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    using S = ScalarOf<T>;
    const T r = target - prediction, zero = T(S(0));
    return select(r > zero, T(static_cast<S>(quantile)) * r,
                  select(r < zero, T(static_cast<S>(quantile - 1.0)) * r, zero * r));  // NaN stays NaN
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    using S = ScalarOf<T>;
    const T r = target - prediction, zero = T(S(0));
    return {(*this)(prediction, target),
            select(r > zero, T(static_cast<S>(-quantile)), select(r < zero, T(static_cast<S>(1.0 - quantile)), zero))};
  }
  void validate() const {
    if (!(quantile > 0.0 && quantile < 1.0))
      throw Error("Pinball, quantile", "a number between 0 and 1", number(quantile));
  }
  std::string describe() const { return "pinball(quantile=" + number(quantile) + ")"; }
};

/// Pinball with its kink smoothed over `width`: q r + width softplus(-r / width) (Zheng, Int. J. Mach. Learn. Cybern. 2
/// (2011) 191); above the pinball by width log 2 at most. Twice differentiable.
struct SmoothPinball {
  double quantile = 0.5;
  double width = 0.01;
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    using S = ScalarOf<T>;
    const T r = target - prediction;
    const T tail = softplus(-r * T(static_cast<S>(1.0 / width)));
    return fma(T(static_cast<S>(width)), tail, T(static_cast<S>(quantile)) * r);
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    using S = ScalarOf<T>;
    const T r = target - prediction;
    return {(*this)(prediction, target), sigmoid(-r * T(static_cast<S>(1.0 / width))) - T(static_cast<S>(quantile))};
  }
  void validate() const {
    Pinball{quantile}.validate();
    require_positive(width, "SmoothPinball, width");
  }
  std::string describe() const {
    return "smooth_pinball(quantile=" + number(quantile) + ", width=" + number(width) + ")";
  }
};

/// Pinball for N quantiles at once, the levels in rising order, one target: end the net with the head Quantiles<N>, so
/// that they cannot cross.
template <int N>
struct PinballSet {
  static constexpr int n_targets = 1;
  std::array<double, N> quantiles;
  template <class T>
  CALIBRANT_INLINE T operator()(View<const T, N> prediction, View<const T, 1> target) const {
    T sum = T(ScalarOf<T>(0));
    for (int i = 0; i < N; ++i) sum = sum + Pinball{quantiles[static_cast<unsigned>(i)]}(prediction[i], target[0]);
    return sum;
  }
  template <class T>
  CALIBRANT_INLINE T slopes(View<const T, N> prediction, View<const T, 1> target, View<T, N> slopes) const {
    T sum = T(ScalarOf<T>(0));
    for (int i = 0; i < N; ++i) {
      const auto both = Pinball{quantiles[static_cast<unsigned>(i)]}.slope(prediction[i], target[0]);
      sum = sum + both.value;
      slopes[i] = both.slope;
    }
    return sum;
  }
  void validate() const {
    for (unsigned i = 0; i < N; ++i) {
      Pinball{quantiles[i]}.validate();
      if (i > 0 && !(quantiles[i] > quantiles[i - 1]))
        throw Error("PinballSet, quantiles", "levels in rising order", describe());
    }
  }
  std::string describe() const {
    std::string text = "pinball_set(quantiles=";
    for (unsigned i = 0; i < N; ++i) text += (i > 0 ? " " : "") + number(quantiles[i]);
    return text + ")";
  }
};
template <class... Levels>
PinballSet(Levels...) -> PinballSet<static_cast<int>(sizeof...(Levels))>;

/// (nu - y^n)^2: the n-th moment of the network's target; with Output::identity that is the target itself, with the
/// other outputs the moment is one of the transformed target and must not be transformed back. sd = sqrt(E[y^2] -
/// E[y]^2) from two such nets is the difference of two large numbers and goes wrong where the response is narrow;
/// quantiles or a Gaussian head are the better ways.
template <int Order>
struct Moment {
  static_assert(Order > 0, "Moment: the order is one or more");
  template <class T>
  CALIBRANT_INLINE T operator()(const T& prediction, const T& target) const {
    return square(prediction - power(target));
  }
  template <class T>
  CALIBRANT_INLINE ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    return Squared{}.slope(prediction, power(target));
  }
  std::string describe() const { return "moment(order=" + std::to_string(Order) + ")"; }

 private:
  template <class T>
  static CALIBRANT_INLINE T power(const T& y) {
    T result = y;
    for (int i = 1; i < Order; ++i) result = result * y;
    return result;
  }
};

}  // namespace calibrant::loss
