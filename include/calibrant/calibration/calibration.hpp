// Calibration: a response, the way to invert it and what to do outside its range, as one immutable object.
// Generalized numerical inversion: C(y; theta) = L^-1(y; theta) at fixed theta (ATL-PHYS-PUB-2018-013,
// arXiv:1609.05195), independent of the spectrum of x used in training.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/calibration/batch.hpp"
#include "calibrant/calibration/feature_limits.hpp"
#include "calibrant/concepts.hpp"
#include "calibrant/fwd.hpp"
#include "calibrant/invert/extrapolate.hpp"
#include "calibrant/invert/newton.hpp"

namespace calibrant {

/// C(y; theta) = L^-1(y; theta).
///
/// Every call is const, noexcept, allocates nothing and shares nothing: one object serves all threads. The result of an
/// object is the same bits alone, in a batch, and next to any other objects. Bad numbers never throw: y or theta that
/// is NaN or infinite gives NaN and Status::invalid_input; theta outside its trained range is moved to the edge and the
/// status is clamped (where it would have been ok), or has no value and Status::out_of_range if that feature is to be
/// rejected.
template <class Response_, class Inversion_, class Extrapolation_>
class Calibration {
 public:
  using Response = Response_;
  using Inversion = Inversion_;
  using Extrapolation = Extrapolation_;
  using Scalar = typename Response::Scalar;
  static_assert(calibrant::Response<Response>, "Calibration: the first argument is a Response (concepts.hpp)");
  static_assert(calibrant::Inversion<Inversion, Scalar>, "Calibration: the second is an Inversion (concepts.hpp)");
  static_assert(calibrant::Extrapolation<Extrapolation, Scalar>,
                "Calibration: the third is an Extrapolation (concepts.hpp)");
  static constexpr int n_theta = Response::n_theta;

  using Batch = FeatureBatch<Scalar, n_theta>;
  /// What to do with each feature out of its range; all are clamped by default.
  using FeaturePolicies = std::array<OutOfRange, static_cast<std::size_t>(n_theta)>;

  /// @throws Error if the inversion's or extrapolation's settings are out of range or it was made for another response,
  /// the response has no range of truth to invert over, or its preprocessing breaks what its network promises
  /// (Model::validate).
  CALIBRANT_COLD explicit Calibration(Response response, Inversion inversion = {}, Extrapolation extrapolation = {},
                                      const FeaturePolicies& out_of_range = {})
      : response_(std::move(response)),
        inversion_(std::move(inversion)),
        extrapolation_(extrapolation),
        out_of_range_(out_of_range) {
    inversion_.validate();
    if constexpr (requires { extrapolation_.validate(); }) extrapolation_.validate();
    if constexpr (requires { response_.validate(); }) response_.validate();
    if constexpr (requires { inversion_.match(response_); }) inversion_.match(response_);
    const auto range = response_.truth_range();
    require_width(range, "Calibration", "a response with a finite range of truth, low < high");
    solved_ = range;
    if constexpr (requires { extrapolation_.range(range); }) solved_ = extrapolation_.range(range);
  }

  const Response& response() const noexcept { return response_; }
  const Inversion& inversion() const noexcept { return inversion_; }
  const Extrapolation& extrapolation() const noexcept { return extrapolation_; }
  OutOfRange out_of_range(int i) const noexcept { return out_of_range_[static_cast<std::size_t>(i)]; }

  /// Where the response is inverted: the trained range of the truth, or what the cut-offs of the extrapolation leave.
  Range<Scalar> solved_range() const noexcept { return solved_; }
  /// The trained range of the truth, and of feature i; whether feature i is used at all.
  Range<Scalar> truth_range() const noexcept { return response_.truth_range(); }
  Range<Scalar> theta_range(int i) const noexcept { return response_.theta_range(i); }
  bool uses_theta(int i) const noexcept { return response_.uses_theta(i); }
  /// Names of theta, in order, as the response was trained with; none if it does not say.
  std::vector<std::string> feature_names() const {
    const auto of = [](const Description& description) {
      const auto& names = description.features;
      return names.empty() ? names : std::vector<std::string>(names.begin() + 1, names.end());
    };
    if constexpr (requires { of(response_.description); })
      return of(response_.description);
    else if constexpr (requires { of(response_.description()); })
      return of(response_.description());
    else
      return {};
  }

  /// One object: auto [pt, status] = calibration(reco_pt, {eta, ntrk, width}).
  Calibrated<Scalar> operator()(Scalar y,
                                const std::array<Scalar, static_cast<std::size_t>(n_theta)>& theta) const noexcept {
    Scalar values[n_theta > 0 ? n_theta : 1] = {};
    for (std::size_t i = 0; i < theta.size(); ++i) values[i] = theta[i];
    const Outcome<Scalar> outcome = solve(y, values);
    return {outcome.value, status_of(outcome)};
  }

  /// Many objects: calibration({reco_pt, theta, pt, status}). The batch is checked where it is made.
  void operator()(const Batch& batch) const noexcept {
    calibrate(batch, 0, static_cast<std::ptrdiff_t>(batch.y.size()));
  }

  /// Many objects on the threads of a pool.
  template <class Pool>
  void operator()(const Batch& batch, Pool& pool) const noexcept {
    constexpr std::ptrdiff_t piece = 64 * CalibrationTile::n_samples;
    const auto n = static_cast<std::ptrdiff_t>(batch.y.size());
    pool.run(static_cast<int>((n + piece - 1) / piece),
             [&](int task, int) noexcept { calibrate(batch, task * piece, std::min(n, (task + 1) * piece)); });
  }

 private:
  /// Half a Tile: fewer objects wait for the slowest of theirs, and half the code to compile.
  using CalibrationTile = Wide<Scalar, 2>;

  template <class T>
  struct Outcome : Flaws<T> {
    T value;
  };

  /// Objects first .. last of the batch, a tile at a time.
  void calibrate(const Batch& batch, std::ptrdiff_t first, std::ptrdiff_t last) const noexcept {
    using T = CalibrationTile;
    constexpr std::ptrdiff_t samples = T::n_samples;
    for (std::ptrdiff_t at = first; at < last; at += samples) {
      const int count = static_cast<int>(std::min(last - at, samples));
      T y, theta[n_theta > 0 ? n_theta : 1];
      read_tile<T, 1>(MatrixView<Scalar>{batch.y.data(), last, 1, 1, last}, at, count, scalars(&y), samples);
      if constexpr (n_theta > 0) read_tile<T, n_theta>(batch.theta, at, count, scalars(theta), samples);
      const Outcome<T> outcome = solve(y, theta);
      const LaneStatuses<T> status(outcome);
      for (std::ptrdiff_t s = 0; s < count; ++s) {
        batch.value[static_cast<std::size_t>(at + s)] = scalars(&outcome.value)[s];
        if (!batch.status.empty()) batch.status[static_cast<std::size_t>(at + s)] = status[s];
      }
    }
  }

  using Below = typename extrapolate::SidesOf<Extrapolation>::Below;
  using Above = typename extrapolate::SidesOf<Extrapolation>::Above;

  template <class Mask>
  static CALIBRANT_INLINE void turn_clamped(Mask& beyond, Mask& clamped) noexcept {
    clamped = clamped || beyond;
    beyond = beyond && !beyond;
  }

  /// One object or one tile: the same code, hence the same bits.
  template <class T>
  Outcome<T> solve(const T& y, T* theta) const noexcept {
    const auto range = solved_;
    const T low(range.low), high(range.high), nan(std::numeric_limits<Scalar>::quiet_NaN());
    FeatureLimits<T> features{is_finite(y)};
    for (int i = 0; i < n_theta; ++i)
      if (response_.uses_theta(i)) features.apply(theta[i], response_.theta_range(i), out_of_range(i));
    typename Response::template Encoded<T> encoded;
    response_.encode(theta, encoded);
    // Lanes with bad numbers are solved for a harmless y, so that they cost no extra iterations.
    const T safe_y = select(features.valid, y, low);
    const auto evaluate = [&](const T& x) { return response_.response(x, encoded); };
    const auto root = [&] {
      if constexpr (SolvesFromTheta<Inversion, T>)
        return inversion_.solve(evaluate, safe_y, range, static_cast<const T*>(theta));
      else
        return inversion_.solve(evaluate, safe_y, range, max(low, min(high, safe_y)));
    }();
    Outcome<T> outcome{{!features.valid, features.rejected, root.failed, root.below, root.above, features.clamped},
                       root.x};
    const auto outside = root.below || root.above;
    if (any(outside)) {
      const T beyond = extrapolation_.apply(y, root);
      outcome.value = select(outside, beyond, outcome.value);
      if constexpr (!Below::rejects) outcome.failed = outcome.failed || (root.below && !is_finite(beyond));
      if constexpr (!Above::rejects) outcome.failed = outcome.failed || (root.above && !is_finite(beyond));
      if constexpr (Below::clamps) turn_clamped(outcome.below, outcome.clamped);
      if constexpr (Above::clamps) turn_clamped(outcome.above, outcome.clamped);
    }
    if constexpr (requires { extrapolation_.limit(y, outcome.value); }) {
      const T limited = extrapolation_.limit(y, outcome.value);
      outcome.clamped = outcome.clamped || limited < outcome.value || limited > outcome.value;
      outcome.value = limited;
    }
    outcome.value = select(outcome.failed || outcome.rejected || outcome.invalid, nan, outcome.value);
    return outcome;
  }

  Response response_;
  Inversion inversion_;
  Extrapolation extrapolation_;
  FeaturePolicies out_of_range_;
  Range<Scalar> solved_;
};

}  // namespace calibrant
