// The main() of every benchmark program, its results file, and the counting operator new.
#include "report.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "fma_peak.hpp"

namespace {

std::atomic<std::int64_t> allocation_count{0};
double peak_float32 = 0;
double peak_float64 = 0;

void* allocate(std::size_t size, std::size_t alignment) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, size) != 0) throw std::bad_alloc();
  return memory;
}

}  // namespace

// The other forms of operator new and delete call these.
void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace calibrant_bench {

std::int64_t n_allocations() noexcept { return allocation_count.load(std::memory_order_relaxed); }

double peak_flops(Precision precision) noexcept {
  return precision == Precision::float32 ? peak_float32 : peak_float64;
}

Report::Report(benchmark::State& state, Work work) : state_(state), work_(work), allocations_before_(n_allocations()) {}

Report::~Report() {
  using benchmark::Counter;
  const auto allocations = static_cast<double>(n_allocations() - allocations_before_);
  const double flops = work_.samples * work_.flops_per_sample;
  auto& counters = state_.counters;
  counters["samples_per_s"] = Counter(work_.samples, Counter::kIsIterationInvariantRate);
  if (flops > 0) {
    const double peak = work_.cores * peak_flops(work_.precision);
    counters["gflops"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
    counters["fraction_of_peak"] = Counter(flops / peak, Counter::kIsIterationInvariantRate);
  }
  counters["ns"] = Counter(work_.samples * 1e-9, Counter::kIsIterationInvariantRate | Counter::kInvert);
  counters["allocations"] = Counter(allocations, Counter::kAvgIterations);
}

namespace {

// The console's table with one line per benchmark, the fastest of its repetitions, which is also kept for the file.
class BestOfRepetitions : public benchmark::ConsoleReporter {
 public:
  BestOfRepetitions() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    const Run* fastest = nullptr;
    for (const Run& run : runs) {
      if (has_failed(run)) {
        ConsoleReporter::ReportRuns({run});
        any_failed_ = true;
        return;
      }
      if (run.run_type == Run::RT_Iteration &&
          (fastest == nullptr || run.GetAdjustedRealTime() < fastest->GetAdjustedRealTime()))
        fastest = &run;
    }
    if (fastest == nullptr) return;  // mean, median and the like

    Run best = *fastest;
    for (auto& [name, counter] : best.counters)
      counter.flags = benchmark::Counter::kDefaults;  // no "/s" after "gflops"
    ConsoleReporter::ReportRuns({best});
    nlohmann::ordered_json result;
    result["name"] = best.benchmark_name();
    for (const char* key : {"samples_per_s", "gflops", "fraction_of_peak", "ns", "allocations"}) {
      const auto counter = best.counters.find(key);
      result[key] = nullptr;
      if (counter != best.counters.end()) result[key] = counter->second.value;
    }
    results_.push_back(result);
  }

  bool any_failed() const { return any_failed_; }
  const nlohmann::ordered_json& results() const { return results_; }

 private:
  // Google Benchmark 1.8 renamed the member.
  template <class AnyRun>
  static bool has_failed(const AnyRun& run) {
    if constexpr (requires { run.error_occurred; })
      return run.error_occurred;
    else
      return static_cast<bool>(run.skipped);
  }

  bool any_failed_ = false;
  nlohmann::ordered_json results_ = nlohmann::ordered_json::array();
};

// Adds the results to the list that programs before this one left in the file.
bool append_results(const std::string& path, const nlohmann::ordered_json& results) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  if (std::ifstream before(path); before) all = nlohmann::ordered_json::parse(before);
  all.insert(all.end(), results.begin(), results.end());
  std::ofstream after(path);
  after << all.dump(2) << '\n';
  after.close();
  return after.good();
}

int run(int argc, char** argv) {
#if !defined(NDEBUG) || !defined(__OPTIMIZE__)
  std::cerr << argv[0] << ": built with assertions or without optimisation; use the preset 'bench'\n";
  return 1;
#endif
  std::string results_path;
  std::vector<char*> arguments;
  for (int i = 0; i < argc; ++i) {
    constexpr std::string_view option = "--results=";
    if (std::string_view(argv[i]).starts_with(option))
      results_path = argv[i] + option.size();
    else
      arguments.push_back(argv[i]);
  }
  argc = static_cast<int>(arguments.size());
  benchmark::Initialize(&argc, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(argc, arguments.data())) return 1;

  peak_float32 = fma_peak<float>();
  peak_float64 = fma_peak<double>();
  std::printf("FMA peak of one core: float %.1f GFLOP/s, double %.1f GFLOP/s (%s)\n", peak_float32 * 1e-9,
              peak_float64 * 1e-9, xsimd::default_arch::name());
  std::fflush(stdout);

  BestOfRepetitions reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  if (!results_path.empty() && !append_results(results_path, reporter.results())) {
    std::cerr << argv[0] << ": cannot write " << results_path << '\n';
    return 1;
  }
  return reporter.any_failed() ? 1 : 0;
}

}  // namespace
}  // namespace calibrant_bench

int main(int argc, char** argv) { return calibrant_bench::run(argc, argv); }
