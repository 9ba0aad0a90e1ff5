// What a batch call of a calibration reads and writes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "calibrant/core/matrix_view.hpp"

namespace calibrant {

/// An array of a batch, as a matrix.
template <class Scalar, class Theta>
MatrixView<Scalar> batch_matrix(const Theta& theta) {
  static_assert(MatrixLike<Theta>, "theta: an Eigen or xtensor array in memory, or row_major(span, columns)");
  if constexpr (MatrixLike<Theta>) {
    constexpr bool same_scalar = std::is_same_v<decltype(matrix_view(theta)), MatrixView<Scalar>>;
    static_assert(same_scalar, "theta: of the scalar type of the calibration, as nothing is copied");
    if constexpr (same_scalar) return matrix_view(theta);
  }
}

/// What a batch call reads and writes, checked here once so that the call itself cannot fail.
template <class Scalar>
struct CalibrationBatch {
  /// @param y       measured values, n.
  /// @param theta   features, n x n_theta, any array that matrix_view knows; n x 0 for a response without features.
  /// @param value   calibrated values, n; overwritten.
  /// @param status  n, or empty if not wanted; overwritten.
  /// @throws Error if the sizes differ.
  template <class Theta>
  CalibrationBatch(std::span<const Scalar> y_, const Theta& theta_, std::span<Scalar> value_,
                   std::span<Status> status_ = {})
      : y(y_), theta(batch_matrix<Scalar>(theta_)), value(value_), status(status_) {
    const auto n = static_cast<std::ptrdiff_t>(y.size());
    if ((theta.n_rows != n && theta.n_columns != 0) || value.size() != y.size() ||
        (!status.empty() && status.size() != y.size()))
      throw Error("CalibrationBatch", std::to_string(n) + " of each, as there are measured values",
                  std::to_string(theta.n_rows) + " rows of theta, " + std::to_string(value.size()) + " values, " +
                      std::to_string(status.size()) + " statuses");
  }
  std::span<const Scalar> y;
  MatrixView<Scalar> theta;
  std::span<Scalar> value;
  std::span<Status> status;
};

/// A CalibrationBatch whose theta has the n_theta features of the calibration that takes it.
template <class Scalar, int n_theta>
struct FeatureBatch : CalibrationBatch<Scalar> {
  /// @throws Error if the sizes differ, or theta has not n_theta columns.
  template <class Theta>
  FeatureBatch(std::span<const Scalar> y_, const Theta& theta_, std::span<Scalar> value_,
               std::span<Status> status_ = {})
      : FeatureBatch(CalibrationBatch<Scalar>(y_, theta_, value_, status_)) {}
  /// @throws Error if theta has not n_theta columns.
  FeatureBatch(const CalibrationBatch<Scalar>& batch)  // NOLINT(google-explicit-constructor): the same, checked again
      : CalibrationBatch<Scalar>(batch) {
    if (batch.theta.n_columns != n_theta)
      throw Error("Calibration, theta", std::to_string(n_theta) + " columns, one per feature of the response",
                  std::to_string(batch.theta.n_columns));
  }
};

/// A calibrated value and what happened on the way.
template <class Scalar>
struct Calibrated {
  Scalar value;
  Status status;
};

}  // namespace calibrant
