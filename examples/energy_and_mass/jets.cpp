#include "jets.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <limits>
#include <utility>

#include "calibrant/calibration.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/parallel/pool.hpp"
#include "calibrant/train/trainer.hpp"
#include "program/jet_tables.hpp"
#include "program/jet_training.hpp"
#include "program/program.hpp"

namespace {

namespace cal = calibrant;
namespace validate = calibrant::validate;

// Both truths, or one, then eta, rho, area; of the mass by itself also the calibrated pT.
template <int n_inputs, int n_outputs>
using Network = cal::Mlp<cal::Inputs<n_inputs>, cal::Hidden<48>, cal::Hidden<48>, cal::Outputs<n_outputs>>;
using Together = cal::JointCalibration<cal::Model<Network<5, 2>>>;
using PtAlone = cal::Calibration<cal::Model<Network<4, 1>>>;
using MassAtPt = cal::Calibration<cal::Model<Network<5, 1>>>;

const cal::Feature true_pt("true_pt", cal::Transform::logarithm, "GeV");
const cal::Feature true_m("true_m", cal::Transform::logarithm, "GeV");
const cal::Feature eta("reco_eta", cal::Transform::absolute);
const cal::Feature calibrated_pt("calibrated_pt", cal::Transform::logarithm, "GeV");
const cal::DatasetColumns columns{.group = "event", .target_units = {"GeV", "GeV"}};

const validate::BinEdges pt_edges = {20, 30, 50, 100, 200, 500, 1500};
const validate::BinEdges m_edges = {3, 6, 10, 20, 40, 80, 160};
const validate::BinEdges m_over_pt_edges = {0.02, 0.05, 0.08, 0.12, 0.17, 0.25};

/// Jets whose event is wanted and that have a mass.
template <class Wanted>
cal::Table select(const cal::Table& jets, const Wanted& wanted) {
  const auto pt = static_cast<std::size_t>(jets.index("true_pt")), m = static_cast<std::size_t>(jets.index("true_m"));
  return examples::central_jets(jets, wanted).where([=](auto row) { return row[m] > lowest_m_over_pt * row[pt]; });
}

/// Columns side by side, row-major.
std::vector<float> side_by_side(const std::vector<std::vector<float>>& parts) {
  std::vector<float> result;
  for (std::size_t i = 0; i < parts[0].size(); ++i)
    for (const auto& part : parts) result.push_back(part[i]);
  return result;
}

/// Jets as the calibrations take them.
struct Sample {
  std::vector<float> true_pt, true_m, reco_pt, reco_m, eta, rho, area;

  explicit Sample(const cal::Table& jets)
      : true_pt(jets.column("true_pt")),
        true_m(jets.column("true_m")),
        reco_pt(jets.column("reco_pt")),
        reco_m(jets.column("reco_m")),
        eta(jets.column("reco_eta")),
        rho(jets.column("rho")),
        area(jets.column("area")) {}
  std::size_t size() const noexcept { return true_pt.size(); }
  std::vector<float> theta() const { return side_by_side({eta, rho, area}); }
};

/// Calibrated pT and mass of each jet; NaN where there is none.
struct Calibrated {
  std::vector<float> pt, m;
};

std::vector<float> calibrate_pt(const PtAlone& calibration, const Sample& jets, cal::ThreadPool& pool) {
  std::vector<float> value(jets.size());
  calibration({jets.reco_pt, cal::row_major<float>(jets.theta(), 3), value}, pool);
  return value;
}
Calibrated one_by_one(const PtAlone& by_pt, const MassAtPt& by_mass, const Sample& jets, cal::ThreadPool& pool) {
  Calibrated result{calibrate_pt(by_pt, jets, pool), std::vector<float>(jets.size())};
  const std::vector<float> theta = side_by_side({result.pt, jets.eta, jets.rho, jets.area});
  by_mass({jets.reco_m, cal::row_major<float>(theta, 4), result.m}, pool);
  return result;
}
Calibrated together(const Together& calibration, const Sample& jets, cal::ThreadPool& pool, Findings& findings) {
  const std::vector<float> y = side_by_side({jets.reco_pt, jets.reco_m}), theta = jets.theta();
  std::vector<float> values(2 * jets.size());
  std::vector<cal::Status> status(jets.size());
  const examples::Stopwatch watch;
  calibration({cal::row_major<float>(y, 2), cal::row_major<float>(theta, 3), values, status}, pool);
  findings.jets_per_second = static_cast<double>(jets.size()) / watch.seconds();
  Calibrated result;
  for (std::size_t i = 0; i < jets.size(); ++i) {
    result.pt.push_back(values[2 * i]);
    result.m.push_back(values[2 * i + 1]);
    ++findings.statuses[static_cast<std::size_t>(status[i])];
  }
  return result;
}

Kind measure(const std::string& name, const Calibrated& calibrated, const Sample& test) {
  Kind kind;
  kind.name = name;
  std::vector<double> pt, m, pt_ratio, m_ratio, m_over_pt, hard_pt_ratio, hard_m_ratio;
  for (std::size_t i = 0; i < test.size(); ++i) {
    if (!std::isfinite(calibrated.pt[i]) || !std::isfinite(calibrated.m[i])) {
      ++kind.without_value;
      continue;
    }
    pt.push_back(static_cast<double>(test.true_pt[i]));
    m.push_back(static_cast<double>(test.true_m[i]));
    pt_ratio.push_back(static_cast<double>(calibrated.pt[i]) / pt.back());
    m_ratio.push_back(static_cast<double>(calibrated.m[i]) / m.back());
    if (pt.back() <= lowest_dependence_pt) continue;
    m_over_pt.push_back(m.back() / pt.back());
    hard_pt_ratio.push_back(pt_ratio.back());
    hard_m_ratio.push_back(m_ratio.back());
  }
  const auto quantity = [&](const std::vector<double>& ratio, const std::vector<double>& hard) {
    return Quantity{validate::profile(ratio, pt, pt_edges), validate::profile(ratio, m, m_edges),
                    validate::residual_dependence(hard, m_over_pt, m_over_pt_edges,
                                                  {.name = "true m / pT", .q_low = 0.0, .q_high = 1.0})};
  };
  kind.pt = quantity(pt_ratio, hard_pt_ratio);
  kind.mass = quantity(m_ratio, hard_m_ratio);
  return kind;
}

}  // namespace

Findings calibrate_jets(const examples::JetSettings& settings) {
  const cal::Table jets = examples::read_generator(settings.data, "A");
  const cal::Table training = select(jets, examples::for_training);
  const Sample test(select(jets, examples::for_test));
  examples::require_jets(jets.source(), training.n_rows(), static_cast<std::int64_t>(test.size()), 500);
  cal::FitOptions options = examples::training_plan(training.n_rows(), settings);

  Findings findings;
  findings.data = settings.data;
  findings.n_training = training.n_rows();
  findings.n_test = static_cast<std::int64_t>(test.size());
  findings.epochs = options.epochs;
  std::cout << "jets: " << findings.data << ", " << findings.n_training << " for training, " << findings.n_test
            << " for the test; " << options.epochs << " epochs" << std::endl;

  // Medians: the measured mass has a long tail from pile-up and from what the jet lost or gained.
  const cal::loss::Absolute median{};
  cal::ThreadPool pool(settings.threads);
  const examples::Stopwatch watch;
  options.output = cal::Output::paired_ratio;
  const Together both(cal::fit<Network<5, 2>>(cal::Dataset(training, {true_pt, true_m, eta, "rho", "area"},
                                                           std::vector<std::string>{"reco_pt", "reco_m"}, columns),
                                              median, options));
  cal::io::save(both, settings.output + "/energy_and_mass.safetensors");

  options.output = cal::Output::ratio;
  const cal::DatasetColumns one_unit{.group = "event", .target_units = {"GeV"}};
  const PtAlone by_pt(cal::fit<Network<4, 1>>(
      cal::Dataset(training, {true_pt, eta, "rho", "area"}, "reco_pt", one_unit), median, options));
  const cal::Table with_pt = training.with_column("calibrated_pt", calibrate_pt(by_pt, Sample(training), pool));
  const auto column = static_cast<std::size_t>(with_pt.index("calibrated_pt"));
  const cal::Table valued = with_pt.where([=](auto row) { return row[column] > 0.0f; });
  const MassAtPt by_mass(cal::fit<Network<5, 1>>(
      cal::Dataset(valued, {true_m, calibrated_pt, eta, "rho", "area"}, "reco_m", one_unit), median, options));
  findings.train_seconds = watch.seconds();

  findings.kinds.push_back(measure("before", {test.reco_pt, test.reco_m}, test));
  findings.kinds.push_back(measure("one_by_one", one_by_one(by_pt, by_mass, test, pool), test));
  findings.kinds.push_back(measure("together", together(both, test, pool, findings), test));
  return findings;
}
