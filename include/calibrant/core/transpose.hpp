// Transposes of squares of hardware registers, and the sums of many virtual registers at once that they make cheap.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "calibrant/core/wide.hpp"

namespace calibrant {

/// Interleaves the lower (upper) halves of two registers: a0 b0 a1 b1 ...
template <bool Upper, class S, int... Index>
CALIBRANT_INLINE Batch<S> zip(const Batch<S>& a, const Batch<S>& b, std::integer_sequence<int, Index...>) noexcept {
  constexpr int L = batch_lanes<S>;
  using Register = typename Batch<S>::register_type;
  return Batch<S>(__builtin_shufflevector(static_cast<Register>(a), static_cast<Register>(b),
                                          (Index / 2 + (Index % 2) * L + (Upper ? L / 2 : 0))...));
}

/// Transposes a square of hardware registers in place: perfect shuffles, one stage per bit of the lane number.
template <class S>
CALIBRANT_INLINE void transpose_square(Batch<S> (&rows)[static_cast<unsigned>(batch_lanes<S>)]) noexcept {
  constexpr int L = batch_lanes<S>;
  constexpr std::make_integer_sequence<int, L> indices;
  CALIBRANT_UNROLL for (int stage = 1; stage < L; stage *= 2) {
    Batch<S> shuffled[L];
    CALIBRANT_UNROLL for (int i = 0; i < L / 2; ++i) {
      shuffled[2 * i] = zip<false, S>(rows[i], rows[i + L / 2], indices);
      shuffled[2 * i + 1] = zip<true, S>(rows[i], rows[i + L / 2], indices);
    }
    CALIBRANT_UNROLL for (int i = 0; i < L; ++i) rows[i] = shuffled[i];
  }
}

/// Four numbers of each of four rows become four numbers from `place` on in each of four columns.
template <class S>
CALIBRANT_INLINE void transpose_four(const S* const (&rows)[4], S* const* columns, int place) noexcept {
  using Four [[gnu::vector_size(4 * sizeof(S))]] = S;
  Four row[4];
  CALIBRANT_UNROLL for (int i = 0; i < 4; ++i) std::memcpy(&row[i], rows[i], sizeof(Four));
  const Four low_02 = __builtin_shufflevector(row[0], row[2], 0, 4, 1, 5);
  const Four high_02 = __builtin_shufflevector(row[0], row[2], 2, 6, 3, 7);
  const Four low_13 = __builtin_shufflevector(row[1], row[3], 0, 4, 1, 5);
  const Four high_13 = __builtin_shufflevector(row[1], row[3], 2, 6, 3, 7);
  const Four column_of[4] = {
      __builtin_shufflevector(low_02, low_13, 0, 4, 1, 5), __builtin_shufflevector(low_02, low_13, 2, 6, 3, 7),
      __builtin_shufflevector(high_02, high_13, 0, 4, 1, 5), __builtin_shufflevector(high_02, high_13, 2, 6, 3, 7)};
  CALIBRANT_UNROLL for (int i = 0; i < 4; ++i) std::memcpy(columns[i] + place, &column_of[i], sizeof(Four));
}

/// Columns that transpose_rows takes in squares of registers; the others, which would leave most of a register empty,
/// in squares of four.
template <class S, int n_columns>
inline constexpr int columns_in_squares = (n_columns + batch_lanes<S> / 2 - 1) / batch_lanes<S>* batch_lanes<S>;

/// Numbers that transpose_rows reads from the start of each row.
template <class S, int n_columns>
constexpr int read_ahead() noexcept {
  constexpr int in_squares = columns_in_squares<S, n_columns>;
  return in_squares >= n_columns ? in_squares : in_squares + (n_columns - in_squares + 3) / 4 * 4;
}

/// The first n_columns numbers of each of `samples` rows, as columns of lanes; row(s) is where sample s starts, to(k)
/// where column k goes.
template <class S, int n_columns, int samples, class Row, class To>
CALIBRANT_INLINE void transpose_rows(Row&& row, To&& to) noexcept {
  constexpr int L = batch_lanes<S>, in_squares = columns_in_squares<S, n_columns>;
  for (int column = 0; column < in_squares; column += L)
    for (int s = 0; s < samples; s += L) {
      Batch<S> square[L];
      CALIBRANT_UNROLL for (int i = 0; i < L; ++i) square[i] = Batch<S>::load_unaligned(row(s + i) + column);
      transpose_square<S>(square);
      CALIBRANT_UNROLL for (int i = 0; i < L; ++i) if (column + i < n_columns) square[i].store_unaligned(
          to(column + i) + s);
    }
  S unused[samples];
  for (int column = in_squares; column < n_columns; column += 4) {
    S* columns[4];
    CALIBRANT_UNROLL for (int i = 0; i < 4; ++i) columns[i] = column + i < n_columns ? to(column + i) : unused;
    for (int s = 0; s < samples; s += 4)
      transpose_four({row(s) + column, row(s + 1) + column, row(s + 2) + column, row(s + 3) + column}, columns, s);
  }
}

/// One level of lane sums: in blocks of 2 Half lanes, the lower half of each plus the upper one, a's block then b's.
template <int Half, class S, int... Lane>
CALIBRANT_INLINE Batch<S> add_halves(const Batch<S>& a, const Batch<S>& b,
                                     std::integer_sequence<int, Lane...>) noexcept {
  constexpr int L = batch_lanes<S>;
  using Register = typename Batch<S>::register_type;
  const auto x = static_cast<Register>(a), y = static_cast<Register>(b);
  // Lane l is of a or of b as l / Half is even or odd.
  return Batch<S>(__builtin_shufflevector(x, y, (Lane / Half % 2 == 0 ? Lane : L + Lane - Half)...)) +
         Batch<S>(__builtin_shufflevector(x, y, (Lane / Half % 2 == 0 ? Lane + Half : L + Lane)...));
}
/// Adds up the lanes of L registers: lane l of the result is the sum of the register whose number is l with its bits
/// reversed. Each sum is formed by halves, as in sum_lanes.
template <int Half, int Count, class S>
CALIBRANT_INLINE Batch<S> add_registers(Batch<S> (&x)[static_cast<unsigned>(batch_lanes<S>)]) noexcept {
  constexpr std::make_integer_sequence<int, batch_lanes<S>> indices;
  CALIBRANT_UNROLL for (int i = 0; i < Count / 2; ++i) x[i] = add_halves<Half, S>(x[2 * i], x[2 * i + 1], indices);
  if constexpr (Half > 1)
    return add_registers<Half / 2, Count / 2, S>(x);
  else
    return x[0];
}

/// sums[i] += the sum of the lanes of wides[i], for n of them; the order of each sum is that of sum_lanes, so the bits
/// are too.
template <class S>
CALIBRANT_NOINLINE void add_lane_sums(const Wide<S, 1>* wides, int n, S* sums) noexcept {
  constexpr int L = batch_lanes<S>, parts = lanes<S> / L;
  constexpr auto reversed = [] {
    std::array<int, static_cast<std::size_t>(L)> result{};
    for (int l = 0; l < L; ++l)
      for (int bit = 1, other = L / 2; bit < L; bit *= 2, other /= 2)
        if ((l & bit) != 0) result[static_cast<std::size_t>(l)] += other;
    return result;
  }();
  for (int first = 0; first < n; first += L) {
    const int count = n - first < L ? n - first : L;
    Batch<S> x[L];
    CALIBRANT_UNROLL for (int i = 0; i < L; ++i) {
      const int from = reversed[static_cast<std::size_t>(i)];
      Batch<S> part[parts];
      CALIBRANT_UNROLL for (int p = 0; p < parts; ++p) part[p] = wides[first + (from < count ? from : 0)].batch[p];
      CALIBRANT_UNROLL for (int half = parts / 2; half > 0; half /= 2) CALIBRANT_UNROLL for (int p = 0; p < half; ++p)
          part[p] = part[p] + part[p + half];
      x[i] = part[0];
    }
    const Batch<S> total = add_registers<L / 2, L, S>(x);
    if (count == L) {
      (Batch<S>::load_unaligned(sums + first) + total).store_unaligned(sums + first);
    } else {
      alignas(virtual_register_bytes) S totals[L];
      total.store_aligned(totals);
      for (int i = 0; i < count; ++i) sums[first + i] += totals[i];
    }
  }
}

}  // namespace calibrant
