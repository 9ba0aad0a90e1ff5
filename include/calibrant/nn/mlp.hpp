// Mlp: a multilayer perceptron as one readable type.
#pragma once

#include "calibrant/nn/dense.hpp"
#include "calibrant/nn/sequential.hpp"

namespace calibrant {

template <int N>
struct Inputs {
  static constexpr int n = N;
};
/// A hidden layer of N units.
template <int N, class Activation_ = SiLU>
struct Hidden {
  static constexpr int n = N;
  using Activation = Activation_;
};
/// The output layer: linear unless an activation (Softplus for positive outputs) is named.
template <int N, class Activation_ = Identity>
struct Outputs {
  static constexpr int n = N;
  using Activation = Activation_;
};

template <class In, class... Layers>
struct MlpLayers {
  static constexpr int n_layers = sizeof...(Layers);
  static constexpr std::array<int, sizeof...(Layers) + 1> widths{In::n, Layers::n...};
  template <class Indices>
  struct Build;
  template <int... Index>
  struct Build<std::integer_sequence<int, Index...>> {
    using Type = Sequential<Dense<widths[Index], Layers::n, typename Layers::Activation>...>;
  };
  using Type = typename Build<std::make_integer_sequence<int, n_layers>>::Type;
};

/// Mlp<Inputs<3>, Hidden<64, Tanh>, Hidden<64, Tanh>, Outputs<1>>: dense layers one after the other. A module.
template <class In, class... Layers>
struct Mlp : MlpLayers<In, Layers...>::Type {
  static_assert(sizeof...(Layers) > 0, "Mlp: Inputs, then hidden layers, then Outputs");
};

}  // namespace calibrant
