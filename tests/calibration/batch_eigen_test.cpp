// Eigen's arrays as they come: nothing copied, the same bits in every storage order.
#include <doctest/doctest.h>

#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>

#include "jet_response.hpp"

using namespace jets;

namespace {

template <class S>
using Rows = Eigen::Matrix<S, Eigen::Dynamic, 3, Eigen::RowMajor>;
template <class S>
using Columns = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;

/// How a user's function takes any of them.
template <class S>
Answers<S> calibrate_reference(const Calibration<Model<Net, S>>& calibration, const std::vector<S>& y,
                               const Eigen::Ref<const Columns<S>, 0, Eigen::Stride<-1, -1>>& theta) {
  Answers<S> answers(y.size());
  calibration({y, theta, answers.value, answers.status});
  return answers;
}

}  // namespace

TEST_CASE_TEMPLATE("matrices, maps, references and blocks give the bits of a span", S, float, double) {
  const Calibration<Model<Net, S>> calibration(response<S>());
  for (const Eigen::Index n : {0, 1, 5, 64, 131}) {
    const Jets<S> jets(static_cast<std::size_t>(n));
    const auto wanted = one_by_one(calibration, jets);
    const auto check = [&](const auto& theta) {
      const auto view = matrix_view(theta);
      CHECK(view.data == theta.data());
      CHECK(view.n_rows == n);
      Answers<S> answers(jets.size());
      calibration({jets.y, theta, answers.value, answers.status});
      CHECK(answers == wanted);
    };
    const Eigen::Map<const Rows<S>> map(jets.theta.data(), n, 3);
    check(map);
    const Rows<S> rows = map;
    check(rows);
    const Columns<S> columns = map;
    check(columns);
    const Eigen::Array<S, Eigen::Dynamic, 3> array = map.array();
    check(array);
    check(columns.leftCols(3));
    // Features in rows, jets in columns: the transpose is a view.
    const Columns<S> features_first = map.transpose();
    check(features_first.transpose());

    // Columns 2 to 4 of something larger, every other row of it, with any strides.
    Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> larger(2 * n + 1, 7);
    larger.setConstant(S(-1));
    for (Eigen::Index i = 0; i < n; ++i) larger.row(2 * i).segment(2, 3) = map.row(i);
    const Eigen::Map<const Rows<S>, 0, Eigen::OuterStride<>> every_other(larger.data() + 2, n, 3,
                                                                         Eigen::OuterStride<>(14));
    check(every_other);
    const Columns<S> larger_columns = larger;
    const Eigen::Map<const Columns<S>, 0, Eigen::Stride<-1, -1>> strided(larger_columns.data() + 2 * (2 * n + 1), n, 3,
                                                                         Eigen::Stride<-1, -1>(2 * n + 1, 2));
    check(strided);
    Columns<S> block_of(n + 4, 6);
    block_of.setConstant(S(-1));
    block_of.block(2, 1, n, 3) = map;
    check(block_of.block(2, 1, n, 3));

    CHECK(calibrate_reference<S>(calibration, jets.y, columns) == wanted);
    CHECK(calibrate_reference<S>(calibration, jets.y, block_of.block(2, 1, n, 3)) == wanted);
    CHECK(calibrate_reference<S>(calibration, jets.y, strided) == wanted);

    // y, values and answers in Eigen's vectors.
    using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
    const Vector y = Eigen::Map<const Vector>(jets.y.data(), n);
    Vector value(n);
    Answers<S> answers(jets.size());
    calibration(
        {std::span<const S>(y.data(), jets.size()), rows, std::span<S>(value.data(), jets.size()), answers.status});
    answers.value.assign(value.data(), value.data() + n);
    CHECK(answers == wanted);
  }
}

TEST_CASE("one feature may be a vector") {
  const auto response = [] {
    Model<Mlp<Inputs<2>, Hidden<4>, Outputs<1>>> model;
    model.inputs[0] = {Transform::identity, 0.f, 1.f, 1.f, 100.f};
    model.inputs[1] = {Transform::identity, 0.f, 1.f, 0.f, 10.f};
    return model;
  }();
  const Calibration calibration(response);
  const std::vector<float> y{5.f, 6.f, 7.f};
  std::vector<float> value(3);
  const Eigen::VectorXf column = Eigen::VectorXf::LinSpaced(3, 0.f, 10.f);
  CHECK_NOTHROW(calibration({y, column, value}));
  const Eigen::RowVectorXf row = column;
  CHECK_THROWS_AS(calibration({y, row, value}), Error);  // one object with three features
}

TEST_CASE("sizes that differ are refused") {
  const Calibration calibration(response<float>());
  const std::vector<float> y(4);
  std::vector<float> value(4);
  CHECK_THROWS_AS(calibration({y, Columns<float>(4, 2), value}), Error);
  CHECK_THROWS_AS(calibration({y, Columns<float>(4, 4), value}), Error);
  CHECK_THROWS_AS(calibration({y, Columns<float>(3, 3), value}), Error);
  CHECK_THROWS_AS(calibration({y, Columns<float>(0, 0), value}), Error);
}

TEST_CASE("only arrays in memory are views") {
  static_assert(MatrixLike<Eigen::MatrixXf>);
  static_assert(MatrixLike<Eigen::Matrix3d>);
  static_assert(!MatrixLike<decltype(Eigen::MatrixXf() + Eigen::MatrixXf())>);
}
