// SHA-256 (FIPS 180-4, sections 5 and 6.2), to notice any change of a file.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "calibrant/core/compiler.hpp"

namespace calibrant::io {

/// Running SHA-256 of the bytes given so far.
class Sha256 {
 public:
  Sha256& update(std::span<const std::byte> bytes) noexcept {
    n_bytes_ += bytes.size();
    if (n_pending_ > 0) {
      const std::size_t count = std::min(bytes.size(), pending_.size() - n_pending_);
      std::copy_n(bytes.begin(), count, pending_.begin() + static_cast<std::ptrdiff_t>(n_pending_));
      n_pending_ += count;
      bytes = bytes.subspan(count);
      if (n_pending_ < pending_.size()) return *this;
      absorb(pending_.data());
      n_pending_ = 0;
    }
    for (; bytes.size() >= pending_.size(); bytes = bytes.subspan(pending_.size())) absorb(bytes.data());
    std::copy(bytes.begin(), bytes.end(), pending_.begin());
    n_pending_ = bytes.size();
    return *this;
  }
  Sha256& update(std::string_view text) noexcept { return update(std::as_bytes(std::span(text.data(), text.size()))); }

  /// The digest of all bytes so far, as 64 lower-case hexadecimal digits; more bytes may follow.
  CALIBRANT_COLD std::string hexadecimal() const {
    Sha256 last = *this;
    const std::uint64_t n_bits = 8 * n_bytes_;
    std::array<std::byte, 72> end{std::byte{0x80}};
    const std::size_t n_zeros = (n_pending_ < 56 ? 55 : 119) - n_pending_;
    for (std::size_t i = 0; i < 8; ++i)
      end[1 + n_zeros + i] = static_cast<std::byte>(static_cast<unsigned char>(n_bits >> (56 - 8 * i)));
    last.update(std::span(end).first(1 + n_zeros + 8));

    std::string digits;
    for (const std::uint32_t word : last.state_)
      for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[(word >> shift) & 15u];
    return digits;
  }

 private:
  void absorb(const std::byte* block) noexcept {
    std::array<std::uint32_t, 64> schedule;
    for (std::size_t i = 0; i < 16; ++i)
      schedule[i] =
          std::to_integer<std::uint32_t>(block[4 * i]) << 24 | std::to_integer<std::uint32_t>(block[4 * i + 1]) << 16 |
          std::to_integer<std::uint32_t>(block[4 * i + 2]) << 8 | std::to_integer<std::uint32_t>(block[4 * i + 3]);
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t early = schedule[i - 15], late = schedule[i - 2];
      schedule[i] = schedule[i - 16] + (std::rotr(early, 7) ^ std::rotr(early, 18) ^ (early >> 3)) + schedule[i - 7] +
                    (std::rotr(late, 17) ^ std::rotr(late, 19) ^ (late >> 10));
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t first = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) +
                                  round_constants[i] + schedule[i];
      const std::uint32_t second =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + second;
    }
    const std::array<std::uint32_t, 8> mixed{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += mixed[i];
  }

  // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  static constexpr std::array<std::uint32_t, 64> round_constants{
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> pending_{};
  std::size_t n_pending_ = 0;
  std::uint64_t n_bytes_ = 0;
};

/// SHA-256 of a text or of bytes, as 64 lower-case hexadecimal digits.
inline std::string sha256(std::string_view text) { return Sha256().update(text).hexadecimal(); }
inline std::string sha256(std::span<const std::byte> bytes) { return Sha256().update(bytes).hexadecimal(); }

}  // namespace calibrant::io
