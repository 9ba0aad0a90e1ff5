// Derivatives of a module's outputs with respect to its inputs, at fixed parameters, of the module as it is used
// (dropout silent): forward mode is the module over duals, reverse mode is its pullback.
#pragma once

#include <array>

#include "calibrant/concepts.hpp"

namespace calibrant {

/// Tangents on: y = M(x; p) and y_dot = J x_dot, J the Jacobian dy/dx. Costs two to three times a forward.
///
/// @param p      (n_params); T is float, double or Wide, and the parameters are plain scalars in each case.
/// @param x      (n_in), x_dot (n_in).
/// @param y      (n_out), y_dot (n_out); both OVERWRITTEN.
template <class M, class T>
void pushforward(View<const ScalarOf<T>, M::n_params> p, View<const T, M::n_in> x, View<const T, M::n_in> x_dot,
                 View<T, M::n_out> y, View<T, M::n_out> y_dot) noexcept {
  using D = Dual<T, 1>;
  D in[M::n_in], out[M::n_out];
  for (int i = 0; i < M::n_in; ++i) {
    in[i].value = x[i];
    in[i].tangent[0] = x_dot[i];
  }
  M::template forward<D>(p, View<const D, M::n_in>(in), View<D, M::n_out>(out));
  for (int o = 0; o < M::n_out; ++o) {
    y[o] = out[o].value;
    y_dot[o] = out[o].tangent[0];
  }
}

/// Cotangents back: dL/dx from dL/dy through the pullback, for a scalar function L of the outputs. Seeded with a unit
/// vector, it is one row of the Jacobian.
///
/// @param p   (n_params), x (n_in), dy (n_out): dL/dy.
/// @param dx  (n_in): dL/dx, OVERWRITTEN.
template <class M, class T>
void gradient_of_input(View<const ScalarOf<T>, M::n_params> p, View<const T, M::n_in> x, View<const T, M::n_out> dy,
                       View<T, M::n_in> dx) noexcept {
  typename M::template Workspace<T> workspace;
  typename M::template Accumulator<T> unused;
  unused.clear();
  T y[M::n_out];
  TileContext context;
  context.inference = true;
  workspace.start(context);
  M::template forward<T>(p, x, View<T, M::n_out>(y), workspace);
  M::template pullback<T>(p, x, View<const T, M::n_out>(y), workspace, dy, unused, dx);
}

/// J[o][i] = dy_o/dx_i.
template <class M, class T>
using Jacobian = std::array<std::array<T, static_cast<std::size_t>(M::n_in)>, static_cast<std::size_t>(M::n_out)>;

/// The Jacobian dy/dx at x, (n_out, n_in), by whichever mode needs fewer passes. p (n_params), x (n_in).
template <class M, class T>
Jacobian<M, T> jacobian(View<const ScalarOf<T>, M::n_params> p, View<const T, M::n_in> x) noexcept {
  using S = ScalarOf<T>;
  Jacobian<M, T> result;
  if constexpr (M::n_in <= M::n_out) {
    T x_dot[M::n_in], y[M::n_out], y_dot[M::n_out];
    for (T& dot : x_dot) dot = T(S(0));
    for (int i = 0; i < M::n_in; ++i) {
      x_dot[i] = T(S(1));
      pushforward<M, T>(p, x, View<const T, M::n_in>(x_dot), View<T, M::n_out>(y), View<T, M::n_out>(y_dot));
      x_dot[i] = T(S(0));
      for (int o = 0; o < M::n_out; ++o) result[static_cast<std::size_t>(o)][static_cast<std::size_t>(i)] = y_dot[o];
    }
  } else {
    T dy[M::n_out];
    for (T& seed : dy) seed = T(S(0));
    for (std::size_t o = 0; o < result.size(); ++o) {
      dy[o] = T(S(1));
      gradient_of_input<M, T>(p, x, View<const T, M::n_out>(dy), View<T, M::n_in>(result[o]));
      dy[o] = T(S(0));
    }
  }
  return result;
}

}  // namespace calibrant
