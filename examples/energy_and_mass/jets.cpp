#include "jets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <limits>
#include <utility>

#include "calibrant/calibration.hpp"
#include "calibrant/invert/joint_certificate.hpp"
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

// Both truths, or one, then eta, rho, area; of m / pT by itself also the calibrated pT.
template <int n_inputs, int n_outputs>
using Network = cal::Mlp<cal::Inputs<n_inputs>, cal::Hidden<48>, cal::Hidden<48>, cal::Outputs<n_outputs>>;
using Together = cal::JointCalibration<cal::Model<Network<5, 2>>>;
using PtAlone = cal::Calibration<cal::Model<Network<4, 1>>>;
using MassAtPt =
    cal::Calibration<cal::Model<Network<5, 1>>, cal::invert::Newton, cal::extrapolate::Sides<cal::extrapolate::Clamp>>;

const cal::Feature true_pt("true_pt", cal::Transform::logarithm, "GeV");
const cal::Feature true_m_over_pt("true_m_over_pt", cal::Transform::logarithm);
const cal::Feature eta("reco_eta", cal::Transform::absolute);
const cal::Feature calibrated_pt("calibrated_pt", cal::Transform::logarithm, "GeV");

// What an estimate is made from: all that is measured.
const std::vector<const char*> all_measured = {"reco_pt",   "reco_m", "reco_eta",  "rho",        "area",
                                               "mu",        "ntrk",   "trk_width", "calo_width", "n90",
                                               "f_charged", "f_em",   "f_em1",     "f_had1"};
using Estimate = cal::Model<Network<14, 1>>;

/// The measured pT and m / pT that a calibration starts from: columns of the tables of jets.
struct Measured {
  std::string prefix;  ///< of what is called after it
  const char *pt, *m_over_pt;
};
const Measured as_reconstructed{"", "reco_pt", "reco_m_over_pt"},
    as_estimated{"estimates_", "estimated_pt", "estimated_m_over_pt"};

const validate::BinEdges pt_edges = {20, 30, 50, 100, 200, 500, 1500};
const validate::BinEdges m_edges = {3, 6, 10, 20, 40, 80, 160};
const validate::BinEdges m_over_pt_edges = {0.02, 0.05, 0.08, 0.12, 0.17, 0.25};

std::vector<float> ratio(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] / b[i];
  return result;
}
/// Columns side by side, row-major.
std::vector<float> side_by_side(const std::vector<std::vector<float>>& parts) {
  std::vector<float> result;
  for (std::size_t i = 0; i < parts[0].size(); ++i)
    for (const auto& part : parts) result.push_back(part[i]);
  return result;
}

/// Jets whose event is wanted and that have a mass, with both m / pT.
template <class Wanted>
cal::Table select(const cal::Table& jets, const Wanted& wanted) {
  const auto pt = static_cast<std::size_t>(jets.index("true_pt")), m = static_cast<std::size_t>(jets.index("true_m")),
             measured_m = static_cast<std::size_t>(jets.index("reco_m"));
  const cal::Table chosen = examples::central_jets(jets, wanted).where([=](auto row) {
    return row[m] > lowest_m_over_pt * row[pt] && row[measured_m] > lowest_measured_m;
  });
  return chosen.with_column("true_m_over_pt", ratio(chosen.column("true_m"), chosen.column("true_pt")))
      .with_column("reco_m_over_pt", ratio(chosen.column("reco_m"), chosen.column("reco_pt")));
}

/// The median of a truth at given measured values: how a network would put it, with the spectrum of its training in it.
/// As a measured value of a calibration it may have any bias: that is inverted, and the spectrum goes out again.
Estimate fit_estimate(const cal::Table& jets, const char* truth, const char* measured, cal::FitOptions options) {
  std::vector<cal::Feature> features = {{measured, cal::Transform::logarithm, "GeV"}};  // the truth is a ratio to it
  for (const std::string name : all_measured)
    if (name != measured)
      features.emplace_back(name, name == "reco_eta"                      ? cal::Transform::absolute
                                  : name == "reco_pt" || name == "reco_m" ? cal::Transform::logarithm
                                                                          : cal::Transform::identity);
  options.output = cal::Output::ratio;
  return cal::fit<Network<14, 1>>(cal::Dataset(jets, features, truth, {.group = "event"}), cal::loss::Absolute{},
                                  options);
}
std::vector<float> evaluate(const Estimate& estimate, const cal::Table& jets) {
  std::vector<float> result(static_cast<std::size_t>(jets.n_rows()));
  estimate.evaluate_batch(jets.columns(estimate.description.features).values(), result);
  return result;
}
struct Estimates {
  Estimate pt, m;

  Estimates(const cal::Table& training, const cal::FitOptions& options)
      : pt(fit_estimate(training, "true_pt", "reco_pt", options)),
        m(fit_estimate(training, "true_m", "reco_m", options)) {}
  cal::Table added_to(const cal::Table& jets) const {
    const std::vector<float> of_pt = evaluate(pt, jets);
    return jets.with_column("estimated_pt", of_pt).with_column("estimated_m_over_pt", ratio(evaluate(m, jets), of_pt));
  }
};

/// Calibrated pT and mass of each jet; NaN where there is none.
struct Calibrated {
  std::vector<float> pt, m;
  std::vector<cal::Status> status = {};
  double seconds = 0.0;  ///< that the inversion took
};
std::vector<float> theta_of(const cal::Table& jets) {
  return side_by_side({jets.column("reco_eta"), jets.column("rho"), jets.column("area")});
}
std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] * b[i];
  return result;
}

// Medians: the measured mass has a long tail from pile-up and from what the jet lost or gained.
const cal::loss::Absolute median{};

cal::Model<Network<5, 2>> fit_together(const cal::Table& jets, const Measured& measured, cal::FitOptions options) {
  options.output = cal::Output::paired_ratio;
  return cal::fit<Network<5, 2>>(cal::Dataset(jets, {true_pt, true_m_over_pt, eta, "rho", "area"},
                                              std::vector<std::string>{measured.pt, measured.m_over_pt},
                                              {.group = "event", .target_units = {"GeV", ""}}),
                                 median, options);
}
/// Inverted for m / pT up to `highest`, which it keeps beyond: the pT is then solved for at that m / pT.
Together invert_up_to(float highest, const cal::Model<Network<5, 2>>& response) {
  using cal::extrapolate::Edge;
  using cal::extrapolate::Edges;
  const auto above = std::min(highest, response.theta_range(0).high);
  return Together(response, {}, {Edges(), Edges(Edge::clamp, Edge::clamp, cal::extrapolate::no_low, above)});
}
Calibrated together(const Together& calibration, const cal::Table& jets, const Measured& measured,
                    cal::ThreadPool& pool) {
  const std::vector<float> y = side_by_side({jets.column(measured.pt), jets.column(measured.m_over_pt)}),
                           theta = theta_of(jets);
  const auto n = static_cast<std::size_t>(jets.n_rows());
  std::vector<float> values(2 * n);
  Calibrated result{{}, {}, std::vector<cal::Status>(n)};
  const examples::Stopwatch watch;
  calibration({cal::row_major<float>(y, 2), cal::row_major<float>(theta, 3), values, result.status}, pool);
  result.seconds = watch.seconds();
  for (std::size_t i = 0; i < n; ++i) {
    result.pt.push_back(values[2 * i]);
    result.m.push_back(values[2 * i] * values[2 * i + 1]);
  }
  return result;
}

/// The pT by itself, then m / pT at the calibrated pT.
Calibrated one_by_one(const cal::Table& training, const cal::Table& test, const Measured& measured,
                      cal::FitOptions options, float highest, cal::ThreadPool& pool) {
  options.output = cal::Output::ratio;
  const PtAlone by_pt(cal::fit<Network<4, 1>>(
      cal::Dataset(training, {true_pt, eta, "rho", "area"}, measured.pt, {.group = "event", .target_units = {"GeV"}}),
      median, options));
  const auto with_pt = [&](const cal::Table& jets) {
    std::vector<float> value(static_cast<std::size_t>(jets.n_rows()));
    by_pt({jets.column(measured.pt), cal::row_major<float>(theta_of(jets), 3), value}, pool);
    return jets.with_column("calibrated_pt", value);
  };
  const cal::Table valued = with_pt(training);
  const auto column = static_cast<std::size_t>(valued.index("calibrated_pt"));
  const auto response = cal::fit<Network<5, 1>>(
      cal::Dataset(valued.where([=](auto row) { return row[column] > 0.0f; }),
                   {true_m_over_pt, calibrated_pt, eta, "rho", "area"}, measured.m_over_pt, {.group = "event"}),
      median, options);
  const MassAtPt by_mass(response, {}, {.high = std::min(highest, response.truth_range().high)});

  const cal::Table jets = with_pt(test);
  Calibrated result{jets.column("calibrated_pt"), std::vector<float>(static_cast<std::size_t>(jets.n_rows()))};
  const std::vector<float> theta =
      side_by_side({result.pt, jets.column("reco_eta"), jets.column("rho"), jets.column("area")});
  by_mass({jets.column(measured.m_over_pt), cal::row_major<float>(theta, 4), result.m}, pool);
  result.m = product(result.m, result.pt);
  return result;
}

Kind measure(const std::string& name, const Calibrated& calibrated, const cal::Table& test) {
  Kind kind;
  kind.name = name;
  const std::vector<float> true_pts = test.column("true_pt"), true_ms = test.column("true_m");
  const auto quantity = [&](const std::vector<float>& values, const std::vector<float>& truths) {
    std::vector<double> ratios, pt, m, hard_ratios, m_over_pt;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) continue;
      ratios.push_back(static_cast<double>(values[i]) / static_cast<double>(truths[i]));
      pt.push_back(static_cast<double>(true_pts[i]));
      m.push_back(static_cast<double>(true_ms[i]));
      if (pt.back() <= lowest_dependence_pt) continue;
      hard_ratios.push_back(ratios.back());
      m_over_pt.push_back(m.back() / pt.back());
    }
    return Quantity{validate::profile(ratios, pt, pt_edges), validate::profile(ratios, m, m_edges),
                    validate::residual_dependence(hard_ratios, m_over_pt, m_over_pt_edges,
                                                  {.name = "true m / pT", .q_low = 0.0, .q_high = 1.0})};
  };
  kind.pt = quantity(calibrated.pt, true_pts);
  kind.mass = quantity(calibrated.m, true_ms);
  for (std::size_t i = 0; i < calibrated.m.size(); ++i)
    kind.without_value += std::isfinite(calibrated.pt[i]) && std::isfinite(calibrated.m[i]) ? 0 : 1;
  for (const cal::Status status : calibrated.status) ++kind.statuses[static_cast<std::size_t>(status)];
  return kind;
}

/// For a jet of median |eta|, rho and area.
cal::invert::Certificate certify(const Together& calibration, const cal::Table& jets) {
  std::vector<cal::Range<float>> theta;
  for (const char* name : {"reco_eta", "rho", "area"}) {
    std::vector<float> values = jets.column(name);
    for (float& value : values) value = std::abs(value);
    const auto middle = static_cast<float>(validate::median(validate::Sample(values)).value);
    theta.push_back({middle, middle});
  }
  return cal::invert::certify_one_to_one(
      calibration.response(), {calibration.solved_range(0), calibration.solved_range(1)}, theta, {.max_boxes = 20'000});
}

// Chosen on jets of the training that are held out: the largest m / pT up to which nearly every jet has a value. Above,
// soft jets lose more of what makes them heavy the heavier they are: their measured mass does not rise with the true
// one.
constexpr std::array<float, 5> highest_m_over_pt = {0.4f, 0.35f, 0.3f, 0.25f, 0.2f};
constexpr double most_without_value = 0.001;
bool is_held_out(float event) { return static_cast<std::int64_t>(event) % 5 == 1; }

float choose_highest(const cal::Table& jets, const cal::FitOptions& options, cal::ThreadPool& pool,
                     Findings& findings) {
  const auto event = static_cast<std::size_t>(jets.index("event"));
  const cal::Table kept = jets.where([=](auto row) { return !is_held_out(row[event]); });
  const Estimates estimates(kept, options);
  const cal::Table held_out = estimates.added_to(jets.where([=](auto row) { return is_held_out(row[event]); }));
  const auto response = fit_together(estimates.added_to(kept), as_estimated, options);
  findings.n_held_out = held_out.n_rows();
  for (const float highest : highest_m_over_pt) {
    const Calibrated found = together(invert_up_to(highest, response), held_out, as_estimated, pool);
    const auto without = std::count_if(found.pt.begin(), found.pt.end(), [](float pt) { return !std::isfinite(pt); });
    findings.held_out_without_value.emplace_back(highest, without);
    if (static_cast<double>(without) <= most_without_value * static_cast<double>(findings.n_held_out)) return highest;
  }
  return highest_m_over_pt.back();
}

}  // namespace

Findings calibrate_jets(const examples::JetSettings& settings) {
  const cal::Table jets = examples::read_generator(settings.data, "A");
  const cal::Table chosen = select(jets, examples::for_training), unseen = select(jets, examples::for_test);
  examples::require_jets(jets.source(), chosen.n_rows(), unseen.n_rows(), 500);
  const cal::FitOptions options = examples::training_plan(chosen.n_rows(), settings);

  Findings findings;
  findings.data = settings.data;
  findings.n_training = chosen.n_rows();
  findings.n_test = unseen.n_rows();
  findings.epochs = options.epochs;
  std::cout << "jets: " << findings.data << ", " << findings.n_training << " for training, " << findings.n_test
            << " for the test; " << options.epochs << " epochs" << std::endl;

  cal::ThreadPool pool(settings.threads);
  const examples::Stopwatch watch;
  findings.highest_m_over_pt = choose_highest(chosen, options, pool, findings);
  const Estimates estimates(chosen, options);
  const cal::Table training = estimates.added_to(chosen), test = estimates.added_to(unseen);
  findings.kinds.push_back(measure("before", {test.column("reco_pt"), test.column("reco_m")}, test));
  const float highest = findings.highest_m_over_pt;
  for (const Measured& measured : {as_reconstructed, as_estimated}) {
    const Calibrated alone = one_by_one(training, test, measured, options, highest, pool);
    findings.kinds.push_back(measure(measured.prefix + "one_by_one", alone, test));
    const Together both = invert_up_to(highest, fit_together(training, measured, options));
    const Calibrated found = together(both, test, measured, pool);
    findings.jets_per_second = static_cast<double>(findings.n_test) / found.seconds;
    findings.kinds.push_back(measure(measured.prefix + "together", found, test));
    findings.kinds.back().one_to_one = certify(both, test);
    cal::io::save(both, settings.output + "/" + measured.prefix + "together.safetensors");
  }
  cal::io::save(estimates.pt, settings.output + "/estimated_pt.safetensors");
  cal::io::save(estimates.m, settings.output + "/estimated_m.safetensors");
  findings.train_seconds = watch.seconds();
  return findings;
}
