// Counter-based random numbers: Philox-4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC11). A number is a pure function of (seed, stream, index), so results do not depend on threads or order.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>
#include <span>
#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "calibrant/core/compiler.hpp"

namespace calibrant {

/// Streams keep independent uses of one seed apart. Users may take any value from `user` upwards.
enum class Stream : std::uint32_t { initial_weights, shuffle, split, dropout, bootstrap, toy, part, user = 0x1000 };

namespace philox {

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

/// Product of words, each 32 bits in one number of 64.
constexpr std::uint64_t product(std::uint64_t a, std::uint64_t b) noexcept { return a * b; }
#if defined(__AVX2__)
CALIBRANT_INLINE xsimd::batch<std::uint64_t> product(const xsimd::batch<std::uint64_t>& a,
                                                     const xsimd::batch<std::uint64_t>& b) noexcept {
#if XSIMD_WITH_AVX512F
  return _mm512_mul_epu32(a, b);
#else
  return _mm256_mul_epu32(a, b);
#endif
}
#endif

/// The ten rounds of one counter, or of as many as a register holds.
template <class Words>
constexpr void mix(Words (&counter)[4], Key key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const Words product_0 = product(counter[0], Words(0xD2511F53u));
    const Words product_1 = product(counter[2], Words(0xCD9E8D57u));
    counter[0] = (product_1 >> 32) ^ counter[1] ^ Words(key[0]);
    counter[1] = product_1 & Words(0xFFFFFFFFu);
    counter[2] = (product_0 >> 32) ^ counter[3] ^ Words(key[1]);
    counter[3] = product_0 & Words(0xFFFFFFFFu);
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
}

/// Philox-4x32 with ten rounds: 128 random bits for a 128-bit counter and a 64-bit key.
constexpr Counter generate(const Counter& counter, const Key& key) noexcept {
  std::uint64_t words[4] = {counter[0], counter[1], counter[2], counter[3]};
  mix(words, key);
  return {static_cast<std::uint32_t>(words[0]), static_cast<std::uint32_t>(words[1]),
          static_cast<std::uint32_t>(words[2]), static_cast<std::uint32_t>(words[3])};
}

}  // namespace philox

/// A random sequence keyed by (seed, stream, substream); the i-th number never depends on which were drawn before.
/// Satisfies UniformRandomBitGenerator, but the standard distributions differ between standard libraries: use the
/// member functions where results must be the same everywhere.
class Random {
 public:
  using result_type = std::uint32_t;

  constexpr explicit Random(std::uint64_t seed, Stream stream = Stream::user, std::uint32_t substream = 0) noexcept
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        stream_(static_cast<std::uint32_t>(stream)),
        substream_(substream) {}

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

  /// The four 32-bit words of block `index`: random access.
  constexpr philox::Counter block(std::uint64_t index) const noexcept {
    return philox::generate(
        {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), stream_, substream_}, key_);
  }

  /// The words of the blocks from `first` on, one block after the other, as many at once as fit a register.
  /// @pre words.size() is a multiple of 4.
  void fill(std::uint64_t first, std::span<std::uint32_t> words) const noexcept {
    std::size_t done = 0;
#if defined(__AVX2__)
    using Words = xsimd::batch<std::uint64_t>;  // 32 bits in each
    constexpr std::size_t L = Words::size;
    alignas(Words) std::uint64_t numbers[L];
    for (; done + 4 * L <= words.size(); done += 4 * L) {
      for (std::size_t i = 0; i < L; ++i) numbers[i] = first + done / 4 + i;
      const Words number = Words::load_aligned(numbers), low(0xFFFFFFFFu);
      Words counter[4] = {number & low, number >> 32, Words(stream_), Words(substream_)};
      philox::mix(counter, key_);
      // Two words side by side are one number of 64 bits.
      alignas(Words) std::uint64_t pairs[2][L];
      (counter[0] | (counter[1] << 32)).store_aligned(pairs[0]);
      (counter[2] | (counter[3] << 32)).store_aligned(pairs[1]);
      for (std::size_t i = 0; i < L; ++i) {
        std::memcpy(words.data() + done + 4 * i, &pairs[0][i], 8);
        std::memcpy(words.data() + done + 4 * i + 2, &pairs[1][i], 8);
      }
    }
#endif
    for (; done < words.size(); done += 4) {
      const philox::Counter counter = block(first + done / 4);
      std::copy(counter.begin(), counter.end(), words.begin() + static_cast<std::ptrdiff_t>(done));
    }
  }

  /// Next 32 random bits.
  constexpr result_type operator()() noexcept {
    if (position_ == 4) {
      words_ = block(next_block_++);
      position_ = 0;
    }
    return words_[position_++];
  }

  /// Uniform in the open interval (0, 1), 52 random bits: never 0, never 1, so logarithms and inverse cdfs are safe.
  constexpr double uniform() noexcept {
    const std::uint64_t high = (*this)() >> 6;
    const std::uint64_t low = (*this)() >> 6;
    return (static_cast<double>((high << 26) | low) + 0.5) * 0x1p-52;
  }

  constexpr double uniform(double low, double high) noexcept {
#if defined(__FMA__) || defined(__aarch64__)
    // The product is rounded on its own: a compiler that contracts would draw other initial weights.
    if (!std::is_constant_evaluated()) return low + __builtin_fma(high - low, uniform(), 0.0);
#endif
    return low + (high - low) * uniform();
  }

  /// Uniform integer in [0, bound), without bias (Lemire, arXiv:1805.10941). @pre bound > 0.
  constexpr std::uint32_t below(std::uint32_t bound) noexcept { return below(bound, *this); }
  /// The same with the bits that next() gives.
  template <class Next>
  static constexpr std::uint32_t below(std::uint32_t bound, Next&& next) noexcept {
    std::uint64_t product = std::uint64_t{next()} * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      const std::uint32_t threshold = (0u - bound) % bound;
      while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{next()} * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  /// Standard normal number (Box-Muller).
  double normal() noexcept {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  philox::Key key_;
  std::uint32_t stream_;
  std::uint32_t substream_;
  std::uint64_t next_block_ = 0;
  philox::Counter words_{};
  std::uint32_t position_ = 4;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

/// Random order, every one equally likely (Fisher and Yates, as Durstenfeld, CACM 7 (1964) 420); the bounds are drawn
/// as by Random::below from a fresh `random`.
inline void shuffle(std::span<std::uint32_t> items, const Random& random) noexcept {
  constexpr std::size_t buffered = 512;
  std::uint32_t words[buffered];
  std::size_t position = buffered;
  std::uint64_t next_block = 0;
  const auto next = [&]() CALIBRANT_LAMBDA_INLINE {
    if (position == buffered) {
      random.fill(next_block, words);
      next_block += buffered / 4;
      position = 0;
    }
    return words[position++];
  };
  for (std::size_t i = items.size(); i > 1; --i)
    std::swap(items[i - 1], items[Random::below(static_cast<std::uint32_t>(i), next)]);
}

}  // namespace calibrant
