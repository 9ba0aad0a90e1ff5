// The pieces: dense kernels on one tile, the Adam step.
#include <cmath>
#include <memory>

#include "calibrant/nn.hpp"
#include "calibrant/optim/adam.hpp"
#include "report.hpp"

namespace {

using namespace calibrant;
using T = Tile<float>;

template <class Layer>
struct Tiles {
  Parameters<float, Layer::n_params> p, gradient;
  T x[Layer::n_in], y[Layer::n_out], dy[Layer::n_out], dx[Layer::n_in];
  typename Layer::template Workspace<T> workspace;
  typename Layer::template Accumulator<T> accumulator;
  Tiles() {
    Random random(1);
    Layer::template initialise<float>(p.view(), random);
    for (T& v : x) v = T(static_cast<float>(random.normal()));
    for (T& v : dy) v = T(static_cast<float>(random.normal()));
    accumulator.clear();
  }
};

template <class Layer>
void forward(benchmark::State& state) {
  const auto tiles = std::make_unique<Tiles<Layer>>();
  calibrant_bench::Report report(state,
                                 {.samples = T::n_samples, .flops_per_sample = 2.0 * Layer::n_in * Layer::n_out});
  for (auto _ : state) {
    Layer::template forward<T>(std::as_const(tiles->p).view(), View<const T, Layer::n_in>(tiles->x),
                               View<T, Layer::n_out>(tiles->y), tiles->workspace);
    benchmark::ClobberMemory();
  }
}

template <class Layer>
void pullback(benchmark::State& state) {
  const auto tiles = std::make_unique<Tiles<Layer>>();
  Layer::template forward<T>(std::as_const(tiles->p).view(), View<const T, Layer::n_in>(tiles->x),
                             View<T, Layer::n_out>(tiles->y), tiles->workspace);
  calibrant_bench::Report report(state,
                                 {.samples = T::n_samples, .flops_per_sample = 4.0 * Layer::n_in * Layer::n_out});
  for (auto _ : state) {
    Layer::template pullback<T>(
        std::as_const(tiles->p).view(), View<const T, Layer::n_in>(tiles->x), View<const T, Layer::n_out>(tiles->y),
        tiles->workspace, View<const T, Layer::n_out>(tiles->dy), tiles->accumulator, View<T, Layer::n_in>(tiles->dx));
    benchmark::ClobberMemory();
  }
}

void adam(benchmark::State& state) {
  constexpr int n = 17665;
  struct Buffers {
    Parameters<float, n> parameters, gradient;
    Adam::State<float, n> moments;
  };
  const auto buffers = std::make_unique<Buffers>();
  Random random(1);
  for (int i = 0; i < n; ++i) buffers->gradient[i] = static_cast<float>(random.normal());
  const Adam optimizer{};
  calibrant_bench::Report report(state, {.samples = n});
  for (auto _ : state)
    benchmark::DoNotOptimize(optimizer.step(buffers->moments, buffers->parameters, buffers->gradient));
}

BENCHMARK(forward<Dense<64, 64>>)->Name("kernel/dense_forward/64x64");
BENCHMARK(forward<Dense<64, 126>>)->Name("kernel/dense_forward/64x126");
BENCHMARK(forward<Dense<64, 64, SiLU>>)->Name("kernel/dense_silu_forward/64x64");
BENCHMARK(forward<Dense<2, 50, PReLU>>)->Name("kernel/dense_prelu_forward/2x50");
BENCHMARK(pullback<Dense<64, 64>>)->Name("kernel/dense_pullback/64x64");
BENCHMARK(pullback<Dense<64, 126>>)->Name("kernel/dense_pullback/64x126");
BENCHMARK(adam)->Name("kernel/adam/17665");

}  // namespace
