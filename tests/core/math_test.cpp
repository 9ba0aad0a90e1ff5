// Elementary functions against long double, with bounds on their error in units in the last place (ulp); behaviour at
// the edges; a plain number and a lane get the same bits.
#include "calibrant/core/math.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "calibrant/core/random.hpp"

using namespace calibrant;

namespace {

template <class S>
using Limits = std::numeric_limits<S>;

/// Distance of `found` from the exact value, in the spacing of S there.
template <class S>
double ulps(S found, long double exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  const long double spacing =
      std::max<long double>(std::ldexp(1.0L, exponent - Limits<S>::digits), Limits<S>::denorm_min());
  return std::isfinite(found) ? static_cast<double>(std::fabs(found - exact) / spacing) : Limits<double>::infinity();
}

/// The largest error over uniform numbers in [low, high] and, if the range is positive, over uniform logarithms.
template <class S, class F, class Exact>
double largest_error(F f, Exact exact, double low, double high) {
  Random random(1);
  double worst = 0.0;
  const auto look = [&](double at) {
    const S x = static_cast<S>(at);
    worst = std::max(worst, ulps<S>(f(x), exact(static_cast<long double>(x))));
  };
  for (int i = 0; i < 200000; ++i) look(random.uniform(low, high));
  if (low > 0.0)
    for (int i = 0; i < 200000; ++i) look(std::exp(random.uniform(std::log(low), std::log(high))));
  return worst;
}

/// Where exp of S is a normal number.
template <class S>
constexpr double lowest = sizeof(S) == 4 ? -87.3 : -708.3;
template <class S>
constexpr double highest = sizeof(S) == 4 ? 88.3 : 709.4;
template <class S>
constexpr double huge = sizeof(S) == 4 ? 3e38 : 1.7e308;

#define FUNCTION(EXPRESSION) [](auto x) { return EXPRESSION; }

}  // namespace

// Numbers of ordinary size, where bounds may be closer than over the whole range.
TEST_CASE_TEMPLATE("errors in ulp", S, float, double) {
  constexpr bool single = sizeof(S) == 4;
  constexpr double tiny = static_cast<double>(Limits<S>::min());
  const auto error = [](auto f, auto exact, double low, double high) { return largest_error<S>(f, exact, low, high); };

  const auto exp_exact = FUNCTION(std::exp(x));
  CHECK(error(FUNCTION(calibrant::exp(x)), exp_exact, lowest<S>, highest<S>) < (single ? 1.5 : 1.0));
  CHECK(error(FUNCTION(calibrant::exp(x)), exp_exact, -1.0, 1.0) < (single ? 1.5 : 1.0));

  const auto expm1_exact = FUNCTION(std::expm1(x));
  CHECK(error(FUNCTION(calibrant::expm1(x)), expm1_exact, -50.0, highest<S>) < 2.1);
  CHECK(error(FUNCTION(calibrant::expm1(x)), expm1_exact, 1e-30, 1.0) < 1.4);
  CHECK(error(FUNCTION(calibrant::expm1(-x)), FUNCTION(std::expm1(-x)), 1e-30, 1.0) < 1.4);

  const auto log_exact = FUNCTION(std::log(x));
  CHECK(error(FUNCTION(calibrant::log(x)), log_exact, tiny, huge<S>) < 0.9);
  CHECK(error(FUNCTION(calibrant::log(x)), log_exact, 0.5, 2.0) < 0.9);
  CHECK(error(FUNCTION(calibrant::log(x)), log_exact, 2.0 * static_cast<double>(Limits<S>::denorm_min()), tiny) < 0.9);

  const auto log1p_exact = FUNCTION(std::log1p(x));
  CHECK(error(FUNCTION(calibrant::log1p(x)), log1p_exact, -0.999999, 3.0) < 0.9);
  CHECK(error(FUNCTION(calibrant::log1p(x)), log1p_exact, 1e-30, huge<S>) < 0.9);
  CHECK(error(FUNCTION(calibrant::log1p(-x)), FUNCTION(std::log1p(-x)), 1e-30, 0.9999) < 0.9);

  const auto tanh_exact = FUNCTION(std::tanh(x));
  CHECK(error(FUNCTION(calibrant::tanh(x)), tanh_exact, -10.0, 10.0) < 1.4);
  CHECK(error(FUNCTION(calibrant::tanh(x)), tanh_exact, 1e-30, 1e4) < 1.4);

  const auto sigmoid_exact = FUNCTION(1 / (1 + std::exp(-x)));
  CHECK(error(FUNCTION(calibrant::sigmoid(x)), sigmoid_exact, lowest<S>, 0.0) < 2.5);
  CHECK(error(FUNCTION(calibrant::sigmoid(x)), sigmoid_exact, -20.0, 40.0) < 2.5);

  const auto softplus_exact = FUNCTION((x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))));
  CHECK(error(FUNCTION(calibrant::softplus(x)), softplus_exact, lowest<S>, 0.0) < 2.0);
  CHECK(error(FUNCTION(calibrant::softplus(x)), softplus_exact, -20.0, 40.0) < 2.0);
  CHECK(error(FUNCTION(calibrant::softplus(x)), softplus_exact, 1e-30, huge<S>) < 2.0);

  CHECK(error(FUNCTION(calibrant::sqrt(x)), FUNCTION(std::sqrt(x)), tiny, huge<S>) <= 0.5);
}

// Every class of argument: bit patterns in steps through the whole range, negative and positive, denormal to infinite,
// and close together around what is hard: where results become denormal, infinite or constant, where a reduction or
// a branch changes. The bounds are those that core/math.hpp
// states, where all 2^32 floats were looked at, not only every 65521st.
TEST_CASE_TEMPLATE("errors over the whole range", S, float, double) {
  constexpr bool single = sizeof(S) == 4;
  using Bits = std::conditional_t<single, std::uint32_t, std::uint64_t>;
  std::vector<S> numbers;
  const auto add = [&](Bits bits) { numbers.push_back(std::bit_cast<S>(bits)); };
  constexpr Bits step = single ? Bits(65521) : static_cast<Bits>(281470681743361ULL);
  for (Bits bits = 0, last = ~Bits(0); bits < last - step; bits += step) add(bits);
  const double ln2 = std::log(2.0), infinite = single ? 128 * ln2 : 1024 * ln2, zero = single ? 150 * ln2 : 1075 * ln2,
               normal = single ? 126 * ln2 : 1022 * ln2;
  for (const double hard : {0.0,
                            0.5 * ln2,
                            ln2,
                            1.5 * ln2,
                            0.25,
                            1.0 / 3,
                            0.5,
                            2.0 / 3,
                            0.75,
                            1.0,
                            4.0 / 3,
                            1.5,
                            2.0,
                            0.5 * std::log(3.0),
                            9.01,
                            17.33,
                            19.06,
                            37.4,
                            zero,
                            normal,
                            infinite,
                            static_cast<double>(Limits<S>::min()),
                            static_cast<double>(Limits<S>::max())})
    for (const S centre : {static_cast<S>(hard), static_cast<S>(-hard)})
      for (int i = -300; i <= 300; ++i) add(std::bit_cast<Bits>(centre) + static_cast<Bits>(i));

  const auto worst = [&](auto f, auto exact) {
    double result = 0.0;
    for (const S x : numbers) {
      const S found = f(x);
      const long double expected = exact(static_cast<long double>(x));
      const S rounded = static_cast<S>(expected);
      if (std::isnan(expected)) {
        if (!std::isnan(found)) result = Limits<double>::infinity();
      } else if (std::isinf(rounded) || std::isinf(found)) {
        // Within the bound of the largest number either may be.
        const long double most = Limits<S>::max(),
                          near = most * (1 + 2 * static_cast<long double>(Limits<S>::epsilon()));
        const bool between = std::fabs(expected) > most && std::fabs(expected) < near;
        if (found != rounded && !between) result = Limits<double>::infinity();
      } else {
        result = std::max(result, ulps<S>(found, expected));
      }
    }
    return result;
  };
  CHECK(worst(FUNCTION(calibrant::exp(x)), FUNCTION(std::exp(x))) < 1.04);
  CHECK(worst(FUNCTION(calibrant::expm1(x)), FUNCTION(std::expm1(x))) < 1.33);
  CHECK(worst(FUNCTION(calibrant::log(x)), FUNCTION(std::log(x))) < (single ? 0.89 : 0.93));
  CHECK(worst(FUNCTION(calibrant::log1p(x)), FUNCTION(std::log1p(x))) < (single ? 0.91 : 0.94));
  CHECK(worst(FUNCTION(calibrant::tanh(x)), FUNCTION(std::tanh(x))) < 1.35);
  CHECK(worst(FUNCTION(calibrant::sigmoid(x)),
              FUNCTION(x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)))) < 2.41);
  CHECK(worst(FUNCTION(calibrant::softplus(x)), FUNCTION((x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))))) <
        (single ? 1.84 : 1.86));
}

TEST_CASE_TEMPLATE("signs of zero", S, float, double) {
  CHECK(!std::signbit(calibrant::exp(-Limits<S>::infinity())));
  CHECK(!std::signbit(calibrant::log(S(1))));
  for (const S zero : {S(0), S(-0.0)}) {
    CHECK(std::signbit(calibrant::tanh(zero)) == std::signbit(zero));
    CHECK(std::signbit(calibrant::expm1(zero)) == std::signbit(zero));
    CHECK(std::signbit(calibrant::log1p(zero)) == std::signbit(zero));
  }
}

TEST_CASE_TEMPLATE("log_sum_exp: value, far numbers, infinities, and the softmax as its gradient", S, float, double) {
  const double tolerance = 4 * static_cast<double>(Limits<S>::epsilon());
  const S x[] = {S(0.5), S(-1), S(2), S(1.75)};
  double sum = 0.0;
  for (const S v : x) sum += std::exp(static_cast<double>(v));
  CHECK(static_cast<double>(log_sum_exp(x)) == doctest::Approx(std::log(sum)).epsilon(tolerance));
  CHECK(log_sum_exp({S(3)}) == S(3));
  CHECK(static_cast<double>(log_sum_exp({S(1e4), S(1e4)})) == doctest::Approx(1e4 + std::log(2.0)).epsilon(tolerance));
  CHECK(log_sum_exp({S(-1e4), S(1e4)}) == S(1e4));
  constexpr S infinity = Limits<S>::infinity();
  CHECK(log_sum_exp({-infinity, S(2)}) == S(2));
  CHECK(log_sum_exp({-infinity, -infinity}) == -infinity);
  CHECK(log_sum_exp({infinity, S(2), infinity}) == infinity);
  CHECK(std::isnan(log_sum_exp({S(1), Limits<S>::quiet_NaN(), S(2)})));

  using D = Dual<S, 4>;
  D duals[4];
  for (int i = 0; i < 4; ++i) duals[i] = D::variable(x[i], i);
  const D found = log_sum_exp(duals);
  CHECK(found.value == log_sum_exp(x));
  for (int i = 0; i < 4; ++i)
    CHECK(static_cast<double>(found.tangent[i]) ==
          doctest::Approx(std::exp(static_cast<double>(x[i])) / sum).epsilon(tolerance));

  using W = Wide<S, 1>;
  W wide[4];
  for (int i = 0; i < 4; ++i) wide[i] = W(x[i]);
  CHECK(log_sum_exp(wide)[3] == log_sum_exp(x));
}

TEST_CASE_TEMPLATE("edges: zeros, denormals, the largest numbers, infinities, NaN", S, float, double) {
  constexpr S infinity = Limits<S>::infinity(), nan = Limits<S>::quiet_NaN(), most = Limits<S>::max(),
              denormal = Limits<S>::denorm_min();
  for (const S zero : {S(0), S(-0.0), denormal, -denormal}) {
    CHECK(calibrant::exp(zero) == S(1));
    CHECK(calibrant::expm1(zero) == zero);
    CHECK(calibrant::log1p(zero) == zero);
    CHECK(calibrant::tanh(zero) == zero);
    CHECK(calibrant::sigmoid(zero) == S(0.5));
    CHECK(ulps<S>(calibrant::softplus(zero), std::log(2.0L)) < 1.0);
    CHECK(calibrant::abs(zero) == std::fabs(zero));
  }
  CHECK(calibrant::log(S(0)) == -infinity);
  CHECK(calibrant::log(S(-0.0)) == -infinity);
  CHECK(calibrant::log(S(1)) == S(0));
  CHECK(ulps<S>(calibrant::log(denormal), std::log(static_cast<long double>(denormal))) < 0.9);
  CHECK(calibrant::log1p(S(-1)) == -infinity);
  CHECK(calibrant::sqrt(denormal) == std::sqrt(denormal));

  for (const S low : {static_cast<S>(lowest<S> - 1), S(-800), -most, -infinity}) {
    CHECK(calibrant::exp(low) >= S(0));
    CHECK(calibrant::exp(low) <= Limits<S>::min());
    CHECK(calibrant::expm1(low) == S(-1));
    CHECK(calibrant::sigmoid(low) <= Limits<S>::min());
    CHECK(calibrant::softplus(low) <= Limits<S>::min());
    CHECK(calibrant::tanh(low) == S(-1));
  }
  CHECK(calibrant::exp(static_cast<S>(highest<S>)) < infinity);
  for (const S high : {static_cast<S>(highest<S> + 0.5), S(800), most, infinity}) {
    CHECK(calibrant::exp(high) == infinity);
    CHECK(calibrant::expm1(high) == infinity);
    CHECK(calibrant::sigmoid(high) == S(1));
    CHECK(calibrant::softplus(high) == high);
    CHECK(calibrant::tanh(high) == S(1));
  }
  CHECK(calibrant::log(infinity) == infinity);
  CHECK(calibrant::log1p(infinity) == infinity);
  CHECK(calibrant::sqrt(infinity) == infinity);

  CHECK(std::isnan(calibrant::exp(nan)));
  CHECK(std::isnan(calibrant::expm1(nan)));
  CHECK(std::isnan(calibrant::log(nan)));
  CHECK(std::isnan(calibrant::log1p(nan)));
  CHECK(std::isnan(calibrant::tanh(nan)));
  CHECK(std::isnan(calibrant::sigmoid(nan)));
  CHECK(std::isnan(calibrant::softplus(nan)));
  CHECK(std::isnan(calibrant::sqrt(nan)));
  for (const S negative : {S(-1), -denormal, -infinity}) {
    CHECK(std::isnan(calibrant::log(negative)));
    CHECK(std::isnan(calibrant::sqrt(negative)));
  }
  CHECK(std::isnan(calibrant::log1p(S(-1.5))));
}

TEST_CASE_TEMPLATE("is_finite, sign, min and max at the edges", S, float, double) {
  constexpr S infinity = Limits<S>::infinity(), nan = Limits<S>::quiet_NaN();
  CHECK(is_finite(Limits<S>::max()));
  CHECK(is_finite(Limits<S>::lowest()));
  CHECK(!is_finite(infinity));
  CHECK(!is_finite(-infinity));
  CHECK(!is_finite(nan));
  CHECK(calibrant::sign(S(-0.0)) == S(0));
  CHECK(calibrant::sign(-infinity) == S(-1));
  CHECK(calibrant::sign(nan) == S(0));
  // The second if either is NaN.
  CHECK(calibrant::min(nan, S(1)) == S(1));
  CHECK(std::isnan(calibrant::min(S(1), nan)));
  CHECK(calibrant::max(nan, S(1)) == S(1));
  CHECK(std::isnan(calibrant::max(S(1), nan)));
}

TEST_CASE_TEMPLATE("a plain number gets the bits of a lane", W, Wide<float, 1>, Wide<float, 4>, Wide<double, 1>,
                   Wide<double, 2>) {
  using S = typename W::Scalar;
  std::vector<S> numbers{S(0),
                         S(-0.0),
                         Limits<S>::denorm_min(),
                         -Limits<S>::denorm_min(),
                         Limits<S>::min(),
                         Limits<S>::max(),
                         Limits<S>::lowest(),
                         Limits<S>::infinity(),
                         -Limits<S>::infinity(),
                         Limits<S>::quiet_NaN(),
                         S(88.5),
                         S(-88.5),
                         S(709.6),
                         S(-745)};
  Random random(7);
  while (numbers.size() < 64 * 100)
    numbers.push_back(static_cast<S>(random.normal() * std::exp(random.uniform(-20.0, 6.0))));
  const auto differing = [&](auto f) {
    int result = 0;
    for (std::size_t i = 0; i < numbers.size(); i += W::n_samples) {
      const W wide = f(W::load(numbers.data() + i));
      for (int l = 0; l < W::n_samples; ++l) {
        const S lane = wide[l], alone = f(numbers[i + static_cast<std::size_t>(l)]);
        const bool same = (std::isnan(lane) && std::isnan(alone)) || std::memcmp(&lane, &alone, sizeof(S)) == 0;
        result += same ? 0 : 1;
      }
    }
    return result;
  };
  CHECK(differing(FUNCTION(calibrant::exp(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::expm1(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::log(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::log1p(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::tanh(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::sigmoid(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::softplus(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::sqrt(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::abs(x))) == 0);
  CHECK(differing(FUNCTION(calibrant::square(x))) == 0);
}

TEST_CASE("softplus and its derivative against 50-digit references") {
  std::ifstream file(std::string(CALIBRANT_TEST_DATA) + "/r8_stability.json");
  const auto reference = nlohmann::json::parse(file);
  REQUIRE(reference.at("softplus").size() >= 10);
  for (const auto& row : reference.at("softplus")) {
    const double z = row.at("z"), value = row.at("softplus"), derivative = row.at("derivative_sigmoid");
    INFO("z = ", z);
    const auto check = [](double found, double expected) {
      // Values below 1e-300 may be 0; the rest within its ulp bound.
      CHECK(std::fabs(found - expected) <= std::max(2.5 * Limits<double>::epsilon() * expected, 1e-300));
    };
    const auto dual = softplus(Dual<double, 1>::variable(z));
    check(softplus(z), value);
    check(dual.value, value);
    check(dual.tangent[0], derivative);
    check(sigmoid(z), derivative);
    CHECK(-softplus(-z) == doctest::Approx(row.at("log_sigmoid").get<double>()).epsilon(1e-15).scale(1e-300));
    CHECK(std::fabs(static_cast<double>(softplus(static_cast<float>(z))) - value) <=
          std::max(2.5 * static_cast<double>(Limits<float>::epsilon()) * value, 1e-37));
  }
}
