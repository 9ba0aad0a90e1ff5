#include "measure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <limits>
#include <ratio>
#include <span>
#include <utility>

#include "calibrant/core/random.hpp"
#include "calibrant/invert/monotonicity.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/monotone.hpp"
#include "calibrant/train/trainer.hpp"
#include "calibrant/validate/statistics.hpp"
#include "program/jet_response.hpp"
#include "program/jet_tables.hpp"
#include "program/program.hpp"

namespace {

namespace cal = calibrant;
namespace validate = calibrant::validate;
using examples::n_features;

template <class MinimumSlope>
using Rising3x64 = cal::MonotoneRatio<
    cal::Mlp<cal::Inputs<n_features>, cal::Hidden<64>, cal::Hidden<64>, cal::Hidden<64>, cal::Outputs<16>>,
    MinimumSlope>;
template <class MinimumSlope>
using Rising5x48 = cal::MonotoneRatio<cal::Mlp<cal::Inputs<n_features>, cal::Hidden<48>, cal::Hidden<48>,
                                               cal::Hidden<48>, cal::Hidden<48>, cal::Hidden<48>, cal::Outputs<16>>,
                                      MinimumSlope>;

constexpr std::array weight_decays = {0.01, 0.02, 0.035};

// What --choose 5 gives with 139,000 jets.
const Candidate known_free{{3, 64, 0.0}, 0.035}, known_monotone{{5, 48, 0.5}, 0.02};

/// Jets to calibrate, by column.
struct Jets {
  std::vector<float> event, true_pt, reco_pt, features;

  explicit Jets(const cal::Table& jets)
      : event(jets.column("event")), true_pt(jets.column("true_pt")), reco_pt(jets.column("reco_pt")) {
    const cal::Table wanted = jets.columns({examples::feature_names.begin(), examples::feature_names.end()});
    features.assign(wanted.values().begin(), wanted.values().end());
  }
  std::size_t size() const noexcept { return true_pt.size(); }
};

/// A network was trained, and calibrated other jets.
struct Run {
  double seconds;
  std::vector<double> ratio;  ///< calibrated / true; NaN for jets without a value
  std::int64_t n_falling;
};

template <class Network>
Run run(const cal::Dataset& data, const Jets& jets, const cal::FitOptions& plan) {
  const examples::ProcessorWatch watch;
  cal::Model<Network> response = cal::fit<Network>(data, cal::loss::Absolute{}, plan);
  Run run{watch.seconds(), {}, 0};
  run.n_falling =
      cal::invert::check_monotonicity(response, std::span<const float>(jets.features), response.truth_range())
          .n_bad_objects;
  const examples::ResponseCalibration<Network> calibration(std::move(response));
  std::vector<float> calibrated(jets.size());
  calibration({jets.reco_pt, cal::row_major<float>(jets.features, n_features), calibrated});
  for (std::size_t i = 0; i < jets.size(); ++i)
    run.ratio.push_back(static_cast<double>(calibrated[i]) / static_cast<double>(jets.true_pt[i]));
  return run;
}

bool has_values(std::span<const Run> runs, std::size_t jet) {
  return std::all_of(runs.begin(), runs.end(), [&](const Run& run) { return std::isfinite(run.ratio[jet]); });
}

struct Kind {
  Architecture network;
  Run (*run)(const cal::Dataset&, const Jets&, const cal::FitOptions&);
};
constexpr std::array kinds = {
    Kind{{3, 64, 0.0}, run<examples::FreeNetwork>},         Kind{{3, 64, 0.05}, run<Rising3x64<std::ratio<1, 20>>>},
    Kind{{3, 64, 0.25}, run<Rising3x64<std::ratio<1, 4>>>}, Kind{{3, 64, 0.5}, run<Rising3x64<std::ratio<1, 2>>>},
    Kind{{5, 48, 0.25}, run<Rising5x48<std::ratio<1, 4>>>}, Kind{{5, 48, 0.5}, run<Rising5x48<std::ratio<1, 2>>>}};

Run run_with(const Candidate& settings, const cal::Dataset& data, const Jets& jets, cal::FitOptions plan,
             std::uint64_t seed) {
  plan.adam.weight_decay = settings.weight_decay;
  plan.seed = seed;
  const auto kind =
      std::find_if(kinds.begin(), kinds.end(), [&](const Kind& one) { return one.network == settings.network; });
  return kind->run(data, jets, plan);
}

double mean(std::span<const double> values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}
/// NaN for one value.
double standard_deviation(std::span<const double> values) {
  const double centre = mean(values);
  double sum = 0.0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / (static_cast<double>(values.size()) - 1.0));
}

struct Bin {
  double low, high;
  std::vector<std::size_t> jets;
};

/// The jets that every run has a value for, in bins of true pT; bins with too few jets for a width are left out.
std::vector<Bin> bins_of(const Jets& jets, std::span<const Run> runs) {
  constexpr std::size_t fewest = 100;
  const validate::BinEdges& edges = examples::true_pt_edges;
  std::vector<Bin> bins;
  for (int b = 0; b < edges.n_bins(); ++b) bins.push_back({edges.low(b), edges.high(b), {}});
  for (std::size_t i = 0; i < jets.size(); ++i) {
    const int b = edges.find(static_cast<double>(jets.true_pt[i]));
    if (b >= 0 && b < edges.n_bins()) bins[static_cast<std::size_t>(b)].jets.push_back(i);
  }
  std::erase_if(bins, [](const Bin& bin) { return bin.jets.size() < fewest; });
  for (Bin& bin : bins) std::erase_if(bin.jets, [&](std::size_t i) { return !has_values(runs, i); });
  return bins;
}

struct Shape {
  double closure, resolution;
};

/// @param weights  of all jets; none: 1 each.
Shape shape_of(const Run& run, const Bin& bin, std::span<const double> weights = {}) {
  std::vector<double> ratio, weight;
  for (const std::size_t i : bin.jets) {
    ratio.push_back(run.ratio[i]);
    if (!weights.empty()) weight.push_back(weights[i]);
  }
  const validate::Sample sample(ratio, weight);
  return {sample.median().value, sample.relative_half_width().value};
}

// ---- choice --------------------------------------------------------------------------------------------------------

/// A fifth of the training events.
bool is_held_out(std::int64_t event) {
  return cal::Random(1, cal::Stream::split).block(static_cast<std::uint64_t>(event))[0] % 5 == 0;
}

cal::Dataset training_data(const cal::Table& jets) {
  return {jets,
          examples::response_features({examples::feature_names.begin(), examples::feature_names.end()}),
          "reco_pt",
          {.group = "event"}};
}

void judge(const std::vector<Run>& runs, const Jets& held_out, Candidate& candidate) {
  const std::vector<Bin> bins = bins_of(held_out, runs);
  for (const Bin& bin : bins) {
    double log_resolution = 0.0;
    for (const Run& run : runs) {
      const Shape shape = shape_of(run, bin);
      log_resolution += std::log(shape.resolution);
      candidate.closure += std::abs(shape.closure - 1.0) / static_cast<double>(bins.size() * runs.size());
    }
    candidate.log_resolution.push_back(log_resolution / static_cast<double>(runs.size()));
  }
  candidate.mean_log_resolution = mean(candidate.log_resolution);
}

/// The candidate of a kind with the smallest `criterion`, among those whose closure is not clearly worse than the best.
Candidate best(std::vector<Candidate>& candidates, bool free, double Candidate::*criterion) {
  constexpr double tolerated = 0.002;
  double best_closure = std::numeric_limits<double>::infinity();
  for (const Candidate& one : candidates)
    if (one.network.is_free() == free) best_closure = std::min(best_closure, one.closure);
  Candidate* best = nullptr;
  for (Candidate& one : candidates)
    if (one.network.is_free() == free && one.closure <= best_closure + tolerated &&
        (best == nullptr || one.*criterion < best->*criterion))
      best = &one;
  best->is_chosen = true;
  return *best;
}

/// The free network is the one of the best mean resolution, the monotone one that which is nowhere worse than it, or
/// least: a mean would be that of soft jets, where networks differ most.
void choose(const cal::Table& training, const Settings& settings, Findings& findings) {
  const cal::Dataset data =
      training_data(examples::central_jets(training, [](std::int64_t event) { return !is_held_out(event); }));
  const Jets held_out(examples::central_jets(training, is_held_out));
  findings.n_held_out = static_cast<std::int64_t>(held_out.size());
  const cal::FitOptions plan = examples::response_plan(training.n_rows(), settings);
  for (const Kind& kind : kinds)
    for (const double weight_decay : weight_decays) {
      Candidate& candidate = findings.candidates.emplace_back(Candidate{kind.network, weight_decay});
      std::vector<Run> runs;
      for (int i = 0; i < settings.choose; ++i)
        runs.push_back(run_with(candidate, data, held_out, plan, settings.seed + static_cast<std::uint64_t>(i)));
      judge(runs, held_out, candidate);
    }
  findings.free = best(findings.candidates, true, &Candidate::mean_log_resolution);
  for (Candidate& one : findings.candidates)
    for (std::size_t b = 0; b < one.log_resolution.size(); ++b)
      one.loss += std::max(0.0, std::expm1(one.log_resolution[b] - findings.free.log_resolution[b])) /
                  static_cast<double>(one.log_resolution.size());
  findings.monotone = best(findings.candidates, false, &Candidate::loss);
}

// ---- comparison ----------------------------------------------------------------------------------------------------

/// How often each jet is in a random sample of as many events, drawn with replacement: Poisson numbers of mean 1, one
/// for each event.
std::vector<double> bootstrap_weights(const Jets& jets, int replica) {
  const cal::Random random(1, cal::Stream::bootstrap, static_cast<std::uint32_t>(replica));
  std::vector<double> weights;
  for (const float event : jets.event) {
    const double u = random.block(static_cast<std::uint64_t>(event))[0] * 0x1p-32;
    double count = 0.0;
    for (double term = std::exp(-1.0), sum = term; u >= sum && count < 12.0; sum += term) term /= ++count;
    weights.push_back(count);
  }
  return weights;
}

struct Compared {
  std::vector<Shape> free, monotone;  ///< one for each seed

  std::vector<double> closure_differences() const {
    std::vector<double> values;
    for (std::size_t i = 0; i < free.size(); ++i) values.push_back(monotone[i].closure - free[i].closure);
    return values;
  }
  std::vector<double> resolution_differences() const {
    std::vector<double> values;
    for (std::size_t i = 0; i < free.size(); ++i) values.push_back(monotone[i].resolution / free[i].resolution - 1.0);
    return values;
  }
};

/// @param runs  free ones and monotone ones in turn, one pair for each seed.
Compared compare(std::span<const Run> runs, const Bin& bin, std::span<const double> weights = {}) {
  Compared both;
  for (std::size_t i = 0; i < runs.size(); ++i)
    (i % 2 == 0 ? both.free : both.monotone).push_back(shape_of(runs[i], bin, weights));
  return both;
}

Difference difference_of(const Compared& both, double Shape::*member, const std::vector<double>& differences,
                         const std::vector<double>& replicas) {
  const auto mean_of = [&](const std::vector<Shape>& shapes) {
    std::vector<double> values;
    for (const Shape& shape : shapes) values.push_back(shape.*member);
    return mean(values);
  };
  return {mean_of(both.free), mean_of(both.monotone), mean(differences), standard_deviation(replicas),
          standard_deviation(differences)};
}

std::vector<BinComparison> compare(std::span<const Run> runs, const Jets& test) {
  constexpr int n_replicas = 200;
  std::vector<std::vector<double>> weights;
  for (int replica = 0; replica < n_replicas; ++replica) weights.push_back(bootstrap_weights(test, replica));
  std::vector<BinComparison> result;
  for (const Bin& bin : bins_of(test, runs)) {
    std::vector<double> closures, resolutions;
    for (const auto& weight : weights) {
      const Compared replica = compare(runs, bin, weight);
      closures.push_back(mean(replica.closure_differences()));
      resolutions.push_back(mean(replica.resolution_differences()));
    }
    const Compared both = compare(runs, bin);
    result.push_back({bin.low, bin.high, static_cast<std::int64_t>(bin.jets.size()),
                      difference_of(both, &Shape::closure, both.closure_differences(), closures),
                      difference_of(both, &Shape::resolution, both.resolution_differences(), resolutions)});
  }
  return result;
}

}  // namespace

Findings measure(const Settings& settings) {
  const cal::Table jets = examples::read_generator(settings.data, "A");
  const cal::Table training = examples::central_jets(jets, examples::for_training);
  const cal::Table test_table = examples::central_jets(jets, examples::for_test);
  examples::require_jets(jets.source(), training.n_rows(), test_table.n_rows(), 1000);
  const cal::FitOptions plan = examples::response_plan(training.n_rows(), settings);
  Findings findings{.data = settings.data,
                    .n_training = training.n_rows(),
                    .n_test = test_table.n_rows(),
                    .epochs = plan.epochs,
                    .free = known_free,
                    .monotone = known_monotone};
  std::cout << "jets: " << findings.data << ", " << findings.n_training << " for training, " << findings.n_test
            << " for the test; " << plan.epochs << " epochs" << std::endl;

  if (settings.choose > 0) choose(training, settings, findings);
  const cal::Dataset data = training_data(training);
  const Jets test(test_table);
  std::vector<Run> runs;
  for (int i = 0; i < settings.seeds; ++i) {
    const std::uint64_t seed = settings.seed + static_cast<std::uint64_t>(i);
    Run free = run_with(findings.free, data, test, plan, seed);
    Run monotone = run_with(findings.monotone, data, test, plan, seed);
    findings.trainings.push_back({seed, free.seconds, monotone.seconds, free.n_falling, monotone.n_falling});
    runs.push_back(std::move(free));
    runs.push_back(std::move(monotone));
  }
  for (std::size_t i = 0; i < test.size(); ++i)
    if (!has_values(runs, i)) ++findings.n_without;
  findings.bins = compare(runs, test);
  return findings;
}
