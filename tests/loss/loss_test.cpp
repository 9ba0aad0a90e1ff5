// How values and gradients of any loss are found: built-in, lambda, vector, with and without hand-written slopes.
#include "calibrant/loss/loss.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "calibrant/loss/composed.hpp"
#include "calibrant/loss/point.hpp"

using namespace calibrant;

namespace {

/// Squared loss whose hand-written slope is wrong on purpose: shows which of the two is used.
struct Marked {
  template <class T>
  T operator()(const T& nu, const T& y) const {
    return square(nu - y);
  }
  template <class T>
  loss::ValueAndSlope<T> slope(const T&, const T&) const {
    return {T(ScalarOf<T>(7)), T(ScalarOf<T>(11))};
  }
};

/// A vector loss of two outputs and three targets, without slopes of its own.
struct Vector {
  static constexpr int n_targets = 3;
  template <class T>
  T operator()(View<const T, 2> nu, View<const T, 3> y) const {
    return square(nu[0] - y[0]) * y[1] + exp(nu[1] * y[2]) * nu[0];
  }
};

const auto lambda = [](const auto& nu, const auto& y) { return exp(nu) * square(nu - y); };

TEST_CASE("what kind of loss a type is") {
  static_assert(loss::Scalar<loss::Squared> && loss::Scalar<decltype(lambda)> && !loss::Scalar<Vector>);
  static_assert(!loss::Scalar<loss::PinballSet<2>>);
  static_assert(loss::HasSlope<loss::Squared, float> && loss::HasSlope<loss::Squared, Wide<double, 4>>);
  static_assert(!loss::HasSlope<decltype(lambda), float>);
  const auto means =
      loss::of_means<1>([](const auto& nu, const auto&) { return std::array{nu}; }, [](const auto& m) { return m[0]; });
  const auto slope = loss::of_slope<0>([](const auto& nu, const auto& s, const auto&) { return nu * s; });
  static_assert(loss::BatchCoupled<decltype(means)> && !loss::BatchCoupled<loss::Squared>);
  static_assert(loss::UsesSlope<decltype(slope)> && !loss::UsesSlope<loss::Squared>);
  static_assert(loss::n_targets<loss::Squared, 4>() == 4 && loss::n_targets<Vector, 2>() == 3);
  CHECK(loss::describe(lambda) == "user-defined");
  CHECK(loss::describe(loss::Pinball{0.1}) == "pinball(quantile=0.1)");
}

TEST_CASE("a lambda's slope comes from duals") {
  const double nu[1]{0.3}, y[1]{1.1};
  double slope[1];
  const double value =
      loss::value_and_slopes(lambda, View<const double, 1>(nu), View<const double, 1>(y), View<double, 1>(slope));
  CHECK(value == doctest::Approx(std::exp(0.3) * 0.64).epsilon(1e-14));
  CHECK(slope[0] == doctest::Approx(std::exp(0.3) * (0.64 - 1.6)).epsilon(1e-14));
  CHECK(loss::value(lambda, View<const double, 1>(nu), View<const double, 1>(y)) == value);
}

TEST_CASE("a hand-written slope is used where there is one") {
  const float nu[2]{1.0f, 2.0f}, y[2]{0.0f, 0.0f};
  float slopes[2];
  const float value =
      loss::value_and_slopes(Marked{}, View<const float, 2>(nu), View<const float, 2>(y), View<float, 2>(slopes));
  CHECK(value == 14.0f);
  CHECK(slopes[0] == 11.0f);
  CHECK(slopes[1] == 11.0f);
}

TEST_CASE("a scalar loss of several outputs is the sum over the pairs") {
  using T = Wide<float, 1>;
  const T nu[3]{T(1.0f), T(2.0f), T(4.0f)}, y[3]{T(0.0f), T(2.5f), T(1.0f)};
  T slopes[3];
  const T value =
      loss::value_and_slopes(loss::Squared{}, View<const T, 3>(nu), View<const T, 3>(y), View<T, 3>(slopes));
  for (int s = 0; s < T::n_samples; ++s) {
    CHECK(value[s] == 1.0f + 0.25f + 9.0f);
    CHECK(slopes[0][s] == 2.0f);
    CHECK(slopes[1][s] == -1.0f);
    CHECK(slopes[2][s] == 6.0f);
  }
  CHECK(loss::value(loss::Squared{}, View<const T, 3>(nu), View<const T, 3>(y))[0] == 10.25f);
}

/// The slopes of a loss of three outputs with a target each against central differences.
template <class L>
void check_summed(const L& loss) {
  constexpr double step = 1e-5;
  double nu[3] = {0.7, -0.4, 1.9};
  const double y[3] = {0.5, 0.9, 1.6};
  const auto value = [&] { return loss::value(loss, View<const double, 3>(nu), View<const double, 3>(y)); };
  double slopes[3];
  const double sum =
      loss::value_and_slopes(loss, View<const double, 3>(nu), View<const double, 3>(y), View<double, 3>(slopes));
  CAPTURE(loss.describe());
  CHECK(std::fabs(sum - value()) <= 1e-14);
  for (int i = 0; i < 3; ++i) {
    const double at = nu[i];
    nu[i] = at + step;
    const double above = value();
    nu[i] = at - step;
    const double below = value();
    nu[i] = at;
    CHECK(std::fabs(slopes[i] - (above - below) / (2.0 * step)) <= 1e-7);
  }
}

TEST_CASE("slopes of summed losses are those of their values") {
  check_summed(loss::Squared{});
  check_summed(loss::Absolute{});
  check_summed(loss::Huber{.delta = 0.5});
  check_summed(loss::GaussianKernel{.bandwidth = 0.4});
  check_summed(loss::LeakyGaussianKernel{.bandwidth = 0.4, .leakiness = 0.1});
  check_summed(loss::LeakyGaussianKernelRatio{.bandwidth = 0.4, .leakiness = 0.1});
  check_summed(loss::Pinball{.quantile = 0.3});
  check_summed(loss::SmoothPinball{.quantile = 0.3, .width = 0.2});
}

template <class T>
void check_vector_loss() {
  using S = ScalarOf<T>;
  const T nu[2]{T(S(0.5)), T(S(-0.25))}, y[3]{T(S(0.25)), T(S(2)), T(S(1.5))};
  T slopes[2];
  const T value = loss::value_and_slopes(Vector{}, View<const T, 2>(nu), View<const T, 3>(y), View<T, 2>(slopes));
  const auto first = [](const T& x) {
    if constexpr (is_wide<T>)
      return static_cast<double>(x[0]);
    else
      return static_cast<double>(x);
  };
  const double eps = 8.0 * static_cast<double>(std::numeric_limits<S>::epsilon());
  const double e = std::exp(-0.375);
  CHECK(std::fabs(first(value) - (0.0625 * 2.0 + e * 0.5)) <= eps);
  CHECK(std::fabs(first(slopes[0]) - (2.0 * 0.25 * 2.0 + e)) <= eps);
  CHECK(std::fabs(first(slopes[1]) - e * 0.5 * 1.5) <= eps);
  CHECK(std::fabs(first(loss::value(Vector{}, View<const T, 2>(nu), View<const T, 3>(y))) - first(value)) <= eps);
}

TEST_CASE("a vector loss without slopes gets them from duals") {
  check_vector_loss<float>();
  check_vector_loss<double>();
  check_vector_loss<Wide<float, 4>>();
  check_vector_loss<Wide<double, 1>>();
}

TEST_CASE("numbers in descriptions are short and exact to nine digits") {
  CHECK(loss::number(0.1) == "0.1");
  CHECK(loss::number(1e-4) == "0.0001");
  CHECK(loss::number(123456789.0) == "123456789");
  CHECK(loss::number(std::numeric_limits<double>::infinity()) == "inf");
}

}  // namespace
