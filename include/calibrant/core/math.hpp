// Elementary functions over every scalar type: float, double, Wide, Dual. One name each, found by argument-dependent
// lookup for Wide and Dual, as calibrant::exp and so on for plain numbers.
// A plain number goes through the same vector code as a lane of a Wide: a jet gets the same bits alone and in a batch.
#pragma once

#include <cmath>
#include <limits>

#include "calibrant/core/dual.hpp"
#include "calibrant/core/elementary.hpp"

namespace calibrant {

template <class T>
concept PlainScalar = std::is_same_v<T, float> || std::is_same_v<T, double>;

// Largest errors in units in the last place (ulp), of all 2^32 floats / of 15 million doubles:
//   exp 1.04/1.02, expm1 1.33/1.31, log 0.89/0.93, log1p 0.91/0.94, tanh 1.35/1.35, sigmoid 2.41/2.38,
//   softplus 1.84/1.86.
// Denormal arguments and results are as accurate; a result is infinite only where the true value, rounded, is;
// exp(-infinity) is 0, log(0) -infinity, log of a negative number NaN; NaN stays NaN; expm1, log1p and tanh keep the
// sign of zero. The bits do not depend on processor or compiler, see elementary.hpp.
#define CALIBRANT_MATH_BASE(NAME)                                                                                     \
  template <PlainScalar S>                                                                                            \
  CALIBRANT_INLINE S NAME(S x) noexcept {                                                                             \
    return elementary::NAME<S>(Batch<S>(x)).get(0);                                                                   \
  }                                                                                                                   \
  template <class S, int P>                                                                                           \
  CALIBRANT_INLINE Wide<S, P> NAME(const Wide<S, P>& x) noexcept {                                                    \
    return Wide<S, P>::map(x,                                                                                         \
                           [](const Batch<S>& batch) CALIBRANT_LAMBDA_INLINE { return elementary::NAME<S>(batch); }); \
  }
CALIBRANT_MATH_BASE(exp)
CALIBRANT_MATH_BASE(expm1)
CALIBRANT_MATH_BASE(log)
CALIBRANT_MATH_BASE(log1p)
CALIBRANT_MATH_BASE(tanh)
CALIBRANT_MATH_BASE(sigmoid)
CALIBRANT_MATH_BASE(softplus)
#undef CALIBRANT_MATH_BASE

template <PlainScalar S>
CALIBRANT_INLINE S sqrt(S x) noexcept {
  return std::sqrt(x);
}
template <PlainScalar S>
CALIBRANT_INLINE S abs(S x) noexcept {
  return std::fabs(x);
}
template <PlainScalar S>
CALIBRANT_INLINE bool is_finite(S x) noexcept {
  return std::fabs(x) <= std::numeric_limits<S>::max();
}
template <class S, int P>
CALIBRANT_INLINE Wide<S, P> sqrt(const Wide<S, P>& x) noexcept {
  return Wide<S, P>::map(x, [](const Batch<S>& batch) { return xsimd::sqrt(batch); });
}
template <class S, int P>
CALIBRANT_INLINE Wide<S, P> abs(const Wide<S, P>& x) noexcept {
  return Wide<S, P>::map(x, [](const Batch<S>& batch) { return xsimd::abs(batch); });
}
template <class S, int P>
CALIBRANT_INLINE WideMask<S, P> is_finite(const Wide<S, P>& x) noexcept {
  return abs(x) <= Wide<S, P>(std::numeric_limits<S>::max());
}
template <class Base, int N>
CALIBRANT_INLINE auto is_finite(const Dual<Base, N>& x) noexcept {
  auto finite = is_finite(x.value);
  for (int i = 0; i < N; ++i) finite = finite && is_finite(x.tangent[i]);
  return finite;
}

/// The smaller (larger) of two; the second if either is NaN.
template <class T>
CALIBRANT_INLINE T min(const T& a, const T& b) noexcept {
  return select(a < b, a, b);
}
template <class T>
CALIBRANT_INLINE T max(const T& a, const T& b) noexcept {
  return select(a > b, a, b);
}

#if defined(__x86_64__)
// The instructions are this very selection, NaN and signed zeros included; other processors order NaN differently.
template <class S, int P>
CALIBRANT_INLINE Wide<S, P> min(const Wide<S, P>& a, const Wide<S, P>& b) noexcept {
  return Wide<S, P>::map(a, b, [](const Batch<S>& u, const Batch<S>& v) { return xsimd::min(u, v); });
}
template <class S, int P>
CALIBRANT_INLINE Wide<S, P> max(const Wide<S, P>& a, const Wide<S, P>& b) noexcept {
  return Wide<S, P>::map(a, b, [](const Batch<S>& u, const Batch<S>& v) { return xsimd::max(u, v); });
}
#endif

/// -1, 0 or 1.
template <class T>
CALIBRANT_INLINE T sign(const T& x) noexcept {
  using S = ScalarOf<T>;
  return select(x > T(S(0)), T(S(1)), select(x < T(S(0)), T(S(-1)), T(S(0))));
}

template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> exp(const Dual<Base, N>& x) noexcept {
  const Base f = exp(x.value);
  return Dual<Base, N>::chain(x, f, f);
}
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> expm1(const Dual<Base, N>& x) noexcept {
  return Dual<Base, N>::chain(x, expm1(x.value), exp(x.value));
}
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> log(const Dual<Base, N>& x) noexcept {
  return Dual<Base, N>::chain(x, log(x.value), Base(ScalarOf<Base>(1)) / x.value);
}
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> log1p(const Dual<Base, N>& x) noexcept {
  const Base one(ScalarOf<Base>(1));
  return Dual<Base, N>::chain(x, log1p(x.value), one / (one + x.value));
}
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> tanh(const Dual<Base, N>& x) noexcept {
  const Base f = tanh(x.value);
  return Dual<Base, N>::chain(x, f, fma(-f, f, Base(ScalarOf<Base>(1))));
}
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> sqrt(const Dual<Base, N>& x) noexcept {
  const Base f = sqrt(x.value);
  return Dual<Base, N>::chain(x, f, Base(ScalarOf<Base>(0.5)) / f);
}
/// |x|, with derivative 0 at 0.
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> abs(const Dual<Base, N>& x) noexcept {
  return Dual<Base, N>::chain(x, abs(x.value), sign(x.value));
}

template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> sigmoid(const Dual<Base, N>& x) noexcept {
  const Base f = sigmoid(x.value);
  return Dual<Base, N>::chain(x, f, fma(-f, f, f));
}
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> softplus(const Dual<Base, N>& x) noexcept {
  return Dual<Base, N>::chain(x, softplus(x.value), sigmoid(x.value));
}

/// log(sum_i exp(x_i)) of N numbers of any scalar type: shifted by the largest, so that nothing overflows. Summed in
/// index order. Its gradient, carried by duals, is the softmax exp(x_i) / sum_j exp(x_j).
template <class T, int N>
CALIBRANT_INLINE T log_sum_exp(const T (&x)[N]) noexcept {
  using Value = ValueOf<T>;
  Value largest = value_of(x[0]);
  CALIBRANT_UNROLL for (int i = 1; i < N; ++i) largest = max(largest, value_of(x[i]));
  const Value zero(ScalarOf<T>(0));
  const Value shift = select(is_finite(largest), largest, zero);  // infinity - infinity is none
  Value terms[N], sum = zero;
  CALIBRANT_UNROLL for (int i = 0; i < N; ++i) {
    terms[i] = exp(value_of(x[i]) - shift);
    sum = sum + terms[i];
  }
  const Value result = log(sum) + shift;
  if constexpr (is_dual<T>) {
    T dual(result);
    CALIBRANT_UNROLL for (int i = 0; i < N; ++i) {
      const Value softmax = terms[i] / sum;
      CALIBRANT_UNROLL for (int t = 0; t < T::n_tangents; ++t) dual.tangent[t] =
          fma(softmax, x[i].tangent[t], dual.tangent[t]);
    }
    return dual;
  } else {
    return result;
  }
}

template <class T>
CALIBRANT_INLINE T square(const T& x) noexcept {
  return x * x;
}

}  // namespace calibrant
