// Register-blocked kernels of a dense layer, compile-time shapes, on tiles whose features are rows of lanes.
// Order of sums (fixed, so that every path and every instruction set gives the same bits): an output is the bias plus
// the products in index order, each an fma; a layer with at most `narrow_outputs` outputs instead sums products into
// `lanes` interleaved partial sums, added pairwise by halves, bias last, which keeps several chains in flight.
#pragma once

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

/// acc[r] += sum_k weight(r, k) x[k] for R rows of weights `row_stride` apart and elements of x `x_stride` apart.
template <int K, int R, class S, int Q>
CALIBRANT_INLINE void multiply_block(const S* weight, int row_stride, int k_stride, const S* x, int x_stride,
                                     Wide<S, Q> (&acc)[static_cast<unsigned>(R)]) noexcept {
  for (int k = 0; k < K; ++k) {
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

/// Transposes a tile of features x samples into samples x features (rows `row` long, a multiple of the lanes; columns
/// from K up are zero).
template <int K, int Samples, int Row, class S>
CALIBRANT_NOINLINE void transpose(const S* x, int x_stride, S* transposed) noexcept {
  constexpr int L = batch_lanes<S>;
  for (int k = 0; k < Row; k += L)
    for (int s = 0; s < Samples; s += L) {
      Batch<S> square[L];
      if (k + L <= K) {
        CALIBRANT_UNROLL for (int i = 0; i < L; ++i) square[i] = Batch<S>::load_unaligned(x + (k + i) * x_stride + s);
      } else {
        CALIBRANT_UNROLL for (int i = 0; i < L; ++i) square[i] =
            k + i < K ? Batch<S>::load_unaligned(x + (k + i) * x_stride + s) : Batch<S>(S(0));
      }
      transpose_square<S>(square);
      CALIBRANT_UNROLL for (int i = 0; i < L; ++i) square[i].store_unaligned(transposed + (s + i) * Row + k);
    }
}

/// gradient[r][k] += sum_s dz[r][s] xt[s][k] for R rows and C registers of k.
template <int Samples, int Row, int R, int C, class S>
CALIBRANT_INLINE void outer_block(const S* dz, int dz_stride, const S* xt, S* gradient) noexcept {
  Wide<S, C> acc[R];
  CALIBRANT_UNROLL for (int r = 0; r < R; ++r) acc[r] = Wide<S, C>::load(gradient + r * Row);
  for (int s = 0; s < Samples; ++s) {
    const Wide<S, C> x = Wide<S, C>::load(xt + s * Row);
    CALIBRANT_UNROLL for (int r = 0; r < R; ++r) acc[r] = fma(dz[r * dz_stride + s], x, acc[r]);
  }
  CALIBRANT_UNROLL for (int r = 0; r < R; ++r) acc[r].store(gradient + r * Row);
}

/// gradient (Out x Row) += dz (Out x Samples) xt (Samples x Row).
template <int Out, int Samples, int Row, class S>
CALIBRANT_NOINLINE void accumulate_outer(const S* dz, int dz_stride, const S* xt, S* gradient) noexcept {
  constexpr int registers = Row / lanes<S>;
  constexpr int C = block_registers<S, registers>;
  constexpr int R = block_rows<S, C> < Out ? block_rows<S, C> : Out;
  for (int c = 0; c < Row; c += C * lanes<S>) {
    int o = 0;
    for (; o + R <= Out; o += R)
      outer_block<Samples, Row, R, C>(dz + o * dz_stride, dz_stride, xt + c, gradient + o * Row + c);
    if constexpr (Out % R != 0)
      outer_block<Samples, Row, Out % R, C>(dz + o * dz_stride, dz_stride, xt + c, gradient + o * Row + c);
  }
}

/// Stores a row of lanes of dL/dx; the rows are `Stride` scalars apart.
template <class S, int Stride>
struct StoreRow {
  S* dx;
  template <int Q>
  CALIBRANT_INLINE void operator()(int k, int column, const Wide<S, Q>& row) const noexcept {
    row.store(dx + k * Stride + column);
  }
};

/// Hands row k of sum_o weight[o][k] dz[o], from sample `column` on, to finish(k, column, row); dz has `Stride` scalars
/// per element.
template <int In, int Out, int Stride, class S, class Finish>
CALIBRANT_NOINLINE void multiply_transposed(const S* weight, const S* dz, const Finish finish) noexcept {
  constexpr int Q = block_registers<S, Stride / lanes<S>>;
  constexpr int R = block_rows<S, Q> < In ? block_rows<S, Q> : In;
  const auto rows = [&]<int Rows>(int k, int column) CALIBRANT_LAMBDA_INLINE {
    Wide<S, Q> acc[Rows];
    CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) acc[r] = Wide<S, Q>(S(0));
    multiply_block<Out, Rows>(weight + k, 1, In, dz + column, Stride, acc);
    CALIBRANT_UNROLL for (int r = 0; r < Rows; ++r) finish(k + r, column, acc[r]);
  };
  for (int column = 0; column < Stride; column += Q * lanes<S>) {
    int k = 0;
    for (; k + R <= In; k += R) rows.template operator()<R>(k, column);
    if constexpr (In % R != 0) rows.template operator()<In % R>(k, column);
  }
}

}  // namespace calibrant::kernel
