// Sequential: modules one after the other, itself a module. Offsets, boundaries and workspace are compile-time; flat
// packs and folds, no recursion per layer.
#pragma once

#include <array>
#include <type_traits>

#include "calibrant/nn/rectified_readout.hpp"

namespace calibrant {

template <class... Modules>
struct Sequential {
  static_assert(sizeof...(Modules) > 0, "Sequential: at least one module");
  static constexpr int depth = sizeof...(Modules);
  static constexpr std::array<int, depth> inputs{Modules::n_in...}, outputs{Modules::n_out...},
      counts{Modules::n_params...};
  static_assert(
      [] {
        for (unsigned i = 1; i < depth; ++i)
          if (inputs[i] != outputs[i - 1]) return false;
        return true;
      }(),
      "Sequential: n_in of each module must equal n_out of the one before it");
  static constexpr int n_in = inputs[0], n_out = outputs[depth - 1], n_params = (Modules::n_params + ...);
  static constexpr int widest = [] {
    int result = 0;
    for (int n : outputs) result = n > result ? n : result;
    return result;
  }();

  static CALIBRANT_COLD std::string describe() {
    std::string result;
    ((result += (result.empty() ? "" : " > ") + Modules::describe()), ...);
    return result;
  }

  template <class S>
  static void initialise(View<S, n_params> p, Random& random) {
    each([&]<int Index>() { At<Index>::template initialise<S>(part<Index>(p), random); });
  }

  // The boundary after module Index starts at boundary_offset[Index]; the last output belongs to the caller.
  static constexpr std::array<int, depth> offset = [] {
    std::array<int, depth> result{};
    for (unsigned i = 1; i < depth; ++i) result[i] = result[i - 1] + counts[i - 1];
    return result;
  }();
  static constexpr std::array<int, depth> boundary_offset = [] {
    std::array<int, depth> result{};
    for (unsigned i = 1; i < depth; ++i) result[i] = result[i - 1] + outputs[i - 1];
    return result;
  }();
  static constexpr int n_boundary = boundary_offset[depth - 1] > 0 ? boundary_offset[depth - 1] : 1;

  /// Modules that are trained faster in one go than one after the other; `forward` gives the same bits.
  template <class T>
  using Together = TrainedTogether<T, Modules...>;

  template <class T>
  struct SeparateWorkspace {
    Pack<typename Modules::template Workspace<T>...> inner;
    T boundary[n_boundary];
    void start(TileContext context) noexcept {
      const std::uint32_t base = context.layer * 64;
      each([&]<int Index>() {
        context.layer = base + Index + 1;
        at<Index>(inner).start(context);
      });
    }
  };

  template <class T>
  struct SeparateAccumulator {
    Pack<typename Modules::template Accumulator<T>...> inner;
    void clear() noexcept {
      each([&]<int Index>() { at<Index>(inner).clear(); });
    }
    void collect(View<const ScalarOf<T>, n_params> p, ScalarOf<T>* gradient) const noexcept {
      each([&]<int Index>() { at<Index>(inner).collect(part<Index>(p), gradient + offset[Index]); });
    }
  };
  template <class T>
  struct Separately {
    using Workspace = SeparateWorkspace<T>;
    using Accumulator = SeparateAccumulator<T>;
  };
  template <class T>
  using Buffers = std::conditional_t<Together<T>::exists, Together<T>, Separately<T>>;
  template <class T>
  using Workspace = typename Buffers<T>::Workspace;
  template <class T>
  using Accumulator = typename Buffers<T>::Accumulator;

  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<T, n_out> y) noexcept {
    if constexpr (Together<T>::exists) {
      Together<T>::forward(p, x, y);
    } else {
      T even[widest], odd[widest];
      each([&]<int Index>() CALIBRANT_LAMBDA_INLINE {
        const T* in = Index == 0 ? x.data() : (Index % 2 == 1 ? even : odd);
        T* out = Index + 1 == depth ? y.data() : (Index % 2 == 0 ? even : odd);
        At<Index>::template forward<T>(part<Index>(p), View<const T, At<Index>::n_in>(in),
                                       View<T, At<Index>::n_out>(out));
      });
    }
  }

  template <class T>
  static void forward(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<T, n_out> y,
                      Workspace<T>& w) noexcept {
    if constexpr (Together<T>::exists)
      Together<T>::forward(p, x, y, w);
    else
      each([&]<int Index>() CALIBRANT_LAMBDA_INLINE {
        At<Index>::template forward<T>(
            part<Index>(p), input<Index>(x, w),
            View<T, At<Index>::n_out>(Index + 1 == depth ? y.data() : w.boundary + boundary_offset[Index]),
            at<Index>(w.inner));
      });
  }

  /// Adds dL/dp into dp, overwrites dx. forward must have run on the same p, x, y, w.
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, n_params> p, View<const T, n_in> x, View<const T, n_out> y,
                       Workspace<T>& w, View<const T, n_out> dy, Accumulator<T>& dp, Dx dx) noexcept {
    if constexpr (Together<T>::exists) {
      Together<T>::pullback(p, x, y, w, dy, dp, dx);
    } else {
      T even[widest], odd[widest];
      each([&]<int Reversed>() CALIBRANT_LAMBDA_INLINE {
        constexpr int Index = depth - 1 - Reversed;
        using M = At<Index>;
        const T* from = Index + 1 == depth ? dy.data() : (Index % 2 == 0 ? even : odd);
        const T* out = Index + 1 == depth ? y.data() : w.boundary + boundary_offset[Index];
        const auto run = [&](auto target) CALIBRANT_LAMBDA_INLINE {
          if constexpr (gets_dz<T, Index>)
            M::template pullback_linear<T>(part<Index>(p), input<Index>(x, w), from, at<Index>(dp.inner), target);
          else
            M::template pullback<T>(part<Index>(p), input<Index>(x, w), View<const T, M::n_out>(out),
                                    at<Index>(w.inner), View<const T, M::n_out>(from), at<Index>(dp.inner), target);
        };
        T* const below = Index % 2 == 1 ? even : odd;
        if constexpr (Index == 0)
          run(dx);
        else if constexpr (gets_dz<T, Index - 1>)
          run(At<Index - 1>::template through_activation<T>(below, input<Index>(x, w).data(), at<Index - 1>(w.inner),
                                                            at<Index - 1>(dp.inner)));
        else
          run(View<T, M::n_in>(below));
      });
    }
  }

  template <class S>
  struct Packed {
    Pack<typename Modules::template Packed<S>...> inner;
  };
  template <class S>
  static void pack(View<const S, n_params> p, Packed<S>& packed) noexcept {
    each([&]<int Index>() { At<Index>::template pack<S>(part<Index>(p), at<Index>(packed.inner)); });
  }
  template <class V>
  static void forward_single(const Packed<ScalarOf<V>>& packed, const V* x, V* y) noexcept {
    V even[n_blocks<ScalarOf<V>>(widest)], odd[n_blocks<ScalarOf<V>>(widest)];
    each([&]<int Index>() CALIBRANT_LAMBDA_INLINE {
      At<Index>::template forward_single<V>(at<Index>(packed.inner), Index == 0 ? x : (Index % 2 == 1 ? even : odd),
                                            Index + 1 == depth ? y : (Index % 2 == 0 ? even : odd));
    });
  }

 private:
  template <int Index>
  using At = typename decltype(type_at<Index>(static_cast<Pack<TypeTag<Modules>...>*>(nullptr)))::Type;

  /// Whether the module above Index hands dL/dz of a dense layer down instead of dL/dy.
  template <class T, int Index>
  static constexpr bool gets_dz = [] {
    if constexpr (Index + 1 < depth)
      return pulls_through<T, At<Index>, At<Index + 1>>;
    else
      return false;
  }();

  template <class F>
  static CALIBRANT_INLINE void each(F&& f) {
    [&]<int... Index>(std::integer_sequence<int, Index...>) CALIBRANT_LAMBDA_INLINE {
      (f.template operator()<Index>(), ...);
    }
    (std::make_integer_sequence<int, depth>{});
  }
  template <int Index, class S>
  static CALIBRANT_INLINE auto part(View<S, n_params> p) noexcept {
    return p.template part<offset[Index], counts[Index]>();
  }
  template <int Index, class T>
  static CALIBRANT_INLINE View<const T, At<Index>::n_in> input(View<const T, n_in> x,
                                                               SeparateWorkspace<T>& w) noexcept {
    if constexpr (Index == 0)
      return x;
    else
      return View<const T, At<Index>::n_in>(w.boundary + boundary_offset[Index - 1]);
  }
};

}  // namespace calibrant
