// Modules that act on each feature alone: Activate (an activation outside a dense layer) and Dropout.
#pragma once

#include <ratio>

#include "calibrant/nn/activation.hpp"
#include "calibrant/nn/module.hpp"

namespace calibrant {

/// y_i = activation(x_i). Behind a Dense, name the activation there instead: it is then fused.
template <int N, class Activation_>
struct Activate {
  using Activation = Activation_;
  static constexpr int n_in = N, n_out = N, n_params = Activation::n_parameters * N;

  static std::string describe() { return std::string(Activation::name) + "(" + std::to_string(N) + ")"; }

  template <class S>
  static void initialise(View<S, n_params> p, Random&) {
    if constexpr (n_params > 0)
      for (S& a : p) a = static_cast<S>(Activation::initial_parameter);
  }

  template <class T>
  struct Workspace {
    T saved[Activation::saves != Saves::nothing ? N : 1];
    void start(const TileContext&) noexcept {}
  };
  template <class T>
  struct Accumulator {
    LaneSum<T> slope[n_params > 0 ? N : 1];
    void clear() noexcept {
      for (auto& a : slope) a = LaneSum<T>{};
    }
    void collect(View<const ScalarOf<T>, n_params>, ScalarOf<T>* gradient) const noexcept {
      if constexpr (n_params > 0) collect_sums(slope, N, gradient);
    }
  };

  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, N> x, View<T, N> y) noexcept {
    for (int i = 0; i < N; ++i) y[i] = activate<Activation>(T(x[i]), parameter(p, i));
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, N> x, View<T, N> y, Workspace<T>& w) noexcept {
    for (int i = 0; i < N; ++i) {
      const auto activated = Activation::apply(T(x[i]), parameter(p, i));
      y[i] = activated.value;
      if constexpr (Activation::saves != Saves::nothing) w.saved[i] = activated.saved;
    }
  }
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, n_params> p, View<const T, N>, View<const T, N> y, Workspace<T>& w,
                       View<const T, N> dy, Accumulator<T>& dp, Dx dx) noexcept {
    for (int i = 0; i < N; ++i) {
      const T& saved = w.saved[Activation::saves != Saves::nothing ? i : 0];
      if constexpr (n_params > 0) dp.slope[i].add_parameter_part(dy[i], Activation::parameter_slope(saved));
      if constexpr (wants_input_gradient<Dx>) dx[i] = pull<Activation>(T(dy[i]), T(y[i]), saved, parameter(p, i));
    }
  }

  template <class S>
  struct Packed {
    alignas(virtual_register_bytes) S slope[n_params > 0 ? padded<S>(N) : lanes<S>];
  };
  template <class S>
  static void pack(View<const S, n_params> p, Packed<S>& packed) noexcept {
    for (S& a : packed.slope) a = S(0);
    for (int i = 0; i < n_params; ++i) packed.slope[i] = p[i];
  }
  template <class V>
  static void forward_single(const Packed<ScalarOf<V>>& packed, const V* x, V* y) noexcept {
    using S = ScalarOf<V>;
    for (int b = 0; b < n_blocks<S>(N); ++b)
      y[b] = activate<Activation>(x[b], Wide<S, 1>::load(packed.slope + (n_params > 0 ? b * lanes<S> : 0)));
  }

 private:
  template <class S>
  static CALIBRANT_INLINE S parameter(View<const S, n_params> p, int i) noexcept {
    if constexpr (n_params > 0)
      return p[i];
    else
      return S(0);
  }
};

/// Drops each feature with probability Rate (a std::ratio) in training and scales the kept ones by 1 / (1 - Rate), so
/// that inference needs nothing (Srivastava et al., JMLR 15 (2014) 1929). The masks are a function of seed, step,
/// position in the batch, layer and feature: not of tiles or threads.
template <int N, class Rate>
struct Dropout {
  static_assert(Rate::num >= 0 && Rate::num < Rate::den, "Dropout: the rate is a std::ratio in [0, 1)");
  static constexpr int n_in = N, n_out = N, n_params = 0;
  static constexpr double rate = static_cast<double>(Rate::num) / static_cast<double>(Rate::den);

  static std::string describe() {
    return "dropout(" + std::to_string(N) + ", " + std::to_string(Rate::num) + "/" + std::to_string(Rate::den) + ")";
  }
  template <class S>
  static void initialise(View<S, 0>, Random&) {}

  template <class T>
  struct Workspace {
    ValueOf<T> factor[N];  // 0 or 1 / (1 - rate)
    TileContext context;
    void start(const TileContext& tile) noexcept { context = tile; }
  };
  template <class T>
  using Accumulator = NoAccumulator;

  template <class T>
  static void forward(View<const ScalarOf<T>, 0>, View<const T, N> x, View<T, N> y) noexcept {
    for (int i = 0; i < N; ++i) y[i] = x[i];
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, 0>, View<const T, N> x, View<T, N> y, Workspace<T>& w) noexcept {
    draw(w);
    for (int i = 0; i < N; ++i) y[i] = x[i] * T(w.factor[i]);
  }
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, 0>, View<const T, N>, View<const T, N>, Workspace<T>& w,
                       View<const T, N> dy, NoAccumulator&, Dx dx) noexcept {
    if constexpr (wants_input_gradient<Dx>)
      for (int i = 0; i < N; ++i) dx[i] = dy[i] * T(w.factor[i]);
  }

  template <class S>
  using Packed = NothingPacked;
  template <class S>
  static void pack(View<const S, 0>, NothingPacked&) noexcept {}
  template <class V>
  static void forward_single(const NothingPacked&, const V* x, V* y) noexcept {
    for (int b = 0; b < n_blocks<ScalarOf<V>>(N); ++b) y[b] = x[b];
  }

 private:
  /// One Philox block serves four features of one sample.
  template <class T>
  static void draw(Workspace<T>& w) noexcept {
    using S = ScalarOf<T>;
    constexpr int samples = ScalarTraits<T>::n_samples;
    constexpr auto threshold = static_cast<std::uint64_t>(rate * 4294967296.0);
    constexpr S keep = static_cast<S>(1.0 / (1.0 - rate));
    const Random random(w.context.seed, Stream::dropout, w.context.layer);
    S* factor = scalars(w.factor);
    if (w.context.inference) {
      for (int i = 0; i < N * samples; ++i) factor[i] = S(1);
      return;
    }
    for (int s = 0; s < samples; ++s) {
      const std::uint64_t sample = w.context.first_sample + static_cast<std::uint32_t>(s);
      for (int i = 0; i < N; i += 4) {
        // step, sample and feature share the 64-bit index: 2^28 steps, 2^24 samples a batch, 2^14 features.
        const auto words = random.block((w.context.step << 36) | (sample << 12) | static_cast<std::uint64_t>(i / 4));
        for (int j = 0; j < 4 && i + j < N; ++j)
          factor[(i + j) * samples + s] = words[static_cast<std::size_t>(j)] < threshold ? S(0) : keep;
      }
    }
  }
};

}  // namespace calibrant
