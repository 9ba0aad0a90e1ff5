// Quantiles: raw outputs -> quantiles that cannot cross.
#pragma once

#include "calibrant/core/math.hpp"
#include "calibrant/nn/module.hpp"

namespace calibrant {

/// A head (a module without parameters): y_0 = x_0, y_i = y_{i-1} + softplus(x_i). The outputs never fall, whatever
/// the network does, so the quantiles of one net, trained together by loss::PinballSet, never cross. Give the quantile
/// levels to the loss in rising order.
template <int N>
struct Quantiles {
  static constexpr int n_in = N, n_out = N, n_params = 0;

  static std::string describe() { return "quantiles(" + std::to_string(N) + ")"; }
  template <class S>
  static void initialise(View<S, 0>, Random&) {}

  template <class T>
  using Workspace = NoWorkspace<T>;
  template <class T>
  using Accumulator = NoAccumulator;

  template <class T>
  static void forward(View<const ScalarOf<T>, 0>, View<const T, N> x, View<T, N> y) noexcept {
    y[0] = x[0];
    for (int i = 1; i < N; ++i) {
      if constexpr (is_dual<T>) {
        // Explicit fma, the same as in forward_single: nothing is left to contract.
        const auto slope = sigmoid(x[i].value);
        y[i].value = y[i - 1].value + softplus(x[i].value);
        for (int t = 0; t < T::n_tangents; ++t) y[i].tangent[t] = fma(slope, x[i].tangent[t], y[i - 1].tangent[t]);
      } else {
        y[i] = y[i - 1] + softplus(T(x[i]));
      }
    }
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, 0> p, View<const T, N> x, View<T, N> y, NoWorkspace<T>&) noexcept {
    forward<T>(p, x, y);
  }
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, 0>, View<const T, N> x, View<const T, N>, NoWorkspace<T>&,
                       View<const T, N> dy, NoAccumulator&, Dx dx) noexcept {
    if constexpr (wants_input_gradient<Dx>) {
      T sum = T(ScalarOf<T>(0));
      for (int i = N - 1; i > 0; --i) {
        sum = sum + dy[i];
        dx[i] = sum * sigmoid(T(x[i]));
      }
      dx[0] = sum + dy[0];
    }
  }

  template <class S>
  using Packed = NothingPacked;
  template <class S>
  static void pack(View<const S, 0>, NothingPacked&) noexcept {}
  template <class V>
  static void forward_single(const NothingPacked&, const V* x, V* y) noexcept {
    using S = ScalarOf<V>;
    constexpr int L = lanes<S>, components = ScalarTraits<V>::n_components;
    constexpr int blocks = n_blocks<S>(N);
    Wide<S, 1> increment[blocks], slope[blocks];
    for (int b = 0; b < blocks; ++b) {
      increment[b] = softplus(value_of(x[b]));
      if constexpr (is_dual<V>) slope[b] = sigmoid(x[b].value);
    }
    const S* from = scalars(x);
    S* to = scalars(y);
    for (int b = 0; b < blocks; ++b) y[b] = V(S(0));
    for (int c = 0; c < components; ++c) {
      S sum = from[c * L];
      to[c * L] = sum;
      for (int i = 1; i < N; ++i) {
        const int place = i / L * stride<V> + c * L + i % L;
        sum = c == 0 ? sum + scalars(increment)[i] : fma(scalars(slope)[i], from[place], sum);
        to[place] = sum;
      }
    }
  }
};

}  // namespace calibrant
