// The dense kernels against plain loops: to the bit, because the order of sums is part of what they promise.
#include "calibrant/nn/dense_kernels.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "calibrant/core/math.hpp"
#include "calibrant/core/random.hpp"

using namespace calibrant;

namespace {
template <class S>
std::vector<S> numbers(int n, std::uint64_t seed) {
  Random random(seed);
  std::vector<S> result(static_cast<std::size_t>(n));
  for (S& value : result) value = static_cast<S>(random.normal());
  return result;
}
template <class S>
int differing(const std::vector<S>& a, const std::vector<S>& b) {
  REQUIRE(a.size() == b.size());
  int result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) result += a[i] == b[i] ? 0 : 1;
  return result;
}
}  // namespace

TEST_CASE_TEMPLATE("transpose, with zeros in the padding and no byte outside", S, float, double) {
  const auto compare = []<int Registers, int Width>(int count) {
    constexpr int n_samples = Registers * lanes<S>, stride = n_samples + 8;
    const auto x = numbers<S>(Width * stride, 1);
    std::vector<S> transposed(static_cast<std::size_t>(n_samples * Width + 16), S(77)), expected(transposed);
    for (int s = 0; s < n_samples; ++s)
      for (int k = 0; k < Width; ++k)
        expected[static_cast<std::size_t>(s * Width + k)] =
            k < count ? x[static_cast<std::size_t>(k * stride + s)] : S(0);
    kernel::transpose<n_samples, Width>(x.data(), stride, count, transposed.data());
    CHECK(differing(transposed, expected) == 0);
  };
  compare.template operator()<1, 16>(1);
  compare.template operator()<3, 16>(5);
  compare.template operator()<1, 16>(16);
  compare.template operator()<2, 32>(17);
  compare.template operator()<4, 64>(64);
  compare.template operator()<4, 64>(126);
}

TEST_CASE_TEMPLATE("accumulate_outer: samples in index order, one fma each", S, float, double) {
  const auto compare = []<int Out, int K, int n_samples>() {
    constexpr int row = padded<S>(K), stride = n_samples + 8;
    const auto dz = numbers<S>(Out * n_samples, 2), x = numbers<S>(K * stride, 3);
    auto gradient = numbers<S>(Out * row, 4);
    auto expected = gradient;
    for (int o = 0; o < Out; ++o)
      for (int k = 0; k < row; ++k) {
        S& sum = expected[static_cast<std::size_t>(o * row + k)];
        for (int s = 0; s < n_samples; ++s)
          sum = calibrant::fma(dz[static_cast<std::size_t>(o * n_samples + s)],
                               k < K ? x[static_cast<std::size_t>(k * stride + s)] : S(0), sum);
      }
    kernel::accumulate_outer<K, Out, n_samples>(dz.data(), n_samples, x.data(), stride, gradient.data());
    CHECK(differing(gradient, expected) == 0);
  };
  compare.template operator()<1, 3, 16>();
  compare.template operator()<7, 20, 16>();
  compare.template operator()<13, 70, 32>();
  compare.template operator()<13, 150, 64>();
}

TEST_CASE_TEMPLATE("multiply_transposed: outputs in index order from zero, one fma each", S, float, double) {
  const auto compare = []<int In, int Out, int Registers>() {
    constexpr int stride = Registers * lanes<S>;
    const auto weight = numbers<S>(In * Out, 5), dz = numbers<S>(Out * stride, 6);
    std::vector<S> dx(static_cast<std::size_t>(In * stride), S(77)), expected(dx);
    for (int k = 0; k < In; ++k)
      for (int s = 0; s < stride; ++s) {
        S sum = 0;
        for (int o = 0; o < Out; ++o)
          sum = calibrant::fma(weight[static_cast<std::size_t>(o * In + k)],
                               dz[static_cast<std::size_t>(o * stride + s)], sum);
        expected[static_cast<std::size_t>(k * stride + s)] = sum;
      }
    kernel::multiply_transposed<In, Out, stride>(weight.data(), dz.data(), kernel::StoreRow<S, stride>{dx.data()});
    CHECK(differing(dx, expected) == 0);
  };
  compare.template operator()<1, 1, 1>();
  compare.template operator()<13, 5, 4>();
  compare.template operator()<31, 20, 3>();
  // Sums in parts, weights where they are and copied.
  static_assert(kernel::terms_at_once<200> < 200);
  static_assert(50 * 200 <= kernel::few_weights && 131 * 150 > kernel::few_weights);
  compare.template operator()<50, 200, 4>();
  compare.template operator()<131, 150, 8>();
  compare.template operator()<96, 193, 1>();
}

TEST_CASE_TEMPLATE("dot: interleaved partial sums, added by halves, bias last", S, float, double) {
  const auto compare = []<int In>() {
    constexpr int L = lanes<S>;
    const auto weight = numbers<S>(In, 7), x = numbers<S>(In * L, 8);
    const Wide<S, 1> found = kernel::dot<In, S, 1>(weight.data(), S(0.5), x.data(), L);
    int different = 0;
    for (int s = 0; s < L; ++s) {
      S sums[L] = {};
      for (int k = 0; k < In; ++k)
        sums[k % L] =
            calibrant::fma(weight[static_cast<std::size_t>(k)], x[static_cast<std::size_t>(k * L + s)], sums[k % L]);
      for (int half = L / 2; half > 0; half /= 2)
        for (int l = 0; l < half; ++l) sums[l] += sums[l + half];
      different += found[s] == sums[0] + S(0.5) ? 0 : 1;
    }
    CHECK(different == 0);
  };
  compare.template operator()<1>();
  compare.template operator()<16>();
  compare.template operator()<37>();
}
