// The clock of the core that runs this, now. Processors lower it under load, the more so the more a loop moves and
// multiplies: what a kernel could do at best follows it.
#pragma once

#include <algorithm>
#include <chrono>

namespace calibrant_bench {

/// Cycles per second, from chains of 10,000 integer additions, each of which waits for the one before and takes a cycle
/// on every processor that we know. The best of four, in case that one is interrupted. Takes some 10 microseconds, in
/// which the clock does not recover from what ran before.
inline double core_clock() noexcept {
  constexpr int additions = 10'000, unrolled = 20;
  long sum = 0, one = 1;
  asm volatile("" : "+r"(one));  // not known when compiling
  double best = 0.0;
  for (int chain = 0; chain < 4; ++chain) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < additions; i += unrolled) {
#pragma GCC unroll 20
      for (int k = 0; k < unrolled; ++k) {
        sum += one;
        asm volatile("" : "+r"(sum));  // additions are neither merged nor reordered
      }
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, additions / seconds.count());
  }
  return best;
}

}  // namespace calibrant_bench
