// What one core can do at best: fused multiply-adds on the widest vectors of this build's instruction set.
// Every other benchmark is reported as a fraction of it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <xsimd/xsimd.hpp>

namespace calibrant_bench {

template <class T>
xsimd::batch<T> fused(const xsimd::batch<T>& x, const xsimd::batch<T>& y, const xsimd::batch<T>& z) {
  return xsimd::fma(x, y, z);
}
#ifdef __AVX512F__
// Releases of xsimd (8.1 among them) have no fused multiply-add for AVX-512: theirs is a product and a sum, which
// halves the peak with every compiler that does not contract the two.
inline xsimd::batch<float> fused(const xsimd::batch<float>& x, const xsimd::batch<float>& y,
                                 const xsimd::batch<float>& z) {
  return _mm512_fmadd_ps(x, y, z);
}
inline xsimd::batch<double> fused(const xsimd::batch<double>& x, const xsimd::batch<double>& y,
                                  const xsimd::batch<double>& z) {
  return _mm512_fmadd_pd(x, y, z);
}
#endif

/// Twelve independent chains of fused multiply-adds, `steps` long each: enough to hide the latency (4 cycles) of two
/// units, few enough for 16 registers.
template <class T>
class FmaChains {
 public:
  static constexpr double flops_per_step = 2.0 * 12 * static_cast<double>(xsimd::batch<T>::size);

  void run(long steps) {
    using Vector = xsimd::batch<T>;
    const Vector a(factor_), b(offset_);
    // Twelve names, not an array: compilers keep an array of accumulators in memory, which is four times slower.
    Vector r0(T(0)), r1(T(1)), r2(T(2)), r3(T(3)), r4(T(4)), r5(T(5));
    Vector r6(T(6)), r7(T(7)), r8(T(8)), r9(T(9)), r10(T(10)), r11(T(11));
    for (long step = 0; step < steps; ++step) {
      r0 = fused(r0, a, b), r1 = fused(r1, a, b), r2 = fused(r2, a, b), r3 = fused(r3, a, b);
      r4 = fused(r4, a, b), r5 = fused(r5, a, b), r6 = fused(r6, a, b), r7 = fused(r7, a, b);
      r8 = fused(r8, a, b), r9 = fused(r9, a, b), r10 = fused(r10, a, b), r11 = fused(r11, a, b);
    }
    const Vector sum = r0 + r1 + r2 + r3 + r4 + r5 + r6 + r7 + r8 + r9 + r10 + r11;
    sum.store_unaligned(result_.data());
    asm volatile("" : : "r"(result_.data()) : "memory");  // the result is used
  }

 private:
  volatile T factor_ = T(0.999), offset_ = T(0.001);  // volatile: not known when compiling
  std::array<T, xsimd::batch<T>::size> result_{};
};

/// Floating-point operations per second of one core, T = float or double; a product and a sum are two.
/// The best of many runs of some 50 microseconds, so that what else happens on the machine does not count. Takes 0.2 s.
template <class T>
double fma_peak() {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  constexpr long steps = 25000;
  FmaChains<T> chains;
  double best = std::numeric_limits<double>::infinity();
  for (const auto begin = Clock::now(); Seconds(Clock::now() - begin).count() < 0.2;) {
    const auto start = Clock::now();
    chains.run(steps);
    best = std::min(best, Seconds(Clock::now() - start).count());
  }
  return FmaChains<T>::flops_per_step * steps / best;
}

}  // namespace calibrant_bench
