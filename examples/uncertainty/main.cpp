// The uncertainty of every single jet: its resolution, carried through the inverse of the response; intervals from the
// inverses of two quantiles (generalized numerical inversion with pinball losses); and split-conformal intervals, whose
// coverage needs no trust in the network. What is claimed is counted, in jets that none of them has seen.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "measure.hpp"
#include "program/jet_settings.hpp"
#include "program/program.hpp"
#include "program/report.hpp"
#include "program/result_table.hpp"
#include "program/summary.hpp"

namespace {

namespace validate = calibrant::validate;
using examples::ResultTable;

std::string percent(double coverage) { return validate::general(std::round(100.0 * coverage)); }
/// Of the jets of one split.
std::int64_t n_jets(const IntervalKind& kind, const validate::CoverageBin& bin) { return bin.n / kind.n_splits; }
/// Distance of the coverage from the one wanted, in binomial errors of the jets of one split.
double binomial_errors(const IntervalKind& kind, const validate::CoverageBin& bin) {
  return (bin.fraction() - kind.coverage) / (bin.error(kind.coverage) * std::sqrt(kind.n_splits));
}
std::string range_of(const auto& bin) { return validate::general(bin.low) + "_" + validate::general(bin.high); }

ResultTable coverage_table(const Findings& findings) {
  ResultTable table(
      "Coverage (of conformal intervals: mean of random halves), and its distance from what the intervals are made for "
      "in binomial errors of the jets of one half",
      {{"intervals"},
       {"for", 3},
       {"low"},
       {"high"},
       {"jets"},
       {"coverage", 4},
       {"binomial_errors", 2},
       {"mean_length", 1},
       {"without"}});
  for (const IntervalKind& kind : findings.kinds)
    for (const auto& bin : kind.found.bins)
      table.add_row({kind.name, kind.coverage, bin.low, bin.high, ResultTable::count(n_jets(kind, bin)), bin.fraction(),
                     binomial_errors(kind, bin), bin.mean_length, ResultTable::count(bin.without)});
  return table;
}

ResultTable pull_table(const Findings& findings) {
  ResultTable table("(calibrated - true) / sigma in bins of true pT",
                    {{"low"}, {"high"}, {"jets"}, {"median", 3}, {"half_width", 3}, {"error", 3}});
  for (const auto& bin : findings.pull.bins)
    table.add_row(
        {bin.low, bin.high, ResultTable::count(bin.n), bin.median.value, bin.half_width.value, bin.half_width.error});
  return table;
}

void summarise(const Findings& findings, const examples::JetSettings& settings, examples::Summary& summary) {
  summary.set("seed", settings.seed);
  summary.set("threads", settings.threads);
  summary.set("training_jets", findings.n_training);
  summary.set("test_jets", findings.n_test);
  summary.set("epochs", findings.epochs);
  summary.set("train.seconds", findings.train_seconds);
  for (const auto& bin : findings.pull.bins) {
    summary.set("pull.median." + range_of(bin), bin.median.value);
    summary.set("pull.half_width." + range_of(bin), bin.half_width.value);
  }
  for (const IntervalKind& kind : findings.kinds) {
    const std::string name = kind.name + "." + percent(kind.coverage) + ".";
    double largest = 0.0, worst = 0.0;
    for (const auto& bin : kind.found.bins) {
      summary.set(name + "coverage." + range_of(bin), bin.fraction());
      summary.set(name + "jets." + range_of(bin), n_jets(kind, bin));
      summary.set(name + "mean_length." + range_of(bin), bin.mean_length);
      summary.set(name + "without." + range_of(bin), bin.without);
      if (bin.n == 0) continue;
      largest = std::max(largest, std::abs(bin.fraction() - kind.coverage));
      worst = std::max(worst, std::abs(binomial_errors(kind, bin)));
    }
    summary.set(name + "max_abs", largest);
    summary.set(name + "max_binomial_errors", worst);
  }
}

constexpr const char* plots = R"(set logscale x
set xlabel 'pT [GeV], true or (conformal\_calibrated) calibrated'
set output 'coverage.svg'
set ylabel 'coverage'
set yrange [0.5:1]
kinds = 'quantiles conformal_truth conformal_calibrated'
middle(low, high, kind, wanted) = kind eq wanted ? sqrt(low * high) : 1/0
plot 0.68 notitle lc rgb 'gray', 0.95 notitle lc rgb 'gray', for [kind in kinds] 'coverage.csv' \
  using (middle($3, $4, strcol(1), kind)):6:(sqrt($6 * (1 - $6) / $5)) with yerrorbars title kind noenhanced
set output 'length.svg'
set ylabel 'mean length of 68 % intervals / pT'
set yrange [0:*]
plot for [kind in kinds] 'coverage.csv' \
  using ($2 < 0.9 ? middle($3, $4, strcol(1), kind) : 1/0):($8 / sqrt($3 * $4)) with points title kind noenhanced
set output 'pull.svg'
set xlabel 'true pT [GeV]'
set ylabel '(calibrated - true) / sigma'
set yrange [-0.5:1.5]
plot 'pull.csv' using (sqrt($1*$2)):5:6 with yerrorbars title 'half 68 % width', '' using (sqrt($1*$2)):4 title 'median'
)";

void report(const Findings& findings, const examples::JetSettings& settings) {
  const std::string no_pictures = examples::present(
      {"Uncertainty of calibrated jets",
       {findings.data + ": " + std::to_string(findings.n_training) + " jets for training, " +
        std::to_string(findings.n_test) + " for the test, of which random halves make the conformal intervals."},
       std::string(examples::plot_head) + plots,
       {{"coverage.svg", "Coverage"},
        {"length.svg", "Mean length of the 68 % intervals"},
        {"pull.svg", "Is the resolution right?"}},
       {{"coverage.csv", coverage_table(findings), true}, {"pull.csv", pull_table(findings), true}}},
      settings.output);
  examples::Summary summary;
  summarise(findings, settings, summary);
  summary.write(settings.output + "/summary.json");
  examples::say_written(no_pictures, settings.output, "summary.json, the calibrations and tables");
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program("uncertainty", [&] {
    examples::JetSettings settings;
    if (!examples::read_settings(argc, argv, "uncertainty",
                                 "gives every calibrated jet a resolution and intervals for its true pT, from the "
                                 "quantiles of its response and by ranks in jets set apart, and counts how often they "
                                 "hold the truth",
                                 settings))
      return 0;
    examples::make_folder(settings.output);
    report(measure(settings), settings);
    return 0;
  });
}
