// W0: training of the main job, the response of jets: 11-64-64-64-1 SiLU, median loss, 139,335 jets, batch 1024. The
// jets are made up, of the same number and shape as those of examples/calibrate_jets; a benchmark iteration is one
// epoch of 40.
#include "training_workload.hpp"

namespace {

void main_job(benchmark::State& state) {
  calibrant_bench::train<calibrant_bench::Jets>(state, calibrant::loss::Absolute{}, 139335);
}
BENCHMARK(main_job)
    ->Name("W0/train/11-64-64-64-1")
    ->ArgNames({"batch", "threads"})
    ->Args({1024, 1})
    ->Args({1024, 2})
    ->UseRealTime();

}  // namespace
