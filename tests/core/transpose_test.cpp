// Transposes of register squares, and sums of many virtual registers with the bits of sum_lanes.
#include "calibrant/core/transpose.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "calibrant/core/random.hpp"

using namespace calibrant;

TEST_CASE_TEMPLATE("transpose_square", S, float, double) {
  constexpr int L = batch_lanes<S>;
  Batch<S> rows[L];
  S numbers[L];
  for (int i = 0; i < L; ++i) {
    for (int j = 0; j < L; ++j) numbers[j] = static_cast<S>(100 * i + j);
    rows[i] = Batch<S>::load_unaligned(numbers);
  }
  transpose_square<S>(rows);
  for (int i = 0; i < L; ++i) {
    rows[i].store_unaligned(numbers);
    for (int j = 0; j < L; ++j) CHECK(numbers[j] == static_cast<S>(100 * j + i));
  }
}

TEST_CASE_TEMPLATE("add_lane_sums adds what sum_lanes gives, for any count, and touches nothing else", S, float,
                   double) {
  Random random(1);
  for (const std::size_t n : {0u, 1u, 3u, 4u, 7u, 8u, 15u, 16u, 17u, 33u}) {
    std::vector<Wide<S, 1>> wides(n);
    std::vector<S> sums(n + 1), expected(n + 1);
    for (std::size_t i = 0; i <= n; ++i) sums[i] = expected[i] = static_cast<S>(random.normal());
    for (std::size_t i = 0; i < n; ++i) {
      S numbers[lanes<S>];
      for (S& value : numbers) value = static_cast<S>(random.normal());
      wides[i] = Wide<S, 1>::load(numbers);
      expected[i] += sum_lanes(wides[i]);
    }
    add_lane_sums(wides.data(), static_cast<int>(n), sums.data());
    CHECK(sums == expected);
  }
}
