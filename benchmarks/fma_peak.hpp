// What one core can do at best: fused multiply-adds on the widest vectors of this build's instruction set.
// Every other benchmark is reported as a fraction of it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "calibrant/core/wide.hpp"

namespace calibrant_bench {

/// Twelve independent chains of fused multiply-adds, `steps` long each: enough to hide the latency (4 cycles) of two
/// units, few enough for 16 registers.
template <class T>
class FmaChains {
 public:
  static constexpr double flops_per_step = 2.0 * 12 * calibrant::batch_lanes<T>;

  void run(long steps) {
    using calibrant::fused;
    using Vector = calibrant::Batch<T>;
    const Vector a(factor_), b(offset_);
    // Twelve names, not an array: compilers keep an array of accumulators in memory, which is four times slower.
    Vector r0(T(0)), r1(T(1)), r2(T(2)), r3(T(3)), r4(T(4)), r5(T(5));
    Vector r6(T(6)), r7(T(7)), r8(T(8)), r9(T(9)), r10(T(10)), r11(T(11));
    for (long step = 0; step < steps; ++step) {
      r0 = fused<T>(r0, a, b), r1 = fused<T>(r1, a, b), r2 = fused<T>(r2, a, b), r3 = fused<T>(r3, a, b);
      r4 = fused<T>(r4, a, b), r5 = fused<T>(r5, a, b), r6 = fused<T>(r6, a, b), r7 = fused<T>(r7, a, b);
      r8 = fused<T>(r8, a, b), r9 = fused<T>(r9, a, b), r10 = fused<T>(r10, a, b), r11 = fused<T>(r11, a, b);
    }
    const Vector sum = r0 + r1 + r2 + r3 + r4 + r5 + r6 + r7 + r8 + r9 + r10 + r11;
    sum.store_unaligned(result_.data());
    asm volatile("" : : "r"(result_.data()) : "memory");  // the result is used
  }

 private:
  volatile T factor_ = T(0.999), offset_ = T(0.001);  // volatile: not known when compiling
  std::array<T, calibrant::batch_lanes<T>> result_{};
};

/// Floating-point operations per second of one core, T = float or double; a product and a sum are two.
/// The best of many runs of some 50 microseconds, so that what else happens on the machine does not count. Takes 0.5 s.
template <class T>
double fma_peak() {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  constexpr long steps = 25000;
  FmaChains<T> chains;
  double best = std::numeric_limits<double>::infinity();
  for (const auto begin = Clock::now(); Seconds(Clock::now() - begin).count() < 0.5;) {
    const auto start = Clock::now();
    chains.run(steps);
    best = std::min(best, Seconds(Clock::now() - start).count());
  }
  return FmaChains<T>::flops_per_step * steps / best;
}

}  // namespace calibrant_bench
