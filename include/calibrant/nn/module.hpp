// What every module is made of: accumulators for gradients, packs of typed workspaces, the context of a training tile.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "calibrant/core/dual.hpp"
#include "calibrant/core/parameters.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/core/transpose.hpp"
#include "calibrant/core/view.hpp"

namespace calibrant {

/// Scalars of T side by side in memory: the stride between two features of a tile.
template <class T>
inline constexpr int stride = static_cast<int>(sizeof(T) / sizeof(ScalarOf<T>));

/// Memory of one tile element as plain scalars.
template <class T>
CALIBRANT_INLINE auto* scalars(T* x) noexcept {
  using S = ScalarOf<std::remove_const_t<T>>;
  if constexpr (std::is_const_v<T>)
    return reinterpret_cast<const S*>(x);
  else
    return reinterpret_cast<S*>(x);
}

/// Where a tile stands in the training: random masks are a function of it and not of tiles or threads.
struct TileContext {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;          ///< optimizer steps done before this batch
  std::uint32_t first_sample = 0;  ///< position in the batch of the tile's first sample
  std::uint32_t layer = 0;         ///< set by the modules that hold others
  bool inference = false;          ///< derivatives of the network as it is used: dropout is silent
};

/// Says to pullback that dL/dx is not wanted (the first layer of a training step).
struct NoInputGradient {};

template <class Dx>
inline constexpr bool wants_input_gradient = !std::is_same_v<Dx, NoInputGradient>;

/// For modules that keep nothing between forward and pullback.
template <class T>
struct NoWorkspace {
  void start(const TileContext&) noexcept {}
};

/// The part of dy * x that belongs to dL/dp. For duals, dy carries dL/dy_dot as its value and dL/dy as its tangent
/// (reverse over forward: the pullback of a linear map run on pairs), and dL/dp is the tangent of the product.
template <class T>
CALIBRANT_INLINE ValueOf<T> parameter_part(const T& dy, const T& x) noexcept {
  if constexpr (is_dual<T>) {
    static_assert(T::n_tangents == 1, "pullback over duals: one tangent at a time");
    return fma(dy.value, x.tangent[0], dy.tangent[0] * x.value);
  } else {
    return dy * x;
  }
}
template <class T>
CALIBRANT_INLINE ValueOf<T> parameter_part(const T& dy) noexcept {
  if constexpr (is_dual<T>)
    return dy.tangent[0];
  else
    return dy;
}

/// Lane sums of one parameter's gradient, kept in a virtual register across the tiles of a batch; a plain number when
/// T is not wide.
template <class T>
struct LaneSum {
  using S = ScalarOf<T>;
  using Sum = std::conditional_t<is_wide<T>, Wide<S, 1>, S>;
  Sum sum{S(0)};

  /// Of all samples, or of some registers of them.
  template <class Term>
  CALIBRANT_INLINE void add(const Term& term) noexcept {
    if constexpr (is_wide<T>) {
      constexpr int per = Wide<S, 1>::n_batches;
      Sum local = sum;  // in registers: stores between the additions would have to be kept
      CALIBRANT_UNROLL for (int i = 0; i < Term::n_batches; ++i) local.batch[i % per] =
          local.batch[i % per] + term.batch[i];
      sum = local;
    } else {
      sum += term;
    }
  }
  /// sum += term where the mask is set.
  CALIBRANT_INLINE void add_where(const typename ScalarTraits<ValueOf<T>>::Mask& mask,
                                  const ValueOf<T>& term) noexcept {
    if constexpr (is_wide<T>) {
      constexpr int per = Wide<S, 1>::n_batches;
      Sum local = sum;
      CALIBRANT_UNROLL for (int i = 0; i < ValueOf<T>::n_batches; ++i) local.batch[i % per] =
          calibrant::add_where(mask.batch[i], local.batch[i % per], term.batch[i]);
      sum = local;
    } else {
      if (mask) sum += term;
    }
  }
  /// sum += a b without rounding the product.
  CALIBRANT_INLINE void add_product(const ValueOf<T>& a, const ValueOf<T>& b) noexcept {
    if constexpr (is_wide<T>) {
      constexpr int per = Wide<S, 1>::n_batches;
      Sum local = sum;
      CALIBRANT_UNROLL for (int i = 0; i < ValueOf<T>::n_batches; ++i) local.batch[i % per] =
          fused(a.batch[i], b.batch[i], local.batch[i % per]);
      sum = local;
    } else {
      sum = fma(a, b, sum);
    }
  }
  /// sum += the parameter part of dy x.
  CALIBRANT_INLINE void add_parameter_part(const T& dy, const T& x) noexcept {
    if constexpr (is_dual<T>) {
      static_assert(T::n_tangents == 1, "pullback over duals: one tangent at a time");
      add_product(dy.tangent[0], x.value);
      add_product(dy.value, x.tangent[0]);
    } else {
      add_product(dy, x);
    }
  }
  CALIBRANT_INLINE S total() const noexcept {
    if constexpr (is_wide<T>)
      return sum_lanes(sum);
    else
      return sum;
  }
};

/// gradient[i] += the total of sums[i].
template <class T>
CALIBRANT_INLINE void collect_sums(const LaneSum<T>* sums, int n, ScalarOf<T>* gradient) noexcept {
  if constexpr (is_wide<T>) {
    static_assert(sizeof(LaneSum<T>) == sizeof(typename LaneSum<T>::Sum));
    add_lane_sums(&sums->sum, n, gradient);
  } else {
    for (int i = 0; i < n; ++i) gradient[i] += sums[i].total();
  }
}

/// For modules without parameters.
struct NoAccumulator {
  void clear() noexcept {}
  template <class P, class S>
  void collect(const P&, S*) const noexcept {}
};

/// For modules without parameters, or whose single-object form needs no copy of them.
struct NothingPacked {};

/// A flat pack of values indexed by position: compiles faster than std::tuple, which nests.
template <int Index, class Value>
struct PackLeaf {
  Value value;
};
template <class Indices, class... Values>
struct PackOf;
template <int... Index, class... Values>
struct PackOf<std::integer_sequence<int, Index...>, Values...> : PackLeaf<Index, Values>... {};
template <class... Values>
using Pack = PackOf<std::make_integer_sequence<int, sizeof...(Values)>, Values...>;

template <int Index, class Value>
CALIBRANT_INLINE Value& at(PackLeaf<Index, Value>& leaf) noexcept {
  return leaf.value;
}
template <int Index, class Value>
CALIBRANT_INLINE const Value& at(const PackLeaf<Index, Value>& leaf) noexcept {
  return leaf.value;
}

template <class T>
struct TypeTag {
  using Type = T;
};
/// The type of element Index of a Pack of tags: for decltype only.
template <int Index, class Tag>
Tag type_at(PackLeaf<Index, Tag>*);

/// Blocks of one virtual register that hold n features of a single object.
template <class S>
constexpr int n_blocks(int n) noexcept {
  return padded<S>(n) / lanes<S>;
}

}  // namespace calibrant
