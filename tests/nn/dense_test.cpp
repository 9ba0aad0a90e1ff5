// Dense: the formula, the order of its parameters, its initial weights. What holds for every module is checked in
// dense_activation_*, dense_widths_* and dense_tiles_test.cpp.
#include "calibrant/nn/dense.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace calibrant;

TEST_CASE("Dense: W row-major, then b, then the slopes of PReLU") {
  using Layer = Dense<3, 2, PReLU>;
  static_assert(Layer::n_params == 3 * 2 + 2 + 2);
  Parameters<double, Layer::n_params> p;
  const double values[] = {1, 2, 3, 4, 5, -6, 0.5, -0.25, 7, 0.125};  // W, b, slopes
  std::copy(std::begin(values), std::end(values), p.data());
  const double x[] = {1, -1, 2};
  double y[2];
  Layer::forward<double>(p.view(), View<const double, 3>(x), View<double, 2>(y));
  CHECK(y[0] == 1.0 - 2.0 + 6.0 + 0.5);
  CHECK(y[1] == (4.0 - 5.0 - 12.0 - 0.25) * 0.125);
  CHECK(Layer::describe() == "dense(3, 2, prelu)");
}

TEST_CASE_TEMPLATE("Dense against a plain sum in long double", S, float, double) {
  const auto compare = []<int In, int Out>() {
    using Layer = Dense<In, Out>;
    Parameters<S, Layer::n_params> p;
    Random random(1);
    for (S& value : p.span()) value = static_cast<S>(random.normal());
    S x[In], y[Out];
    for (S& value : x) value = static_cast<S>(random.normal());
    Layer::template forward<S>(p.view(), View<const S, In>(x), View<S, Out>(y));
    for (int o = 0; o < Out; ++o) {
      long double sum = p[In * Out + o], moduli = std::fabs(sum);
      for (int k = 0; k < In; ++k) {
        const long double term = static_cast<long double>(p[o * In + k]) * x[k];
        sum += term;
        moduli += std::fabs(term);
      }
      // The error of a chain of In + 1 roundings is at most (In + 1) eps / 2 of the sum of moduli.
      CHECK(std::fabs(static_cast<double>(y[o] - sum)) <=
            0.5 * (In + 1) * static_cast<double>(std::numeric_limits<S>::epsilon() * moduli));
    }
  };
  compare.template operator()<37, 3>();
  compare.template operator()<37, 21>();
}

TEST_CASE("initial weights: Glorot and He, biases within 1/sqrt(In), slopes of PReLU 0.25") {
  const auto moments = []<class Layer>(double variance, double limit) {
    constexpr int n = Layer::n_weights, in = Layer::n_in;
    std::vector<double> p(Layer::n_params);
    Random random(3, Stream::initial_weights);
    Layer::template initialise<double>(View<double, Layer::n_params>(p.data()), random);
    double sum = 0.0, squares = 0.0, largest = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      sum += p[i];
      squares += p[i] * p[i];
      largest = std::max(largest, std::fabs(p[i]));
    }
    // 5 sigma of the mean and of the variance of n uniform numbers (kurtosis 9/5).
    CHECK(std::fabs(sum / n) < 5.0 * std::sqrt(variance / n));
    CHECK(squares / n == doctest::Approx(variance).epsilon(5.0 * std::sqrt(0.8 / n)));
    CHECK(largest <= limit);
    CHECK(largest > 0.99 * limit);
    double largest_bias = 0.0;
    for (std::size_t i = n; i < n + Layer::n_out; ++i) largest_bias = std::max(largest_bias, std::fabs(p[i]));
    CHECK(largest_bias <= 1.0 / std::sqrt(in));
    CHECK(largest_bias > 0.9 / std::sqrt(in));
    for (std::size_t i = n + Layer::n_out; i < Layer::n_params; ++i) CHECK(p[i] == 0.25);
  };
  moments.operator()<Dense<60, 90, Tanh>>(2.0 / 150, std::sqrt(6.0 / 150));
  moments.operator()<Dense<60, 90, PReLU>>(2.0 / 60, std::sqrt(6.0 / 60));
}

TEST_CASE("float and double start from the same numbers") {
  using Layer = Dense<4, 5, SiLU>;
  Parameters<float, Layer::n_params> narrow;
  Parameters<double, Layer::n_params> wide;
  Random a(9), b(9);
  Layer::initialise<float>(narrow.view(), a);
  Layer::initialise<double>(wide.view(), b);
  for (int i = 0; i < Layer::n_params; ++i) CHECK(narrow[i] == static_cast<float>(wide[i]));
}
