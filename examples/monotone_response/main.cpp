// Does it cost anything that a response rises by construction? A network that does, next to the free one of the main
// example: closure, resolution and time of training, on jets that neither has seen, with settings chosen on others.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "measure.hpp"
#include "program/program.hpp"
#include "program/report.hpp"
#include "program/result_table.hpp"
#include "program/summary.hpp"

namespace {

namespace validate = calibrant::validate;
using examples::ResultTable;

std::string layers(const Architecture& network) {
  return std::to_string(network.layers) + "x" + std::to_string(network.width);
}
double mean_seconds(const Findings& findings, double Training::*seconds) {
  double sum = 0.0;
  for (const Training& one : findings.trainings) sum += one.*seconds;
  return sum / static_cast<double>(findings.trainings.size());
}
std::int64_t most_falling(const Findings& findings, std::int64_t Training::*falling) {
  std::int64_t most = 0;
  for (const Training& one : findings.trainings) most = std::max(most, one.*falling);
  return most;
}

ResultTable choice_table(const Findings& findings) {
  ResultTable table("Choice on " + std::to_string(findings.n_held_out) +
                        " jets of the training events, held out: means over the bins of log(resolution), of its loss "
                        "against the chosen free network in per cent, and of |median closure - 1|",
                    {{"network"},
                     {"layers"},
                     {"minimum_slope", 2},
                     {"weight_decay", 3},
                     {"log_resolution", 4},
                     {"loss", 2},
                     {"closure", 4},
                     {"chosen"}});
  for (const Candidate& one : findings.candidates)
    table.add_row({one.network.is_free() ? "free" : "monotone", layers(one.network), one.network.minimum_slope,
                   one.weight_decay, one.mean_log_resolution, 100.0 * one.loss, one.closure,
                   one.is_chosen ? "yes" : ""});
  return table;
}

/// @param scale  of differences: 1, or 100 for per cent.
ResultTable difference_table(const std::string& title, const Findings& findings, Difference BinComparison::*member,
                             double scale, int decimals) {
  ResultTable table(title, {{"low"},
                            {"high"},
                            {"jets"},
                            {"free", 4},
                            {"monotone", 4},
                            {"difference", decimals},
                            {"error", decimals},
                            {"spread_of_seeds", decimals}});
  for (const BinComparison& bin : findings.bins) {
    const Difference& found = bin.*member;
    table.add_row({bin.low, bin.high, ResultTable::count(bin.n), found.free, found.monotone, scale * found.value,
                   scale * found.error, scale * found.spread});
  }
  return table;
}

ResultTable training_table(const Findings& findings) {
  ResultTable table(
      "Trainings: seconds of processor time, and test jets whose response falls somewhere in the trained range",
      {{"seed"}, {"free_seconds", 2}, {"monotone_seconds", 2}, {"free_falling"}, {"monotone_falling"}});
  for (const Training& one : findings.trainings)
    table.add_row({ResultTable::count(one.seed), one.free_seconds, one.monotone_seconds,
                   ResultTable::count(one.free_falling), ResultTable::count(one.monotone_falling)});
  return table;
}

void summarise(const Findings& findings, const Settings& settings, examples::Summary& summary) {
  summary.set("seed", settings.seed);
  summary.set("seeds", settings.seeds);
  summary.set("threads", settings.threads);
  summary.set("training_jets", findings.n_training);
  summary.set("test_jets", findings.n_test);
  summary.set("without_value", findings.n_without);
  summary.set("epochs", findings.epochs);
  summary.set("chosen.held_out_jets", findings.n_held_out);
  summary.set("chosen.free.weight_decay", findings.free.weight_decay);
  summary.set("chosen.monotone.weight_decay", findings.monotone.weight_decay);
  summary.set("chosen.monotone.minimum_slope", findings.monotone.network.minimum_slope);
  summary.set("chosen.monotone.layers", findings.monotone.network.layers);
  summary.set("chosen.monotone.width", findings.monotone.network.width);
  const double free = mean_seconds(findings, &Training::free_seconds);
  const double monotone = mean_seconds(findings, &Training::monotone_seconds);
  summary.set("train.seconds.free", free);
  summary.set("train.seconds.monotone", monotone);
  summary.set("train.ratio", monotone / free);
  summary.set("falling.free", most_falling(findings, &Training::free_falling));
  summary.set("falling.monotone", most_falling(findings, &Training::monotone_falling));
  // By which the monotone network is worse, in the bin where it is worst.
  double worse_closure = -1.0, worse_resolution = -1.0;
  for (const BinComparison& bin : findings.bins) {
    const std::string range = validate::general(bin.low) + "_" + validate::general(bin.high);
    const auto set = [&](const std::string& name, const Difference& found) {
      summary.set(name + ".free." + range, found.free);
      summary.set(name + ".monotone." + range, found.monotone);
      summary.set(name + ".difference." + range, found.value);
      summary.set(name + ".difference." + range + ".error", found.error);
      summary.set(name + ".difference." + range + ".spread", found.spread);
    };
    set("closure", bin.closure);
    set("resolution", bin.resolution);
    worse_closure = std::max(worse_closure, std::abs(bin.closure.monotone - 1.0) - std::abs(bin.closure.free - 1.0));
    worse_resolution = std::max(worse_resolution, bin.resolution.value);
  }
  summary.set("closure.difference.max", worse_closure);
  summary.set("resolution.difference.max", worse_resolution);
}

constexpr const char* plots = R"(set logscale x
set xlabel 'true pT [GeV]'
set xrange [15:1500]
set output 'resolution.svg'
set ylabel 'resolution, monotone / free - 1 [%]'
plot 0 notitle ls 1, 0.5 notitle lc rgb 'gray', -0.5 notitle lc rgb 'gray', \
  'resolution.csv' using (sqrt($1*$2)):6:1:2:($6-$7):($6+$7) with xyerrorbars ls 2 title 'mean of the seeds'
set output 'closure.svg'
set ylabel 'median closure, monotone - free'
plot 0 notitle ls 1, 0.005 notitle lc rgb 'gray', -0.005 notitle lc rgb 'gray', \
  'closure.csv' using (sqrt($1*$2)):6:1:2:($6-$7):($6+$7) with xyerrorbars ls 2 title 'mean of the seeds'
)";

void report(const Findings& findings, const Settings& settings) {
  examples::Study study{
      "A response that rises by construction",
      {findings.data + ": " + std::to_string(findings.n_training) + " jets for training, " +
       std::to_string(findings.n_test) + " for the test, " + std::to_string(findings.n_without) +
       " of them without a value from every network. Free network: " + layers(findings.free.network) +
       ", weight decay " + validate::general(findings.free.weight_decay) + ". Monotone network: " +
       layers(findings.monotone.network) + ", weight decay " + validate::general(findings.monotone.weight_decay) +
       ", minimum slope " + validate::general(findings.monotone.network.minimum_slope) +
       ". Errors are those of the test jets: 200 bootstrap samples of their events, the same for both networks. They "
       "do not hold the spread of the seeds, which is beside them."},
      std::string(examples::plot_head) + plots,
      {{"resolution.svg", "Resolution; grey: half a per cent"}, {"closure.svg", "Closure; grey: half a per cent"}},
      {}};
  if (!findings.candidates.empty()) study.tables.push_back({"choice.csv", choice_table(findings), true});
  study.tables.push_back({"closure.csv",
                          difference_table("Median of calibrated / true in bins of true pT: monotone - free", findings,
                                           &BinComparison::closure, 1.0, 4),
                          true});
  study.tables.push_back(
      {"resolution.csv",
       difference_table("Half 68 % width over median of calibrated / true: monotone / free - 1 in per cent", findings,
                        &BinComparison::resolution, 100.0, 2),
       true});
  study.tables.push_back({"training.csv", training_table(findings), true});
  const std::string no_pictures = examples::present(study, settings.output);
  examples::Summary summary;
  summarise(findings, settings, summary);
  summary.write(settings.output + "/summary.json");
  examples::say_written(no_pictures, settings.output, "summary.json and tables");
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program("monotone_response", [&] {
    Settings settings;
    const auto add_more = [&](examples::Options& options) {
      options.add("--seeds", settings.seeds, 1, "networks of each kind; differences are the mean over them");
      options.add("--choose", settings.choose, 0,
                  "networks to try of each setting, on jets held out of the training, before the comparison: about "
                  "18 N trainings more; 0: take the settings that this gave on a larger sample");
    };
    if (!examples::read_settings(argc, argv, "monotone_response",
                                 "compares a network whose response rises with the true pT by construction with a free "
                                 "one: closure and resolution of jets, and time of training",
                                 settings, add_more))
      return 0;
    examples::make_folder(settings.output);
    report(measure(settings), settings);
    return 0;
  });
}
