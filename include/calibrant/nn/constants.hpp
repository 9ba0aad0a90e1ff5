// Constants: N learned numbers that depend on nothing. What stands where a network of the features would, if there are
// none.
#pragma once

#include "calibrant/nn/module.hpp"

namespace calibrant {

/// y_i = p_i, 0 at the start. It has no inputs, so it is no Module by itself: a part of one, as the Conditioner of
/// Monotone.
template <int N>
struct Constants {
  static_assert(N > 0, "Constants: one or more");
  static constexpr int n_in = 0, n_out = N, n_params = N;

  static std::string describe() { return "constants(" + std::to_string(N) + ")"; }
  template <class S>
  static void initialise(View<S, N> p, Random&) {
    for (S& value : p) value = S(0);
  }

  template <class T>
  using Workspace = NoWorkspace<T>;
  template <class T>
  struct Accumulator {
    LaneSum<T> sum[N];
    void clear() noexcept {
      for (auto& one : sum) one = LaneSum<T>{};
    }
    void collect(View<const ScalarOf<T>, N>, ScalarOf<T>* gradient) const noexcept { collect_sums(sum, N, gradient); }
  };

  template <class T>
  static void forward(View<const ScalarOf<T>, N> p, View<const T, 0>, View<T, N> y) noexcept {
    for (int i = 0; i < N; ++i) y[i] = T(p[i]);
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, N> p, View<const T, 0> x, View<T, N> y, NoWorkspace<T>&) noexcept {
    forward<T>(p, x, y);
  }
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, N>, View<const T, 0>, View<const T, N>, NoWorkspace<T>&,
                       View<const T, N> dy, Accumulator<T>& dp, Dx) noexcept {
    for (int i = 0; i < N; ++i) dp.sum[i].add(parameter_part(dy[i]));
  }

  template <class S>
  struct Packed {
    alignas(virtual_register_bytes) S value[padded<S>(N)];
  };
  template <class S>
  static void pack(View<const S, N> p, Packed<S>& packed) noexcept {
    for (int i = 0; i < padded<S>(N); ++i) packed.value[i] = i < N ? p[i] : S(0);
  }
  template <class V>
  static void forward_single(const Packed<ScalarOf<V>>& packed, const V*, V* y) noexcept {
    using S = ScalarOf<V>;
    for (int b = 0; b < n_blocks<S>(N); ++b) y[b] = V(Wide<S, 1>::load(packed.value + b * lanes<S>));
  }
};

}  // namespace calibrant
