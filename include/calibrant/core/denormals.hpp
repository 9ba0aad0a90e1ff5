// Denormal numbers are far below anything that training can use, and processors take up to a hundred times as long for
// them: the tail of an exponential or the moments of a parameter without a gradient would stall it.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace calibrant {

/// While it lives, denormal operands and results are zero in this thread, on x86-64 and arm64; elsewhere it does
/// nothing. The settings before are restored.
class FlushDenormals {
 public:
  FlushDenormals() noexcept : before_(get()) { set(before_ | flags); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
  ~FlushDenormals() { set(before_); }

 private:
#if defined(__x86_64__)
  using Register = std::uint32_t;
  static constexpr Register flags = 0x8040;  // flush to zero, denormals are zero
  static Register get() noexcept { return _mm_getcsr(); }
  static void set(Register value) noexcept { _mm_setcsr(value); }
#elif defined(__aarch64__)
  using Register = std::uint64_t;
  static constexpr Register flags = 1u << 24;  // flush to zero, operands and results
  static Register get() noexcept {
    Register value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void set(Register value) noexcept { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
  using Register = std::uint32_t;
  static constexpr Register flags = 0;
  static Register get() noexcept { return 0; }
  static void set(Register) noexcept {}
#endif

  Register before_;
};

}  // namespace calibrant
