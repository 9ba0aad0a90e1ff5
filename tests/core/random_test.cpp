// Philox against the known answers of Random123, and the distributions made from it.
#include "calibrant/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

using namespace calibrant;

static_assert(std::uniform_random_bit_generator<Random>);

// kat_vectors of Random123 1.14.0, philox4x32 10.
static_assert(philox::generate({0, 0, 0, 0}, {0, 0}) ==
              philox::Counter{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
static_assert(philox::generate({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
              philox::Counter{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});

TEST_CASE("Philox-4x32-10 known answers") {
  CHECK(philox::generate({0, 0, 0, 0}, {0, 0}) == philox::Counter{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  CHECK(philox::generate({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
        philox::Counter{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(philox::generate({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
        philox::Counter{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("a sequence is its blocks in order; seed, stream and substream are the key and the upper counter") {
  Random random(0x123456789abcdef0u, Stream::shuffle, 7);
  std::vector<std::uint32_t> drawn(12);
  for (auto& word : drawn) word = random();
  const Random same(0x123456789abcdef0u, Stream::shuffle, 7);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto words =
        philox::generate({i, 0, static_cast<std::uint32_t>(Stream::shuffle), 7}, {0x9abcdef0u, 0x12345678u});
    CHECK(same.block(i) == words);
    for (std::uint32_t j = 0; j < 4; ++j) CHECK(drawn[4 * i + j] == words[j]);
  }
  CHECK(same.block(0x500000001u) ==
        philox::generate({1, 5, static_cast<std::uint32_t>(Stream::shuffle), 7}, {0x9abcdef0u, 0x12345678u}));
}

TEST_CASE("many blocks at once are the blocks one by one") {
  const Random random(0x123456789abcdef0u, Stream::shuffle, 7);
  for (const std::size_t n_blocks : {0u, 1u, 3u, 8u, 21u}) {
    const std::uint64_t first = 0xFFFFFFFAu;  // the lower half of the counter overflows on the way
    std::vector<std::uint32_t> words(4 * n_blocks);
    random.fill(first, words);
    for (std::size_t i = 0; i < words.size(); ++i) CHECK(words[i] == random.block(first + i / 4)[i % 4]);
  }
}

TEST_CASE("a shuffle is that of Fisher and Yates with the numbers of its sequence") {
  std::vector<std::uint32_t> items(3000), expected(3000);
  for (std::uint32_t i = 0; i < 3000; ++i) items[i] = expected[i] = 10 * i;
  Random random(3, Stream::shuffle, 2);
  shuffle(items, random);
  for (std::uint32_t i = 3000; i > 1; --i) std::swap(expected[i - 1], expected[random.below(i)]);
  CHECK(items == expected);
  std::vector<std::uint32_t> none, one{7};
  shuffle(none, random);
  shuffle(one, random);
  CHECK((none.empty() && one == std::vector<std::uint32_t>{7}));
}

TEST_CASE("seeds, streams and substreams give different sequences") {
  const auto first = [](Random random) { return random(); };
  const std::uint32_t reference = first(Random(1, Stream::toy, 0));
  CHECK(first(Random(2, Stream::toy, 0)) != reference);
  CHECK(first(Random(1, Stream::split, 0)) != reference);
  CHECK(first(Random(1, Stream::toy, 1)) != reference);
  CHECK(first(Random(1 + (std::uint64_t{1} << 32), Stream::toy, 0)) != reference);
}

TEST_CASE("uniform: open interval, moments, neighbours uncorrelated") {
  constexpr int n = 1000000;
  Random random(1);
  double sum = 0.0, squares = 0.0, products = 0.0, smallest = 1.0, largest = 0.0, before = 0.5;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform();
    sum += u;
    squares += u * u;
    products += (u - 0.5) * (before - 0.5);
    smallest = std::min(smallest, u);
    largest = std::max(largest, u);
    before = u;
  }
  // 5 sigma: variance of u 1/12, of u^2 4/45, of the product 1/144.
  CHECK(std::fabs(sum / n - 0.5) < 5.0 * std::sqrt(1.0 / 12.0 / n));
  CHECK(std::fabs(squares / n - 1.0 / 3.0) < 5.0 * std::sqrt(4.0 / 45.0 / n));
  CHECK(std::fabs(products / n) < 5.0 * std::sqrt(1.0 / 144.0 / n));
  CHECK(smallest > 0.0);
  CHECK(smallest < 1e-5);
  CHECK(largest < 1.0);
  CHECK(largest > 1.0 - 1e-5);
}

TEST_CASE("uniform: the upper 26 bits of two words, in the middle of their interval") {
  Random random(11);
  const auto words = random.block(0);
  const std::uint64_t bits = (std::uint64_t{words[0] >> 6} << 26) | (words[1] >> 6);
  CHECK(random.uniform() == (static_cast<double>(bits) + 0.5) / 4503599627370496.0);
}

TEST_CASE("uniform never reaches 0 or 1, whatever the bits") {
  CHECK((0.0 + 0.5) * 0x1p-52 > 0.0);
  CHECK((static_cast<double>((std::uint64_t{1} << 52) - 1) + 0.5) * 0x1p-52 < 1.0);
  Random random(2);
  for (int i = 0; i < 1000; ++i) {
    const double u = random.uniform(-3.0, 5.0);
    CHECK((u > -3.0 && u < 5.0));
  }
}

TEST_CASE("normal: the first four moments and the tails") {
  constexpr int n = 1000000;
  Random random(3);
  double sum = 0.0, squares = 0.0, cubes = 0.0, fourths = 0.0, outside = 0.0;
  for (int i = 0; i < n; ++i) {
    const double z = random.normal(), zz = z * z;
    sum += z;
    squares += zz;
    cubes += zz * z;
    fourths += zz * zz;
    outside += std::fabs(z) > 3.0 ? 1.0 : 0.0;
  }
  // 5 sigma; variances of z, z^2, z^3, z^4: 1, 2, 15, 96; of a rare event: its probability 0.0026998.
  CHECK(std::fabs(sum / n) < 5.0 * std::sqrt(1.0 / n));
  CHECK(std::fabs(squares / n - 1.0) < 5.0 * std::sqrt(2.0 / n));
  CHECK(std::fabs(cubes / n) < 5.0 * std::sqrt(15.0 / n));
  CHECK(std::fabs(fourths / n - 3.0) < 5.0 * std::sqrt(96.0 / n));
  CHECK(std::fabs(outside / n - 0.0026998) < 5.0 * std::sqrt(0.0027 / n));
}

TEST_CASE("below: every value, equally often, also for bounds that do not divide 2^32") {
  for (const std::uint32_t bound : {1u, 2u, 7u, 10u}) {
    constexpr int n = 200000;
    Random random(bound);
    std::vector<int> counts(bound);
    for (int i = 0; i < n; ++i) ++counts[random.below(bound)];
    const double p = 1.0 / bound;
    for (const int count : counts)
      CHECK(std::fabs(count / static_cast<double>(n) - p) <= 5.0 * std::sqrt(p * (1 - p) / n));
  }
  // Without rejection, the lower half of this range would come twice as often as the upper one.
  constexpr std::uint32_t bound = 0xC0000000u;
  constexpr int n = 100000;
  Random random(5);
  double low = 0.0;
  for (int i = 0; i < n; ++i) low += random.below(bound) % 3 == 0 ? 1.0 : 0.0;
  CHECK(std::fabs(low / n - 1.0 / 3.0) < 5.0 * std::sqrt(2.0 / 9.0 / n));
}
