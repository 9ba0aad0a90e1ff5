// Wide: every operation in every lane against plain scalars, to the bit, with NaN, infinities and signed zeros.
#include "calibrant/core/wide.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "calibrant/core/math.hpp"
#include "calibrant/core/random.hpp"

using namespace calibrant;

#define ALL_WIDES Wide<float, 1>, Wide<float, 3>, Wide<float, 4>, Wide<double, 1>, Wide<double, 2>

static_assert(lanes<float> == 16 && lanes<double> == 8);
static_assert(Wide<float, 4>::n_samples == 64 && Wide<double, 2>::n_samples == 16);
static_assert(sizeof(Wide<float, 4>) == 256 && alignof(Wide<float, 4>) == 64);

namespace {

/// The same bits, or NaN both: which NaN is not promised.
template <class S>
bool same(S a, S b) {
  return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof(S)) == 0;
}

template <class S>
std::vector<S> values() {
  using Limits = std::numeric_limits<S>;
  std::vector<S> result{S(0),
                        S(-0.0),
                        S(1),
                        S(-1),
                        Limits::infinity(),
                        -Limits::infinity(),
                        S(2.5),
                        S(-3),
                        Limits::max(),
                        Limits::lowest(),
                        Limits::min(),
                        Limits::denorm_min(),
                        Limits::quiet_NaN()};
  Random random(1);
  for (int i = 0; i < 10; ++i) result.push_back(static_cast<S>(random.normal()));
  return result;
}

/// Calls f(wide a, wide b, lane by lane scalars) for all pairs of values, each in every lane once.
template <class W, class F>
void for_all_pairs(F f) {
  using S = typename W::Scalar;
  const auto numbers = values<S>();
  const std::size_t n = numbers.size();
  S a[W::n_samples], b[W::n_samples];
  for (std::size_t first = 0; first < n * n; ++first) {
    for (std::size_t l = 0; l < W::n_samples; ++l) {
      a[l] = numbers[(first + l) % (n * n) / n];
      b[l] = numbers[(first + l) % n];
    }
    f(W::load(a), W::load(b), a, b);
  }
}

/// Lanes that differ from f of the scalars.
template <class W, class F>
int wrong_lanes(const W& found, const typename W::Scalar* a, const typename W::Scalar* b, F f) {
  int wrong = 0;
  for (int l = 0; l < W::n_samples; ++l) wrong += same(found[l], f(a[l], b[l])) ? 0 : 1;
  return wrong;
}

}  // namespace

TEST_CASE_TEMPLATE("arithmetic, lane by lane", W, ALL_WIDES) {
  using S = typename W::Scalar;
  int wrong = 0;
  for_all_pairs<W>([&](const W& x, const W& y, const S* a, const S* b) {
    wrong += wrong_lanes(x + y, a, b, [](S u, S v) { return u + v; });
    wrong += wrong_lanes(x - y, a, b, [](S u, S v) { return u - v; });
    wrong += wrong_lanes(x * y, a, b, [](S u, S v) { return u * v; });
    wrong += wrong_lanes(x / y, a, b, [](S u, S v) { return u / v; });
    wrong += wrong_lanes(-x, a, b, [](S u, S) { return -u; });
    wrong += wrong_lanes(calibrant::abs(x), a, b, [](S u, S) { return std::fabs(u); });
    wrong += wrong_lanes(calibrant::sqrt(x), a, b, [](S u, S) { return std::sqrt(u); });
    wrong += wrong_lanes(calibrant::fma(x, y, x), a, b, [](S u, S v) { return calibrant::fma(u, v, u); });
    wrong += wrong_lanes(calibrant::fma(b[0], x, y), a, b, [&](S u, S v) { return calibrant::fma(b[0], u, v); });
    W sum = x, difference = x, product = x;
    sum += y;
    difference -= y;
    product *= y;
    wrong += wrong_lanes(sum, a, b, [](S u, S v) { return u + v; });
    wrong += wrong_lanes(difference, a, b, [](S u, S v) { return u - v; });
    wrong += wrong_lanes(product, a, b, [](S u, S v) { return u * v; });
  });
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("comparisons, masks and what is chosen by them, lane by lane", W, ALL_WIDES) {
  using S = typename W::Scalar;
  const W one(S(1)), zero(S(0));
  int wrong = 0;
  for_all_pairs<W>([&](const W& x, const W& y, const S* a, const S* b) {
    const auto check = [&](const typename W::Mask& mask, auto f) {
      wrong += wrong_lanes(select(mask, one, zero), a, b, [&](S u, S v) { return f(u, v) ? S(1) : S(0); });
      bool expected_any = false;
      for (int l = 0; l < W::n_samples; ++l) expected_any = expected_any || f(a[l], b[l]);
      wrong += any(mask) == expected_any ? 0 : 1;
    };
    check(x < y, [](S u, S v) { return u < v; });
    check(x <= y, [](S u, S v) { return u <= v; });
    check(x > y, [](S u, S v) { return u > v; });
    check(x >= y, [](S u, S v) { return u >= v; });
    check(!(x < y), [](S u, S v) { return !(u < v); });
    check((x < y) && (x < zero), [](S u, S v) { return u < v && u < S(0); });
    check((x < y) || (x < zero), [](S u, S v) { return u < v || u < S(0); });
    check(is_finite(x), [](S u, S) { return std::isfinite(u); });
    wrong += wrong_lanes(select(x < y, x, y), a, b, [](S u, S v) { return u < v ? u : v; });
    wrong += wrong_lanes(calibrant::min(x, y), a, b, [](S u, S v) { return calibrant::min(u, v); });
    wrong += wrong_lanes(calibrant::max(x, y), a, b, [](S u, S v) { return calibrant::max(u, v); });
    wrong += wrong_lanes(calibrant::sign(x), a, b, [](S u, S) { return calibrant::sign(u); });
  });
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("load, store, constants and lanes, unaligned too", W, ALL_WIDES) {
  using S = typename W::Scalar;
  std::vector<S> from(W::n_samples + 1), to(W::n_samples + 2, S(-1));
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<S>(i);
  const W wide = W::load(from.data() + 1);
  wide.store(to.data() + 1);
  CHECK(to.front() == S(-1));
  CHECK(to.back() == S(-1));
  for (int l = 0; l < W::n_samples; ++l) {
    CHECK(wide[l] == static_cast<S>(l + 1));
    CHECK(to[static_cast<std::size_t>(l + 1)] == static_cast<S>(l + 1));
    CHECK(W(S(3))[l] == S(3));
  }
}

TEST_CASE_TEMPLATE("sum_lanes: registers in order, then lanes by halves", W, ALL_WIDES) {
  using S = typename W::Scalar;
  constexpr int L = lanes<S>;
  S numbers[W::n_samples];
  Random random(2);
  for (S& value : numbers) value = static_cast<S>(random.normal() * 1000.0);
  S sums[L];
  for (int l = 0; l < L; ++l) {
    sums[l] = numbers[l];
    for (int i = l + L; i < W::n_samples; i += L) sums[l] += numbers[i];
  }
  if constexpr (L == 16)
    for (int l = 0; l < 8; ++l) sums[l] += sums[l + 8];
  for (int l = 0; l < 4; ++l) sums[l] += sums[l + 4];
  const S expected = (sums[0] + sums[2]) + (sums[1] + sums[3]);
  CHECK(sum_lanes(W::load(numbers)) == expected);
}

TEST_CASE("fma rounds once, in scalars and lanes alike") {
#if defined(__FMA__) || defined(__aarch64__)
  volatile float f = 1.0f + 0x1p-12f;  // f f = 1 + 2^-11 + 2^-24: the last term is lost unless fused
  volatile double d = 1.0 + 0x1p-27;
  CHECK(calibrant::fma(f, f, -1.0f - 0x1p-11f) == 0x1p-24f);
  CHECK(calibrant::fma(d, d, -1.0 - 0x1p-26) == 0x1p-54);
  CHECK(calibrant::fma(Wide<float, 1>(f), Wide<float, 1>(f), Wide<float, 1>(-1.0f - 0x1p-11f))[3] == 0x1p-24f);
  CHECK(calibrant::fma(Wide<double, 1>(d), Wide<double, 1>(d), Wide<double, 1>(-1.0 - 0x1p-26))[3] == 0x1p-54);
#endif
}
