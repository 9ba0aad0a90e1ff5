// What the library asks of the types it is put together from: one concept and one table each. A concept checks
// signatures, not bodies: instantiate a module of your own for every scalar it meets, and run check_gradient on it.
#pragma once

#include <concepts>
#include <string>

#include "calibrant/nn/module.hpp"

namespace calibrant {

enum class Saves;
enum class Initialiser;

// ---- Module ------------------------------------------------------------------------------------------------------
//
// A module M is a stateless type: a parametrised function of n_in numbers with n_out results. Parameters, workspace and
// accumulator belong to the caller. T is any scalar: float, double, Wide, or a Dual of one; S is ScalarOf<T>.
//   p     View<const S, n_params>          x, dx  View<const T, n_in>, View<T, n_in>
//   w     M::Workspace<T>&                 y, dy  View<T, n_out>, View<const T, n_out>
//   dp    M::Accumulator<T>&
//
// expression                                  | returns     | semantics
// --------------------------------------------|-------------|---------------------------------------------------------
// M::n_in, M::n_out, M::n_params              | int         | constants; n_in, n_out > 0, n_params >= 0
// M::describe()                               | std::string | the architecture as text: equal text, equal function
// M::initialise<S>(View<S, n_params>, Random&)| -           | overwrites all parameters with initial ones
// w.start(TileContext)                        | -           | before forward; says where the tile stands in a training
// M::forward<T>(p, x, y)                      | -           | y = M(x; p), inference; noexcept
// M::forward<T>(p, x, y, w)                   | -           | y = M(x; p), training; w keeps what pullback needs
// M::pullback<T>(p, x, y, w, dy, dp, dx)      | -           | adds dL/dp into dp, overwrites dx with dL/dx, where dy is
//                                             |             | dL/dy and forward ran on the same p, x, y, w. dx may be
//                                             |             | NoInputGradient{}. T = Dual<B, 1>: dy.value is dL/dy_dot,
//                                             |             | dy.tangent dL/dy, and so for dx; dp still gets dL/dp
// dp.clear()                                  | -           | zero
// dp.collect(S*)                              | -           | adds the sums to n_params numbers, order of parameters
//
// Each sample of a tile must give the same bits as alone, whatever T. The pushforward is forward over duals.

template <class M>
concept ModuleShape = requires {
  { M::n_in } -> std::convertible_to<int>;
  { M::n_out } -> std::convertible_to<int>;
  { M::n_params } -> std::convertible_to<int>;
  requires(M::n_in > 0) && (M::n_out > 0) && (M::n_params >= 0);
  { M::describe() } -> std::convertible_to<std::string>;
};

template <class M, class T>
concept ModuleOver = ModuleShape<M> &&
    requires(View<ScalarOf<T>, M::n_params> initial, View<const ScalarOf<T>, M::n_params> p, Random& random,
             View<const T, M::n_in> x, View<T, M::n_out> y, View<const T, M::n_out> dy, View<T, M::n_in> dx,
             const TileContext& context, typename M::template Workspace<T>& w, typename M::template Accumulator<T>& dp,
             const typename M::template Accumulator<T>& sums, ScalarOf<T>* gradient) {
  M::template initialise<ScalarOf<T>>(initial, random);
  w.start(context);
  M::template forward<T>(p, x, y);
  M::template forward<T>(p, x, y, w);
  M::template pullback<T>(p, x, y, w, dy, dp, dx);
  M::template pullback<T>(p, x, y, w, dy, dp, NoInputGradient{});
  dp.clear();
  sums.collect(gradient);
};

/// A module over every scalar type of the list; over float if the list is empty.
template <class M, class... Ts>
concept Module = (ModuleOver<M, Ts> && ...) && (sizeof...(Ts) > 0 || ModuleOver<M, float>);

// ---- PackedModule ------------------------------------------------------------------------------------------------
//
// A module that also serves one object at the lowest latency, vectors across its features. V is Wide<S, 1> or a Dual
// of it: a block of one virtual register of features; n features take n_blocks<S>(n) blocks.
//
// expression                       | returns | semantics
// ---------------------------------|---------|------------------------------------------------------------------------
// M::pack<S>(p, M::Packed<S>&)     | -       | overwrites the copy of the parameters that forward_single reads
// M::forward_single<V>(packed,x,y) | -       | y = M(x; p), the same bits as forward<S>; lanes of x past n_in hold any
//                                  |         | finite number, lanes of y past n_out get one

template <class M, class S>
concept PackedModule = ModuleOver<M, S> &&
    requires(View<const S, M::n_params> p, typename M::template Packed<S>& packed, const Wide<S, 1>* x, Wide<S, 1>* y,
             const Dual<Wide<S, 1>, 1>* x_dual, Dual<Wide<S, 1>, 1>* y_dual) {
  M::template pack<S>(p, packed);
  M::template forward_single<Wide<S, 1>>(packed, x, y);
  M::template forward_single<Dual<Wide<S, 1>, 1>>(packed, x_dual, y_dual);
};

// ---- Head --------------------------------------------------------------------------------------------------------
//
// A module without parameters that turns raw outputs of a network into what the loss and the user understand.
//
// expression  | returns | semantics
// ------------|---------|---------------------------------------------------------------------------------------------
// (Module)    |         | everything above
// M::n_params | int     | 0

template <class M, class... Ts>
concept Head = (M::n_params == 0) && Module<M, Ts...>;

// ---- Activation --------------------------------------------------------------------------------------------------
//
// A policy that Dense and Activate apply to each unit; a is the unit's learned parameter (ignored without one).
//
// expression               | returns      | semantics
// -------------------------|--------------|---------------------------------------------------------------------------
// A::name                  | const char*  | part of the architecture's text
// A::n_parameters          | int          | 0, or 1 learned parameter per unit
// A::initial_parameter     | double       | its initial value; only if n_parameters is 1
// A::cheap                 | bool         | few instructions: runs in registers inside the dense kernel
// A::smooth                | bool         | the slope has a derivative (curvature) that is not zero everywhere
// A::saves                 | Saves        | what slope needs besides the output
// A::initialiser           | Initialiser  | scheme for the weights in front
// A::apply(z, a)           | Activated<T> | .value is y, .saved is what `saves` says
// A::slope(y, saved, a)    | T            | dy/dz; over duals its tangent carries the curvature
// A::parameter_slope(saved)| T            | dy/da; only if n_parameters is 1

template <class A, class T>
concept ActivationOver = requires(const T& z, const ScalarOf<T>& a) {
  { A::name } -> std::convertible_to<const char*>;
  requires A::n_parameters == 0 || A::n_parameters == 1;
  { A::cheap } -> std::convertible_to<bool>;
  { A::smooth } -> std::convertible_to<bool>;
  { A::saves } -> std::convertible_to<Saves>;
  { A::initialiser } -> std::convertible_to<Initialiser>;
  { A::apply(z, a).value } -> std::convertible_to<T>;
  { A::apply(z, a).saved } -> std::convertible_to<T>;
  { A::slope(z, z, a) } -> std::convertible_to<T>;
}
&&(A::n_parameters == 0 || requires(const T& z) {
  { A::initial_parameter } -> std::convertible_to<double>;
  { A::parameter_slope(z) } -> std::convertible_to<T>;
});

/// An activation over every scalar type of the list; over float if the list is empty.
template <class A, class... Ts>
concept Activation = (ActivationOver<A, Ts> && ...) && (sizeof...(Ts) > 0 || ActivationOver<A, float>);

}  // namespace calibrant
