// Matrices as callers hold them, into tiles: every layout, every place in the array, and nothing read beyond it (the
// address sanitizer sees that).
#include "calibrant/core/matrix_view.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

using namespace calibrant;

namespace {

/// Reads tiles of n x n_columns numbers, which end where their memory ends, and counts wrong ones.
template <class T, int n_columns>
int wrong_numbers(std::ptrdiff_t n, std::ptrdiff_t row_stride, std::ptrdiff_t column_stride) {
  using S = typename T::Scalar;
  const std::ptrdiff_t last = (n - 1) * row_stride + (n_columns - 1) * column_stride;
  const auto memory = std::make_unique<S[]>(static_cast<std::size_t>(last + 1));
  for (std::ptrdiff_t i = 0; i <= last; ++i) memory[static_cast<std::size_t>(i)] = static_cast<S>(i);
  const MatrixView<S> matrix{memory.get(), n, n_columns, row_stride, column_stride};
  int wrong = 0;
  for (std::ptrdiff_t first = 0; first < n; first += T::n_samples) {
    const auto count = static_cast<int>(std::min<std::ptrdiff_t>(n - first, T::n_samples));
    T x[n_columns];
    read_tile<T, n_columns>(matrix, first, count, reinterpret_cast<S*>(x), T::n_samples);
    for (int s = 0; s < T::n_samples; ++s)
      for (int k = 0; k < n_columns; ++k) wrong += x[k][s] != matrix(first + (s < count ? s : 0), k);
  }
  return wrong;
}

template <class T, int n_columns>
void check() {
  CAPTURE(n_columns);
  for (const std::ptrdiff_t n : {1, 5, 63, 64, 65, 128, 200}) {
    CAPTURE(n);
    CHECK(wrong_numbers<T, n_columns>(n, n_columns, 1) == 0);      // rows first
    CHECK(wrong_numbers<T, n_columns>(n, 1, n) == 0);              // columns first
    CHECK(wrong_numbers<T, n_columns>(n, n_columns + 3, 1) == 0);  // some columns of a wider array
    CHECK(wrong_numbers<T, n_columns>(n, 2 * n_columns, 2) == 0);  // every other column
    CHECK(wrong_numbers<T, n_columns>(n, 1, n + 7) == 0);          // some rows of a longer one
  }
}

}  // namespace

TEST_CASE("a tile of every layout, up to the last number") {
  check<Wide<float, 4>, 1>();
  check<Wide<float, 4>, 2>();
  check<Wide<float, 4>, 3>();
  check<Wide<float, 4>, 7>();
  check<Wide<float, 4>, 11>();
  check<Wide<float, 4>, 15>();
  check<Wide<float, 4>, 17>();
  check<Wide<float, 2>, 8>();
  check<Wide<double, 4>, 3>();
  check<Wide<double, 4>, 10>();
}

TEST_CASE("views of spans, and sizes that do not fit") {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const auto rows = row_major<float>(values, 2);
  CHECK((rows.n_rows == 3 && rows.n_columns == 2 && rows(2, 0) == 5.0f && rows(0, 1) == 2.0f));
  const auto columns = column_major<float>(values, 2);
  CHECK((columns.n_rows == 3 && columns.n_columns == 2 && columns(2, 0) == 3.0f && columns(0, 1) == 4.0f));
  CHECK_THROWS_WITH_AS(row_major<float>(values, 4), "row_major: expected rows of 4 values, found 6 values", Error);
  CHECK_THROWS_AS(column_major<float>(values, 5), Error);
  CHECK_THROWS_AS(row_major<float>(values, 0), Error);
  CHECK(row_major<float>({}, 0).n_rows == 0);
}
