#include "measure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <ratio>
#include <span>
#include <utility>

#include "calibrant/calibration.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/invert/output_of.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/nn/monotone.hpp"
#include "calibrant/train/trainer.hpp"
#include "calibrant/validate/conformal.hpp"
#include "program/jet_tables.hpp"
#include "program/jet_training.hpp"
#include "program/program.hpp"

namespace {

namespace cal = calibrant;
namespace validate = calibrant::validate;

const std::array<const char*, 5> theta_names = {"reco_eta", "rho", "area", "ntrk", "trk_width"};
constexpr int n_theta = 5;

// A network for each quantile, and each rises with the true pT by construction: in one free network for all of them the
// lowest quantiles of soft jets would fall here and there, and those jets would have no interval.
constexpr std::array<double, 5> levels = {0.025, 0.16, 0.5, 0.84, 0.975};
using Network = cal::MonotoneRatio<cal::Mlp<cal::Inputs<n_theta>, cal::Hidden<64>, cal::Hidden<64>, cal::Outputs<16>>,
                                   std::ratio<1, 10>>;
using Quantile = cal::Model<Network>;

const validate::BinEdges pt_edges = {20, 30, 50, 100, 200, 500, 1500};

std::vector<Quantile> train(const cal::Table& jets, const cal::FitOptions& options) {
  const cal::Dataset data(jets,
                          {{"true_pt", cal::Transform::logarithm, "GeV"},
                           {"reco_eta", cal::Transform::absolute},
                           "rho",
                           "area",
                           "ntrk",
                           "trk_width"},
                          "reco_pt", {.group = "event"});
  std::vector<Quantile> quantiles;
  for (const double level : levels) quantiles.push_back(cal::fit<Network>(data, cal::loss::Pinball{level}, options));
  return quantiles;
}

/// Jets by column, calibrated with the median and with their resolution.
struct Jets {
  std::vector<float> event, true_pt, reco_pt, theta, calibrated, sigma;

  template <class C>
  Jets(const cal::Table& jets, const C& with_resolution)
      : event(jets.column("event")), true_pt(jets.column("true_pt")), reco_pt(jets.column("reco_pt")) {
    const cal::Table features = jets.columns({theta_names.begin(), theta_names.end()});
    theta.assign(features.values().begin(), features.values().end());
    calibrated.resize(size());
    sigma.resize(size());
    with_resolution({reco_pt, rows(), calibrated}, sigma);
  }
  std::size_t size() const noexcept { return true_pt.size(); }
  bool is_usable(std::size_t i) const noexcept { return std::isfinite(calibrated[i]) && sigma[i] > 0.0f; }
  cal::MatrixView<float> rows() const { return cal::row_major<float>(theta, n_theta); }
};

/// Random halves of the events: those that give the ranks, and those that are counted. One split has the noise of both;
/// the mean of many shows what the method does.
constexpr int n_splits = 20;
bool is_apart(float event, int split) {
  return cal::Random(static_cast<std::uint64_t>(split)).block(static_cast<std::uint64_t>(event))[0] % 2 == 0;
}

/// As a program that only calibrates gets it: what is measured is what is in the file.
template <class C>
C saved(const C& calibration, const std::string& path) {
  cal::io::save(calibration, path);
  return cal::io::load<C>(path);
}

IntervalKind by_quantiles(const Quantile& low, const Quantile& high, const Jets& test, double coverage,
                          const std::string& path) {
  const auto interval = saved(cal::QuantileIntervals{cal::Calibration(low), cal::Calibration(high)}, path);
  std::vector<float> lower(test.size()), upper(test.size());
  interval(test.reco_pt, test.rows(), lower, upper);
  return {"quantiles", coverage, validate::coverage(lower, upper, test.true_pt, test.true_pt, pt_edges), 1};
}

/// Adds what was found in another split of the same jets.
void add(const validate::Coverage& more, validate::Coverage& sum) {
  if (sum.bins.empty())
    sum = more;
  else
    for (std::size_t i = 0; i < sum.bins.size(); ++i) {
      validate::CoverageBin& bin = sum.bins[i];
      const validate::CoverageBin& one = more.bins[i];
      const auto n = static_cast<double>(bin.n - bin.without), n_more = static_cast<double>(one.n - one.without);
      bin.mean_length = (n * bin.mean_length + n_more * one.mean_length) / (n + n_more);
      bin.n += one.n;
      bin.covered += one.covered;
      bin.without += one.without;
    }
}

validate::Coverage coverage_of_split(const Jets& jets, int split, double coverage, validate::CoverageIn in) {
  std::vector<float> apart_value, apart_truth, apart_scale, truth, value, low, high;
  for (std::size_t i = 0; i < jets.size(); ++i)
    if (is_apart(jets.event[i], split) && jets.is_usable(i)) {
      apart_value.push_back(jets.calibrated[i]);
      apart_truth.push_back(jets.true_pt[i]);
      apart_scale.push_back(jets.sigma[i]);
    }
  const validate::Conformal conformal(apart_value, apart_truth, apart_scale, pt_edges, coverage, in);
  for (std::size_t i = 0; i < jets.size(); ++i)
    if (!is_apart(jets.event[i], split)) {
      const auto interval = conformal(jets.calibrated[i], jets.sigma[i]);
      low.push_back(interval.low);
      high.push_back(interval.high);
      truth.push_back(jets.true_pt[i]);
      value.push_back(jets.is_usable(i) ? jets.calibrated[i] : 0.0f);  // in no bin
    }
  return validate::coverage(low, high, truth, in == validate::CoverageIn::truth ? truth : value, pt_edges);
}

IntervalKind by_ranks(const Jets& jets, double coverage, validate::CoverageIn in) {
  IntervalKind kind{
      in == validate::CoverageIn::truth ? "conformal_truth" : "conformal_calibrated", coverage, {}, n_splits};
  for (int split = 0; split < n_splits; ++split) add(coverage_of_split(jets, split, coverage, in), kind.found);
  return kind;
}

}  // namespace

Findings measure(const examples::JetSettings& settings) {
  const cal::Table jets = examples::read_generator(settings.data, "A");
  const cal::Table training = examples::central_jets(jets, examples::for_training);
  const cal::Table test_table = examples::central_jets(jets, examples::for_test);
  examples::require_jets(jets.source(), training.n_rows(), test_table.n_rows(), 1000);
  const cal::FitOptions options = examples::training_plan(training.n_rows(), settings);
  Findings findings;
  findings.data = settings.data;
  findings.n_training = training.n_rows();
  findings.n_test = test_table.n_rows();
  findings.epochs = options.epochs;
  std::cout << "jets: " << findings.data << ", " << findings.n_training << " for training, " << findings.n_test
            << " for the test; " << options.epochs << " epochs" << std::endl;

  const examples::Stopwatch watch;
  const std::vector<Quantile> quantiles = train(training, options);
  findings.train_seconds = watch.seconds();
  const auto calibrate =
      saved(cal::WithResolution{cal::Calibration(quantiles[2]), cal::invert::HalfWidth(quantiles[1], quantiles[3])},
            settings.output + "/with_resolution.safetensors");
  const Jets test(test_table, calibrate);
  std::vector<float> pull, true_pt;
  for (std::size_t i = 0; i < test.size(); ++i) {
    if (!test.is_usable(i)) continue;
    pull.push_back((test.calibrated[i] - test.true_pt[i]) / test.sigma[i]);
    true_pt.push_back(test.true_pt[i]);
  }
  findings.pull = validate::profile(pull, true_pt, pt_edges);

  findings.kinds.push_back(
      by_quantiles(quantiles[1], quantiles[3], test, 0.68, settings.output + "/interval_68.safetensors"));
  findings.kinds.push_back(
      by_quantiles(quantiles[0], quantiles[4], test, 0.95, settings.output + "/interval_95.safetensors"));
  for (const auto in : {validate::CoverageIn::truth, validate::CoverageIn::calibrated})
    for (const double coverage : {0.68, 0.95}) findings.kinds.push_back(by_ranks(test, coverage, in));
  return findings;
}
