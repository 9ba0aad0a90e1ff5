// The uncertainty of a single calibrated value: the resolution of the measurement, carried through the inverse.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/calibration/feature_limits.hpp"

namespace calibrant {

template <class Scalar>
struct CalibratedWithSigma {
  Scalar value;
  Scalar sigma;  ///< in the unit of value; NaN if value is
  Status status;
};

/// sigma_x = sigma_y(x; theta) / L'(x; theta) at the calibrated value x: the resolution of the measured value over the
/// slope of the response, of first order in sigma_y. It is the spread of calibrated values around a given truth, not
/// an interval for one truth given the spectrum: those are QuantileIntervals and Conformal.
///
/// @tparam C      a Calibration.
/// @tparam Sigma  a Response (concepts.hpp) of the same features whose value is sigma_y(x; theta), in the unit of y:
///                invert::HalfWidth of two quantiles, or a model trained on the spread.
///
/// Calls are const, noexcept, allocate nothing and share nothing. Beyond the trained range of truth the sigma is that
/// at its edge.
template <class C, class Sigma>
class WithResolution {
 public:
  using Scalar = typename C::Scalar;
  static constexpr int n_theta = C::n_theta;
  static_assert(Response<Sigma> && Sigma::n_theta == n_theta, "WithResolution: sigma_y is a response of the features");
  using Batch = typename C::Batch;

  WithResolution(C calibration, Sigma sigma) : calibration_(std::move(calibration)), sigma_(std::move(sigma)) {}

  const C& calibration() const noexcept { return calibration_; }
  const Sigma& sigma() const noexcept { return sigma_; }

  /// What the model file calls it, and is made of.
  static std::string kind() { return "with_resolution"; }
  static constexpr std::array<const char*, 2> part_names{"calibration", "sigma"};
  auto parts() const noexcept { return std::tie(calibration_, sigma_); }

  /// One object: auto [pt, sigma, status] = calibrate(reco_pt, {eta, ntrk}).
  CalibratedWithSigma<Scalar> operator()(
      Scalar y, const std::array<Scalar, static_cast<std::size_t>(n_theta)>& theta) const noexcept {
    const Calibrated<Scalar> calibrated = calibration_(y, theta);
    Scalar values[n_theta > 0 ? n_theta : 1] = {};
    for (std::size_t i = 0; i < theta.size(); ++i) values[i] = theta[i];
    return {calibrated.value, propagate(calibrated.value, values), calibrated.status};
  }

  /// Many objects: calibrate({reco_pt, theta, pt, status}, sigma). Same bits as one by one.
  /// @pre sigma has as many elements as the batch has objects.
  void operator()(const Batch& batch, std::span<Scalar> sigma) const noexcept {
    calibration_(batch);
    using T = Tile<Scalar>;
    constexpr std::ptrdiff_t samples = T::n_samples;
    const auto n = static_cast<std::ptrdiff_t>(batch.y.size());
    for (std::ptrdiff_t at = 0; at < n; at += samples) {
      const int count = static_cast<int>(std::min(n - at, samples));
      T value, theta[n_theta > 0 ? n_theta : 1];
      read_tile<T, 1>(MatrixView<Scalar>{batch.value.data(), n, 1, 1, n}, at, count, scalars(&value), samples);
      if constexpr (n_theta > 0) read_tile<T, n_theta>(batch.theta, at, count, scalars(theta), samples);
      const T result = propagate(value, theta);
      for (std::ptrdiff_t s = 0; s < count; ++s) sigma[static_cast<std::size_t>(at + s)] = scalars(&result)[s];
    }
  }

 private:
  template <class T>
  T propagate(const T& value, T* theta) const noexcept {
    const auto range = calibration_.truth_range();
    const T zero(Scalar(0)), nan(std::numeric_limits<Scalar>::quiet_NaN());
    FeatureLimits<T> features{is_finite(value)};
    for (int i = 0; i < n_theta; ++i)
      if (calibration_.uses_theta(i)) features.apply(theta[i], calibration_.theta_range(i), OutOfRange::clamp);
    const auto valid = features.valid;
    const T x = max(T(range.low), min(T(range.high), select(valid, value, T(range.low))));
    typename C::Response::template Encoded<T> encoded;
    calibration_.response().encode(theta, encoded);
    typename Sigma::template Encoded<T> encoded_sigma;
    sigma_.encode(theta, encoded_sigma);
    const T slope = calibration_.response().response(x, encoded).slope;
    const T sigma = sigma_.response_value(x, encoded_sigma) / slope;
    return select(valid && slope > zero && sigma >= zero && is_finite(sigma), sigma, nan);
  }

  C calibration_;
  Sigma sigma_;
};

}  // namespace calibrant
