// Elementary functions of one hardware register, Batch<S>: exp, expm1, log, log1p, tanh, sigmoid, softplus.
// core/math.hpp is their public face. A lane's bits depend on nothing but its argument: every product that meets a sum
// is an explicit fma, everything else is rounded correctly on every processor (+, -, /, scaling by powers of 2),
// nothing is estimated (no rcp, no rsqrt). So AVX2, AVX-512, g++ and clang agree to the bit.
//
// Methods as in Muller, Elementary Functions (3rd ed.): additive range reduction, then a minimax polynomial. The
// coefficients are ours: Remez exchange in 200-bit arithmetic on the relative error of the function, lowest coefficient
// rounded to S, the others fitted again, and so on. `2^-n` beside a polynomial is its relative error after that.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "calibrant/core/wide.hpp"

namespace calibrant::elementary {

template <class S>
struct Format;

template <>
struct Format<float> {
  using Bits = std::uint32_t;
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float lowest_mantissa = 0x1.555556p-1f;  // 2/3
  static constexpr float log2_e = 0x1.715476p+0f;
  // ln 2 = high + low; n high is exact for all n that occur, so that little is lost where there is no fma.
  static constexpr float ln2_high = 0x1.62e40p-1f, ln2_low = 0x1.7f7d1cp-20f;
  // exp(x) is 0 below the first and infinity above the second, rounded correctly.
  static constexpr float exp_zero = -104.0f, exp_infinity = 89.0f;
  static constexpr float expm1_minus_one = -20.0f;  // expm1(x) is -1 below this, tanh(x) is 1 above minus its half

  /// (exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2; exp(r) - 1 to 2^-26.1.
  static constexpr float exp[] = {0x1.fffffep-2f, 0x1.5554aap-3f, 0x1.5557a0p-5f, 0x1.122c8ep-7f, 0x1.6aae42p-10f};
  /// (log(1 + f) - f) / f^2 for |f| <= 1/3; log(1 + f) to 2^-27.4.
  static constexpr float log[] = {-0x1.000000p-1f, 0x1.555506p-2f,  -0x1.fffef0p-3f, 0x1.99d028p-3f, -0x1.559dd4p-3f,
                                  0x1.1ed70ap-3f,  -0x1.f31072p-4f, 0x1.1e670ap-3f,  -0x1.08072cp-3f};
  /// (log(1 + e) - e) / e^2 for 0 <= e <= 1; log(1 + e) to 2^-27.3.
  static constexpr float log1p[] = {-0x1.ffffe6p-2f, 0x1.554fc8p-2f,  -0x1.ff48ecp-3f, 0x1.93fc24p-3f, -0x1.3c250ep-3f,
                                    0x1.bac744p-4f,  -0x1.e252f0p-5f, 0x1.552784p-6f,  -0x1.c44154p-9f};
  /// (tanh(x) - x) / x^3 as a polynomial in x^2 for |x| <= log(3)/2; tanh(x) to 2^-29.7.
  static constexpr float tanh[] = {-0x1.55554ap-2f, 0x1.110ceep-3f, -0x1.b91e7ep-5f, 0x1.58e516p-6f, -0x1.992182p-8f};
};

template <>
struct Format<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double lowest_mantissa = 0x1.5555555555556p-1;
  static constexpr double log2_e = 0x1.71547652b82fep+0;
  static constexpr double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
  static constexpr double exp_zero = -746.0, exp_infinity = 710.0;
  static constexpr double expm1_minus_one = -40.0;

  /// As for float; exp(r) - 1 to 2^-60.4.
  static constexpr double exp[] = {0x1.0000000000000p-1,  0x1.5555555555558p-3,  0x1.5555555555549p-5,
                                   0x1.111111110fa6ep-7,  0x1.6c16c16c1cb18p-10, 0x1.a01a01ae9af24p-13,
                                   0x1.a01a01833bb8bp-16, 0x1.71ddfb3d0ceb2p-19, 0x1.27e52b3b3b298p-22,
                                   0x1.af5a339a676e4p-26, 0x1.1ef4f6676f657p-29};
  /// log(1 + f) to 2^-59.3.
  static constexpr double log[] = {
      -0x1.0000000000000p-1, 0x1.5555555555538p-2,  -0x1.fffffffffff32p-3, 0x1.99999999a00d4p-3,  -0x1.5555555565549p-3,
      0x1.24924920b6b2ep-3,  -0x1.fffffff0cca08p-4, 0x1.c71c740a9eca8p-4,  -0x1.99999d607614ep-4, 0x1.745cb630f7c55p-4,
      -0x1.5554c6b1d17ccp-4, 0x1.3b1db0f211957p-4,  -0x1.249f90703b53bp-4, 0x1.1069c861b729cp-4,  -0x1.fe67069a22bf0p-5,
      0x1.efba93df0b10fp-5,  -0x1.d6e5d453a1b78p-5, 0x1.562b37e695cd0p-5,  -0x1.3a10d63bf2f4fp-5, 0x1.5c0db3aa359a4p-4,
      -0x1.55c4c3161abeap-4};
  /// log(1 + e) to 2^-56.4.
  static constexpr double log1p[] = {
      -0x1.fffffffffffe1p-2, 0x1.5555555552f21p-2,  -0x1.fffffffe85bd7p-3,  0x1.99999963135edp-3,
      -0x1.555550c533d26p-3, 0x1.24920984f39ffp-3,  -0x1.fffb29d775787p-4,  0x1.c6fa08a1cd3b8p-4,
      -0x1.98e09175318fap-4, 0x1.715a8179f0288p-4,  -0x1.4b708860b431ap-4,  0x1.2103f22ff1d87p-4,
      -0x1.d99a5ef1e03cap-5, 0x1.5d8764959cfbdp-5,  -0x1.bba2f40896bc1p-6,  0x1.ccf3badb66a78p-7,
      -0x1.72c24534db3e1p-8, 0x1.ac9b3bd87f904p-10, -0x1.3aa1f168ff5adp-12, 0x1.b696b117679ffp-16};
  /// tanh(x) to 2^-60.5.
  static constexpr double tanh[] = {-0x1.555555555554fp-2,  0x1.1111111110790p-3,  -0x1.ba1ba1b97cb61p-5,
                                    0x1.664f485942442p-6,   -0x1.226e2f0eb46fap-7, 0x1.d6d29ab681b79p-9,
                                    -0x1.7d8fc8f60b2bfp-10, 0x1.34835c0dd7307p-11, -0x1.e96cc141e208bp-13,
                                    0x1.5d6c8d08b7e46p-14,  -0x1.470019362a2d6p-16};
};

template <class S>
using Bits = xsimd::batch<typename Format<S>::Bits>;

template <class S>
CALIBRANT_INLINE Bits<S> bits_of(const Batch<S>& x) noexcept {
  return std::bit_cast<Bits<S>>(x);
}
template <class S>
CALIBRANT_INLINE Batch<S> number_of(const Bits<S>& bits) noexcept {
  return std::bit_cast<Batch<S>>(bits);
}
template <class S>
constexpr typename Format<S>::Bits bits_of(S x) noexcept {
  return std::bit_cast<typename Format<S>::Bits>(x);
}

/// The second argument if either is NaN.
template <class S>
CALIBRANT_INLINE Batch<S> smaller(const Batch<S>& a, const Batch<S>& b) noexcept {
#if defined(__x86_64__)
  return xsimd::min(a, b);  // the instruction is this very selection; other processors order NaN differently
#else
  return xsimd::select(a < b, a, b);
#endif
}
template <class S>
CALIBRANT_INLINE Batch<S> larger(const Batch<S>& a, const Batch<S>& b) noexcept {
#if defined(__x86_64__)
  return xsimd::max(a, b);
#else
  return xsimd::select(a > b, a, b);
#endif
}

template <class S>
CALIBRANT_INLINE Batch<S> sign_bit() noexcept {
  return Batch<S>(S(-0.0));
}
/// -|x|.
template <class S>
CALIBRANT_INLINE Batch<S> minus_abs(const Batch<S>& x) noexcept {
  return x | sign_bit<S>();
}
/// x, negative also where `sign` is; zeros count.
template <class S>
CALIBRANT_INLINE Batch<S> with_sign(const Batch<S>& x, const Batch<S>& sign) noexcept {
  return x | (sign & sign_bit<S>());
}

/// sum_k c_k x^k. Horner's rule, or even and odd powers apart: half the latency, less accurate where they cancel.
template <class S, bool Apart = std::is_same_v<S, double>, int N>
CALIBRANT_INLINE Batch<S> polynomial(const S (&c)[N], const Batch<S>& x) noexcept {
  if constexpr (!Apart) {
    Batch<S> result(c[N - 1]);
    CALIBRANT_UNROLL for (int k = N - 2; k >= 0; --k) result = fused<S>(result, x, Batch<S>(c[k]));
    return result;
  } else {
    const Batch<S> square = x * x;
    Batch<S> one(c[N - 1]), other(c[N - 2]);
    CALIBRANT_UNROLL for (int k = N - 3; k >= 0; k -= 2) one = fused<S>(one, square, Batch<S>(c[k]));
    CALIBRANT_UNROLL for (int k = N - 4; k >= 0; k -= 2) other = fused<S>(other, square, Batch<S>(c[k]));
    return N % 2 == 1 ? fused<S>(other, x, one) : fused<S>(one, x, other);
  }
}

/// x = n ln 2 + r, n whole, |r| <= ln(2)/2: exp(x) = 2^n exp(r).
template <class S>
struct Reduced {
  Bits<S> shifted;        ///< n + Offset in the lowest bits
  Batch<S> n, r, r_rest;  ///< r_rest is what rounding took from r

  /// exp(r) - 1.
  CALIBRANT_INLINE Batch<S> expm1() const noexcept { return fused<S>(r * r, polynomial<S>(Format<S>::exp, r), r); }
  /// 2^n, for Offset = bias and -bias < n <= bias.
  CALIBRANT_INLINE Batch<S> power() const noexcept { return number_of<S>(shifted << Format<S>::mantissa); }
};

/// @pre exp_zero <= x <= exp_infinity; NaN is passed on.
template <class S, int Offset>
CALIBRANT_INLINE Reduced<S> reduce(const Batch<S>& x) noexcept {
  using F = Format<S>;
  // Beside a number this large, the sum is rounded to the nearest whole number, which its lowest bits then hold.
  constexpr S large = S(1.5) * S(typename F::Bits(1) << F::mantissa) + S(Offset);
  const Batch<S> sum = fused<S>(x, Batch<S>(F::log2_e), Batch<S>(large));
  const Batch<S> n = sum - Batch<S>(large);
  const Batch<S> high = fused<S>(n, Batch<S>(-F::ln2_high), x);  // exact
  const Batch<S> r = fused<S>(n, Batch<S>(-F::ln2_low), high);
  return {bits_of<S>(sum), n, r, fused<S>(n, Batch<S>(-F::ln2_low), high - r)};
}

/// exp(x) for exp_zero <= x <= exp_infinity.
template <class S>
CALIBRANT_INLINE Batch<S> exp_clamped(const Batch<S>& x) noexcept {
  using F = Format<S>;
  // 2^n itself may be too large or too small for S. Two factors have it in range each; only the last product rounds,
  // as does the instruction that AVX-512 has for this.
  const Reduced<S> e = reduce<S, 2 * F::bias>(x);
  const Batch<S> tail = e.expm1();
#if XSIMD_WITH_AVX512F
  const Batch<S> mantissa = tail + Batch<S>(S(1));
  if constexpr (std::is_same_v<S, float>)
    return _mm512_scalef_ps(mantissa, e.n);
  else
    return _mm512_scalef_pd(mantissa, e.n);
#else
  constexpr typename F::Bits exponent = ~typename F::Bits(0) << F::mantissa;
  const Bits<S> half = (e.shifted << (F::mantissa - 1)) & Bits<S>(exponent);
  const Bits<S> rest = (e.shifted << F::mantissa) - half;
  const Batch<S> factor = number_of<S>(half);
  return fused<S>(fused<S>(tail, factor, factor), number_of<S>(rest), Batch<S>(S(0)));
#endif
}

template <class S>
CALIBRANT_INLINE Batch<S> exp(const Batch<S>& x) noexcept {
  using F = Format<S>;
  return exp_clamped<S>(larger<S>(Batch<S>(F::exp_zero), smaller<S>(Batch<S>(F::exp_infinity), x)));
}

/// exp(-|x|).
template <class S>
CALIBRANT_INLINE Batch<S> exp_minus_abs(const Batch<S>& x) noexcept {
  return exp_clamped<S>(larger<S>(Batch<S>(Format<S>::exp_zero), minus_abs<S>(x)));
}

/// 2^n exp(r) - 1 = (2^n - 1 + 2^n r) + 2^n (exp(r) - 1 - r), the sum in brackets all but exact.
template <class S>
CALIBRANT_INLINE Batch<S> expm1(const Batch<S>& x) noexcept {
  using F = Format<S>;
  const Reduced<S> e =
      reduce<S, F::bias - 1>(larger<S>(Batch<S>(F::expm1_minus_one), smaller<S>(Batch<S>(F::exp_infinity), x)));
  const Batch<S> half = e.power();  // 2^(n-1), because for the largest x 2^n is infinite
  const Batch<S> sum = fused<S>(half, e.r, half - Batch<S>(S(0.5)));
  const Batch<S> rest = fused<S>(half * (e.r * e.r), polynomial<S>(F::exp, e.r), half * e.r_rest);
  const Batch<S> result = sum + rest;
  // Halving and doubling would lose the last bit of a denormal, and the sum the sign of -0.
  constexpr S tiny = std::numeric_limits<S>::epsilon() / S(4);
  return xsimd::select(xsimd::abs(x) < Batch<S>(tiny), x, result + result);
}

/// x + x^3 p(x^2) as long as the result is below 1/2, 1 - 2 / (1 + exp(2|x|)) above, where rounding of the fraction
/// matters less.
template <class S>
CALIBRANT_INLINE Batch<S> tanh(const Batch<S>& x) noexcept {
  using F = Format<S>;
  const Batch<S> size = xsimd::abs(x), one(S(1));
  const Reduced<S> e = reduce<S, F::bias>(smaller<S>(Batch<S>(-F::expm1_minus_one), size + size));
  const Batch<S> power = e.power();
  const Batch<S> denominator = fused<S>(power, e.expm1(), one + power);
  const Batch<S> away = one - Batch<S>(S(2)) / denominator;
  const Batch<S> square = x * x;
  const Batch<S> near_zero = fused<S>(x * square, polynomial<S>(F::tanh, square), x);
  constexpr S half_log_3 = S(0.54930614433405485);
  return with_sign<S>(xsimd::select(size < Batch<S>(half_log_3), near_zero, away), x);
}

/// 1 / (1 + exp(-x)) for x >= 0, exp(x) / (1 + exp(x)) below: nothing overflows, and denormal results are right.
template <class S>
CALIBRANT_INLINE Batch<S> sigmoid(const Batch<S>& x) noexcept {
  const Batch<S> e = exp_minus_abs<S>(x), one(S(1));
  return xsimd::select(x < Batch<S>(S(0)), e, one) / (one + e);
}

/// max(x, 0) + log(1 + exp(-|x|)), the logarithm as a polynomial: no second reduction, no division.
template <class S>
CALIBRANT_INLINE Batch<S> softplus(const Batch<S>& x) noexcept {
  const Batch<S> e = exp_minus_abs<S>(x);
  return fused<S>(e * e, polynomial<S, false>(Format<S>::log1p, e), e) + larger<S>(Batch<S>(S(0)), x);
}

/// True in the lanes of x whose bits, as an unsigned number, are in [low, high).
template <class S>
CALIBRANT_INLINE auto bits_in(const Batch<S>& x, S low, S high) noexcept {
  using Signed = std::make_signed_t<typename Format<S>::Bits>;
  // There are instructions for signed comparisons only: the range is moved down to the lowest signed number.
  constexpr auto lowest = typename Format<S>::Bits(1) << (sizeof(S) * 8 - 1);
  const Bits<S> moved = bits_of<S>(x) + Bits<S>(lowest - bits_of(low));
  return std::bit_cast<xsimd::batch<Signed>>(moved) <
         xsimd::batch<Signed>(static_cast<Signed>(bits_of(high) - bits_of(low) + lowest));
}

/// x = 2^k m with 2/3 <= m < 4/3, for normal x > 0.
template <class S>
struct Split {
  Bits<S> bits;      ///< those of x, moved by the distance from 2/3 to 1
  Bits<S> exponent;  ///< k + bias at its place in S, the other bits 0
  Batch<S> k;

  explicit CALIBRANT_INLINE Split(const Batch<S>& x) noexcept {
    using F = Format<S>;
    constexpr typename F::Bits mask = ~typename F::Bits(0) << F::mantissa;
    constexpr S large = S(typename F::Bits(1) << F::mantissa);
    bits = bits_of<S>(x) + Bits<S>(bits_of(S(1)) - bits_of(F::lowest_mantissa));
    exponent = bits & Bits<S>(mask);
    k = number_of<S>((exponent >> F::mantissa) | Bits<S>(bits_of(large))) - Batch<S>(large + S(F::bias));
  }
};

/// k ln 2 + log(1 + f), for |f| <= 1/3. What the sum of k ln 2 and f loses is carried on: beside 1 they cancel.
/// f_rest, what rounding took from f, occurs for -1/3 < f < -1/4 only, where the slope of log(1 + f) is about 1.4.
template <class S, class... Rest>
CALIBRANT_INLINE Batch<S> log_of_parts(const Batch<S>& k, const Batch<S>& f, const Rest&... f_rest) noexcept {
  using F = Format<S>;
  const Batch<S> sum = fused<S>(k, Batch<S>(F::ln2_high), f);
  Batch<S> low = f - fused<S>(k, Batch<S>(-F::ln2_high), sum);
  ((low = fused<S>(f_rest, Batch<S>(S(1.4)), low)), ...);
  low = fused<S>(k, Batch<S>(F::ln2_low), low);
  return sum + fused<S>(f * f, polynomial<S>(F::log, f), low);
}

/// log(x / 2^shift) for normal x > 0.
template <class S>
CALIBRANT_INLINE Batch<S> log_normal(const Batch<S>& x, const Batch<S>& shift) noexcept {
  using F = Format<S>;
  constexpr typename F::Bits mantissa = (typename F::Bits(1) << F::mantissa) - 1;
  const Split<S> split(x);
  const Batch<S> m = number_of<S>((split.bits & Bits<S>(mantissa)) + Bits<S>(bits_of(F::lowest_mantissa)));
  return log_of_parts<S>(split.k - shift, m - Batch<S>(S(1)));
}

/// log(x) for any x: denormal, zero, negative, infinite, NaN. Rare, so out of the way.
template <class S>
CALIBRANT_COLD Batch<S> log_any(const Batch<S>& x) noexcept {
  using Limits = std::numeric_limits<S>;
  constexpr S shift = S(Limits::digits);
  constexpr S scale = S(typename Format<S>::Bits(1) << Limits::digits);
  const Batch<S> zero(S(0)), infinity(Limits::infinity()), minus_infinity(-Limits::infinity());
  const auto denormal = x < Batch<S>(Limits::min());
  const Batch<S> finite =
      log_normal<S>(xsimd::select(denormal, x * Batch<S>(scale), x), xsimd::select(denormal, Batch<S>(shift), zero));
  const Batch<S> below = xsimd::select(x == zero, minus_infinity, Batch<S>(Limits::quiet_NaN()));
  return xsimd::select(x > zero, xsimd::select(x < infinity, finite, x), below);
}

template <class S>
CALIBRANT_INLINE Batch<S> log(const Batch<S>& x) noexcept {
  using Limits = std::numeric_limits<S>;
  if (!xsimd::all(bits_in<S>(x, Limits::min(), Limits::infinity()))) [[unlikely]] {
    const Batch<S> copy = x;  // x itself would be kept in memory for this
    return log_any<S>(copy);
  }
  return log_normal<S>(x, Batch<S>(S(0)));
}

/// 1 + x rounded gives k; f = 2^-k (1 + x) - 1 = 2^-k x + (2^-k - 1) is exact or, for 1/3 < x < 1/2, nearly so.
template <class S>
CALIBRANT_INLINE Batch<S> log1p(const Batch<S>& x) noexcept {
  using F = Format<S>;
  constexpr S huge = S(typename F::Bits(1) << (F::mantissa + 3));  // log1p is log from here on
  const Batch<S> one(S(1)), u = one + x;
  const Split<S> split(u);
  const Batch<S> scale = number_of<S>(Bits<S>(2 * bits_of(S(1))) - split.exponent);
  const Batch<S> offset = scale - one, f = fused<S>(scale, x, offset);
  const Batch<S> f_rest = fused<S>(scale, x, offset - f);
  const Batch<S> result = with_sign<S>(log_of_parts<S>(split.k, f, f_rest), x);
  if (!xsimd::all(bits_in<S>(u, std::numeric_limits<S>::min(), huge))) [[unlikely]]
    return xsimd::select((u > Batch<S>(S(0))) & (u < Batch<S>(huge)), result, log_any<S>(u));
  return result;
}

}  // namespace calibrant::elementary
