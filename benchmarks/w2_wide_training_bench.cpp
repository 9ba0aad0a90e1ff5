// W2: training of a topo-cluster network, 15-64-128-64-1 SiLU, squared loss: epochs of 131,072 events, shuffling
// included, and steps on one batch.
#include "training_workload.hpp"

namespace {

using calibrant_bench::Wide;

void train(benchmark::State& state) { calibrant_bench::train<Wide>(state, calibrant::loss::Squared{}, 131072); }
void step(benchmark::State& state) { calibrant_bench::train_step<Wide>(state, calibrant::loss::Squared{}); }

BENCHMARK(step)->Name("W2/step/15-64-128-64-1")->ArgNames({"batch", "threads"})->ArgsProduct({{256, 1024}, {1}});
BENCHMARK(train)
    ->Name("W2/train/15-64-128-64-1")
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{256, 1024, 4096}, {1, 2}})
    ->UseRealTime();

}  // namespace
