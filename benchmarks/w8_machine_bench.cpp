// W8: the limits of this machine, one core: FMA peak, read bandwidth of each level of memory, elementary functions on
// tiles. A sample of the bandwidths is a byte.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>
#include <xsimd/xsimd.hpp>

#include "calibrant/core/math.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/nn/dense_kernels.hpp"
#include "calibrant/nn/model.hpp"
#include "fma_peak.hpp"
#include "report.hpp"

namespace {

using namespace calibrant;
using calibrant_bench::Precision;

template <class T>
void peak(benchmark::State& state) {
  using Chains = calibrant_bench::FmaChains<T>;
  constexpr long steps = 25000;
  Chains chains;
  calibrant_bench::Report report(state,
                                 {.samples = static_cast<double>(steps),
                                  .flops_per_sample = Chains::flops_per_step,
                                  .precision = sizeof(T) == sizeof(float) ? Precision::float32 : Precision::float64});
  for (auto _ : state) chains.run(steps);
}

/// The inner loop of the dense kernels, blocks of six units x a tile of 64 terms, on numbers that stay in the first
/// cache: what they could reach if nothing else were to be done.
void block_from_first_cache(benchmark::State& state) {
  constexpr int terms = 64, blocks = 10, units = 6, samples = Tile<float>::n_samples;
  alignas(virtual_register_bytes) static float weights[blocks * units * terms], x[terms * samples],
      sums[units * samples];
  Random random(1);
  for (float& value : weights) value = static_cast<float>(random.normal());
  for (float& value : x) value = static_cast<float>(random.normal());
  constexpr int Q = kernel::block_registers<float, samples / lanes<float>>;
  calibrant_bench::Report report(state, {.samples = samples, .flops_per_sample = 2.0 * blocks * units * terms});
  for (auto _ : state)
    for (int block = 0; block < blocks; ++block)
      for (int column = 0; column < samples; column += Q * lanes<float>) {
        calibrant::Wide<float, Q> acc[units];
        CALIBRANT_UNROLL for (int u = 0; u < units; ++u) acc[u] = calibrant::Wide<float, Q>(0.0f);
        kernel::multiply_block<units>(terms, weights + block * units * terms, terms, 1, x + column, samples, acc);
        CALIBRANT_UNROLL for (int u = 0; u < units; ++u) acc[u].store(sums + u * samples + column);
        benchmark::ClobberMemory();
      }
}

void read_bandwidth(benchmark::State& state, std::size_t n_bytes) {
  using Vector = xsimd::batch<float>;
  constexpr std::size_t lanes = Vector::size, unroll = 8;
  const std::size_t n = n_bytes / (sizeof(float) * lanes * unroll) * lanes * unroll;
  const std::vector<float, xsimd::aligned_allocator<float, 64>> data(n, 1.0f);
  calibrant_bench::Report report(state, {.samples = static_cast<double>(n * sizeof(float))});
  for (auto _ : state) {
    Vector s0(0.0f), s1(0.0f), s2(0.0f), s3(0.0f), s4(0.0f), s5(0.0f), s6(0.0f), s7(0.0f);
    for (const float *x = data.data(), *end = x + n; x != end; x += lanes * unroll) {
      s0 += Vector::load_aligned(x);
      s1 += Vector::load_aligned(x + lanes);
      s2 += Vector::load_aligned(x + 2 * lanes);
      s3 += Vector::load_aligned(x + 3 * lanes);
      s4 += Vector::load_aligned(x + 4 * lanes);
      s5 += Vector::load_aligned(x + 5 * lanes);
      s6 += Vector::load_aligned(x + 6 * lanes);
      s7 += Vector::load_aligned(x + 7 * lanes);
    }
    Vector sum = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
    benchmark::DoNotOptimize(sum);
  }
}

template <class S, class Function>
void elementwise(benchmark::State& state, S, Function function) {
  constexpr int n = 64;
  Tile<S> x[n];
  Random random(1);
  for (auto& tile : x) {
    S values[Tile<S>::n_samples];
    for (S& v : values) v = static_cast<S>(random.normal());
    tile = Tile<S>::load(values);
  }
  calibrant_bench::Report report(state, {.samples = n * Tile<S>::n_samples});
  for (auto _ : state) {
    Tile<S> y[n];
    for (int i = 0; i < n; ++i) y[i] = function(x[i]);
    benchmark::DoNotOptimize(y);
  }
}

std::size_t cache_size(int level, std::size_t if_unknown) {
  for (const auto& cache : benchmark::CPUInfo::Get().caches)
    if (cache.level == level && cache.type != "Instruction") return static_cast<std::size_t>(cache.size);
  return if_unknown;
}

// Half of a cache stays in it. Memory: more than the last cache, but no more than a laptop can spare.
const bool registered = [] {
  constexpr std::size_t kib = 1 << 10, mib = 1 << 20;
  benchmark::RegisterBenchmark("W8/fma_peak/float", peak<float>);
  benchmark::RegisterBenchmark("W8/fma_peak/double", peak<double>);
  benchmark::RegisterBenchmark("W8/block_from_L1/float", block_from_first_cache);
  const auto bandwidth = [](const std::string& where, std::size_t n_bytes) {
    benchmark::RegisterBenchmark(("W8/read_bytes/" + where).c_str(), read_bandwidth, n_bytes);
  };
  bandwidth("L1", cache_size(1, 32 * kib) / 2);
  bandwidth("L2", cache_size(2, 512 * kib) / 2);
  bandwidth("memory", std::clamp(4 * cache_size(3, 64 * mib), 256 * mib, 1024 * mib));
  return true;
}();

#define CALIBRANT_BENCHMARK_FUNCTION(NAME, EXPRESSION)                                       \
  BENCHMARK_CAPTURE(elementwise, NAME, 0.0f, [](const auto& x) CALIBRANT_LAMBDA_INLINE {     \
    return EXPRESSION;                                                                       \
  })->Name("W8/" #NAME "/float");                                                            \
  BENCHMARK_CAPTURE(elementwise, NAME##_64, 0.0, [](const auto& x) CALIBRANT_LAMBDA_INLINE { \
    return EXPRESSION;                                                                       \
  })->Name("W8/" #NAME "/double")
CALIBRANT_BENCHMARK_FUNCTION(exp, exp(x));
CALIBRANT_BENCHMARK_FUNCTION(expm1, expm1(x));
CALIBRANT_BENCHMARK_FUNCTION(log, log(abs(x)));
CALIBRANT_BENCHMARK_FUNCTION(log1p, log1p(abs(x)));
CALIBRANT_BENCHMARK_FUNCTION(tanh, tanh(x));
CALIBRANT_BENCHMARK_FUNCTION(sigmoid, sigmoid(x));
CALIBRANT_BENCHMARK_FUNCTION(softplus, softplus(x));
#undef CALIBRANT_BENCHMARK_FUNCTION

}  // namespace
