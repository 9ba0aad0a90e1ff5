// Modules made of modules: Residual (a skip connection) and Concat (a second input that joins later).
#pragma once

#include "calibrant/nn/module.hpp"

namespace calibrant {

/// y = x + inner(x) (He et al., arXiv:1512.03385).
template <class Inner>
struct Residual {
  static_assert(Inner::n_in == Inner::n_out, "Residual: the inner module must have as many outputs as inputs");
  static constexpr int n_in = Inner::n_in, n_out = Inner::n_out, n_params = Inner::n_params;

  static std::string describe() { return "residual(" + Inner::describe() + ")"; }

  template <class S>
  static void initialise(View<S, n_params> p, Random& random) {
    Inner::template initialise<S>(p, random);
  }

  template <class T>
  struct Workspace {
    typename Inner::template Workspace<T> inner;
    T output[n_out];  // of the inner module, which its pullback wants unchanged
    void start(const TileContext& context) noexcept { inner.start(context); }
  };
  template <class T>
  using Accumulator = typename Inner::template Accumulator<T>;

  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<T, n_out> y) noexcept {
    Inner::template forward<T>(p, x, y);
    for (int i = 0; i < n_out; ++i) y[i] = y[i] + x[i];
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<T, n_out> y,
                      Workspace<T>& w) noexcept {
    Inner::template forward<T>(p, x, View<T, n_out>(w.output), w.inner);
    for (int i = 0; i < n_out; ++i) y[i] = w.output[i] + x[i];
  }
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<const T, n_out>,
                       Workspace<T>& w, View<const T, n_out> dy, Accumulator<T>& dp, Dx dx) noexcept {
    Inner::template pullback<T>(p, x, View<const T, n_out>(w.output), w.inner, dy, dp, dx);
    if constexpr (wants_input_gradient<Dx>)
      for (int i = 0; i < n_in; ++i) dx[i] = dx[i] + dy[i];
  }

  template <class S>
  using Packed = typename Inner::template Packed<S>;
  template <class S>
  static void pack(View<const S, n_params> p, Packed<S>& packed) noexcept {
    Inner::template pack<S>(p, packed);
  }
  template <class V>
  static void forward_single(const Packed<ScalarOf<V>>& packed, const V* x, V* y) noexcept {
    Inner::template forward_single<V>(packed, x, y);
    for (int b = 0; b < n_blocks<ScalarOf<V>>(n_out); ++b) y[b] = y[b] + x[b];
  }
};

/// y = (inner(x_1 .. x_n), the last `Joining` inputs unchanged): a second input that joins later, such as the features
/// of a jet after the pooled constituents.
template <class Inner, int Joining>
struct Concat {
  static_assert(Joining > 0, "Concat: one joining input or more");
  static constexpr int n_first = Inner::n_in;
  static constexpr int n_in = Inner::n_in + Joining, n_out = Inner::n_out + Joining, n_params = Inner::n_params;

  static std::string describe() { return "concat(" + Inner::describe() + ", " + std::to_string(Joining) + ")"; }

  template <class S>
  static void initialise(View<S, n_params> p, Random& random) {
    Inner::template initialise<S>(p, random);
  }

  template <class T>
  using Workspace = typename Inner::template Workspace<T>;
  template <class T>
  using Accumulator = typename Inner::template Accumulator<T>;

  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<T, n_out> y) noexcept {
    Inner::template forward<T>(p, x.template part<0, n_first>(), y.template part<0, Inner::n_out>());
    for (int i = 0; i < Joining; ++i) y[Inner::n_out + i] = x[n_first + i];
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<T, n_out> y,
                      Workspace<T>& w) noexcept {
    Inner::template forward<T>(p, x.template part<0, n_first>(), y.template part<0, Inner::n_out>(), w);
    for (int i = 0; i < Joining; ++i) y[Inner::n_out + i] = x[n_first + i];
  }
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<const T, n_out> y,
                       Workspace<T>& w, View<const T, n_out> dy, Accumulator<T>& dp, Dx dx) noexcept {
    const auto inner = [&](auto target) {
      Inner::template pullback<T>(p, x.template part<0, n_first>(), y.template part<0, Inner::n_out>(), w,
                                  dy.template part<0, Inner::n_out>(), dp, target);
    };
    if constexpr (wants_input_gradient<Dx>) {
      inner(dx.template part<0, n_first>());
      for (int i = 0; i < Joining; ++i) dx[n_first + i] = dy[Inner::n_out + i];
    } else {
      inner(dx);
    }
  }

  template <class S>
  using Packed = typename Inner::template Packed<S>;
  template <class S>
  static void pack(View<const S, n_params> p, Packed<S>& packed) noexcept {
    Inner::template pack<S>(p, packed);
  }
  template <class V>
  static void forward_single(const Packed<ScalarOf<V>>& packed, const V* x, V* y) noexcept {
    using S = ScalarOf<V>;
    constexpr int L = lanes<S>;
    V inner[n_blocks<S>(Inner::n_out)];
    Inner::template forward_single<V>(packed, x, inner);
    for (int b = 0; b < n_blocks<S>(Inner::n_out); ++b) y[b] = inner[b];
    for (int b = n_blocks<S>(Inner::n_out); b < n_blocks<S>(n_out); ++b) y[b] = V(S(0));
    const S* from = scalars(x);
    S* to = scalars(y);
    for (int i = 0; i < Joining; ++i)
      for (int c = 0; c < ScalarTraits<V>::n_components; ++c)
        to[(Inner::n_out + i) / L * stride<V> + c * L + (Inner::n_out + i) % L] =
            from[(n_first + i) / L * stride<V> + c * L + (n_first + i) % L];
  }
};

}  // namespace calibrant
