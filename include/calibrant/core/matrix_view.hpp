// Views of many objects as the caller holds them: spans, Eigen and xtensor arrays, rows or columns first, nothing
// copied; and the way from there into tiles.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "calibrant/core/transpose.hpp"
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

/// Column-major memory: feature after feature.
/// @throws Error if the size is not a multiple of n_columns.
template <class Scalar>
MatrixView<Scalar> column_major(std::span<const Scalar> values, int n_columns) {
  MatrixView<Scalar> view = row_major(values, n_columns);
  view.row_stride = 1;
  view.column_stride = view.n_rows;
  return view;
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

/// Reads rows first .. first + count - 1 (count of 1 to T::n_samples) into lanes: column k into x[k]. Lanes past them
/// repeat the first row.
/// @param x  n_columns tile elements, `x_stride` scalars apart.
template <class T, int n_columns, class S>
CALIBRANT_INLINE void read_tile(const MatrixView<S>& matrix, std::ptrdiff_t first, int count, S* x,
                                int x_stride) noexcept {
  constexpr int samples = T::n_samples;
  const S* const begin = matrix.data + first * matrix.row_stride;
  const bool whole = count == samples;
  if (whole && matrix.row_stride == 1) {
    for (int k = 0; k < n_columns; ++k) T::load(begin + k * matrix.column_stride).store(x + k * x_stride);
    return;
  }
  // Registers read past the end of a row: into the next ones, which must be there.
  constexpr int overrun = read_ahead<S, n_columns>();
  if (whole && matrix.column_stride == 1 &&
      (matrix.n_rows - first - samples) * matrix.row_stride >= overrun - n_columns) {
    const std::ptrdiff_t stride = matrix.row_stride;
    transpose_rows<S, n_columns, samples>([=](int s) CALIBRANT_LAMBDA_INLINE { return begin + s * stride; },
                                          [=](int column) CALIBRANT_LAMBDA_INLINE { return x + column * x_stride; });
    return;
  }
  for (int s = 0; s < samples; ++s)
    for (int k = 0; k < n_columns; ++k)
      x[k * x_stride + s] = begin[(s < count ? s : 0) * matrix.row_stride + k * matrix.column_stride];
}

}  // namespace calibrant
