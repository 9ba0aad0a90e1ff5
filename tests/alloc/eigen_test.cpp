// Eigen's own watch: with EIGEN_RUNTIME_NO_MALLOC it refuses to allocate where told to.
#define EIGEN_RUNTIME_NO_MALLOC
#include <doctest/doctest.h>

#include <Eigen/Core>
#include <span>
#include <vector>

#include "../calibration/jet_response.hpp"
#include "counter.hpp"

using namespace jets;

TEST_CASE_TEMPLATE("a batch in Eigen's arrays is neither copied nor allocated for", S, float, double) {
  using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  const Calibration<Model<Net, S>> calibration(response<S>());
  const Jets<S> jets(300);
  const auto wanted = one_by_one(calibration, jets);
  const Matrix theta =
      Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, 3, Eigen::RowMajor>>(jets.theta.data(), 300, 3);
  const Matrix features_first = theta.transpose();
  Answers<S> columns(300), transposed(300);
  Eigen::internal::set_is_malloc_allowed(false);
  const long n = allocations::during([&] {
    calibration({jets.y, theta, columns.value, columns.status});
    calibration({jets.y, features_first.transpose(), transposed.value, transposed.status});
  });
  Eigen::internal::set_is_malloc_allowed(true);
  CHECK(n == 0);
  CHECK(columns == wanted);
  CHECK(transposed == wanted);
}
