// Activations: policies that Dense fuses into its kernels. Each publishes its value and its slope over any scalar type;
// over duals the slope carries the curvature, which is what reverse-over-dual needs.
#pragma once

#include <concepts>

#include "calibrant/core/math.hpp"

namespace calibrant {

/// What the pullback of an activation needs besides its output.
enum class Saves { nothing, input, slope };

/// Scheme for the initial weights of the layer in front: He (arXiv:1502.01852) for rectifiers, Glorot (Glorot and
/// Bengio, AISTATS 2010) for the others.
enum class Initialiser { glorot, he };

template <class T>
struct Activated {
  T value;
  T saved;  ///< what Saves says; unused for Saves::nothing
};

// The interface of an activation A, for z of any scalar type T and, if A::n_parameters is 1, its parameter a per unit:
//   A::apply(z, a)           -> Activated<T>
//   A::slope(y, saved, a)    -> dy/dz, from the output and what was saved
//   A::parameter_slope(saved)-> dy/da (only if n_parameters is 1)
//   A::pull(dy, y, saved, a) -> dy * slope, optional: where that is cheaper in one go
//   A::negative_slope(a)     -> dy/dz for z <= 0 of those that are z for z > 0 and a multiple of z elsewhere
// `cheap` ones run in registers inside the dense kernel; `smooth` ones have a curvature. ReLU and its kin have none:
// a penalty on dL/dx through them trains the slopes only where the sign pattern stays, and that is all there is.

struct Identity {
  static constexpr const char* name = "identity";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = true, smooth = true;
  static constexpr Saves saves = Saves::nothing;
  static constexpr Initialiser initialiser = Initialiser::glorot;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A&) noexcept {
    return {z, z};
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T&, const T&, const A&) noexcept {
    return T(ScalarOf<T>(1));
  }
};

/// max(z, 0).
struct ReLU {
  static constexpr const char* name = "relu";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = true, smooth = false;
  static constexpr Saves saves = Saves::nothing;
  static constexpr Initialiser initialiser = Initialiser::he;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A&) noexcept {
    return {max(T(ScalarOf<T>(0)), z), z};  // in this order NaN stays NaN
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T& y, const T&, const A&) noexcept {
    using S = ScalarOf<T>;
    return select(y > T(S(0)), T(S(1)), T(S(0)));
  }
  template <class S>
  static constexpr S negative_slope(S) noexcept {
    return S(0);
  }
};

/// z if z > 0, else 0.01 z.
struct LeakyReLU {
  static constexpr const char* name = "leaky_relu";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = true, smooth = false;
  static constexpr Saves saves = Saves::nothing;
  static constexpr Initialiser initialiser = Initialiser::he;
  static constexpr double leak = 0.01;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A&) noexcept {
    return {scale_where(z <= T(ScalarOf<T>(0)), z, T(ScalarOf<T>(leak))), z};
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T& y, const T&, const A&) noexcept {
    using S = ScalarOf<T>;
    return select(y > T(S(0)), T(S(1)), T(S(leak)));
  }
  template <class S>
  static constexpr S negative_slope(S) noexcept {
    return S(static_cast<ScalarOf<S>>(leak));
  }
};

/// z if z > 0, else a z with a learned slope a per unit, 0.25 at the start (He et al., arXiv:1502.01852).
struct PReLU {
  static constexpr const char* name = "prelu";
  static constexpr int n_parameters = 1;
  static constexpr double initial_parameter = 0.25;
  static constexpr bool cheap = true, smooth = false;
  static constexpr Saves saves = Saves::input;
  static constexpr Initialiser initialiser = Initialiser::he;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A& a) noexcept {
    return {scale_where(z <= T(ScalarOf<T>(0)), z, T(a)), z};
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T&, const T& z, const A& a) noexcept {
    using S = ScalarOf<T>;
    return select(z > T(S(0)), T(S(1)), T(a));
  }
  template <class T, class A>
  static CALIBRANT_INLINE T pull(const T& dy, const T&, const T& z, const A& a) noexcept {
    return select(z > T(ScalarOf<T>(0)), dy, dy * T(a));
  }
  template <class T>
  static CALIBRANT_INLINE T parameter_slope(const T& z) noexcept {
    return min(z, T(ScalarOf<T>(0)));
  }
  template <class S>
  static constexpr S negative_slope(const S& a) noexcept {
    return a;
  }
};

struct Tanh {
  static constexpr const char* name = "tanh";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = false, smooth = true;
  static constexpr Saves saves = Saves::nothing;
  static constexpr Initialiser initialiser = Initialiser::glorot;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A&) noexcept {
    return {tanh(z), z};
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T& y, const T&, const A&) noexcept {
    return fma(-y, y, T(ScalarOf<T>(1)));
  }
};

struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = false, smooth = true;
  static constexpr Saves saves = Saves::nothing;
  static constexpr Initialiser initialiser = Initialiser::glorot;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A&) noexcept {
    return {sigmoid(z), z};
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T& y, const T&, const A&) noexcept {
    return fma(-y, y, y);
  }
};

/// log(1 + exp(z)): positive outputs.
struct Softplus {
  static constexpr const char* name = "softplus";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = false, smooth = true;
  static constexpr Saves saves = Saves::slope;
  static constexpr Initialiser initialiser = Initialiser::he;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A&) noexcept {
    return {softplus(z), sigmoid(z)};
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T&, const T& saved, const A&) noexcept {
    return saved;
  }
};

/// z sigmoid(z), also called swish.
struct SiLU {
  static constexpr const char* name = "silu";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = false, smooth = true;
  static constexpr Saves saves = Saves::slope;
  static constexpr Initialiser initialiser = Initialiser::he;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A&) noexcept {
    const T s = sigmoid(z);
    const T value = rounded_product(z, s);
    return {value, fma(T(ScalarOf<T>(1)) - s, value, s)};
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T&, const T& saved, const A&) noexcept {
    return saved;
  }
};

/// z if z > 0, else exp(z) - 1 (Clevert et al., arXiv:1511.07289). Its curvature jumps at 0.
struct ELU {
  static constexpr const char* name = "elu";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = false, smooth = true;
  static constexpr Saves saves = Saves::nothing;
  static constexpr Initialiser initialiser = Initialiser::he;
  template <class T, class A>
  static CALIBRANT_INLINE Activated<T> apply(const T& z, const A&) noexcept {
    // The exponential sees min(0, z), or lanes on the other branch would overflow; in this order NaN stays NaN.
    return {select(z > T(ScalarOf<T>(0)), z, expm1(min(T(ScalarOf<T>(0)), z))), z};
  }
  template <class T, class A>
  static CALIBRANT_INLINE T slope(const T& y, const T&, const A&) noexcept {
    using S = ScalarOf<T>;
    return select(y > T(S(0)), T(S(1)), y + T(S(1)));
  }
};

/// Linear on both sides of one kink at 0, with slope 1 above.
template <class Activation, class S>
concept RectifierOver = requires(S a) {
  { Activation::negative_slope(a) } -> std::same_as<S>;
};

/// dL/dz from dL/dy.
template <class Activation, class T, class A>
CALIBRANT_INLINE T pull(const T& dy, const T& y, const T& saved, const A& a) noexcept {
  if constexpr (requires { Activation::pull(dy, y, saved, a); })
    return Activation::pull(dy, y, saved, a);
  else
    return dy * Activation::slope(y, saved, a);
}

/// Value of an activation over any scalar. Over duals it takes the base's value and slope: cheaper than dual arithmetic
/// and the same derivative.
template <class Activation, class T, class A>
CALIBRANT_INLINE T activate(const T& z, const A& a) noexcept {
  if constexpr (is_dual<T>) {
    const auto base = Activation::apply(z.value, a);
    return T::chain(z, base.value, Activation::slope(base.value, base.saved, a));
  } else {
    return Activation::apply(z, a).value;
  }
}

}  // namespace calibrant
