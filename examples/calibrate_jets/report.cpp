#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <utility>

#include "plots.hpp"
#include "program/report.hpp"
#include "program/result_table.hpp"
#include "program/summary.hpp"

namespace {

namespace validate = calibrant::validate;
using examples::ResultTable;
using validate::ProfileBin;

/// Closure is asked for from here up: below, the cut at 15 GeV is near.
constexpr double lowest_closure_pt = 20.0;

/// "20_30": a bin's part of a name.
std::string name_of(const ProfileBin& bin) { return validate::general(bin.low) + "_" + validate::general(bin.high); }

/// Calls visit(before, after) for each bin of true pT.
template <class Visit>
void for_bins(const BeforeAfter& profiles, const Visit& visit) {
  for (std::size_t i = 0; i < profiles.after.bins.size(); ++i) visit(profiles.before.bins[i], profiles.after.bins[i]);
}

/// The statistic of calibrated / true that a loss is about.
validate::Estimate ProfileBin::*estimate_of(const std::string& statistic) {
  return statistic == "mean" ? &ProfileBin::mean : statistic == "mode" ? &ProfileBin::mode : &ProfileBin::median;
}

ResultTable closure_table(const Performance& performance) {
  ResultTable table("Closure and resolution in bins of true pT (GeV): reco / true before, calibrated / true after",
                    {{"pt_low"},
                     {"pt_high"},
                     {"jets"},
                     {"before", 3},
                     {"width_before", 4},
                     {"median", 4},
                     {"error", 4},
                     {"width", 4},
                     {"width_ratio", 3},
                     {"mean", 4},
                     {"mode", 4}});
  for_bins(performance.all, [&](const ProfileBin& before, const ProfileBin& after) {
    table.add_row({after.low, after.high, ResultTable::count(after.n), before.median.value,
                   before.relative_half_width.value, after.median.value, after.median.error,
                   after.relative_half_width.value, after.relative_half_width.value / before.relative_half_width.value,
                   after.mean.value, after.mode.value});
  });
  return table;
}

ResultTable losses_table(const std::vector<Learned>& learned) {
  std::vector<ResultTable::Column> columns = {{"pt_low"}, {"pt_high"}};
  for (const auto& one : learned)
    for (const char* what : {"closure", "error", "width"}) columns.push_back({one.statistic + "_" + what, 4});
  ResultTable table("Each loss: closure of its own statistic, and width / median", columns);
  for (std::size_t i = 0; i < learned.front().performance.all.after.bins.size(); ++i) {
    const ProfileBin& first = learned.front().performance.all.after.bins[i];
    std::vector<ResultTable::Cell> row = {first.low, first.high};
    for (const auto& one : learned) {
      const ProfileBin& bin = one.performance.all.after.bins[i];
      const validate::Estimate& own = bin.*estimate_of(one.statistic);
      row.insert(row.end(), {own.value, own.error, bin.relative_half_width.value});
    }
    table.add_row(row);
  }
  return table;
}

ResultTable residual_table(const Performance& performance) {
  ResultTable table(
      "Residual dependence of the median on each feature, true pT > 60 GeV: largest deviation between its 5 % and 95 % "
      "quantiles",
      {{"feature"}, {"bins"}, {"before", 4}, {"after", 4}, {"error", 4}});
  for (const auto& dependence : performance.features)
    table.add_row({dependence.feature, ResultTable::count(dependence.after.profile.bins.size()),
                   dependence.before.max_abs() / dependence.before.overall_median.value, dependence.after.max_abs(),
                   dependence.after.largest.error});
  return table;
}

/// The curves behind one line of residual_table.
ResultTable residual_curve(const FeatureDependence& dependence) {
  ResultTable table(dependence.feature,
                    {{"low"}, {"high"}, {"mean"}, {"jets"}, {"before"}, {"before_error"}, {"after"}, {"after_error"}});
  const double overall = dependence.before.overall_median.value;
  for (std::size_t i = 0; i < dependence.after.profile.bins.size(); ++i) {
    const ProfileBin &before = dependence.before.profile.bins[i], &after = dependence.after.profile.bins[i];
    table.add_row({after.low, after.high, after.x_mean, ResultTable::count(after.n), before.median.value / overall,
                   before.median.error / overall, after.median.value, after.median.error});
  }
  return table;
}

ResultTable flavour_table(const FlavourResponse& flavour) {
  ResultTable table("Light quark and gluon jets: median response before and after, and quark - gluon",
                    {{"pt_low"},
                     {"pt_high"},
                     {"quark_jets"},
                     {"gluon_jets"},
                     {"quark_before", 4},
                     {"gluon_before", 4},
                     {"difference_before", 4},
                     {"quark_after", 4},
                     {"gluon_after", 4},
                     {"difference_after", 4},
                     {"error", 4}});
  for (std::size_t i = 0; i < flavour.quark.after.bins.size(); ++i) {
    const ProfileBin &quark_before = flavour.quark.before.bins[i], &gluon_before = flavour.gluon.before.bins[i];
    const ProfileBin &quark = flavour.quark.after.bins[i], &gluon = flavour.gluon.after.bins[i];
    table.add_row({quark.low, quark.high, ResultTable::count(quark.n), ResultTable::count(gluon.n),
                   quark_before.median.value, gluon_before.median.value,
                   quark_before.median.value - gluon_before.median.value, quark.median.value, gluon.median.value,
                   quark.median.value - gluon.median.value, std::hypot(quark.median.error, gluon.median.error)});
  }
  return table;
}

ResultTable status_table(const Findings& findings) {
  ResultTable table("Status of the calibrated test jets", {{"status"}, {"jets"}, {"per_cent", 3}});
  for (const auto& [status, n] : findings.main().performance.statuses)
    table.add_row(
        {std::string(to_string(status)), ResultTable::count(n), 100.0 * n / static_cast<double>(findings.n_test)});
  return table;
}

ResultTable timing_table(const Findings& findings) {
  ResultTable table("Time on " + std::to_string(findings.plan.threads) + " thread(s)", {{"what"}, {"seconds", 3}});
  for (const auto& one : findings.learned) table.add_row({"training, " + one.statistic, one.train_seconds});
  table.add_row({"calibration of 1,000,000 jets", 1e6 / findings.jets_per_second});
  return table;
}

/// Largest |closure - 1| of the statistic that was learned, and by how much it exceeds two standard errors.
std::pair<double, double> worst_closure(const Learned& learned) {
  double largest = 0.0, excess = -1.0;
  for (const ProfileBin& bin : learned.performance.all.after.bins) {
    if (bin.low < lowest_closure_pt || bin.empty()) continue;
    const validate::Estimate& closure = bin.*estimate_of(learned.statistic);
    const double deviation = std::abs(closure.value - 1.0);
    largest = std::max(largest, deviation);
    excess = std::max(excess, deviation - 2.0 * closure.error);
  }
  return {largest, excess};
}

void summarise_bins(const Performance& performance, examples::Summary& summary) {
  double ratio_max = 0.0;
  for_bins(performance.all, [&](const ProfileBin& before, const ProfileBin& after) {
    const std::string bin = name_of(after);
    summary.set("closure." + bin, after.median.value);
    summary.set("closure." + bin + ".error", after.median.error);
    summary.set("closure." + bin + ".mean", after.mean.value);
    summary.set("closure." + bin + ".mode", after.mode.value);
    summary.set("closure." + bin + ".jets", after.n);
    summary.set("response." + bin + ".before", before.median.value);
    summary.set("resolution." + bin, after.relative_half_width.value);
    summary.set("resolution." + bin + ".error", after.relative_half_width.error);
    summary.set("resolution." + bin + ".before", before.relative_half_width.value);
    if (!after.empty())
      ratio_max = std::max(ratio_max, after.relative_half_width.value / before.relative_half_width.value);
  });
  summary.set("resolution.ratio_max", ratio_max);
  for_bins({performance.flavour.quark.after, performance.flavour.gluon.after},
           [&](const ProfileBin& quark, const ProfileBin& gluon) {
             summary.set("flavour." + name_of(quark) + ".quark", quark.median.value);
             summary.set("flavour." + name_of(quark) + ".gluon", gluon.median.value);
             summary.set("flavour." + name_of(quark) + ".difference", quark.median.value - gluon.median.value);
           });
  for_bins({performance.flavour.quark.before, performance.flavour.gluon.before},
           [&](const ProfileBin& quark, const ProfileBin& gluon) {
             summary.set("flavour." + name_of(quark) + ".difference_before", quark.median.value - gluon.median.value);
           });
}

examples::Summary summarise(const Findings& findings) {
  examples::Summary summary;
  const Learned& main = findings.main();
  summary.set("data.training_jets", findings.n_training);
  summary.set("data.test_jets", findings.n_test);
  summary.set("train.epochs", findings.plan.epochs);
  summary.set("train.batch_size", findings.plan.batch_size);
  summary.set("train.threads", findings.plan.threads);
  summary.set("train.seed", findings.plan.seed);
  summary.set("train.seconds", main.train_seconds);
  const auto [closure, excess] = worst_closure(main);
  summary.set("closure.max_abs", closure);
  summary.set("closure.max_excess", excess);
  for (const auto& one : findings.learned) {
    const auto [largest, beyond] = worst_closure(one);
    summary.set("loss." + one.statistic + ".train.seconds", one.train_seconds);
    summary.set("loss." + one.statistic + ".closure.max_abs", largest);
    summary.set("loss." + one.statistic + ".closure.max_excess", beyond);
  }
  summarise_bins(main.performance, summary);
  double largest = 0.0;
  for (const auto& dependence : main.performance.features) {
    summary.set("residual." + dependence.feature + ".max_abs", dependence.after.max_abs());
    summary.set("residual." + dependence.feature + ".error", dependence.after.largest.error);
    summary.set("residual." + dependence.feature + ".before",
                dependence.before.max_abs() / dependence.before.overall_median.value);
    largest = std::max(largest, dependence.after.max_abs());
  }
  summary.set("residual.max_abs", largest);
  for (const auto& [status, n] : main.performance.statuses) summary.set("status." + std::string(to_string(status)), n);
  summary.set("monotonicity.bad_jets", main.performance.monotonicity.n_bad_objects);
  summary.set("monotonicity.bad_points", main.performance.monotonicity.n_bad_points);
  summary.set("monotonicity.points", main.performance.monotonicity.n_points);
  summary.set("calibrate.jets_per_second", findings.jets_per_second);
  summary.set("reload.bit_identical", findings.bit_identical);
  return summary;
}

std::string monotonicity_text(const Findings& findings) {
  const auto& found = findings.main().performance.monotonicity;
  return "The response falls with true pT somewhere in its range for " + std::to_string(found.n_bad_objects) + " of " +
         std::to_string(found.n_objects) + " test jets (" + std::to_string(found.n_bad_points) + " of " +
         std::to_string(found.n_points) + " points); its smallest slope is " +
         validate::fixed(found.smallest_slope, 3) + ", at " + validate::fixed(found.worst_x, 1) + " GeV.";
}

}  // namespace

void report(const Findings& findings, const std::string& folder) {
  const Performance& performance = findings.main().performance;
  for (const auto& dependence : performance.features)
    residual_curve(dependence).write_csv(folder + "/residual_" + dependence.feature + ".csv");

  std::vector<std::string> statistics;
  for (const auto& one : findings.learned) statistics.push_back(one.statistic);
  const std::string reload = std::string("The saved calibration, read by a new process, gives ") +
                             (findings.bit_identical ? "the same bits." : "OTHER values.");
  const std::string no_pictures =
      examples::present({"Calibrated jets",
                         {"Data: " + findings.data + ". Trained on " + std::to_string(findings.n_training) +
                              " jets, measured on " + std::to_string(findings.n_test) + " others.",
                          reload, monotonicity_text(findings)},
                         plot_script(statistics),
                         {std::begin(plots), std::end(plots)},
                         {{"closure.csv", closure_table(performance), true},
                          {"losses.csv", losses_table(findings.learned), true},
                          {"residuals.csv", residual_table(performance), true},
                          {"flavour.csv", flavour_table(performance.flavour), true},
                          {"status.csv", status_table(findings), true},
                          {"timing.csv", timing_table(findings), true}}},
                        folder);
  summarise(findings).write(folder + "/summary.json");

  std::cout << '\n' << monotonicity_text(findings) << '\n' << reload << '\n';
  examples::say_written(no_pictures, folder, "summary.json, tables, and the model");
}
