// JointCalibration: several measured values of an object, such as energy and mass of a jet, calibrated together.
// Generalized numerical inversion in n dimensions: one network L(x_1..x_n; theta) -> (y_1..y_n), inverted at fixed
// theta. Energy and mass at once: ATLAS, arXiv:2311.08885 (a direct regression there); inversion: as Calibration.
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
#include "calibrant/invert/joint_newton.hpp"

namespace calibrant {

/// What a batch call of a JointCalibration reads and writes, checked here once so that the call itself cannot fail.
template <class Scalar, int n_values, int n_theta>
struct JointBatch {
  /// @param y       measured values, n x n_values, any array that matrix_view knows.
  /// @param theta   features, n x n_theta; n x 0 for a response without features.
  /// @param values  calibrated values, n x n_values, row-major; overwritten. May be the memory of a row-major y.
  /// @param status  n, or empty if not wanted; overwritten.
  /// @throws Error if the sizes differ.
  template <class Measured, class Theta>
  JointBatch(const Measured& y_, const Theta& theta_, std::span<Scalar> values_, std::span<Status> status_ = {})
      : y(batch_matrix<Scalar>(y_)), theta(batch_matrix<Scalar>(theta_)), values(values_), status(status_) {
    if (y.n_columns != n_values || theta.n_columns != n_theta)
      throw Error("JointBatch",
                  std::to_string(n_values) + " columns of measured values and " + std::to_string(n_theta) + " of theta",
                  std::to_string(y.n_columns) + " and " + std::to_string(theta.n_columns));
    const auto n = static_cast<std::size_t>(y.n_rows);
    if ((theta.n_rows != y.n_rows && n_theta != 0) || values.size() != n * static_cast<std::size_t>(n_values) ||
        (!status.empty() && status.size() != n))
      throw Error("JointBatch",
                  std::to_string(n) + " of each, as there are objects, and " + std::to_string(n_values) +
                      " values of each object",
                  std::to_string(theta.n_rows) + " rows of theta, " + std::to_string(values.size()) + " values, " +
                      std::to_string(status.size()) + " statuses");
  }
  MatrixView<Scalar> y, theta;
  std::span<Scalar> values;
  std::span<Status> status;
};

/// Calibrated values and what happened on the way.
template <class Scalar, int n_values>
struct JointlyCalibrated {
  std::array<Scalar, static_cast<std::size_t>(n_values)> values;
  Status status;
};

/// C(y_1..y_n; theta) = L^-1(y_1..y_n; theta), all values of an object at once.
///
/// The response has n outputs; its first n inputs are the truths, in the order of the outputs, the others theta. Calls
/// promise what those of a Calibration do: const, noexcept, no allocation, one object for all threads, the same bits
/// alone, in a batch and next to any other objects.
///
/// Statuses, the first that applies:
///   invalid_input         a measured value, or a theta that the response uses, is NaN or infinite; values NaN
///   out_of_range          a theta outside its trained range that is to be rejected there; values NaN
///   not_invertible        not all principal minors of dL/dx are positive where the solution should be, or none was
///                         found; values NaN
///   extrapolated_low,     the solution is beyond an edge of the box of trained truths at which that truth is not
///   extrapolated_high     clamped; the first such truth says whether low or high. L goes on as a straight line, or
///                         there are no values (Edge linear, reject)
///   clamped               the solution is beyond an edge at which that truth is clamped, or a theta was outside its
///                         trained range and was moved to its edge
///   ok                    solved inside the box
///
/// What is computed beyond the edges: invert::JointNewton.
template <class Response_>
class JointCalibration {
 public:
  using Response = Response_;
  using Scalar = typename Response::Scalar;
  static_assert(JointResponse<Response>, "JointCalibration: of a JointResponse (concepts.hpp)");
  static constexpr int n_values = Response::n_out;
  static constexpr int n_theta = Response::n_theta + 1 - n_values;

  using Batch = JointBatch<Scalar, n_values, n_theta>;
  using Values = std::array<Scalar, static_cast<std::size_t>(n_values)>;
  using Theta = std::array<Scalar, static_cast<std::size_t>(n_theta)>;
  /// What to do with each feature out of its range; all are clamped by default.
  using FeaturePolicies = std::array<OutOfRange, static_cast<std::size_t>(n_theta)>;

  /// What to do beyond the edges of each truth, and cut-offs: {Edges(Edge::clamp, Edge::linear), Edges(Edge::clamp)}.
  /// All are linear by default, from the edges of the trained range.
  using TruthEdges = invert::BoxEdges<n_values>;

  /// @throws Error if the settings of the inversion are out of range, a truth has no range to invert over, or as
  /// Model::validate.
  CALIBRANT_COLD explicit JointCalibration(Response response, const invert::JointNewton& inversion = {},
                                           const TruthEdges& edges = {}, const FeaturePolicies& out_of_range = {})
      : response_(std::move(response)), inversion_(inversion), edges_(edges), out_of_range_(out_of_range) {
    inversion_.validate();
    if constexpr (requires { response_.validate(); }) response_.validate();
    for (int i = 0; i < n_values; ++i) {
      const Range<Scalar> range = truth_range(i);
      const std::string where = "JointCalibration, truth " + std::to_string(i);
      require_width(range, where, "a response with a finite range of it, low < high");
      const extrapolate::Edges& own = this->edges(i);
      box_[static_cast<std::size_t>(i)] = extrapolate::cut_off(range, own.low, own.high, where);
    }
  }

  const Response& response() const noexcept { return response_; }
  const invert::JointNewton& inversion() const noexcept { return inversion_; }
  /// Of truth i.
  const extrapolate::Edges& edges(int i) const noexcept { return edges_[static_cast<std::size_t>(i)]; }
  OutOfRange out_of_range(int i) const noexcept { return out_of_range_[static_cast<std::size_t>(i)]; }
  /// Where truth i is solved for: its trained range, or what the cut-offs leave of it.
  Range<Scalar> solved_range(int i) const noexcept { return box_[static_cast<std::size_t>(i)]; }
  /// The trained range of truth i, and of feature i; whether feature i is used at all.
  Range<Scalar> truth_range(int i) const noexcept { return input_range(i); }
  Range<Scalar> theta_range(int i) const noexcept { return input_range(n_values + i); }
  bool uses_theta(int i) const noexcept { return response_.uses_theta(n_values - 1 + i); }

  /// One object: auto [values, status] = calibration({reco_pt, reco_m}, {eta, ntrk, width}).
  JointlyCalibrated<Scalar, n_values> operator()(const Values& y, const Theta& theta) const noexcept {
    Scalar measured[n_values], features[n_features];
    std::copy(y.begin(), y.end(), measured);
    std::copy(theta.begin(), theta.end(), features);
    const Outcome<Scalar> outcome = solve(inversion_, measured, features);
    JointlyCalibrated<Scalar, n_values> result;
    std::copy(outcome.x, outcome.x + n_values, result.values.begin());
    result.status = status_of(outcome);
    return result;
  }

  /// Many objects: calibration({y, theta, values, status}). The batch is checked where it is made.
  void operator()(const Batch& batch) const noexcept { calibrate(batch, 0, batch.y.n_rows); }

  /// Many objects on the threads of a pool.
  template <class Pool>
  void operator()(const Batch& batch, Pool& pool) const noexcept {
    const std::ptrdiff_t n = batch.y.n_rows;
    pool.run(static_cast<int>((n + piece - 1) / piece),
             [&](int task, int) noexcept { calibrate(batch, task * piece, std::min(n, (task + 1) * piece)); });
  }

 private:
  using CalibrationTile = Wide<Scalar, 2>;
  static constexpr std::ptrdiff_t piece = 64 * CalibrationTile::n_samples;  ///< objects that wait for each other
  static constexpr int n_features = n_theta > 0 ? n_theta : 1;

  template <class T>
  struct Outcome : Flaws<T> {
    T x[n_values];
    typename Flaws<T>::Mask open;
  };

  Range<Scalar> input_range(int i) const noexcept {
    return i == 0 ? response_.truth_range() : response_.theta_range(i - 1);
  }

  /// Objects first .. last of the batch. A tile takes as long as its slowest object, and few take many evaluations:
  /// those that are not done after a few wait, and start again together.
  void calibrate(const Batch& batch, std::ptrdiff_t first, std::ptrdiff_t last) const noexcept {
    for (; first < last; first += piece) {
      std::ptrdiff_t waiting[piece];
      std::ptrdiff_t n = std::min(last - first, piece);
      for (std::ptrdiff_t i = 0; i < n; ++i) waiting[i] = first + i;
      for (const int evaluations : {4, 7, 16})
        n = calibrate_some(batch, waiting, n, std::min(evaluations, inversion_.iterations));
      calibrate_some(batch, waiting, n, inversion_.iterations);
    }
  }
  /// The n objects of these numbers, a tile at a time, with so many evaluations at most.
  /// @return how many are not done and may take more; their numbers are the first in `objects`.
  std::ptrdiff_t calibrate_some(const Batch& batch, std::ptrdiff_t* objects, std::ptrdiff_t n,
                                int evaluations) const noexcept {
    using T = CalibrationTile;
    constexpr std::ptrdiff_t samples = T::n_samples;
    invert::JointNewton inversion = inversion_;
    inversion.iterations = evaluations;
    std::ptrdiff_t n_waiting = 0;
    for (std::ptrdiff_t at = 0; at < n; at += samples) {
      const std::ptrdiff_t count = std::min(n - at, samples);
      T y[n_values], theta[n_features];
      for (std::ptrdiff_t s = 0; s < samples; ++s) {
        const std::ptrdiff_t object = objects[at + (s < count ? s : 0)];
        for (int i = 0; i < n_values; ++i) scalars(y + i)[s] = batch.y(object, i);
        for (int i = 0; i < n_theta; ++i) scalars(theta + i)[s] = batch.theta(object, i);
      }
      const Outcome<T> outcome = solve(inversion, y, theta);
      const LaneStatuses<T> status(outcome);
      const LaneFlags<T> open(outcome.open);
      for (std::ptrdiff_t s = 0; s < count; ++s) {
        const std::ptrdiff_t object = objects[at + s];
        if (open[s] && evaluations < inversion_.iterations) {
          objects[n_waiting++] = object;
          continue;
        }
        for (int i = 0; i < n_values; ++i)
          batch.values[static_cast<std::size_t>(object * n_values + i)] = scalars(outcome.x + i)[s];
        if (!batch.status.empty()) batch.status[static_cast<std::size_t>(object)] = status[s];
      }
    }
    return n_waiting;
  }

  /// One object or one tile: the same code, hence the same bits.
  template <class T>
  Outcome<T> solve(const invert::JointNewton& inversion, const T (&y)[n_values],
                   T (&theta)[n_features]) const noexcept {
    using Mask = typename Outcome<T>::Mask;
    const Mask none = invert::all_lanes<T>(false);
    FeatureLimits<T> features{!none};
    for (const T& value : y) features.valid = features.valid && is_finite(value);
    for (int i = 0; i < n_theta; ++i)
      if (uses_theta(i)) features.apply(theta[i], theta_range(i), out_of_range(i));

    using D = Dual<T, n_values>;
    const auto evaluate = [&](const T(&x)[n_values], invert::JointPoint<T, n_values>& point) noexcept {
      D inputs[n_values + n_theta], outputs[n_values];
      for (int i = 0; i < n_values; ++i) inputs[i] = D::variable(x[i], i);
      for (int i = 0; i < n_theta; ++i) inputs[n_values + i] = D(theta[i]);
      response_.template evaluate<D>(View<const D, n_values + n_theta>(inputs), View<D, n_values>(outputs));
      for (int i = 0; i < n_values; ++i) {
        point.value[i] = outputs[i].value;
        for (int j = 0; j < n_values; ++j) point.jacobian[i][j] = outputs[i].tangent[j];
      }
    };
    const Mask wanted = features.valid && !features.rejected;
    const auto root = inversion.solve(evaluate, y, box_, edges_, wanted);

    Outcome<T> outcome{
        {!features.valid, features.rejected, wanted && !root.solved, none, none, features.clamped}, {}, root.open};
    Mask within = !none, has_values = root.solved;  // within: the truths so far are, or are clamped
    for (int i = 0; i < n_values; ++i) {
      const Range<Scalar> range = solved_range(i);
      const extrapolate::Edges& own = edges(i);
      const T low(range.low), high(range.high);
      const Mask below = root.x[i]<low, above = root.x[i]> high;
      outcome.x[i] = root.x[i];
      if (own.below == extrapolate::Edge::clamp) {
        outcome.clamped = outcome.clamped || below;
        outcome.x[i] = max(low, outcome.x[i]);
      } else {
        outcome.below = outcome.below || (within && below);
        within = within && !below;
        if (own.below == extrapolate::Edge::reject) has_values = has_values && !below;
      }
      if (own.above == extrapolate::Edge::clamp) {
        outcome.clamped = outcome.clamped || above;
        outcome.x[i] = min(high, outcome.x[i]);
      } else {
        outcome.above = outcome.above || (within && above);
        within = within && !above;
        if (own.above == extrapolate::Edge::reject) has_values = has_values && !above;
      }
    }
    const T nan(std::numeric_limits<Scalar>::quiet_NaN());
    for (T& value : outcome.x) value = select(has_values, value, nan);
    return outcome;
  }

  Response response_;
  invert::JointNewton inversion_;
  TruthEdges edges_;
  FeaturePolicies out_of_range_;
  invert::Box<Scalar, n_values> box_{};
};

}  // namespace calibrant
