// Views of many objects as the caller holds them: spans, Eigen and xtensor arrays, rows or columns first, nothing
// copied.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "calibrant/error.hpp"

namespace calibrant {

/// n objects x m features with any strides (counted in elements).
template <class Scalar>
struct MatrixView {
  const Scalar* data = nullptr;
  std::ptrdiff_t n_rows = 0, n_columns = 0;
  std::ptrdiff_t row_stride = 0, column_stride = 0;

  Scalar operator()(std::ptrdiff_t row, std::ptrdiff_t column) const noexcept {
    return data[row * row_stride + column * column_stride];
  }
};

/// Row-major memory: object after object.
/// @throws Error if the size is not a multiple of n_columns.
template <class Scalar>
MatrixView<Scalar> row_major(std::span<const Scalar> values, int n_columns) {
  const auto columns = static_cast<std::size_t>(n_columns);
  if (n_columns < 0 || (n_columns == 0 ? !values.empty() : values.size() % columns != 0))
    throw Error("row_major", "rows of " + std::to_string(n_columns) + " values",
                std::to_string(values.size()) + " values");
  const auto rows = n_columns == 0 ? 0 : static_cast<std::ptrdiff_t>(values.size() / columns);
  return {values.data(), rows, n_columns, n_columns, 1};
}

/// Eigen's matrices, maps and references have these members; no Eigen header is needed here.
template <class M>
concept EigenLike = requires(const M& m) {
  m.data();
  m.rows();
  m.cols();
  m.innerStride();
  m.outerStride();
  { M::IsRowMajor } -> std::convertible_to<bool>;
};
/// xtensor's containers and strided views have these.
template <class M>
concept XtensorLike = requires(const M& m) {
  m.data();
  m.dimension();
  m.shape(std::size_t{0});
  m.strides();
}
&&!EigenLike<M>;

template <EigenLike M>
auto matrix_view(const M& m) {
  using Scalar = std::remove_cvref_t<decltype(*m.data())>;
  constexpr bool rows = M::IsRowMajor;
  return MatrixView<Scalar>{m.data(), m.rows(), m.cols(), rows ? m.outerStride() : m.innerStride(),
                            rows ? m.innerStride() : m.outerStride()};
}
/// @throws Error unless the array has two dimensions.
template <XtensorLike M>
auto matrix_view(const M& m) {
  using Scalar = std::remove_cvref_t<decltype(*m.data())>;
  if (m.dimension() != 2)
    throw Error("matrix_view", "a two-dimensional array", std::to_string(m.dimension()) + " dimensions");
  // xtensor gives an axis of length 1 the stride 0: right here too, since such an axis never moves.
  std::size_t offset = 0;
  if constexpr (requires { m.data_offset(); }) offset = static_cast<std::size_t>(m.data_offset());
  return MatrixView<Scalar>{m.data() + offset, static_cast<std::ptrdiff_t>(m.shape(std::size_t{0})),
                            static_cast<std::ptrdiff_t>(m.shape(std::size_t{1})),
                            static_cast<std::ptrdiff_t>(m.strides()[0]), static_cast<std::ptrdiff_t>(m.strides()[1])};
}
template <class Scalar>
MatrixView<Scalar> matrix_view(const MatrixView<Scalar>& view) {
  return view;
}

template <class M>
concept MatrixLike = requires(const M& m) {
  matrix_view(m);
};

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
      : y(y_), theta(view<Theta>(theta_)), value(value_), status(status_) {
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

 private:
  template <class Theta>
  static MatrixView<Scalar> view(const Theta& theta) {
    static_assert(MatrixLike<Theta>, "theta: an Eigen or xtensor array in memory, or row_major(span, columns)");
    if constexpr (MatrixLike<Theta>) {
      constexpr bool same_scalar = std::is_same_v<decltype(matrix_view(theta)), MatrixView<Scalar>>;
      static_assert(same_scalar, "theta: of the scalar type of the calibration, as nothing is copied");
      if constexpr (same_scalar) return matrix_view(theta);
    }
  }
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
