// What every benchmark reports: samples per second, GFLOP/s, fraction of this core's FMA peak, nanoseconds per sample
// and heap allocations. report.cpp holds main(): it measures the peak before the first benchmark, takes Google
// Benchmark's options and --results=FILE, and replaces operator new to count.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace calibrant_bench {

enum class Precision { float32, float64 };

/// What one iteration of the benchmark loop does.
struct Work {
  double samples = 1;                        ///< jets, events, calls
  double flops_per_sample = 0;               ///< products and sums; 0: not arithmetic, no GFLOP/s are reported
  Precision precision = Precision::float32;  ///< which peak it is compared with
  int cores = 1;                             ///< the peak is that of so many cores
};

/// Calls of operator new since the program began. Memory that Eigen takes from malloc is not seen.
std::int64_t n_allocations() noexcept;

/// FMA peak of one core, operations per second, as measured when the program began.
double peak_flops(Precision precision) noexcept;

/// Sets the counters of a benchmark when it goes out of scope. Make it directly before the loop, so that it counts the
/// allocations of the loop only. A benchmark that uses threads must be registered with UseRealTime().
///
///     void dense_forward(benchmark::State& state) {
///       ...
///       calibrant_bench::Report report(state, {.samples = 64, .flops_per_sample = 2.0 * 126 * 64});
///       for (auto _ : state) ...
///     }
class Report {
 public:
  Report(benchmark::State& state, Work work);
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

 private:
  benchmark::State& state_;
  Work work_;
  std::int64_t allocations_before_;
};

}  // namespace calibrant_bench
