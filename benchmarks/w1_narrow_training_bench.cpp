// W1: training of the network of arXiv:1910.03773, 2-50-1 PReLU, with the squared loss and the leaky Gaussian kernel:
// epochs of 500,000 events, shuffling included, and steps on one batch that stays in the cache.
#include "training_workload.hpp"

namespace {

using calibrant_bench::Narrow;
using namespace calibrant;

void squared(benchmark::State& state) { calibrant_bench::train<Narrow>(state, loss::Squared{}, 500000); }
void kernel(benchmark::State& state) { calibrant_bench::train<Narrow>(state, loss::LeakyGaussianKernel{}, 500000); }
void step(benchmark::State& state) { calibrant_bench::train_step<Narrow>(state, loss::Squared{}); }

BENCHMARK(step)
    ->Name("W1/step/2-50-1/squared")
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{32, 256, 1024, 8192}, {1}});
BENCHMARK(squared)
    ->Name("W1/train/2-50-1/squared")
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{32, 256, 1024, 8192}, {1}})
    ->UseRealTime();
BENCHMARK(kernel)
    ->Name("W1/train/2-50-1/leaky_gaussian_kernel")
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{32, 256, 1024, 8192}, {1}})
    ->UseRealTime();

}  // namespace
