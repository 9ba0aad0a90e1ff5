#include "jets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iostream>
#include <span>
#include <utility>

#include "calibrant/calibration/fit_sequence.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/parallel/pool.hpp"
#include "program/jet_tables.hpp"
#include "program/jet_training.hpp"
#include "program/program.hpp"

namespace {

namespace cal = calibrant;
namespace validate = calibrant::validate;

// What every calibration is called with, in this order.
const std::array<std::string, 5> theta_names = {"reco_eta", "rho", "area", "ntrk", "trk_width"};
constexpr int n_theta = 5;

template <int n_inputs, int width>
using Network = cal::Mlp<cal::Inputs<n_inputs>, cal::Hidden<width>, cal::Hidden<width>, cal::Outputs<1>>;
using First = cal::Calibration<cal::Model<Network<4, 48>>>;  // pT, eta, rho, area
using ByOne = cal::Calibration<cal::Model<Network<3, 24>>>;  // pT, eta, one feature
using FirstOnly = cal::Sequence<cal::Features<n_theta>, First>;
using Sequential = cal::Sequence<cal::Features<n_theta>, First, ByOne, ByOne>;
using Iterated = cal::Sequence<cal::Features<n_theta>, First, ByOne, ByOne, ByOne, ByOne, ByOne, ByOne>;
using Simultaneous = cal::Calibration<cal::Model<Network<6, 48>>>;

const cal::Feature truth("true_pt", cal::Transform::logarithm, "GeV");
const cal::Feature eta("reco_eta", cal::Transform::absolute);
const cal::DatasetColumns columns{.group = "event"};

const validate::BinEdges true_pt_edges = {20, 30, 50, 100, 200, 500, 1500};

/// Jets to measure with.
struct Sample {
  std::vector<float> true_pt, reco_pt, flavour, ntrk, width, theta;

  explicit Sample(const cal::Table& jets)
      : true_pt(jets.column("true_pt")),
        reco_pt(jets.column("reco_pt")),
        flavour(jets.column("flavour")),
        ntrk(jets.column("ntrk")),
        width(jets.column("trk_width")) {
    const cal::Table features = jets.columns({theta_names.begin(), theta_names.end()});
    theta.assign(features.values().begin(), features.values().end());
  }
  std::size_t size() const noexcept { return true_pt.size(); }
};

using Calibrate = std::function<std::vector<float>(const Sample&)>;

template <class C>
Calibrate with(const C& calibration, cal::ThreadPool& pool) {
  return [calibration, &pool](const Sample& jets) {
    std::vector<float> value(jets.size());
    calibration({jets.reco_pt, cal::row_major<float>(jets.theta, n_theta), value}, pool);
    return value;
  };
}

/// calibrated / true and the columns to bin it in, for the jets for which keep(i) is true and that have a value.
struct Ratios {
  std::vector<double> ratio, true_pt, ntrk, width;

  template <class Keep>
  Ratios(const Sample& jets, const std::vector<float>& calibrated, const Keep& keep) {
    for (std::size_t i = 0; i < jets.size(); ++i) {
      if (!std::isfinite(calibrated[i]) || !keep(i)) continue;
      ratio.push_back(static_cast<double>(calibrated[i] / jets.true_pt[i]));
      true_pt.push_back(static_cast<double>(jets.true_pt[i]));
      ntrk.push_back(static_cast<double>(jets.ntrk[i]));
      width.push_back(static_cast<double>(jets.width[i]));
    }
  }
  validate::Profile in_true_pt() const { return validate::profile(ratio, true_pt, true_pt_edges); }
};

/// The index-th of n equal parts of the numbers in `order`, sorted by `key`.
std::span<const std::size_t> part_of(std::span<const std::size_t> order, std::size_t index, std::size_t n) {
  const std::size_t first = order.size() * index / n, last = order.size() * (index + 1) / n;
  return order.subspan(first, last - first);
}
void sort_by(std::span<std::size_t> order, const std::vector<double>& key) {
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return key[i] < key[j]; });
}

/// 4 x 4 cells with equal numbers of jets: quarters of ntrk, and in each quarters of the width.
void measure_cells(const Ratios& jets, JetKind& kind) {
  constexpr std::size_t n = 4;
  const double overall = validate::median(validate::Sample(jets.ratio)).value;
  std::vector<std::size_t> order(jets.ratio.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  sort_by(order, jets.ntrk);
  double squares = 0.0, noise = 0.0, variance = 0.0;
  for (std::size_t a = 0; a < n; ++a) {
    const auto of_ntrk = part_of(order, a, n);
    std::vector<std::size_t> row(of_ntrk.begin(), of_ntrk.end());
    sort_by(row, jets.width);
    for (std::size_t b = 0; b < n; ++b) {
      std::vector<double> ratio;
      double ntrk = 0.0, width = 0.0;
      for (const std::size_t i : part_of(row, b, n)) {
        ratio.push_back(jets.ratio[i]);
        ntrk += jets.ntrk[i];
        width += jets.width[i];
      }
      const auto count = static_cast<double>(ratio.size());
      validate::Estimate median = validate::median(validate::Sample(ratio));
      median = {median.value / overall, median.error / overall};
      kind.cells.push_back({ntrk / count, width / count, static_cast<std::int64_t>(ratio.size()), median});
      const double deviation = median.value - 1.0, error = median.error;
      squares += deviation * deviation;
      noise += error * error;
      variance += 4.0 * deviation * deviation * error * error + 2.0 * error * error * error * error;
    }
  }
  constexpr double n_cells = n * n;
  const double rms = std::sqrt(std::max(0.0, squares - noise) / n_cells);
  // The error of the mean square, and of its root; where the root is 0, that of what could have been hidden.
  const double error = std::sqrt(variance) / n_cells;
  kind.residual = {rms, rms > 0.0 ? std::min(0.5 * error / rms, std::sqrt(error)) : std::sqrt(error)};
}

JetKind measure(const std::string& name, const Calibrate& calibrate, const Sample& test, const Sample* other) {
  const std::vector<float> calibrated = calibrate(test);
  const auto has_flavour = [&](float low, float high) {
    return [&test, low, high](std::size_t i) { return test.flavour[i] >= low && test.flavour[i] <= high; };
  };
  const auto everything = [](std::size_t) { return true; };
  const Ratios hard(test, calibrated,
                    [&](std::size_t i) { return static_cast<double>(test.true_pt[i]) > lowest_dependence_pt; });
  JetKind kind;
  kind.name = name;
  const Ratios all(test, calibrated, everything);
  kind.without_value = static_cast<std::int64_t>(test.size() - all.ratio.size());
  kind.all = all.in_true_pt();
  kind.quark = Ratios(test, calibrated, has_flavour(1, 3)).in_true_pt();
  kind.gluon = Ratios(test, calibrated, has_flavour(21, 21)).in_true_pt();
  if (other != nullptr) kind.other_generator = Ratios(*other, calibrate(*other), everything).in_true_pt();
  kind.against_ntrk = validate::residual_dependence(hard.ratio, hard.ntrk, 6, {.name = "ntrk"});
  kind.against_width = validate::residual_dependence(hard.ratio, hard.width, 6, {.name = "trk_width"});
  measure_cells(hard, kind);
  return kind;
}

}  // namespace

JetFindings calibrate_jets(const Settings& settings) {
  const cal::Table jets = examples::read_generator(settings.data, "A");
  const cal::Table training = examples::central_jets(jets, examples::for_training);
  const Sample test(examples::central_jets(jets, examples::for_test));
  examples::require_jets(jets.source(), training.n_rows(), static_cast<std::int64_t>(test.size()), 500);
  std::vector<Sample> other;
  std::error_code ignored;
  if (std::filesystem::exists(settings.data + "/B.jets.npy", ignored))
    other.emplace_back(
        examples::central_jets(examples::read_generator(settings.data, "B"), [](std::int64_t) { return true; }));

  const cal::FitOptions options = examples::training_plan(training.n_rows(), settings);
  JetFindings findings{settings.data,
                       training.n_rows(),
                       static_cast<std::int64_t>(test.size()),
                       other.empty() ? 0 : static_cast<std::int64_t>(other[0].size()),
                       options.epochs,
                       0.0,
                       {}};
  std::cout << "jets: " << findings.data << ", " << findings.n_training << " for training, " << findings.n_test
            << " for the test, " << findings.n_other << " of another generator; " << options.epochs << " epochs"
            << std::endl;

  const std::vector<cal::Feature> first{eta, "rho", "area"}, by_ntrk{eta, "ntrk"}, by_width{eta, "trk_width"};
  const auto plan = [&](std::vector<std::vector<cal::Feature>> steps) {
    return cal::SequencePlan{.truth = truth, .measured = "reco_pt", .steps = std::move(steps), .columns = columns};
  };
  const examples::Stopwatch watch;
  const cal::loss::Absolute median{};
  const auto iterated = cal::fit_sequence<Iterated>(
      training, plan({first, by_ntrk, by_width, by_ntrk, by_width, by_ntrk, by_width}), median, options);
  const auto reversed = cal::fit_sequence<Sequential>(training, plan({first, by_width, by_ntrk}), median, options);
  const Simultaneous simultaneous(cal::fit<Network<6, 48>>(
      cal::Dataset(training, {truth, eta, "rho", "area", "ntrk", "trk_width"}, "reco_pt", columns), median, options));
  findings.train_seconds = watch.seconds();

  // The features in the same order for all.
  const FirstOnly before(theta_names, iterated.step<0>());
  const Sequential ntrk_width(theta_names, iterated.step<0>(), iterated.step<1>(), iterated.step<2>());
  const Sequential width_ntrk(theta_names, reversed.step<0>(), reversed.step<1>(), reversed.step<2>());
  cal::ThreadPool pool(settings.threads);
  const auto add = [&](const std::string& name, const auto& calibration) {
    findings.kinds.push_back(measure(name, with(calibration, pool), test, other.empty() ? nullptr : &other[0]));
  };
  add("before", before);
  add("sequential_ntrk_width", ntrk_width);
  add("sequential_width_ntrk", width_ntrk);
  add("iterated", iterated);
  add("simultaneous", simultaneous);
  return findings;
}
