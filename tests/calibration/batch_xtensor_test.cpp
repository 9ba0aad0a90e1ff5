// xtensor's arrays as they come: nothing copied, the same bits in every layout.
#include <doctest/doctest.h>

// xtensor's headers moved between releases.
#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include <array>
#include <cstddef>
#include <vector>

#include "jet_response.hpp"

using namespace jets;

namespace {

template <class S, class C, class Array>
void check_same(const C& calibration, const Jets<S>& jets, const Array& theta, const Answers<S>& wanted) {
  Answers<S> answers(jets.size());
  calibration({jets.y, theta, answers.value, answers.status});
  CHECK(answers == wanted);
}

}  // namespace

TEST_CASE_TEMPLATE("arrays, tensors, adaptors and views give the bits of a span", S, float, double) {
  const Calibration<Model<Net, S>> calibration(response<S>());
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{5}, std::size_t{64}, std::size_t{131}}) {
    const Jets<S> jets(n);
    const auto wanted = one_by_one(calibration, jets);
    const auto fill = [&](auto& array, std::size_t first_row, std::size_t step, std::size_t first_column) {
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t f = 0; f < 3; ++f) array(first_row + step * i, first_column + f) = jets.theta[3 * i + f];
    };
    const std::array<std::size_t, 2> shape{n, 3};
    CAPTURE(n);

    const auto adapted = xt::adapt(jets.theta, shape);
    CHECK(matrix_view(adapted).data == jets.theta.data());
    check_same(calibration, jets, adapted, wanted);

    xt::xarray<S> dynamic(xt::dynamic_shape<std::size_t>{n, 3});
    fill(dynamic, 0, 1, 0);
    CHECK(matrix_view(dynamic).data == dynamic.data());
    check_same(calibration, jets, dynamic, wanted);

    xt::xtensor<S, 2> fixed_rank(shape);
    fill(fixed_rank, 0, 1, 0);
    check_same(calibration, jets, fixed_rank, wanted);

    xt::xtensor<S, 2, xt::layout_type::column_major> columns(shape);
    fill(columns, 0, 1, 0);
    check_same(calibration, jets, columns, wanted);

    xt::xarray<S, xt::layout_type::column_major> dynamic_columns(xt::dynamic_shape<std::size_t>{n, 3});
    fill(dynamic_columns, 0, 1, 0);
    check_same(calibration, jets, dynamic_columns, wanted);

    // Columns 2 to 4 and every other row of something larger, in both layouts.
    const std::array<std::size_t, 2> larger_shape{2 * n + 2, 7};
    xt::xtensor<S, 2> larger(larger_shape, S(-1));
    fill(larger, 1, 2, 2);
    const auto part = xt::view(larger, xt::range(1, 2 * n + 1, 2), xt::range(2, 5));
    if (n > 0) CHECK(matrix_view(part).data == &larger(1, 2));
    check_same(calibration, jets, part, wanted);

    xt::xtensor<S, 2, xt::layout_type::column_major> larger_columns(larger_shape, S(-1));
    fill(larger_columns, 1, 2, 2);
    check_same(calibration, jets, xt::view(larger_columns, xt::range(1, 2 * n + 1, 2), xt::range(2, 5)), wanted);

    // One plane of a cube.
    xt::xtensor<S, 3> cube(std::array<std::size_t, 3>{2, n, 3}, S(-1));
    auto plane = xt::view(cube, 1, xt::all(), xt::all());
    fill(plane, 0, 1, 0);
    check_same(calibration, jets, plane, wanted);
  }
}

TEST_CASE("shapes that do not fit are refused") {
  const Calibration calibration(response<float>());
  const std::vector<float> y(4);
  std::vector<float> value(4);
  const auto array = [](const std::vector<std::size_t>& shape) { return xt::xarray<float>(shape, 1.f); };
  CHECK_NOTHROW(calibration({y, array({4, 3}), value}));
  CHECK_THROWS_WITH_AS(calibration({y, array({12}), value}),
                       "matrix_view: expected a two-dimensional array, found 1 dimensions", Error);
  CHECK_THROWS_AS(calibration({y, array({2, 2, 3}), value}), Error);
  CHECK_THROWS_AS(calibration({y, array({3, 4}), value}), Error);
  CHECK_THROWS_AS(calibration({y, array({4, 2}), value}), Error);
}

TEST_CASE("only arrays in memory are views") {
  using Array = xt::xarray<float>;
  static_assert(MatrixLike<Array>);
  static_assert(MatrixLike<xt::xtensor<double, 2>>);
  static_assert(!MatrixLike<decltype(std::declval<Array&>() + std::declval<Array&>())>);
}
