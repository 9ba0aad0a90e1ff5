// A rectified hidden layer and the single output behind it, trained as one: the network of arXiv:1910.03773, whose
// arithmetic is too little to hide behind the loads and stores of two separate layers.
#pragma once

#include "calibrant/nn/dense.hpp"

namespace calibrant {

/// What Sequential trains in one go instead of module by module; by default nothing.
template <class T, class... Modules>
struct TrainedTogether {
  static constexpr bool exists = false;
};

/// y = c + sum_j v_j h_j with h_j = z_j where z_j = b_j + sum_k w_jk x_k > 0, and a_j z_j elsewhere.
///
/// h is linear on both sides of its kink, so the gradients follow from sums over samples of the cotangent D of y and
/// its products with x, over all samples and over those where z_j > 0 (written [...]+):
///   dL/dw_jk = v_j (a_j [D x_k] + (1 - a_j) [D x_k]+),     dL/db_j = v_j (a_j [D] + (1 - a_j) [D]+),
///   dL/dv_j  = a_j [D z_j] + (1 - a_j) [D z_j]+,           dL/da_j = v_j ([D z_j] - [D z_j]+),
///   [D z_j]  = b_j [D] + sum_k w_jk [D x_k], and the same with +.
/// Forward keeps one bit per unit and sample, backward adds In + 1 numbers where the bit is set.
template <int In, int Units, class Activation, class S, int P>
requires(RectifierOver<Activation, S> &&
         2 * In <=
             lanes<S>) struct TrainedTogether<Wide<S, P>, Dense<In, Units, Activation>, Dense<Units, 1, Identity>> {
  static constexpr bool exists = true;
  using Hidden = Dense<In, Units, Activation>;
  using Readout = Dense<Units, 1, Identity>;
  using T = Wide<S, P>;
  static constexpr int n_params = Hidden::n_params + Readout::n_params;
  using ParameterView = View<const S, n_params>;

  /// Registers of samples side by side: the cotangent and its products with x stay in the register file.
  static constexpr int Q =
      (In + 1) * kernel::block_registers<S, P> <= hardware_registers - 8 ? kernel::block_registers<S, P> : 1;
  using Column = Wide<S, Q>;
  using Mask = typename Column::Mask;

  /// A mask is a few bits where the instruction set has mask registers. Turning one takes as long as a multiplication;
  /// those of all units in memory are turned by a few registers.
  static constexpr bool masks_are_bits = 8 * sizeof(Mask) <= sizeof(Column);
  static constexpr int units_per_register = static_cast<int>(virtual_register_bytes / sizeof(Mask));
  static constexpr int padded_units =
      masks_are_bits ? (Units + units_per_register - 1) / units_per_register * units_per_register : Units;

  struct Workspace {
    /// Where z > 0, of each unit; rows are padded to whole registers.
    alignas(virtual_register_bytes) Mask positive[P / Q][padded_units];
    void start(const TileContext&) noexcept {}
  };

  struct Accumulator {
    LaneSum<Column> all[In + 1];                 ///< [D x_k], then [D]
    LaneSum<Column> positive[(In + 1) * Units];  ///< [D x_k]+ of all units, then [D]+

    void clear() noexcept {
      for (auto& sum : all) sum = {};
      for (auto& sum : positive) sum = {};
    }
    void collect(ParameterView p, S* gradient) const noexcept {
      S total[In + 1] = {}, above[(In + 1) * Units] = {};
      collect_sums(all, In + 1, total);
      collect_sums(positive, (In + 1) * Units, above);
      const auto layout = locate(p.data());
      const auto target = locate(gradient);
      constexpr int whole = Units / lanes<S> * lanes<S>;
      for (int j = 0; j < whole; j += lanes<S>) finish<Wide<S, 1>>(layout, target, total, above, j);
      if constexpr (whole < Units)
        for (int j = whole; j < Units; ++j) finish<S>(layout, target, total, above, j);
      target.readout[Units] += total[In];
    }
  };

  /// The bits of the two layers one after the other.
  static void forward(ParameterView p, View<const T, In> x, View<T, 1> y) noexcept { evaluate(p, x, y, nullptr); }
  static void forward(ParameterView p, View<const T, In> x, View<T, 1> y, Workspace& w) noexcept {
    evaluate(p, x, y, &w);
  }

  template <class Dx>
  static CALIBRANT_NOINLINE void pullback(ParameterView p, View<const T, In> x, View<const T, 1>, Workspace& w,
                                          View<const T, 1> dy, Accumulator& dp, Dx dx) noexcept {
    for (int column = 0; column < P / Q; ++column) {
      const int offset = column * Column::n_samples;
      Column cotangent[In + 1];
      cotangent[In] = Column::load(scalars(dy.data()) + offset);
      CALIBRANT_UNROLL for (int k = 0; k < In; ++k) cotangent[k] =
          cotangent[In] * Column::load(scalars(x.data()) + k * stride<T> + offset);
      CALIBRANT_UNROLL for (int k = 0; k <= In; ++k) dp.all[k].add(cotangent[k]);
      for (int j = 0; j < Units; ++j) {
        const Mask positive = w.positive[column][j];
        CALIBRANT_UNROLL for (int k = 0; k <= In; ++k) dp.positive[k * Units + j].add_where(positive, cotangent[k]);
      }
      if constexpr (wants_input_gradient<Dx>) {
        const auto layout = locate(p.data());
        Column sum[In];
        for (Column& s : sum) s = Column(S(0));
        for (int j = 0; j < Units; ++j) {
          const Column dh = Column(layout.readout[j]) * cotangent[In];
          const Column dz = select(w.positive[column][j], dh, dh * Column(layout.negative_slope(j)));
          for (int k = 0; k < In; ++k) sum[k] = fma(layout.weight[j * In + k], dz, sum[k]);
        }
        for (int k = 0; k < In; ++k) sum[k].store(scalars(dx.data()) + k * stride<T> + offset);
      }
    }
  }

 private:
  /// @param w  Workspace*, or nullptr where no pullback follows.
  template <class W>
  static CALIBRANT_NOINLINE void evaluate(ParameterView p, View<const T, In> x, View<T, 1> y, W w) noexcept {
    constexpr bool keep = std::is_same_v<W, Workspace*>;
    constexpr int L = lanes<S>;
    const auto layout = locate(p.data());
    for (int column = 0; column < P / Q; ++column) {
      const S* const from = scalars(x.data()) + column * Column::n_samples;
      Column inputs[In];
      CALIBRANT_UNROLL for (int k = 0; k < In; ++k) inputs[k] = Column::load(from + k * stride<T>);
      /// The sum over units l, l + L, l + 2 L, ...
      const auto partial = [&](int l) CALIBRANT_LAMBDA_INLINE {
        Column sum(S(0));
        for (int j = l; j < Units; j += L) {
          Column z(layout.bias[j]);
          CALIBRANT_UNROLL for (int k = 0; k < In; ++k) z = fma(layout.weight[j * In + k], inputs[k], z);
          const S a = Activation::n_parameters > 0 ? layout.slope[j] : S(0);
          sum = fma(layout.readout[j], Activation::apply(z, a).value, sum);
          // Activations compare with <=: the compiler has that mask already.
          if constexpr (keep) w->positive[column][j] = masks_are_bits ? z <= Column(S(0)) : z > Column(S(0));
        }
        return sum;
      };
      // Pairs and fours are added in registers: most of the sums need no store.
      Column fours[L / 4];
      for (int l = 0; l < L / 4; ++l) {
        const Column even = partial(l) + partial(l + L / 2);
        fours[l] = even + (partial(l + L / 4) + partial(l + 3 * L / 4));
      }
      if constexpr (keep && masks_are_bits) turn(w->positive[column]);
      for (int half = L / 8; half > 0; half /= 2)
        for (int l = 0; l < half; ++l) fours[l] = fours[l] + fours[l + half];
      (fours[0] + Column(layout.readout[Units])).store(scalars(y.data()) + column * Column::n_samples);
    }
  }

  static CALIBRANT_INLINE void turn(Mask (&masks)[padded_units]) noexcept {
    using Bits = xsimd::batch<std::uint64_t>;
    auto* const bytes = reinterpret_cast<std::uint64_t*>(masks);
    for (std::size_t i = 0; i < sizeof(masks) / sizeof(std::uint64_t); i += Bits::size)
      (~Bits::load_aligned(bytes + i)).store_aligned(bytes + i);
  }

  /// Where the parameters of both layers lie.
  template <class Number>
  struct Layout {
    Number *weight, *bias, *slope, *readout;
    explicit Layout(Number* p) noexcept
        : weight(p), bias(p + Hidden::n_weights), slope(bias + Units), readout(p + Hidden::n_params) {}
    S negative_slope(int j) const noexcept {
      return Activation::negative_slope(Activation::n_parameters > 0 ? slope[j] : S(0));
    }
  };
  template <class V>
  static CALIBRANT_INLINE V load(const S* from) noexcept {
    if constexpr (is_wide<V>)
      return V::load(from);
    else
      return *from;
  }
  template <class V>
  static CALIBRANT_INLINE void add(S* to, const V& term) noexcept {
    if constexpr (is_wide<V>)
      (V::load(to) + term).store(to);
    else
      *to += term;
  }

  /// Adds the gradient of unit j, or of as many units from j on as V has lanes.
  template <class V>
  static CALIBRANT_INLINE void finish(const Layout<const S>& p, const Layout<S>& gradient, const S* total,
                                      const S* above, int j) noexcept {
    constexpr int n = ScalarTraits<V>::n_samples;
    const V a = Activation::negative_slope(Activation::n_parameters > 0 ? load<V>(p.slope + j) : V(S(0)));
    const V v = load<V>(p.readout + j), bias = load<V>(p.bias + j), d_above = load<V>(above + In * Units + j);
    const V d_all(total[In]);
    V z_all = bias * d_all, z_above = bias * d_above;
    for (int k = 0; k < In; ++k) {
      // The weights of a unit lie side by side.
      S weights[n], terms[n];
      for (int i = 0; i < n; ++i) weights[i] = p.weight[(j + i) * In + k];
      const V w = load<V>(weights), x_all(total[k]), x_above = load<V>(above + k * Units + j);
      z_all = fma(w, x_all, z_all);
      z_above = fma(w, x_above, z_above);
      const V term = v * fma(a, x_all - x_above, x_above);
      if constexpr (is_wide<V>)
        term.store(terms);
      else
        terms[0] = term;
      for (int i = 0; i < n; ++i) gradient.weight[(j + i) * In + k] += terms[i];
    }
    add<V>(gradient.bias + j, v * fma(a, d_all - d_above, d_above));
    add<V>(gradient.readout + j, fma(a, z_all - z_above, z_above));
    if constexpr (Activation::n_parameters > 0) add<V>(gradient.slope + j, v * (z_all - z_above));
  }

  template <class Number>
  static Layout<Number> locate(Number* p) noexcept {
    return Layout<Number>(p);
  }
};

}  // namespace calibrant
