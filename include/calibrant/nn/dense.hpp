// Dense: y = activation(W x + b), the activation fused. The workhorse of every network here.
#pragma once

#include <cmath>
#include <string>

#include "calibrant/nn/activation.hpp"
#include "calibrant/nn/dense_kernels.hpp"
#include "calibrant/nn/module.hpp"

namespace calibrant {

/// Of a dense layer, for messages and model files.
inline CALIBRANT_COLD std::string describe_dense(int n_in, int n_out, const char* activation) {
  return "dense(" + std::to_string(n_in) + ", " + std::to_string(n_out) + ", " + activation + ")";
}

/// Target of a pullback that carries dL/dx through the activation of the dense layer below, whose output x is, while it
/// is in registers. Writes that layer's dL/dz and adds it to the gradient of its bias.
template <class T, class Activation>
struct ThroughActivation {
  using S = ScalarOf<T>;
  T* dz;
  const T* y;
  const T* saved;  ///< if the activation saves something
  LaneSum<T>* bias;

  template <int Q>
  CALIBRANT_INLINE void operator()(int k, int column, const Wide<S, Q>& dy) const noexcept {
    const auto row = [&](const T* tiles) { return Wide<S, Q>::load(scalars(tiles + k) + column); };
    const Wide<S, Q> result = pull<Activation>(dy, row(y), row(Activation::saves == Saves::nothing ? y : saved), S(0));
    bias[k].add(result);
    result.store(partial(k, column));
  }
  S* partial(int k, int column) const noexcept { return scalars(dz + k) + column; }
};

/// y_o = activation(b_o + sum_k W_ok x_k). A stateless module (see concepts.hpp).
///
/// Parameters, PyTorch's order: W row-major (Out, In), b (Out), then the activation's parameter per unit, if it has
/// one. The order of sums is fixed (nn/dense_kernels.hpp): one object alone and a lane of a tile get the same bits.
template <int In, int Out, class Activation_ = Identity>
struct Dense {
  static_assert(In > 0 && Out > 0, "Dense: inputs and outputs are one or more");
  using Activation = Activation_;
  static constexpr int n_in = In, n_out = Out;
  static constexpr int n_weights = In * Out;
  static constexpr int n_params = n_weights + Out + Activation::n_parameters * Out;
  static constexpr bool is_narrow = Out <= kernel::narrow_outputs;

  /// Gradients summed in lanes need no transposed tile: better where a row of weights would waste most of a register,
  /// or where there are few rows.
  template <class S>
  static constexpr bool sums_in_lanes = is_narrow || 2 * In <= lanes<S>;

  static std::string describe() { return describe_dense(In, Out, Activation::name); }

  /// Glorot-uniform or He-uniform weights as the activation asks; biases uniform in +-1/sqrt(In), so that the kinks of
  /// rectifiers spread over the inputs.
  template <class S>
  static CALIBRANT_COLD void initialise(View<S, n_params> p, Random& random) {
    const double limit = Activation::initialiser == Initialiser::he ? std::sqrt(6.0 / In) : std::sqrt(6.0 / (In + Out));
    const double bias_limit = 1.0 / std::sqrt(static_cast<double>(In));
    for (int i = 0; i < n_weights; ++i) p[i] = static_cast<S>(random.uniform(-limit, limit));
    for (int i = 0; i < Out; ++i) p[n_weights + i] = static_cast<S>(random.uniform(-bias_limit, bias_limit));
    if constexpr (Activation::n_parameters > 0)
      for (int i = 0; i < Out; ++i) p[n_weights + Out + i] = static_cast<S>(Activation::initial_parameter);
  }

  // ---- batch and generic path ----------------------------------------------------------------------------------

  template <class T>
  struct Workspace {
    static constexpr bool saves_something = Activation::saves != Saves::nothing;
    T saved[saves_something ? Out : 1];
    void start(const TileContext&) noexcept {}
  };

  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, In> x, View<T, Out> y) noexcept {
    evaluate(p, x, y, static_cast<T*>(nullptr));
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, In> x, View<T, Out> y,
                      Workspace<T>& w) noexcept {
    evaluate<Workspace<T>::saves_something>(p, x, y, w.saved);
  }

  template <class T>
  struct Accumulator {
    using S = ScalarOf<T>;
    static constexpr bool in_lanes = !is_wide<T> || sums_in_lanes<S>;
    static constexpr int row = padded<S>(In);  // of the padded weight gradient
    using Weights = std::conditional_t<in_lanes, LaneSum<T>, S>;
    alignas(virtual_register_bytes) Weights weight[in_lanes ? n_weights : Out * row];
    LaneSum<T> bias[Out];
    LaneSum<T> slope[Activation::n_parameters > 0 ? Out : 1];

    void clear() noexcept {
      for (auto& w : weight) w = Weights{};
      for (auto& b : bias) b = LaneSum<T>{};
      for (auto& a : slope) a = LaneSum<T>{};
    }
    /// Adds the sums into `gradient` (n_params), in the order of the parameters.
    void collect(View<const S, n_params>, S* gradient) const noexcept {
      if constexpr (in_lanes) {
        collect_sums(weight, n_weights, gradient);
      } else {
        for (int o = 0; o < Out; ++o) add_to(gradient + o * In, weight + o * row, In);
      }
      collect_sums(bias, Out, gradient + n_weights);
      if constexpr (Activation::n_parameters > 0) collect_sums(slope, Out, gradient + n_weights + Out);
    }
  };

  /// Adds dL/dp into dp and overwrites dx with dL/dx; `dy` is dL/dy. forward must have run on the same p, x, y, w.
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, n_params> p, View<const T, In> x, View<const T, Out> y, Workspace<T>& w,
                       View<const T, Out> dy, Accumulator<T>& dp, Dx dx) noexcept {
    using S = ScalarOf<T>;
    constexpr bool in_lanes = Accumulator<T>::in_lanes;
    constexpr bool identity = std::is_same_v<Activation, Identity>;
    constexpr bool keeps_dz = !identity && (!in_lanes || wants_input_gradient<Dx>);
    T local[keeps_dz ? Out : 1];
    for (int o = 0; o < Out; ++o) {
      T dz = dy[o];
      if constexpr (!identity) {
        const T& saved = w.saved[Workspace<T>::saves_something ? o : 0];
        const S a = Activation::n_parameters > 0 ? p[(n_params - Out) + o] : S(0);
        if constexpr (Activation::n_parameters > 0)
          dp.slope[o].add_parameter_part(dz, Activation::parameter_slope(saved));
        dz = pull<Activation>(dz, T(y[o]), saved, a);
        if constexpr (keeps_dz) local[o] = dz;
      }
      dp.bias[o].add(parameter_part(dz));
      if constexpr (in_lanes) {
        LaneSum<T>* row = dp.weight + o * In;
        CALIBRANT_UNROLL_SMALL for (int k = 0; k < In; ++k) row[k].add_parameter_part(dz, x[k]);
      }
    }
    const T* dz = dy.data();
    if constexpr (keeps_dz) dz = local;
    pullback_linear(p, x, dz, dp, dx);
  }

  /// Whether the layer above may carry dL/dx through the activation (see ThroughActivation).
  template <class T>
  static constexpr bool takes_dz = is_wide<T> && !is_dual<T> && !Accumulator<T>::in_lanes &&
                                   Activation::n_parameters == 0 && !std::is_same_v<Activation, Identity>;

  /// The target for the layer above, which then writes dz.
  template <class T>
  static ThroughActivation<T, Activation> through_activation(T* dz, const T* y, const Workspace<T>& w,
                                                             Accumulator<T>& dp) noexcept {
    return {dz, y, w.saved, dp.bias};
  }
  /// What remains of pullback when dz = dL/dz, and what the bias and the slopes take of it, is there.
  template <class T, class Dx>
  static void pullback_linear(View<const ScalarOf<T>, n_params> p, View<const T, In> x, const T* dz, Accumulator<T>& dp,
                              Dx dx) noexcept {
    if constexpr (!Accumulator<T>::in_lanes) add_outer_products(x, dz, dp);
    pull_inputs(p, dz, dx);
  }

  // ---- single object: vectors across the outputs -----------------------------------------------------------------

  /// Weights laid out for one object: columns of the weight matrix, padded to whole registers; rows for a narrow layer.
  template <class S>
  struct Packed {
    static constexpr int outputs = padded<S>(Out), inputs = padded<S>(In);
    alignas(virtual_register_bytes) S weight[is_narrow ? Out * inputs : In * outputs];
    alignas(virtual_register_bytes) S bias[outputs];
    alignas(virtual_register_bytes) S slope[Activation::n_parameters > 0 ? outputs : lanes<S>];
  };

  template <class S>
  static void pack(View<const S, n_params> p, Packed<S>& packed) noexcept {
    for (S& w : packed.weight) w = S(0);
    for (S& b : packed.bias) b = S(0);
    for (S& a : packed.slope) a = S(0);
    for (int o = 0; o < Out; ++o) {
      for (int k = 0; k < In; ++k)
        packed.weight[is_narrow ? o * Packed<S>::inputs + k : k * Packed<S>::outputs + o] = p[o * In + k];
      packed.bias[o] = p[n_weights + o];
      if constexpr (Activation::n_parameters > 0) packed.slope[o] = p[n_weights + Out + o];
    }
  }

  /// x and y are blocks of one virtual register across the features (V is Wide<S, 1> or a Dual of it). Lanes of x past
  /// the inputs may hold any finite number; lanes of y past the outputs are unspecified but finite.
  template <class V>
  static void forward_single(const Packed<ScalarOf<V>>& packed, const V* x, V* y) noexcept {
    using S = ScalarOf<V>;
    using W = Wide<S, 1>;
    constexpr int L = lanes<S>, components = ScalarTraits<V>::n_components;
    const S* input = scalars(x);
    if constexpr (is_narrow) {
      // The interleaved partial sums of kernel::dot are the lanes here.
      constexpr int blocks = n_blocks<S>(In);
      alignas(virtual_register_bytes) S sums[components][L] = {};
      for (int o = 0; o < Out; ++o)
        for (int c = 0; c < components; ++c) {
          W sum(S(0));
          CALIBRANT_UNROLL for (int b = 0; b < blocks; ++b) {
            W block = W::load(input + b * stride<V> + c * L);
            if constexpr (In % L != 0)
              if (b + 1 == blocks) block = keep_first<In % L>(block);
            sum = fma(W::load(packed.weight + o * Packed<S>::inputs + b * L), block, sum);
          }
          sums[c][o] = c == 0 ? sum_lanes(sum) + packed.bias[o] : sum_lanes(sum);
        }
      V z;
      for (int c = 0; c < components; ++c) W::load(sums[c]).store(scalars(&z) + c * L);
      y[0] = activate<Activation>(z, W::load(packed.slope));
    } else {
      constexpr int blocks = n_blocks<S>(Out);
      // As many accumulators as fit; a wider layer takes several passes over the inputs.
      constexpr int group = blocks * components * W::n_batches <= hardware_registers - 4
                                ? blocks
                                : ((hardware_registers - 4) / (components * W::n_batches) > 0
                                       ? (hardware_registers - 4) / (components * W::n_batches)
                                       : 1);
      const auto pass = [&]<int Blocks>(int first) CALIBRANT_LAMBDA_INLINE {
        V acc[Blocks];
        CALIBRANT_UNROLL for (int b = 0; b < Blocks; ++b) acc[b] = V(W::load(packed.bias + (first + b) * L));
        for (int k = 0; k < In; ++k) {
          const S* weight = packed.weight + k * Packed<S>::outputs + first * L;
          const S* xk = input + (k / L) * stride<V> + k % L;
          CALIBRANT_UNROLL for (int b = 0; b < Blocks; ++b) {
            const W w = W::load(weight + b * L);
            if constexpr (is_dual<V>) {
              acc[b].value = fma(xk[0], w, acc[b].value);
              CALIBRANT_UNROLL for (int t = 0; t < V::n_tangents; ++t) acc[b].tangent[t] =
                  fma(xk[(t + 1) * L], w, acc[b].tangent[t]);
            } else {
              acc[b] = fma(xk[0], w, acc[b]);
            }
          }
        }
        for (int b = 0; b < Blocks; ++b)
          y[first + b] = activate<Activation>(
              acc[b], W::load(packed.slope + (Activation::n_parameters > 0 ? (first + b) * L : 0)));
      };
      int b = 0;
      for (; b + group <= blocks; b += group) pass.template operator()<group>(b);
      if constexpr (blocks % group != 0) pass.template operator()<blocks % group>(b);
    }
  }

 private:
  /// Adds the products of dz and x to the gradient of the weights.
  template <class T>
  static void add_outer_products(View<const T, In> x, const T* dz, Accumulator<T>& dp) noexcept {
    // For duals the value of dz meets the tangent of x and the tangent of dz the value of x.
    constexpr int samples = ValueOf<T>::n_samples, components = ScalarTraits<T>::n_components;
    for (int c = 0; c < components; ++c)
      kernel::accumulate_outer<In, Out, samples>(scalars(dz) + (components - 1 - c) * samples, stride<T>,
                                                 scalars(x.data()) + c * samples, stride<T>, dp.weight);
  }

  /// dL/dx, if it is wanted.
  template <class T, class Dx>
  static void pull_inputs(View<const ScalarOf<T>, n_params> p, const T* dz, Dx dx) noexcept {
    using S = ScalarOf<T>;
    if constexpr (!wants_input_gradient<Dx>) {
      return;
    } else if constexpr (!std::is_same_v<Dx, View<T, In>>) {
      kernel::multiply_transposed<In, Out, stride<T>>(p.data(), scalars(dz), dx);
    } else if constexpr (is_wide<T>) {
      kernel::multiply_transposed<In, Out, stride<T>>(p.data(), scalars(dz),
                                                      kernel::StoreRow<S, stride<T>>{scalars(dx.data())});
    } else {
      for (int k = 0; k < In; ++k) {
        T sum = T(S(0));
        for (int o = 0; o < Out; ++o) sum = fma(p[o * In + k], dz[o], sum);
        dx[k] = sum;
      }
    }
  }

  template <int Count, class S>
  static CALIBRANT_INLINE Wide<S, 1> keep_first(const Wide<S, 1>& block) noexcept {
    alignas(virtual_register_bytes) static constexpr auto flags = [] {
      std::array<S, static_cast<std::size_t>(lanes<S>)> result{};
      for (std::size_t i = 0; i < Count; ++i) result[i] = S(1);
      return result;
    }();
    return select(Wide<S, 1>::load(flags.data()) > Wide<S, 1>(S(0)), block, Wide<S, 1>(S(0)));
  }

  template <bool Save = false, class T>
  static void evaluate(View<const ScalarOf<T>, n_params> p, View<const T, In> x, View<T, Out> y, T* saved) noexcept {
    using S = ScalarOf<T>;
    const S* slopes = p.data() + (n_params - Out);
    if constexpr (is_wide<T>) {
      evaluate_wide<Save>(p, x, y, saved);
      if constexpr (!is_dual<T>) return;
    } else {
      for (int o = 0; o < Out; ++o) y[o] = plain_output(p, x, o);
    }
    if constexpr (!std::is_same_v<Activation, Identity>)
      for (int o = 0; o < Out; ++o) {
        const S a = Activation::n_parameters > 0 ? slopes[o] : S(0);
        if constexpr (Save) {
          const auto activated = Activation::apply(T(y[o]), a);
          y[o] = activated.value;
          saved[o] = activated.saved;
        } else {
          y[o] = activate<Activation>(T(y[o]), a);
        }
      }
  }

  /// W x + b in the order of kernel::multiply_block or kernel::dot, for scalars and duals of scalars.
  template <class T>
  static T plain_output(View<const ScalarOf<T>, n_params> p, View<const T, In> x, int o) noexcept {
    using S = ScalarOf<T>;
    const S* weight = p.data() + o * In;
    const T bias = T(p[n_weights + o]);
    if constexpr (is_narrow) {
      constexpr int L = lanes<S>;
      T sums[L];
      for (T& sum : sums) sum = T(S(0));
      for (int k = 0; k < In; ++k) sums[k % L] = fma(weight[k], x[k], sums[k % L]);
      for (int half = L / 2; half > 0; half /= 2)
        for (int l = 0; l < half; ++l) sums[l] = sums[l] + sums[l + half];
      return sums[0] + bias;
    } else {
      T sum = bias;
      for (int k = 0; k < In; ++k) sum = fma(weight[k], x[k], sum);
      return sum;
    }
  }

  /// The activation of Q registers, from sample `column` on, of `count` rows of z from row `first` on, in their place.
  /// A function of its own: its constants would take registers from the sums. Register by register: compilers pass
  /// larger structs through memory.
  template <bool Save, class T, int Q, class S>
  static CALIBRANT_NOINLINE void activate_block(View<const S, n_params> p, S* z, S* saved, int column, int first,
                                                int count) noexcept {
    for (int o = first; o < first + count; ++o) {
      const S a = Activation::n_parameters > 0 ? p[(n_params - Out) + o] : S(0);
      CALIBRANT_UNROLL for (int q = 0; q < Q; ++q) {
        const int at = o * stride<T> + column + q * lanes<S>;
        const auto activated = Activation::apply(Wide<S, 1>::load(z + at), a);
        activated.value.store(z + at);
        if constexpr (Save) activated.saved.store(saved + at);
      }
    }
  }

  /// W x + b and, unless T is a dual, the activation: in registers if it is cheap, else on each block of outputs while
  /// it is in the first cache.
  template <bool Save, class T>
  static CALIBRANT_NOINLINE void evaluate_wide(View<const ScalarOf<T>, n_params> p, View<const T, In> x, View<T, Out> y,
                                               T* saved) noexcept {
    using S = ScalarOf<T>;
    constexpr bool in_registers = Activation::cheap && !is_dual<T>;
    constexpr bool in_blocks = !Activation::cheap && !is_dual<T>;
    constexpr int value_stride = stride<ValueOf<T>>;
    constexpr int Q = kernel::block_registers<S, value_stride / lanes<S>>;
    constexpr int R = kernel::block_rows<S, Q> < Out ? kernel::block_rows<S, Q> : Out;
    const S* in = scalars(x.data());
    S* out = scalars(y.data());
    S* saved_rows = nullptr;
    if constexpr (Save) saved_rows = scalars(saved);
    const auto finish = [&](int o, int column, const Wide<S, Q>& z) CALIBRANT_LAMBDA_INLINE {
      if constexpr (in_registers) {
        const S a = Activation::n_parameters > 0 ? p[(n_params - Out) + o] : S(0);
        const auto activated = Activation::apply(z, a);
        if constexpr (Save) activated.saved.store(saved_rows + o * stride<T> + column);
        activated.value.store(out + o * stride<T> + column);
      } else {
        z.store(out + o * stride<T> + column);
      }
    };
    for (int column = 0; column < stride<T>; column += Q * lanes<S>) {
      const bool is_value = column < value_stride;  // tangents have no bias
      if constexpr (is_narrow) {
        for (int o = 0; o < Out; ++o)
          finish(o, column,
                 kernel::dot<In, S, Q>(p.data() + o * In, is_value ? p[n_weights + o] : S(0), in + column, stride<T>));
        if constexpr (in_blocks) activate_block<Save, T, Q>(p, out, saved_rows, column, 0, Out);
      } else {
        constexpr int terms = kernel::terms_at_once<In>;
        const auto rows = [&]<int Rows>(int o, int first, int n) CALIBRANT_LAMBDA_INLINE {
          Wide<S, Q> acc[Rows];
          if (terms == In || first == 0) {
            CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) acc[r] = Wide<S, Q>(is_value ? p[n_weights + o + r] : S(0));
          } else {
            CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) acc[r] =
                Wide<S, Q>::load(out + (o + r) * stride<T> + column);
          }
          kernel::multiply_block<Rows>(n, p.data() + o * In + first, In, 1, in + first * stride<T> + column, stride<T>,
                                       acc);
          if (terms < In && first + n < In) {
            CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) acc[r].store(out + (o + r) * stride<T> + column);
            return;
          }
          CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) finish(o + r, column, acc[r]);
          if constexpr (in_blocks) activate_block<Save, T, Q>(p, out, saved_rows, column, o, Rows);
        };
        for (int first = 0; first < In; first += terms) {
          const int n = In % terms == 0 || first + terms <= In ? terms : In % terms;
          int o = 0;
          for (; o + R <= Out; o += R) rows.template operator()<R>(o, first, n);
          if constexpr (Out % R != 0) rows.template operator()<Out % R>(o, first, n);
        }
      }
    }
  }
};

/// Whether Above carries dL/dx through the activation of Below.
template <class T, class Below, class Above>
inline constexpr bool pulls_through = false;
template <class T, int In, int Middle, int Out, class Activation, class ActivationAbove>
inline constexpr bool pulls_through<T, Dense<In, Middle, Activation>, Dense<Middle, Out, ActivationAbove>> =
    Dense<In, Middle, Activation>::template takes_dz<T>;

}  // namespace calibrant
