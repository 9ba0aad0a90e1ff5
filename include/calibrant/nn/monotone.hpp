// Networks that rise with their first input whatever their parameters: a sum of rising steps in the truth, with
// positive heights that a free network of the other features sets. Such a response always has exactly one inverse.
//
// Positive weights on rising steps follow Sill, Monotonic Networks, NIPS 1997; bounded steps together with a concave
// and a convex tail follow Runje and Shankaranarayana, arXiv:2205.11775; bounds on the slope on both sides of 1, as of
// a residual form with a Lipschitz constraint, follow Kitouni, Nolte and Williams, arXiv:2112.00038. That the heights
// come from a network of the other features, without any constraint on it, is ours.
#pragma once

#include <cmath>
#include <ratio>

#include "calibrant/error.hpp"
#include "calibrant/nn/constants.hpp"
#include "calibrant/nn/module.hpp"
#include "calibrant/nn/transform.hpp"

namespace calibrant {

/// What a Monotone gives, and with which preprocessing its promise is one about the physical response.
enum class Rises {
  in_unit,   ///< y = h: L and x in one unit, x enters as it is (Transform::identity, Output::standardised)
  as_ratio,  ///< y = exp(h - z): L / x, x enters as its logarithm (Transform::logarithm, Output::ratio)
};

/// h(z; theta) = c + m z + 4 (1 - m) sum_i sigmoid(a_i - ln 3) f_i(z), strictly rising in z: dh/dz >= m for all
/// parameters and all theta. z is input 0, theta the others; a and c are the outputs of Conditioner, a module of theta
/// of any kind. h is z + c where all a_i are 0.
///
/// f_i are smooth steps of unit area under their slope, at knots that are `spacing` apart on [-span, span]; beyond them
/// f_0 is concave and f_1 convex, and the slope is constant. The slopes f_i' are positive and sum to 1 within 2 %,
/// so dh/dz is between m and 4 - 3 m: any rising function with slopes in between, the better the
/// more knots. Conditioner has one output for each knot, two for the tails, the last is c.
///
/// The promise about the physical response (the trainer sets inputs and outputs so; another preprocessing is refused
/// by Model::validate):
///   Rises::in_unit   dL/dx >= m              x and L in the same unit
///   Rises::as_ratio  dL/dx >= m L/x, L > 0   c is squashed to +-4, so that nothing overflows: L/x in [e^-4, e^4] at
///   z=0
/// It holds for the function that the parameters stand for. Its value is rounded like any other: what the scalar type
/// resolves of L, divided by m, is what it resolves of x.
///
/// @tparam MinimumSlope  m, a std::ratio from 1/1000 to 1/2.
template <class Conditioner_, Rises Form, class MinimumSlope = std::ratio<1, 20>>
struct Monotone {
  using Conditioner = Conditioner_;
  static constexpr Rises form = Form;
  static constexpr int n_theta = Conditioner::n_in, n_coefficients = Conditioner::n_out;
  static constexpr int n_in = 1 + n_theta, n_out = 1, n_params = Conditioner::n_params;
  static constexpr int n_steps = n_coefficients - 1, n_tails = 2, n_knots = n_steps - n_tails;
  static_assert(n_knots >= 2, "Monotone: the conditioner has five outputs or more: two knots, two tails, a constant");
  static_assert(MinimumSlope::num > 0 && 1000 * MinimumSlope::num >= MinimumSlope::den &&
                    2 * MinimumSlope::num <= MinimumSlope::den,
                "Monotone: the minimum slope is a std::ratio from 1/1000 to 1/2");
  static constexpr double minimum_slope =
      static_cast<double>(MinimumSlope::num) / static_cast<double>(MinimumSlope::den);
  static constexpr double maximum_slope = 4.0 - 3.0 * minimum_slope;
  static constexpr double span = 2.5;  ///< of z, where the knots are: a factor of 150 in x for Rises::as_ratio
  static constexpr double spacing = 2.0 * span / (n_knots - 1);
  static constexpr double largest_constant = 4.0;  ///< of |c|, for Rises::as_ratio

  static std::string describe() {
    return std::string(Form == Rises::as_ratio ? "monotone_ratio(" : "monotone(") + std::to_string(MinimumSlope::num) +
           "/" + std::to_string(MinimumSlope::den) + ", " + Conditioner::describe() + ")";
  }

  template <class S>
  static void initialise(View<S, n_params> p, Random& random) {
    Conditioner::template initialise<S>(p, random);
  }

  // ---- preprocessing ---------------------------------------------------------------------------------------------

  /// Sets the transforms of the truth and of the output such that the promise holds. Input 0 has its range.
  /// @throws Error if the transform or the output is one it cannot hold for, or the range is empty.
  template <class Inputs, class Outputs>
  CALIBRANT_COLD static void fit_preprocessing(Inputs& inputs, Outputs& outputs) {
    check_kind(inputs, outputs);
    auto& truth = inputs[0];
    using S = decltype(truth.shift);
    const double low = truth.low, high = truth.high;
    if (!(low < high))
      throw Error(describe() + ", truth", "a range, low < high", std::to_string(low) + " to " + std::to_string(high));
    if constexpr (Form == Rises::as_ratio) {
      truth.shift = static_cast<S>(0.5 * (std::log(low) + std::log(high)));
      truth.scale = S(1);
    } else {
      const double unit = (high - low) / (2.0 * span);
      truth.shift = outputs[0].shift = static_cast<S>(0.5 * (low + high));
      truth.scale = static_cast<S>(1.0 / unit);
      outputs[0].scale = static_cast<S>(unit);
    }
  }
  /// @throws Error unless the promise holds for the physical response with this preprocessing.
  template <class Inputs, class Outputs>
  CALIBRANT_COLD static void check_preprocessing(const Inputs& inputs, const Outputs& outputs) {
    check_kind(inputs, outputs);
    const double scale = inputs[0].scale, product = scale * static_cast<double>(outputs[0].scale);
    if constexpr (Form == Rises::as_ratio) {
      if (!(std::fabs(scale - 1.0) <= 0.0))
        throw Error(describe() + ", scale of the truth", "1: the logarithm itself", std::to_string(scale));
    } else {
      if (!(scale > 0.0 && std::isfinite(scale) && std::fabs(product - 1.0) <= 1e-5))
        throw Error(describe() + ", scales of truth and output", "positive ones whose product is 1",
                    std::to_string(scale) + " and " + std::to_string(outputs[0].scale));
    }
  }

  // ---- batch and generic path ------------------------------------------------------------------------------------

  template <class T>
  struct Workspace {
    typename Conditioner::template Workspace<T> inner;
    T coefficient[n_coefficients];
    T height[n_steps], step[n_steps], constant;
    void start(const TileContext& context) noexcept { inner.start(context); }
  };
  template <class T>
  using Accumulator = typename Conditioner::template Accumulator<T>;

  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<T, 1> y) noexcept {
    T coefficient[n_coefficients], height[n_steps], step[n_steps];
    Conditioner::template forward<T>(p, x.template part<1, n_theta>(), View<T, n_coefficients>(coefficient));
    T constant;
    evaluate(coefficient, T(x[0]), height, step, constant, y[0]);
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<T, 1> y,
                      Workspace<T>& w) noexcept {
    Conditioner::template forward<T>(p, x.template part<1, n_theta>(), View<T, n_coefficients>(w.coefficient), w.inner);
    evaluate(w.coefficient, T(x[0]), w.height, w.step, w.constant, y[0]);
  }

  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<const T, 1> y, Workspace<T>& w,
                       View<const T, 1> dy, Accumulator<T>& dp, Dx dx) noexcept {
    using S = ScalarOf<T>;
    T dh = dy[0];
    if constexpr (Form == Rises::as_ratio) dh = dh * y[0];
    const T scaled = fma(S(gain), dh, T(S(0)));
    T da[n_coefficients];
    for (int i = 0; i < n_steps; ++i) da[i] = scaled * (w.step[i] * fma(-w.height[i], w.height[i], w.height[i]));
    if constexpr (Form == Rises::as_ratio)
      da[n_steps] = dh * fma(-w.constant, w.constant, T(S(1)));
    else
      da[n_steps] = dh;
    const auto inner = [&](auto target) {
      Conditioner::template pullback<T>(p, x.template part<1, n_theta>(), View<const T, n_coefficients>(w.coefficient),
                                        w.inner, View<const T, n_coefficients>(da), dp, target);
    };
    if constexpr (wants_input_gradient<Dx>) {
      T slope(S(0));
      for (int i = 0; i < n_tails; ++i)
        slope = fma(w.height[i], fma(S(0.5), sigmoid(argument<T>(i, x[0])), T(S(0))), slope);
      for (int i = n_tails; i < n_steps; ++i) {
        const T rise = fma(S(direction(i)), w.step[i], T(S(0)));
        slope = fma(w.height[i], fma(-rise, rise, rise), slope);
      }
      dx[0] = dh * fma(S(gain * rate), slope, T(S(own_slope)));
      inner(dx.template part<1, n_theta>());
    } else {
      inner(dx);
    }
  }

  // ---- single object: vectors across the steps ---------------------------------------------------------------------

  template <class S>
  using Packed = typename Conditioner::template Packed<S>;
  template <class S>
  static void pack(View<const S, n_params> p, Packed<S>& packed) noexcept {
    Conditioner::template pack<S>(p, packed);
  }
  template <class V>
  static void forward_single(const Packed<ScalarOf<V>>& packed, const V* x, V* y) noexcept {
    using S = ScalarOf<V>;
    using T = typename OneLane<V>::Type;
    constexpr int theta_blocks = n_blocks<S>(n_theta > 0 ? n_theta : 1), blocks = n_blocks<S>(n_coefficients);
    V theta[theta_blocks], coefficient[blocks], height[blocks], step[blocks];
    for (V& block : theta) block = V(S(0));
    for (V& block : step) block = V(S(0));
    for (int i = 0; i < n_theta; ++i) put(theta, i, get<T>(x, i + 1));
    Conditioner::template forward_single<V>(packed, theta, coefficient);
    for (int b = 0; b < blocks; ++b) height[b] = height_of(coefficient[b]);
    const T z = get<T>(x, 0);
    V tail(S(0));
    for (int i = 0; i < n_tails; ++i) put(&tail, i, argument<T>(i, z));
    for (int i = n_tails; i < n_steps; ++i) put(step, i, argument<T>(i, z));
    for (V& block : step) block = sigmoid(block);
    tail = softplus(tail);
    T heights[n_steps], steps[n_steps], constant, result;
    for (int i = 0; i < n_steps; ++i) {
      heights[i] = get<T>(height, i);
      steps[i] = i < n_tails ? signed_step(i, get<T>(&tail, i)) : signed_step(i, get<T>(step, i));
    }
    sum_up(heights, steps, get<T>(coefficient, n_steps), z, constant, result);
    y[0] = V(S(0));
    put(y, 0, result);
  }

 private:
  /// Of sum_i height_i step_i, and of z beside the steps.
  static constexpr double gain = 4.0 * (1.0 - minimum_slope) * spacing;
  static constexpr double own_slope = Form == Rises::as_ratio ? minimum_slope - 1.0 : minimum_slope;
  /// Steps are half a spacing wide: the sum of their slopes ripples by 0.2 %, by 2 % where the tails begin.
  static constexpr double rate = 2.0 / spacing;
  static constexpr double ln_3 = 1.0986122886681098;  // sigmoid(-ln 3) = 1/4: slope 1 where a is 0

  /// Where step i is steepest; a tail begins half a spacing beyond the last knot.
  static constexpr double knot(int i) noexcept {
    if (i < n_tails) return i == 0 ? -span - 0.5 * spacing : span + 0.5 * spacing;
    return -span + spacing * (i - n_tails);
  }
  /// Steps below the middle come from above, so that all of them are near 0 in the middle and c is h there.
  static constexpr double direction(int i) noexcept { return knot(i) < -1e-9 ? -1.0 : 1.0; }

  template <class T>
  static CALIBRANT_INLINE T argument(int i, const T& z) noexcept {
    using S = ScalarOf<T>;
    return fma(S(direction(i) * rate), z, T(S(-direction(i) * rate * knot(i))));
  }
  template <class T>
  static CALIBRANT_INLINE T signed_step(int i, const T& value) noexcept {
    using S = ScalarOf<T>;
    return fma(S(i < n_tails ? 0.5 * direction(i) : direction(i)), value, T(S(0)));
  }
  template <class T>
  static CALIBRANT_INLINE T height_of(const T& a) noexcept {
    return sigmoid(a - T(ScalarOf<T>(ln_3)));
  }

  template <class T>
  static CALIBRANT_INLINE void evaluate(const T* coefficient, const T& z, T* height, T* step, T& constant,
                                        T& y) noexcept {
    for (int i = 0; i < n_steps; ++i) {
      height[i] = height_of(coefficient[i]);
      const T v = argument<T>(i, z);
      step[i] = signed_step(i, i < n_tails ? softplus(v) : sigmoid(v));
    }
    sum_up(height, step, coefficient[n_steps], z, constant, y);
  }
  template <class T>
  static CALIBRANT_INLINE void sum_up(const T* height, const T* step, const T& c, const T& z, T& constant,
                                      T& y) noexcept {
    using S = ScalarOf<T>;
    T sum(S(0));
    for (int i = 0; i < n_steps; ++i) sum = fma(height[i], step[i], sum);
    if constexpr (Form == Rises::as_ratio) {
      constant = tanh(fma(S(1.0 / largest_constant), c, T(S(0))));
      y = exp(fma(S(gain), sum, fma(S(own_slope), z, fma(S(largest_constant), constant, T(S(0))))));
    } else {
      constant = c;
      y = fma(S(gain), sum, fma(S(own_slope), z, c));
    }
  }

  template <class V>
  struct OneLane {
    using Type = ScalarOf<V>;
  };
  template <class Base, int N>
  struct OneLane<Dual<Base, N>> {
    using Type = Dual<ScalarOf<Base>, N>;
  };
  /// Feature i of a row of blocks.
  template <class T, class V>
  static CALIBRANT_INLINE T get(const V* blocks, int i) noexcept {
    constexpr int L = lanes<ScalarOf<V>>;
    T result;
    const auto* from = scalars(blocks + i / L) + i % L;
    for (int c = 0; c < ScalarTraits<V>::n_components; ++c) scalars(&result)[c] = from[c * L];
    return result;
  }
  template <class T, class V>
  static CALIBRANT_INLINE void put(V* blocks, int i, const T& value) noexcept {
    constexpr int L = lanes<ScalarOf<V>>;
    auto* to = scalars(blocks + i / L) + i % L;
    for (int c = 0; c < ScalarTraits<V>::n_components; ++c) to[c * L] = scalars(&value)[c];
  }

  template <class Inputs, class Outputs>
  CALIBRANT_COLD static void check_kind(const Inputs& inputs, const Outputs& outputs) {
    constexpr Transform transform = Form == Rises::as_ratio ? Transform::logarithm : Transform::identity;
    constexpr Output output = Form == Rises::as_ratio ? Output::ratio : Output::standardised;
    if (inputs[0].transform != transform)
      throw Error(describe() + ", transform of the truth", std::string(to_string(transform)),
                  std::string(to_string(inputs[0].transform)));
    if (outputs[0].output != output)
      throw Error(describe() + ", output", std::string(to_string(output)), std::string(to_string(outputs[0].output)));
  }
};

/// A response in the unit of x that rises by at least MinimumSlope per unit: Monotone with Rises::in_unit.
template <class Conditioner, class MinimumSlope = std::ratio<1, 20>>
struct MonotoneResponse : Monotone<Conditioner, Rises::in_unit, MinimumSlope> {};

/// A response given as the ratio to x, which the loss sees too: MonotoneRatio<Mlp<Inputs<10>, Hidden<64>, Hidden<64>,
/// Outputs<16>>> has truth and ten features as inputs. Monotone with Rises::as_ratio.
template <class Conditioner, class MinimumSlope = std::ratio<1, 20>>
struct MonotoneRatio : Monotone<Conditioner, Rises::as_ratio, MinimumSlope> {};

}  // namespace calibrant
