// Dual<Base, N>: a value and N forward-mode tangents over any scalar (float, double, Wide).
// The algebra is in every textbook (Griewank and Walther, Evaluating Derivatives, ch. 3); products that meet sums are
// written as explicit fma, so that compilers have nothing left to contract differently.
#pragma once

#include <type_traits>

#include "calibrant/core/wide.hpp"

namespace calibrant {

template <class T>
struct ScalarTraits {
  static constexpr bool is_wide = false, is_dual = false;
  static constexpr int n_samples = 1, n_tangents = 0, n_components = 1;
  using Scalar = T;
  using Value = T;
  using Mask = bool;
};
template <class S, int P>
struct ScalarTraits<Wide<S, P>> {
  static constexpr bool is_wide = true, is_dual = false;
  static constexpr int n_samples = Wide<S, P>::n_samples, n_tangents = 0, n_components = 1;
  using Scalar = S;
  using Value = Wide<S, P>;
  using Mask = WideMask<S, P>;
};
template <class Base, int N>
struct ScalarTraits<Dual<Base, N>> {
  static constexpr bool is_wide = ScalarTraits<Base>::is_wide, is_dual = true;
  static constexpr int n_samples = ScalarTraits<Base>::n_samples, n_tangents = N;
  static constexpr int n_components = (N + 1) * ScalarTraits<Base>::n_components;
  using Scalar = typename ScalarTraits<Base>::Scalar;
  using Value = Base;
  using Mask = typename ScalarTraits<Base>::Mask;
};

/// The plain float or double below Wide and Dual: the type of weights and parameters.
template <class T>
using ScalarOf = typename ScalarTraits<T>::Scalar;
/// What a Dual carries as its value; any other type itself.
template <class T>
using ValueOf = typename ScalarTraits<T>::Value;
template <class T>
inline constexpr bool is_wide = ScalarTraits<T>::is_wide;
template <class T>
inline constexpr bool is_dual = ScalarTraits<T>::is_dual;

/// A template, so that `fma` of plain numbers stays the C library's where this namespace is used as a whole.
template <class S>
requires(std::is_same_v<S, float> || std::is_same_v<S, double>) CALIBRANT_INLINE S fma(S a, S b, S c)
noexcept {
#if defined(__FMA__) || defined(__aarch64__)
  if constexpr (std::is_same_v<S, float>)
    return __builtin_fmaf(a, b, c);
  else
    return __builtin_fma(a, b, c);
#else
  return a * b + c;  // as xsimd does without the instruction
#endif
}
template <class S, int P>
CALIBRANT_INLINE Wide<S, P> fma(const Wide<S, P>& a, const Wide<S, P>& b, const Wide<S, P>& c) noexcept {
  Wide<S, P> result;
  CALIBRANT_UNROLL for (int i = 0; i < result.n_batches; ++i) result.batch[i] =
      fused(a.batch[i], b.batch[i], c.batch[i]);
  return result;
}
template <class S, int P>
CALIBRANT_INLINE Wide<S, P> fma(S a, const Wide<S, P>& b, const Wide<S, P>& c) noexcept {
  return fma(Wide<S, P>(a), b, c);
}
/// a b, rounded on its own: a compiler that contracts would fuse a plain product with a later sum on one path and not
/// on another, and the bits would differ.
template <class T>
CALIBRANT_INLINE T rounded_product(const T& a, const T& b) noexcept {
  return fma(a, b, T(ScalarOf<T>(-0.0)));  // -0: the neutral element of addition, the sign of a zero stays
}
/// a factor, rounded, where the mask is set, a elsewhere.
CALIBRANT_INLINE float scale_where(bool mask, float a, float factor) noexcept {
  return mask ? rounded_product(a, factor) : a;
}
CALIBRANT_INLINE double scale_where(bool mask, double a, double factor) noexcept {
  return mask ? rounded_product(a, factor) : a;
}
constexpr float select(bool mask, float yes, float no) noexcept { return mask ? yes : no; }
constexpr double select(bool mask, double yes, double no) noexcept { return mask ? yes : no; }

template <class Base_, int N>
struct Dual {
  static_assert(N > 0, "Dual: at least one tangent");
  using Base = Base_;
  using Scalar = ScalarOf<Base>;
  using Mask = typename ScalarTraits<Base>::Mask;
  static constexpr int n_tangents = N;

  Base value;
  Base tangent[N];

  Dual() = default;
  /// A constant: all tangents zero.
  CALIBRANT_INLINE Dual(const Base& constant) noexcept : value(constant) {  // NOLINT(google-explicit-constructor)
    CALIBRANT_UNROLL for (int i = 0; i < N; ++i) tangent[i] = Base(Scalar(0));
  }
  CALIBRANT_INLINE Dual(Scalar constant) noexcept  // NOLINT(google-explicit-constructor)
      requires(!std::is_same_v<Scalar, Base>)
      : Dual(Base(constant)) {}
  /// The `index`-th independent variable.
  static CALIBRANT_INLINE Dual variable(const Base& value, int index = 0) noexcept {
    Dual result(value);
    result.tangent[index] = Base(Scalar(1));
    return result;
  }

  CALIBRANT_INLINE Dual operator-() const noexcept { return chain(*this, -value, Base(Scalar(-1))); }
  friend CALIBRANT_INLINE Dual operator+(const Dual& a, const Dual& b) noexcept {
    Dual result;
    result.value = a.value + b.value;
    CALIBRANT_UNROLL for (int i = 0; i < N; ++i) result.tangent[i] = a.tangent[i] + b.tangent[i];
    return result;
  }
  friend CALIBRANT_INLINE Dual operator-(const Dual& a, const Dual& b) noexcept {
    Dual result;
    result.value = a.value - b.value;
    CALIBRANT_UNROLL for (int i = 0; i < N; ++i) result.tangent[i] = a.tangent[i] - b.tangent[i];
    return result;
  }
  friend CALIBRANT_INLINE Dual operator*(const Dual& a, const Dual& b) noexcept {
    Dual result;
    result.value = a.value * b.value;
    CALIBRANT_UNROLL for (int i = 0; i < N; ++i) result.tangent[i] = fma(a.tangent[i], b.value, a.value * b.tangent[i]);
    return result;
  }
  friend CALIBRANT_INLINE Dual operator/(const Dual& a, const Dual& b) noexcept {
    Dual result;
    const Base inverse = Base(Scalar(1)) / b.value;
    result.value = a.value / b.value;
    CALIBRANT_UNROLL for (int i = 0; i < N; ++i) result.tangent[i] =
        fma(-result.value, b.tangent[i], a.tangent[i]) * inverse;
    return result;
  }
  CALIBRANT_INLINE Dual& operator+=(const Dual& other) noexcept { return *this = *this + other; }
  CALIBRANT_INLINE Dual& operator-=(const Dual& other) noexcept { return *this = *this - other; }
  CALIBRANT_INLINE Dual& operator*=(const Dual& other) noexcept { return *this = *this * other; }

  // Comparisons look at values only: a branch is constant almost everywhere.
  friend CALIBRANT_INLINE Mask operator<(const Dual& a, const Dual& b) noexcept { return a.value < b.value; }
  friend CALIBRANT_INLINE Mask operator<=(const Dual& a, const Dual& b) noexcept { return a.value <= b.value; }
  friend CALIBRANT_INLINE Mask operator>(const Dual& a, const Dual& b) noexcept { return a.value > b.value; }
  friend CALIBRANT_INLINE Mask operator>=(const Dual& a, const Dual& b) noexcept { return a.value >= b.value; }

  /// Chain rule for f(a): the value f and the slope f' at a.value.
  static CALIBRANT_INLINE Dual chain(const Dual& a, const Base& f, const Base& slope) noexcept {
    Dual result;
    result.value = f;
    CALIBRANT_UNROLL for (int i = 0; i < N; ++i) result.tangent[i] = rounded_product(slope, a.tangent[i]);
    return result;
  }
};

/// a b + c.
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> fma(const Dual<Base, N>& a, const Dual<Base, N>& b, const Dual<Base, N>& c) noexcept {
  Dual<Base, N> result;
  result.value = fma(a.value, b.value, c.value);
  CALIBRANT_UNROLL for (int i = 0; i < N; ++i) result.tangent[i] =
      fma(a.tangent[i], b.value, fma(a.value, b.tangent[i], c.tangent[i]));
  return result;
}
/// weight b + c with a plain scalar weight: two products, not three.
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> fma(ScalarOf<Base> weight, const Dual<Base, N>& b, const Dual<Base, N>& c) noexcept {
  Dual<Base, N> result;
  result.value = fma(weight, b.value, c.value);
  CALIBRANT_UNROLL for (int i = 0; i < N; ++i) result.tangent[i] = fma(weight, b.tangent[i], c.tangent[i]);
  return result;
}
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> select(const typename ScalarTraits<Base>::Mask& mask, const Dual<Base, N>& yes,
                                      const Dual<Base, N>& no) noexcept {
  Dual<Base, N> result;
  result.value = select(mask, yes.value, no.value);
  CALIBRANT_UNROLL for (int i = 0; i < N; ++i) result.tangent[i] = select(mask, yes.tangent[i], no.tangent[i]);
  return result;
}
template <class Base, int N>
CALIBRANT_INLINE Dual<Base, N> scale_where(const typename ScalarTraits<Base>::Mask& mask, const Dual<Base, N>& a,
                                           const Dual<Base, N>& factor) noexcept {
  return select(mask, a * factor, a);
}

/// The value of a Dual; anything else itself.
template <class T>
CALIBRANT_INLINE const ValueOf<T>& value_of(const T& x) noexcept {
  if constexpr (is_dual<T>)
    return x.value;
  else
    return x;
}

}  // namespace calibrant
