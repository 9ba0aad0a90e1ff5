// Wide<Scalar, P>: P virtual registers of samples side by side, on top of xsimd::batch.
// A virtual register is 64 bytes on every instruction set (16 float, 8 double), made of as many hardware registers as
// that takes: the number of samples in a Wide, and the order in which lanes are summed, do not depend on the processor.
#pragma once

#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "calibrant/core/compiler.hpp"
#include "calibrant/fwd.hpp"

namespace calibrant {

inline constexpr int virtual_register_bytes = 64;

/// Lanes of one virtual register.
template <class Scalar>
inline constexpr int lanes = virtual_register_bytes / static_cast<int>(sizeof(Scalar));

/// One hardware register.
template <class Scalar>
using Batch = xsimd::batch<Scalar>;

template <class Scalar>
inline constexpr int batch_lanes = static_cast<int>(Batch<Scalar>::size);

/// a b + c with one rounding wherever the instruction exists. xsimd 8 multiplies and adds on AVX-512, and then the
/// compiler's contraction would decide about the bits and the speed.
template <class Scalar>
CALIBRANT_INLINE Batch<Scalar> fused(const Batch<Scalar>& a, const Batch<Scalar>& b, const Batch<Scalar>& c) noexcept {
#if XSIMD_WITH_AVX512F
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm512_fmadd_ps(a, b, c);
  else
    return _mm512_fmadd_pd(a, b, c);
#else
  return xsimd::fma(a, b, c);
#endif
}

/// c - a b, likewise.
template <class Scalar>
CALIBRANT_INLINE Batch<Scalar> negative_fused(const Batch<Scalar>& a, const Batch<Scalar>& b,
                                              const Batch<Scalar>& c) noexcept {
#if XSIMD_WITH_AVX512F
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm512_fnmadd_ps(a, b, c);
  else
    return _mm512_fnmadd_pd(a, b, c);
#else
  return xsimd::fnma(a, b, c);
#endif
}

/// a + b where the mask is set, a elsewhere. `a` must not be -0, which sums that start from 0 never are.
template <class Scalar>
CALIBRANT_INLINE Batch<Scalar> add_where(const xsimd::batch_bool<Scalar>& mask, const Batch<Scalar>& a,
                                         const Batch<Scalar>& b) noexcept {
#if XSIMD_WITH_AVX512F
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm512_mask_add_ps(a, mask, a, b);
  else
    return _mm512_mask_add_pd(a, mask, a, b);
#elif XSIMD_WITH_SSE2
  return a + (b & Batch<Scalar>(static_cast<typename Batch<Scalar>::register_type>(mask)));
#else
  return xsimd::select(mask, a + b, a);
#endif
}

/// Vector registers of this instruction set: block shapes of the dense kernels follow it.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int hardware_registers = 32;
#else
inline constexpr int hardware_registers = 16;
#endif

/// Result of comparing two Wide values, lane by lane.
template <class Scalar, int P>
struct WideMask {
  static constexpr int n_batches = P * lanes<Scalar> / batch_lanes<Scalar>;
  xsimd::batch_bool<Scalar> batch[n_batches];

  friend CALIBRANT_INLINE WideMask operator&&(const WideMask& a, const WideMask& b) noexcept {
    WideMask result;
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) result.batch[i] = a.batch[i] & b.batch[i];
    return result;
  }
  friend CALIBRANT_INLINE WideMask operator||(const WideMask& a, const WideMask& b) noexcept {
    WideMask result;
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) result.batch[i] = a.batch[i] | b.batch[i];
    return result;
  }
  friend CALIBRANT_INLINE WideMask operator!(const WideMask& a) noexcept {
    WideMask result;
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) result.batch[i] = !a.batch[i];
    return result;
  }
};

/// True if the mask is set in any lane.
template <class Scalar, int P>
CALIBRANT_INLINE bool any(const WideMask<Scalar, P>& mask) noexcept {
  bool result = false;
  CALIBRANT_UNROLL for (int i = 0; i < WideMask<Scalar, P>::n_batches; ++i) result =
      result || xsimd::any(mask.batch[i]);
  return result;
}
constexpr bool any(bool mask) noexcept { return mask; }

/// P virtual registers: n_samples independent numbers, computed on as if they were one.
/// Every operation works lane by lane, so the value in a lane never depends on its neighbours.
template <class Scalar_, int P>
struct alignas(virtual_register_bytes) Wide {
  static_assert(std::is_same_v<Scalar_, float> || std::is_same_v<Scalar_, double>, "Wide: Scalar is float or double");
  static_assert(P > 0, "Wide: at least one register");
  using Scalar = Scalar_;
  using Mask = WideMask<Scalar, P>;
  static constexpr int n_samples = P * lanes<Scalar>;
  static constexpr int n_batches = n_samples / batch_lanes<Scalar>;

  Batch<Scalar> batch[n_batches];

  Wide() = default;
  CALIBRANT_INLINE Wide(Scalar value) noexcept {  // NOLINT(google-explicit-constructor): a number is a Wide constant
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) batch[i] = Batch<Scalar>(value);
  }

  /// n_samples consecutive numbers; no alignment needed.
  static CALIBRANT_INLINE Wide load(const Scalar* from) noexcept {
    Wide result;
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) result.batch[i] =
        Batch<Scalar>::load_unaligned(from + i * batch_lanes<Scalar>);
    return result;
  }
  CALIBRANT_INLINE void store(Scalar* to) const noexcept {
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) batch[i].store_unaligned(to + i * batch_lanes<Scalar>);
  }

  /// One lane; for tests and edges, not for hot loops.
  Scalar operator[](int lane) const noexcept {
    return batch[lane / batch_lanes<Scalar>].get(static_cast<std::size_t>(lane % batch_lanes<Scalar>));
  }

  CALIBRANT_INLINE Wide operator-() const noexcept {
    // xsimd 8 subtracts from zero on AVX-512, which loses the sign of -0.
    return map(*this, [](const Batch<Scalar>& a) {
      return Batch<Scalar>(-static_cast<typename Batch<Scalar>::register_type>(a));
    });
  }
  CALIBRANT_INLINE Wide& operator+=(const Wide& other) noexcept { return *this = *this + other; }
  CALIBRANT_INLINE Wide& operator-=(const Wide& other) noexcept { return *this = *this - other; }
  CALIBRANT_INLINE Wide& operator*=(const Wide& other) noexcept { return *this = *this * other; }

  friend CALIBRANT_INLINE Wide operator+(const Wide& a, const Wide& b) noexcept {
    return map(a, b, [](auto u, auto v) { return u + v; });
  }
  friend CALIBRANT_INLINE Wide operator-(const Wide& a, const Wide& b) noexcept {
    return map(a, b, [](auto u, auto v) { return u - v; });
  }
  friend CALIBRANT_INLINE Wide operator*(const Wide& a, const Wide& b) noexcept {
    return map(a, b, [](auto u, auto v) { return u * v; });
  }
  friend CALIBRANT_INLINE Wide operator/(const Wide& a, const Wide& b) noexcept {
    return map(a, b, [](auto u, auto v) { return u / v; });
  }
  friend CALIBRANT_INLINE Mask operator<(const Wide& a, const Wide& b) noexcept {
    return compare(a, b, [](auto u, auto v) { return u < v; });
  }
  friend CALIBRANT_INLINE Mask operator<=(const Wide& a, const Wide& b) noexcept {
    return compare(a, b, [](auto u, auto v) { return u <= v; });
  }
  friend CALIBRANT_INLINE Mask operator>(const Wide& a, const Wide& b) noexcept { return b < a; }
  friend CALIBRANT_INLINE Mask operator>=(const Wide& a, const Wide& b) noexcept { return b <= a; }

  /// Applies f to every hardware register.
  template <class F>
  static CALIBRANT_INLINE Wide map(const Wide& a, F f) noexcept {
    Wide result;
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) result.batch[i] = f(a.batch[i]);
    return result;
  }
  template <class F>
  static CALIBRANT_INLINE Wide map(const Wide& a, const Wide& b, F f) noexcept {
    Wide result;
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) result.batch[i] = f(a.batch[i], b.batch[i]);
    return result;
  }
  template <class F>
  static CALIBRANT_INLINE Mask compare(const Wide& a, const Wide& b, F f) noexcept {
    Mask result;
    CALIBRANT_UNROLL for (int i = 0; i < n_batches; ++i) result.batch[i] = f(a.batch[i], b.batch[i]);
    return result;
  }
};

template <class Scalar, int P>
CALIBRANT_INLINE Wide<Scalar, P> select(const WideMask<Scalar, P>& mask, const Wide<Scalar, P>& yes,
                                        const Wide<Scalar, P>& no) noexcept {
  Wide<Scalar, P> result;
  CALIBRANT_UNROLL for (int i = 0; i < result.n_batches; ++i) result.batch[i] =
      xsimd::select(mask.batch[i], yes.batch[i], no.batch[i]);
  return result;
}

/// a factor, rounded, where the mask is set, a elsewhere.
template <class Scalar, int P>
CALIBRANT_INLINE Wide<Scalar, P> scale_where(const WideMask<Scalar, P>& mask, const Wide<Scalar, P>& a,
                                             const Wide<Scalar, P>& factor) noexcept {
  Wide<Scalar, P> result;
  CALIBRANT_UNROLL for (int i = 0; i < result.n_batches; ++i) {
#if XSIMD_WITH_AVX512F
    if constexpr (std::is_same_v<Scalar, float>)
      result.batch[i] = _mm512_mask_mul_ps(a.batch[i], mask.batch[i], a.batch[i], factor.batch[i]);
    else
      result.batch[i] = _mm512_mask_mul_pd(a.batch[i], mask.batch[i], a.batch[i], factor.batch[i]);
#else
    result.batch[i] =
        xsimd::select(mask.batch[i], fused(a.batch[i], factor.batch[i], Batch<Scalar>(Scalar(-0.0))), a.batch[i]);
#endif
  }
  return result;
}

/// Sum of all samples in a fixed order: registers first, then lanes pairwise by halves (l + l/2), whatever the
/// instruction set.
template <class Scalar, int P>
inline Scalar sum_lanes(const Wide<Scalar, P>& wide) noexcept {
  alignas(virtual_register_bytes) Scalar values[Wide<Scalar, P>::n_samples];
  wide.store(values);
  Scalar sums[lanes<Scalar>];
  for (int l = 0; l < lanes<Scalar>; ++l) {
    sums[l] = values[l];
    for (int r = 1; r < P; ++r) sums[l] += values[r * lanes<Scalar> + l];
  }
  for (int half = lanes<Scalar> / 2; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) sums[l] += sums[l + half];
  return sums[0];
}

}  // namespace calibrant
