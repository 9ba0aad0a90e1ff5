// Pushforward, gradient of the input and Jacobian: against each other, against a closed form, for every scalar type.
#include "calibrant/autodiff/derivatives.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <ratio>
#include <vector>

#include "calibrant/nn/elementwise.hpp"
#include "calibrant/nn/mlp.hpp"

using namespace calibrant;

namespace {

template <class M, class S>
Parameters<S, M::n_params> parameters_of() {
  Parameters<S, M::n_params> p;
  Random random(2);
  M::template initialise<S>(p.view(), random);
  return p;
}

template <class T>
T some(Random& random) {
  using S = ScalarOf<T>;
  T result;
  for (int i = 0; i < stride<T>; ++i) scalars(&result)[i] = static_cast<S>(random.normal());
  return result;
}

/// Largest modulus over the lanes.
template <class T>
double size_of(const T& x) {
  double result = 0.0;
  for (int i = 0; i < stride<T>; ++i) result = std::fmax(result, std::fabs(static_cast<double>(scalars(&x)[i])));
  return result;
}

/// Rows of the Jacobian times x_dot are y_dot, columns times dy are dx, whichever mode made it.
template <class M, class T>
void check_consistent() {
  using S = ScalarOf<T>;
  const double tolerance = 50.0 * static_cast<double>(std::numeric_limits<S>::epsilon());
  const auto p = parameters_of<M, S>();
  Random random(4);
  T x[M::n_in], x_dot[M::n_in], dx[M::n_in], y[M::n_out], y_dot[M::n_out], dy[M::n_out], expected[M::n_out];
  for (int i = 0; i < M::n_in; ++i) {
    x[i] = some<T>(random);
    x_dot[i] = some<T>(random);
  }
  for (T& value : dy) value = some<T>(random);
  pushforward<M, T>(p.view(), x, x_dot, y, y_dot);
  gradient_of_input<M, T>(p.view(), x, dy, dx);
  const Jacobian<M, T> j = jacobian<M, T>(p.view(), x);
  M::template forward<T>(p.view(), x, expected);
  for (std::size_t o = 0; o < M::n_out; ++o) {
    CHECK(size_of(T(y[o] - expected[o])) <= tolerance);
    T sum(S(0));
    for (std::size_t i = 0; i < M::n_in; ++i) sum = sum + j[o][i] * x_dot[i];
    CHECK(size_of(T(sum - y_dot[o])) <= tolerance * (1.0 + size_of(sum)));
  }
  for (std::size_t i = 0; i < M::n_in; ++i) {
    T sum(S(0));
    for (std::size_t o = 0; o < M::n_out; ++o) sum = sum + j[o][i] * dy[o];
    CHECK(size_of(T(sum - dx[i])) <= tolerance * (1.0 + size_of(sum)));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("Jacobian, pushforward and gradient of the input agree", T, float, double, Wide<float, 4>,
                   Wide<double, 2>) {
  check_consistent<Mlp<Inputs<3>, Hidden<10, SiLU>, Outputs<5>>, T>();   // by pushforwards
  check_consistent<Mlp<Inputs<6>, Hidden<10, PReLU>, Outputs<2>>, T>();  // by pullbacks
}

TEST_CASE("tanh(W x + b): slope times W, row by row") {
  using M = Dense<2, 3, Tanh>;
  const double p[] = {1.0, -0.5, 0.25, 2.0, -1.0, 0.125, 0.1, 0.2, 0.3}, x[] = {0.4, -0.3};
  const auto check = [&](const Jacobian<M, double>& j) {
    for (std::size_t o = 0; o < 3; ++o) {
      const double y = std::tanh(p[2 * o] * x[0] + p[2 * o + 1] * x[1] + p[6 + o]);
      for (std::size_t i = 0; i < 2; ++i) CHECK(j[o][i] == doctest::Approx((1 - y * y) * p[2 * o + i]).epsilon(1e-14));
    }
  };
  check(jacobian<M, double>(p, x));
}

TEST_CASE("a tile has the derivatives of its samples") {
  using M = Mlp<Inputs<4>, Hidden<9, Tanh>, Outputs<1>>;
  using T = Wide<float, 4>;
  const auto p = parameters_of<M, float>();
  Random random(5);
  T x[4];
  for (T& value : x) value = some<T>(random);
  const auto tile = jacobian<M, T>(p.view(), x);
  for (int s = 0; s < T::n_samples; ++s) {
    const float one[] = {x[0][s], x[1][s], x[2][s], x[3][s]};
    const auto alone = jacobian<M, float>(p.view(), one);
    for (std::size_t i = 0; i < 4; ++i) CHECK(tile[0][i][s] == alone[0][i]);
  }
}

TEST_CASE("derivatives are those of the network as it is used: dropout is silent") {
  using Core = Mlp<Inputs<4>, Hidden<16, Tanh>, Outputs<1>>;
  using M = Sequential<Dense<4, 16, Tanh>, Dropout<16, std::ratio<1, 2>>, Dense<16, 1>>;
  const auto p = parameters_of<Core, double>();
  const double x[] = {0.1, 0.2, -0.3, 0.4}, dy[] = {1.0};
  double with[4], without[4];
  gradient_of_input<M, double>(p.view(), x, dy, with);
  gradient_of_input<Core, double>(p.view(), x, dy, without);
  for (int i = 0; i < 4; ++i) CHECK(with[i] == without[i]);
}
