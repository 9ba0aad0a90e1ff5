#include "calibrant/calibration/batch.hpp"

#include <doctest/doctest.h>

#include <array>
#include <span>
#include <vector>

using namespace calibrant;

TEST_CASE("row-major memory: object after object") {
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  const auto view = row_major<double>(values, 3);
  CHECK(view.n_rows == 2);
  CHECK(view.n_columns == 3);
  CHECK(view.data == values.data());
  for (int row = 0; row < 2; ++row)
    for (int column = 0; column < 3; ++column) CHECK(static_cast<int>(view(row, column)) == 3 * row + column + 1);
  CHECK(row_major<double>({}, 3).n_rows == 0);
  CHECK(row_major<double>({}, 0).n_columns == 0);
  CHECK_THROWS_WITH_AS(row_major<double>(values, 4), "row_major: expected rows of 4 values, found 6 values", Error);
  CHECK_THROWS_AS(row_major<double>(values, 0), Error);
  CHECK_THROWS_AS(row_major<double>(values, -3), Error);
}

TEST_CASE("a view may have any strides") {
  std::array<float, 24> memory{};
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(i);
  // Every other row and column of a 4 x 6 array, and the same read backwards.
  const MatrixView<float> every_other{memory.data(), 2, 3, 12, 2};
  CHECK(static_cast<int>(every_other(1, 2)) == 16);
  const MatrixView<float> backwards{memory.data() + 23, 4, 6, -6, -1};
  CHECK(static_cast<int>(backwards(3, 5)) == 0);
  CHECK(matrix_view(backwards).data == backwards.data);
}

TEST_CASE("which types are matrices") {
  static_assert(MatrixLike<MatrixView<float>>);
  static_assert(!MatrixLike<std::vector<float>>);
  static_assert(!MatrixLike<std::span<const float>>);
  static_assert(!MatrixLike<float>);
}

TEST_CASE("sizes that differ are refused") {
  const std::vector<float> y(3), theta(6), cut(4);
  std::vector<float> value(3), short_value(2);
  std::vector<Status> status(3), short_status(1);
  using Batch = CalibrationBatch<float>;
  CHECK_NOTHROW(Batch(y, row_major<float>(theta, 2), value));
  CHECK_NOTHROW(Batch(y, row_major<float>(theta, 2), value, status));
  CHECK_NOTHROW(Batch(y, row_major<float>({}, 0), value, status));
  CHECK_THROWS_WITH_AS(
      Batch(y, row_major<float>(cut, 2), value),
      "CalibrationBatch: expected 3 of each, as there are measured values, found 2 rows of theta, 3 values, 0 statuses",
      Error);
  CHECK_THROWS_AS(Batch(y, row_major<float>({}, 2), value), Error);
  CHECK_THROWS_AS(Batch(y, row_major<float>(theta, 2), short_value), Error);
  CHECK_THROWS_AS(Batch(y, row_major<float>(theta, 2), value, short_status), Error);
  CHECK_THROWS_AS(Batch({}, row_major<float>(theta, 2), value), Error);
}
