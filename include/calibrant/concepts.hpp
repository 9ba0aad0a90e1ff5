// What the library asks of the types it is put together from: one concept and one table each. A concept checks
// signatures, not bodies: instantiate a module of your own for every scalar it meets, and run check_gradient on it.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <vector>

#include "calibrant/nn/module.hpp"

namespace calibrant {

enum class Saves;
enum class Initialiser;
template <class Scalar>
struct Range;
template <class T>
struct ValueSlope;
template <class Scalar>
struct Calibrated;
namespace invert {
template <class T>
struct Root;
}  // namespace invert

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
// dp.collect(p, S*)                           | -           | adds the sums to n_params numbers, order of parameters;
//                                             |             | p is that of the pullbacks since clear
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
  sums.collect(p, gradient);
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
// A::pull(dy, y, saved, a) | T            | dy * slope; optional, for those that have it cheaper in one go
// A::negative_slope(a)     | S            | optional, for those that are z for z > 0 and a multiple of z elsewhere:
// that
//                          |              | multiple; they train faster in front of a single output

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

// ---- Response ----------------------------------------------------------------------------------------------------
//
// A learned (or written) statistic L(x; theta) of the measured value, as a calibration inverts it: Model, Ensemble,
// FunctionResponse. T is R::Scalar for one object and a Wide of it for a tile; a lane gets the same bits as alone.
//
// expression                  | returns       | semantics
// ----------------------------|---------------|-----------------------------------------------------------------------
// R::Scalar                   | type          | float or double
// R::n_theta                  | int           | constant, number of features besides x
// R::Encoded<T>               | type          | theta as the response wants it, default constructible
// r.encode(const T*, encoded) | -             | overwrites encoded, from n_theta physical values; noexcept
// r.response(x, encoded)      | ValueSlope<T> | L and dL/dx at x; noexcept
// r.response_value(x, encoded)| T             | L at x; noexcept
// r.truth_range()             | Range<Scalar> | where x was in training: the range of the inversion; noexcept
// r.theta_range(i)            | Range<Scalar> | where theta_i was in training; noexcept
// r.uses_theta(i)             | bool          | false: theta_i may be anything, NaN too; noexcept

template <class R, class T>
concept ResponseOver = requires(const R& r, const T& x, const T* theta, typename R::template Encoded<T>& encoded,
                                const typename R::template Encoded<T>& made, int i) {
  { R::n_theta } -> std::convertible_to<int>;
  requires R::n_theta >= 0;
  requires std::default_initializable<typename R::template Encoded<T>>;
  { r.encode(theta, encoded) }
  noexcept;
  { r.response(x, made) }
  noexcept->std::same_as<ValueSlope<T>>;
  { r.response_value(x, made) }
  noexcept->std::convertible_to<T>;
  { r.truth_range() }
  noexcept->std::same_as<Range<ScalarOf<T>>>;
  { r.theta_range(i) }
  noexcept->std::same_as<Range<ScalarOf<T>>>;
  { r.uses_theta(i) }
  noexcept->std::convertible_to<bool>;
};

/// A response for one object and for a tile of them.
template <class R>
concept Response =
    std::copy_constructible<R> && ResponseOver<R, typename R::Scalar> && ResponseOver<R, Wide<typename R::Scalar, 4>>;

// ---- JointResponse -----------------------------------------------------------------------------------------------
//
// Several learned (or written) statistics L_i(x_1..x_n; theta), each the response to a truth of its own, as a
// JointCalibration inverts them: Model, Ensemble, JointFunctionResponse. Inputs are the n truths, then theta.
//
// expression               | returns       | semantics
// -------------------------|---------------|--------------------------------------------------------------------------
// R::Scalar                | type          | float or double
// R::n_out                 | int           | constant, n: number of truths and of measured values
// R::n_theta               | int           | constant, number of inputs after the first, n - 1 or more
// r.evaluate<D>(x, y)      | -             | y = L(x): View<const D, n_theta + 1>, View<D, n_out>, physical units; D is
//                          |               | a Dual<T, n_out> of R::Scalar or of a tile; noexcept
// r.truth_range()          | Range<Scalar> | where the first input was in training; noexcept
// r.theta_range(i)         | Range<Scalar> | where input i + 1 was in training; noexcept
// r.uses_theta(i)          | bool          | false: input i + 1 may be anything, NaN too; noexcept

template <class R, class D>
concept JointResponseOver = requires(const R& r, View<const D, R::n_theta + 1> x, View<D, R::n_out> y, int i) {
  { r.template evaluate<D>(x, y) }
  noexcept;
  { r.truth_range() }
  noexcept->std::same_as<Range<ScalarOf<D>>>;
  { r.theta_range(i) }
  noexcept->std::same_as<Range<ScalarOf<D>>>;
  { r.uses_theta(i) }
  noexcept->std::convertible_to<bool>;
};

/// A response of several truths, for one object and for a tile of them.
template <class R>
concept JointResponse = std::copy_constructible<R> &&(R::n_out > 0 && R::n_out <= R::n_theta + 1) &&
                        JointResponseOver<R, Dual<typename R::Scalar, R::n_out>>&& JointResponseOver<
                            R, Dual<Wide<typename R::Scalar, 4>, R::n_out>>;

// ---- Inversion ---------------------------------------------------------------------------------------------------
//
// A policy that solves L(x) = y for x: Newton, Bisection, Learned. T as for a Response, S is ScalarOf<T>.
//
// clang-format off
// expression                         | returns     | semantics
// -----------------------------------|-------------|-------------------------------------------------------------------
// Policy::name                       | const char* | in the model file
// Policy::each_setting(i, visit)     | -           | visit(name, value) for each setting: what the model file stores
// i.validate()                       | -           | throws Error if a setting is out of range
// i.solve(evaluate, y, range, start) | Root<T>     | evaluate: x -> ValueSlope<T>, T -> T lane by lane; start inside
//                                    |             | range. In each lane exactly one of solved, below, above, failed,
//                                    |             | and nothing that depends on the other lanes; noexcept
// or i.solve(evaluate, y, range,     | Root<T>     | the same for a policy that finds its own start: theta are the n_theta
//            const T* theta)         |             | features, physical units, inside their ranges unless y or they are
//                                    |             | NaN or infinite; noexcept
// i.match(response)                  | -           | optional: throws Error if it does not go with this response
// clang-format on

/// A response of which nothing is known: to ask whether a policy can solve it.
template <class T>
struct SomeResponse {
  ValueSlope<T> operator()(const T& x) const noexcept;
};

template <class Policy, class T>
concept SolvesFromStart = requires(const Policy& i, const SomeResponse<T>& evaluate, const T& y,
                                   const Range<ScalarOf<T>>& range) {
  { i.solve(evaluate, y, range, y) }
  noexcept->std::same_as<invert::Root<T>>;
};
template <class Policy, class T>
concept SolvesFromTheta = requires(const Policy& i, const SomeResponse<T>& evaluate, const T& y,
                                   const Range<ScalarOf<T>>& range, const T* theta) {
  { i.solve(evaluate, y, range, theta) }
  noexcept->std::same_as<invert::Root<T>>;
};

template <class Policy, class T>
concept InversionOver = std::copy_constructible<Policy> && std::default_initializable<Policy> &&
    requires(const Policy& i, Policy& settings) {
  { Policy::name } -> std::convertible_to<const char*>;
  Policy::each_setting(settings, [](const char*, auto&) {});
  Policy::each_setting(i, [](const char*, const auto&) {});
  i.validate();
} &&(SolvesFromStart<Policy, T> || SolvesFromTheta<Policy, T>);

/// An inversion for one object and for a tile of them.
template <class Policy, class Scalar = float>
concept Inversion = InversionOver<Policy, Scalar> && InversionOver<Policy, Wide<Scalar, 4>>;

// ---- Extrapolation -----------------------------------------------------------------------------------------------
//
// A policy that answers where y lies outside [L(low), L(high)]: Linear, LinearRatio, Freeze, Clamp, Reject, one of each
// for the two Sides.
//
// expression               | returns     | semantics
// -------------------------|-------------|-----------------------------------------------------------------------------
// E::name                  | const char* | in the model file
// E::clamps                | bool        | its answers get Status::clamped instead of extrapolated_low or _high
// E::rejects               | bool        | its answer is NaN; for others NaN means not_invertible
// E::each_setting(e, visit)| -           | as for an Inversion
// e.apply(y, root)         | T           | x for lanes where root.below or root.above is set (x, response and slope are
//                          |             | those of the edge, slope > 0); anything in other lanes; noexcept
// Optional:                |             |
// E::Below, E::Above       | types       | the policies of the two sides, whose clamps and rejects count
// e.range(Range<S>)        | Range<S>    | what is solved for of the trained range of truth; throws Error
// e.limit(y, x)            | T           | a last word on every result x of y; noexcept
// e.validate()             | -           | throws Error if a setting is out of range

template <class E, class T>
concept ExtrapolationOver = std::copy_constructible<E> && std::default_initializable<E> &&
    requires(const E& e, E& settings, const T& y, const invert::Root<T>& root) {
  { E::name } -> std::convertible_to<const char*>;
  { E::clamps } -> std::convertible_to<bool>;
  { E::rejects } -> std::convertible_to<bool>;
  E::each_setting(settings, [](const char*, auto&) {});
  E::each_setting(e, [](const char*, const auto&) {});
  { e.apply(y, root) }
  noexcept->std::convertible_to<T>;
};

/// An extrapolation for one object and for a tile of them.
template <class E, class Scalar = float>
concept Extrapolation = ExtrapolationOver<E, Scalar> && ExtrapolationOver<E, Wide<Scalar, 4>>;

// ---- Calibrator --------------------------------------------------------------------------------------------------
//
// What calibrates a measured value at features theta: Calibration, Sequence, and whatever may be a step of a Sequence.
// S is C::Scalar.
//
// expression           | returns       | semantics
// ---------------------|---------------|---------------------------------------------------------------------------
// C::Scalar            | type          | float or double
// C::n_theta           | int           | constant, number of features
// C::Batch             | type          | made from a CalibrationBatch; throws Error if theta has not n_theta columns
// c(S y, array theta)  | Calibrated<S> | one object; the value is finite or NaN, and NaN if y is; noexcept
// c(batch)             | -             | many objects, each with the bits that it gets alone; value may be y; noexcept
// c.truth_range()      | Range<S>      | where the truth was in training; noexcept
// c.theta_range(i)     | Range<S>      | where theta_i was in training; noexcept
// c.uses_theta(i)      | bool          | false: theta_i may be anything, NaN too; noexcept
// c.feature_names()    | vector        | names of theta, in order, as std::string; empty: it has none

template <class C>
concept Calibrator = std::copy_constructible<C> &&
    requires(const C& c, typename C::Scalar y,
             const std::array<typename C::Scalar, static_cast<std::size_t>(C::n_theta)>& theta,
             const typename C::Batch& batch, int i) {
  { c(y, theta) }
  noexcept->std::same_as<Calibrated<typename C::Scalar>>;
  { c(batch) }
  noexcept;
  { c.truth_range() }
  noexcept->std::same_as<Range<typename C::Scalar>>;
  { c.theta_range(i) }
  noexcept->std::same_as<Range<typename C::Scalar>>;
  { c.uses_theta(i) }
  noexcept->std::convertible_to<bool>;
  { c.feature_names() } -> std::same_as<std::vector<std::string>>;
};

}  // namespace calibrant
