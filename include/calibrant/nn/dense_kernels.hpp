// Register-blocked kernels of a dense layer, compile-time shapes, on tiles whose features are rows of lanes.
// Order of sums (fixed, so that every path and every instruction set gives the same bits): an output is the bias plus
// the products in index order, each an fma; a layer with at most `narrow_outputs` outputs instead sums products into
// `lanes` interleaved partial sums, added pairwise by halves, bias last, which keeps several chains in flight.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "calibrant/core/parameters.hpp"
#include "calibrant/core/transpose.hpp"
#include "calibrant/core/wide.hpp"

namespace calibrant::kernel {

inline constexpr int narrow_outputs = 4;

/// Virtual registers that a block works on side by side, for a tile element of `Registers` of them.
template <class S, int Registers>
inline constexpr int block_registers = hardware_registers >= 32 ? (Registers % 4 == 0   ? 4
                                                                   : Registers % 2 == 0 ? 2
                                                                                        : 1)
                                                                : 1;

/// Rows of a block: as many accumulators as the register file holds beside the operands.
template <class S, int BlockRegisters>
inline constexpr int block_rows =
    (hardware_registers >= 32 ? 24 : 12) / (BlockRegisters * (lanes<S> / batch_lanes<S>)) >= 1
        ? (hardware_registers >= 32 ? 24 : 12) / (BlockRegisters * (lanes<S> / batch_lanes<S>))
        : 1;

/// Terms of a sum of `Terms` that a block adds before the next block has its turn: the rows of lanes that all blocks
/// read, 256 bytes a term, stay in the first cache.
template <int Terms>
inline constexpr int terms_at_once = [] {
  constexpr int most = 96, parts = (Terms + most - 1) / most;
  return (Terms + parts - 1) / parts;
}();

/// acc[r] += sum_k weight(r, k) x[k], for `terms` k and R rows of weights `row_stride` apart; elements of x are
/// `x_stride` apart.
template <int R, class S, int Q>
CALIBRANT_INLINE void multiply_block(int terms, const S* weight, int row_stride, int k_stride, const S* x, int x_stride,
                                     Wide<S, Q> (&acc)[static_cast<unsigned>(R)]) noexcept {
  for (int k = 0; k < terms; ++k) {
    const Wide<S, Q> xk = Wide<S, Q>::load(x + k * x_stride);
    CALIBRANT_UNROLL for (int r = 0; r < R; ++r) acc[r] = fma(weight[r * row_stride + k * k_stride], xk, acc[r]);
  }
}

/// One narrow output for Q registers of samples: interleaved partial sums over the inputs.
template <int In, class S, int Q>
CALIBRANT_INLINE Wide<S, Q> dot(const S* weight, S bias, const S* x, int x_stride) noexcept {
  constexpr int L = lanes<S>;
  Wide<S, Q> sums[L];
  CALIBRANT_UNROLL for (int l = 0; l < L; ++l) sums[l] = Wide<S, Q>(S(0));
  constexpr int whole = In / L * L;
  for (int k = 0; k < whole; k += L)
    CALIBRANT_UNROLL for (int l = 0; l < L; ++l) sums[l] =
        fma(weight[k + l], Wide<S, Q>::load(x + (k + l) * x_stride), sums[l]);
  CALIBRANT_UNROLL for (int l = 0; l < In - whole; ++l) sums[l] =
      fma(weight[whole + l], Wide<S, Q>::load(x + (whole + l) * x_stride), sums[l]);
  CALIBRANT_UNROLL for (int half = L / 2; half > 0; half /= 2) CALIBRANT_UNROLL for (int l = 0; l < half; ++l) sums[l] =
      sums[l] + sums[l + half];
  return sums[0] + Wide<S, Q>(bias);
}

/// Transposes `count` rows of lanes into Samples rows of Width scalars, a multiple of the lanes; columns from `count`
/// up are zero.
template <int Samples, int Width, class S>
CALIBRANT_NOINLINE void transpose(const S* x, int x_stride, int count, S* transposed) noexcept {
  constexpr int L = batch_lanes<S>;
  for (int k = 0; k < Width; k += L)
    for (int s = 0; s < Samples; s += L) {
      Batch<S> square[L];
      if (k + L <= count) {
        CALIBRANT_UNROLL for (int i = 0; i < L; ++i) square[i] = Batch<S>::load_unaligned(x + (k + i) * x_stride + s);
      } else {
        CALIBRANT_UNROLL for (int i = 0; i < L; ++i) square[i] =
            k + i < count ? Batch<S>::load_unaligned(x + (k + i) * x_stride + s) : Batch<S>(S(0));
      }
      transpose_square<S>(square);
      CALIBRANT_UNROLL for (int i = 0; i < L; ++i) square[i].store_unaligned(transposed + (s + i) * Width + k);
    }
}

/// gradient[r][k] += sum_s dz[r][s] xt[s][k] for R rows, `Row` scalars apart, and C registers of k.
template <int Samples, int Row, int R, int C, class S>
CALIBRANT_INLINE void outer_block(const S* dz, int dz_stride, const S* xt, S* gradient) noexcept {
  Wide<S, C> acc[R];
  CALIBRANT_UNROLL for (int r = 0; r < R; ++r) acc[r] = Wide<S, C>::load(gradient + r * Row);
  for (int s = 0; s < Samples; ++s) {
    const Wide<S, C> x = Wide<S, C>::load(xt + s * C * lanes<S>);
    CALIBRANT_UNROLL for (int r = 0; r < R; ++r) acc[r] = fma(dz[r * dz_stride + s], x, acc[r]);
  }
  CALIBRANT_UNROLL for (int r = 0; r < R; ++r) acc[r].store(gradient + r * Row);
}

/// gradient[o][k] += sum_s dz[o][s] x[k][s], rows of the gradient padded to whole registers: a panel of x at a time is
/// transposed.
template <int In, int Out, int Samples, class S>
CALIBRANT_NOINLINE void accumulate_outer(const S* dz, int dz_stride, const S* x, int x_stride, S* gradient) noexcept {
  constexpr int row = padded<S>(In);
  constexpr int C = block_registers<S, row / lanes<S>>, width = C * lanes<S>;
  constexpr int R = block_rows<S, C> < Out ? block_rows<S, C> : Out;
  alignas(virtual_register_bytes) S panel[Samples * width];
  for (int k = 0; k < row; k += width) {
    transpose<Samples, width>(x + k * x_stride, x_stride, In - k, panel);
    int o = 0;
    for (; o + R <= Out; o += R)
      outer_block<Samples, row, R, C>(dz + o * dz_stride, dz_stride, panel, gradient + o * row + k);
    if constexpr (Out % R != 0)
      outer_block<Samples, row, Out % R, C>(dz + o * dz_stride, dz_stride, panel, gradient + o * row + k);
  }
}

/// Stores a row of lanes of dL/dx; the rows are `Stride` scalars apart.
template <class S, int Stride>
struct StoreRow {
  S* dx;
  template <int Q>
  CALIBRANT_INLINE void operator()(int k, int column, const Wide<S, Q>& row) const noexcept {
    row.store(partial(k, column));
  }
  S* partial(int k, int column) const noexcept { return dx + k * Stride + column; }
};

/// Weights that multiply_transposed reads where they are; of more, it copies those that it needs next, because their
/// columns share few sets of a cache.
inline constexpr int few_weights = 16384;

/// Hands row k of sum_o weight[o][k] dz[o], from sample `column` on, to finish(k, column, row); dz has `Stride` scalars
/// per element. Partial sums may be kept at finish.partial(k, column).
template <int In, int Out, int Stride, class S, class Finish>
CALIBRANT_NOINLINE void multiply_transposed(const S* weight, const S* dz, const Finish finish) noexcept {
  constexpr int Q = block_registers<S, Stride / lanes<S>>;
  constexpr int R = block_rows<S, Q> < In ? block_rows<S, Q> : In;
  constexpr int terms = terms_at_once<Out>;
  /// Rows k to k + Rows - 1, terms first to first + n - 1, whose weights begin at w.
  struct Terms {
    int first, n;
    const S* w;
    int w_stride;
  };
  const auto rows = [&]<int Rows>(int k, int column, const Terms& t) CALIBRANT_LAMBDA_INLINE {
    Wide<S, Q> acc[Rows];
    if (terms == Out || t.first == 0) {
      CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) acc[r] = Wide<S, Q>(S(0));
    } else {
      CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) acc[r] = Wide<S, Q>::load(finish.partial(k + r, column));
    }
    multiply_block<Rows>(t.n, t.w, 1, t.w_stride, dz + t.first * Stride + column, Stride, acc);
    if (terms == Out || t.first + t.n == Out) {
      CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) finish(k + r, column, acc[r]);
    } else {
      CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) acc[r].store(finish.partial(k + r, column));
    }
  };
  if constexpr (In * Out <= few_weights) {
    for (int column = 0; column < Stride; column += Q * lanes<S>)
      for (int first = 0; first < Out; first += terms) {
        const int n = Out % terms == 0 || first + terms <= Out ? terms : Out % terms;
        int k = 0;
        for (; k + R <= In; k += R)
          rows.template operator()<R>(k, column, Terms{first, n, weight + first * In + k, In});
        if constexpr (In % R != 0)
          rows.template operator()<In % R>(k, column, Terms{first, n, weight + first * In + k, In});
      }
  } else {
    constexpr int width = 8 * R;
    alignas(virtual_register_bytes) S panel[terms * width];
    for (int first = 0; first < Out; first += terms)
      for (int begin = 0; begin < In; begin += width) {
        const int n = std::min(terms, Out - first), end = std::min(begin + width, In);
        for (int o = 0; o < n; ++o) {
          const S* const from = weight + (first + o) * In + begin;
          if (end - begin == width)
            std::memcpy(panel + o * width, from, sizeof(S) * width);
          else
            std::memcpy(panel + o * width, from, sizeof(S) * static_cast<std::size_t>(end - begin));
        }
        for (int column = 0; column < Stride; column += Q * lanes<S>) {
          int k = begin;
          for (; k + R <= end; k += R)
            rows.template operator()<R>(k, column, Terms{first, n, panel + (k - begin), width});
          if constexpr (In % R != 0)
            if (k < end) rows.template operator()<In % R>(k, column, Terms{first, n, panel + (k - begin), width});
        }
      }
  }
}

}  // namespace calibrant::kernel
