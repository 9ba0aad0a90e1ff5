#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <tuple>
#include <utility>
#include <vector>

#include "calibrant/validate/text_table.hpp"
#include "program/report.hpp"
#include "program/result_table.hpp"
#include "program/summary.hpp"

namespace {

namespace validate = calibrant::validate;
using examples::ResultTable;
using validate::ProfileBin;

ResultTable toy_table(const ToyFindings& toy) {
  ResultTable table(
      "Toy, generator A: found and exact (r5_two_features). residual: rms of E[calibrated / x | u, v] - 1; "
      "resolution: sd / mean at x = 30 and 100 GeV",
      {{"calibration"},
       {"mean", 4},
       {"residual", 4},
       {"exact", 4},
       {"resolution_30", 4},
       {"exact_30", 4},
       {"resolution_100", 4},
       {"exact_100", 4}});
  for (const ToyKind& kind : toy.kinds)
    table.add_row({kind.name, kind.a.mean, kind.a.residual_rms, kind.exact_a.residual_rms, kind.resolution_30,
                   kind.exact_resolution_30, kind.resolution_100, kind.exact_resolution_100});
  return table;
}

ResultTable toy_generators(const ToyFindings& toy) {
  ResultTable table(
      "Toy: quark - gluon in A, residual in B and the mean response in B - A; trained on A. No theorem "
      "says that these get smaller",
      {{"calibration"},
       {"quark_gluon", 4},
       {"exact_quark_gluon", 4},
       {"residual_b", 4},
       {"exact_residual_b", 4},
       {"b_minus_a", 4},
       {"exact_b_minus_a", 4}});
  for (const ToyKind& kind : toy.kinds)
    table.add_row({kind.name, kind.a.quark_minus_gluon(), kind.exact_a.quark_minus_gluon(), kind.b.residual_rms,
                   kind.exact_b.residual_rms, kind.generator_difference(), kind.exact_generator_difference()});
  return table;
}

ResultTable toy_against(const ToyFindings& toy, const std::string& feature, std::vector<ToyPoint> ToyKind::*points) {
  std::vector<ResultTable::Column> columns = {{feature, 1}};
  for (const ToyKind& kind : toy.kinds) {
    columns.push_back({kind.name, 4});
    columns.push_back({"exact_" + kind.name, 4});
  }
  ResultTable table("Toy: mean of calibrated / x against " + feature, columns);
  for (std::size_t i = 0; i < (toy.kinds[0].*points).size(); ++i) {
    std::vector<ResultTable::Cell> row = {(toy.kinds[0].*points)[i].feature};
    for (const ToyKind& kind : toy.kinds) {
      row.emplace_back((kind.*points)[i].found);
      row.emplace_back((kind.*points)[i].exact);
    }
    table.add_row(std::move(row));
  }
  return table;
}

ResultTable toy_against_both(const ToyFindings& toy) {
  std::vector<ResultTable::Column> columns = {{"u", 1}, {"v", 1}};
  for (const ToyKind& kind : toy.kinds) {
    columns.push_back({kind.name, 4});
    columns.push_back({"exact_" + kind.name, 4});
  }
  ResultTable table("Toy: mean of calibrated / x given u and v", columns);
  for (std::size_t i = 0; i < toy.kinds[0].against_both.size(); ++i) {
    std::vector<ResultTable::Cell> row = {toy.kinds[0].against_both[i].u, toy.kinds[0].against_both[i].v};
    for (const ToyKind& kind : toy.kinds) {
      row.emplace_back(kind.against_both[i].found);
      row.emplace_back(kind.against_both[i].exact);
    }
    table.add_row(std::move(row));
  }
  return table;
}

ResultTable toy_closure(const ToyFindings& toy) {
  std::vector<ResultTable::Column> columns = {{"x"}};
  for (const ToyKind& kind : toy.kinds) columns.push_back({kind.name, 4});
  ResultTable table("Toy: closure, mean of calibrated / x at true energy x (GeV)", columns);
  for (std::size_t i = 0; i < toy_closure_x.size(); ++i) {
    std::vector<ResultTable::Cell> row = {toy_closure_x[i]};
    for (const ToyKind& kind : toy.kinds) row.emplace_back(kind.closure[i]);
    table.add_row(std::move(row));
  }
  return table;
}

ResultTable jet_table(const JetFindings& jets) {
  ResultTable table(
      "Jets, true pT > 60 GeV: dependence of the median of calibrated / true on both features (rms over 16 "
      "cells without its statistical part) and on each (largest deviation)",
      {{"calibration"},
       {"both", 4},
       {"error", 4},
       {"ntrk", 4},
       {"ntrk_error", 4},
       {"trk_width", 4},
       {"trk_width_error", 4},
       {"without_value"}});
  for (const JetKind& kind : jets.kinds)
    table.add_row({kind.name, kind.residual.value, kind.residual.error, kind.against_ntrk.max_abs(),
                   kind.against_ntrk.largest.error, kind.against_width.max_abs(), kind.against_width.largest.error,
                   ResultTable::count(kind.without_value)});
  return table;
}

using BinValue = std::function<validate::Estimate(const JetKind&, std::size_t)>;

/// One row per bin of true pT; a column for each kind, and the error of the last.
ResultTable jet_bins(const JetFindings& jets, const std::string& title, const BinValue& value) {
  std::vector<ResultTable::Column> columns = {{"pt_low"}, {"pt_high"}};
  for (const JetKind& kind : jets.kinds) columns.push_back({kind.name, 4});
  columns.push_back({"error", 4});
  ResultTable table(title, columns);
  for (std::size_t i = 0; i < jets.kinds[0].all.bins.size(); ++i) {
    std::vector<ResultTable::Cell> row = {jets.kinds[0].all.bins[i].low, jets.kinds[0].all.bins[i].high};
    for (const JetKind& kind : jets.kinds) row.emplace_back(value(kind, i).value);
    row.emplace_back(value(jets.kinds.back(), i).error);
    table.add_row(std::move(row));
  }
  return table;
}
validate::Estimate difference(const validate::Estimate& a, const validate::Estimate& b) {
  return {a.value - b.value, std::hypot(a.error, b.error)};
}
validate::Estimate closure(const JetKind& kind, std::size_t i) { return kind.all.bins[i].median; }
validate::Estimate resolution(const JetKind& kind, std::size_t i) { return kind.all.bins[i].relative_half_width; }
validate::Estimate flavour(const JetKind& kind, std::size_t i) {
  return difference(kind.quark.bins[i].median, kind.gluon.bins[i].median);
}
validate::Estimate generator(const JetKind& kind, std::size_t i) {
  return difference(kind.other_generator.bins[i].median, kind.all.bins[i].median);
}

ResultTable jet_cells(const JetFindings& jets) {
  std::vector<ResultTable::Column> columns = {{"ntrk", 2}, {"trk_width", 4}, {"jets"}};
  for (const JetKind& kind : jets.kinds) columns.push_back({kind.name, 4});
  columns.push_back({"error", 4});
  ResultTable table("Jets, true pT > 60 GeV: median of calibrated / true over that of all, in cells of both features",
                    columns);
  for (std::size_t i = 0; i < jets.kinds[0].cells.size(); ++i) {
    const JetCell& cell = jets.kinds[0].cells[i];
    std::vector<ResultTable::Cell> row = {cell.ntrk, cell.width, ResultTable::count(cell.n)};
    for (const JetKind& kind : jets.kinds) row.emplace_back(kind.cells[i].median.value);
    row.emplace_back(jets.kinds.back().cells[i].median.error);
    table.add_row(std::move(row));
  }
  return table;
}

constexpr const char* toy_plots = R"(
set ylabel 'mean of calibrated / x'
do for [feature in 'u v'] {
  set output 'toy_'.feature.'.svg'
  set xlabel feature
  plot for [k = 0:4] 'toy_'.feature.'.csv' skip 1 using 1:(column(2 * k + 2)) with points linestyle k + 1 title word(toy, k + 1), \
       for [k = 0:4] '' skip 1 using 1:(column(2 * k + 3)) with lines linestyle k + 1 linewidth 1 notitle
}
set terminal svg enhanced size 1000,420 background 'white'
set output 'toy_both.svg'
set multiplot layout 1,2
set xlabel 'u'
set ylabel 'v'
unset key
set cbrange [0.9:1.1]
set palette defined (0 '#0072b2', 1 '#ffffff', 2 '#d55e00')
set xrange [-2.25:2.25]
set yrange [-2.25:2.25]
set title 'sequential, u then v'
plot 'toy_both.csv' skip 1 using 1:2:5 with image
set title 'simultaneous'
plot 'toy_both.csv' skip 1 using 1:2:11 with image
unset multiplot
reset
set datafile separator ','
set encoding utf8
)";
constexpr const char* jet_plots = R"(
set logscale x
set xrange [20:1500]
set xtics (20, 30, 50, 100, 200, 500, 1500)
set xlabel 'true p_T (GeV)'
do for [what in plots] {
  set output 'jets_'.what.'.svg'
  set ylabel what eq 'closure' ? 'median of calibrated / true' : what eq 'resolution' ? 'half 68 % width / median' : what eq 'flavour' ? 'quark - gluon, medians' : 'B - A, medians'
  plot for [k = 0:4] 'jets_'.what.'.csv' skip 1 using (sqrt($1 * $2)):(column(k + 3)) with linespoints linestyle k + 1 title word(jets, k + 1)
}
)";

std::string words(const auto& kinds) {
  std::string text;
  // An underscore would make the letter behind it an index.
  for (const auto& kind : kinds) {
    std::string name = kind.name;
    for (char& letter : name)
      if (letter == '_') letter = '-';
    text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

void summarise(const ToyFindings& toy, const Settings& settings, examples::Summary& summary) {
  summary.set("toy.events", settings.events);
  summary.set("toy.iterations", toy.iterations);
  summary.set("toy.train.seconds", toy.train_seconds);
  for (const ToyKind& kind : toy.kinds) {
    const std::string name = "toy." + kind.name + ".";
    summary.set(name + "mean", kind.a.mean);
    summary.set(name + "residual_rms", kind.a.residual_rms);
    summary.set(name + "residual_rms.exact", kind.exact_a.residual_rms);
    summary.set(name + "residual_rms.error", std::abs(kind.a.residual_rms - kind.exact_a.residual_rms));
    for (const auto& [x, found, exact] : {std::tuple{"30", kind.resolution_30, kind.exact_resolution_30},
                                          std::tuple{"100", kind.resolution_100, kind.exact_resolution_100}}) {
      summary.set(name + "resolution_" + x, found);
      summary.set(name + "resolution_" + x + ".exact", exact);
      summary.set(name + "resolution_" + x + ".error", std::abs(found / exact - 1.0));
    }
    summary.set(name + "quark_minus_gluon", kind.a.quark_minus_gluon());
    summary.set(name + "quark_minus_gluon.exact", kind.exact_a.quark_minus_gluon());
    summary.set(name + "generator_b.residual_rms", kind.b.residual_rms);
    summary.set(name + "generator_difference", kind.generator_difference());
    summary.set(name + "generator_difference.exact", kind.exact_generator_difference());
    double largest = 0.0;
    for (const double closure : kind.closure) largest = std::max(largest, std::abs(closure - 1.0));
    summary.set(name + "closure.max_abs", largest);
  }
}

void summarise(const JetFindings& jets, examples::Summary& summary) {
  summary.set("jets.training_jets", jets.n_training);
  summary.set("jets.test_jets", jets.n_test);
  summary.set("jets.other_generator_jets", jets.n_other);
  summary.set("jets.epochs", jets.epochs);
  summary.set("jets.train.seconds", jets.train_seconds);
  for (const JetKind& kind : jets.kinds) {
    const std::string name = "jets." + kind.name + ".";
    summary.set(name + "residual_rms", kind.residual.value);
    summary.set(name + "residual_rms.error", kind.residual.error);
    summary.set(name + "ntrk.max_abs", kind.against_ntrk.max_abs());
    summary.set(name + "trk_width.max_abs", kind.against_width.max_abs());
    summary.set(name + "without_value", kind.without_value);
    for (std::size_t i = 0; i < kind.all.bins.size(); ++i) {
      const ProfileBin& bin = kind.all.bins[i];
      const std::string pt = "." + validate::general(bin.low) + "_" + validate::general(bin.high);
      const auto set = [&](const std::string& what, const validate::Estimate& estimate) {
        summary.set(name + what + pt, estimate.value);
        summary.set(name + what + pt + ".error", estimate.error);
      };
      set("closure", closure(kind, i));
      set("resolution", resolution(kind, i));
      set("quark_minus_gluon", flavour(kind, i));
      if (jets.n_other > 0) set("generator_difference", generator(kind, i));
    }
  }
}

}  // namespace

void report(const std::optional<ToyFindings>& toy, const std::optional<JetFindings>& jets, const Settings& settings) {
  examples::Study study{"Sequential and simultaneous calibration", {}, examples::plot_head, {}, {}};
  auto& texts = study.texts;
  auto& script = study.script;
  auto& pictures = study.pictures;
  auto& tables = study.tables;
  examples::Summary summary;
  summary.set("seed", settings.seed);
  summary.set("threads", settings.threads);
  if (toy) {
    tables.push_back({"toy.csv", toy_table(*toy), true});
    tables.push_back({"toy_generators.csv", toy_generators(*toy), true});
    tables.push_back({"toy_u.csv", toy_against(*toy, "u", &ToyKind::against_u), false});
    tables.push_back({"toy_v.csv", toy_against(*toy, "v", &ToyKind::against_v), false});
    tables.push_back({"toy_closure.csv", toy_closure(*toy), true});
    tables.push_back({"toy_both.csv", toy_against_both(*toy), false});
    script += "toy = '" + words(toy->kinds) + "'\n" + toy_plots + examples::plot_head;
    pictures.emplace_back("toy_u.svg", "Toy: what is left against u (lines: exact)");
    pictures.emplace_back("toy_v.svg", "Toy: what is left against v (lines: exact)");
    pictures.emplace_back("toy_both.svg", "Toy: what is left against both");
    texts.push_back("Toy: " + std::to_string(settings.events) + " events of generator A; the iterated sequence has " +
                    std::to_string(toy->iterations) +
                    " steps. A product of corrections with one feature each cannot remove what does not factorise.");
    summarise(*toy, settings, summary);
  }
  if (jets) {
    tables.push_back({"jets.csv", jet_table(*jets), true});
    tables.push_back({"jets_closure.csv", jet_bins(*jets, "Jets: median of calibrated / true", closure), true});
    tables.push_back({"jets_resolution.csv", jet_bins(*jets, "Jets: half 68 % width / median", resolution), true});
    tables.push_back(
        {"jets_flavour.csv", jet_bins(*jets, "Jets: light quark - gluon, medians (no theorem)", flavour), true});
    std::string plots = "closure resolution flavour";
    pictures.emplace_back("jets_closure.svg", "Jets: closure");
    pictures.emplace_back("jets_resolution.svg", "Jets: resolution");
    pictures.emplace_back("jets_flavour.svg", "Jets: light quark - gluon");
    if (jets->n_other > 0) {
      tables.push_back({"jets_generator.csv",
                        jet_bins(*jets, "Jets: generator B - A, medians, trained on A (no theorem)", generator), true});
      pictures.emplace_back("jets_generator.svg", "Jets: generator B - A");
      plots += " generator";
    }
    tables.push_back({"jets_both.csv", jet_cells(*jets), false});
    script += "jets = '" + words(jets->kinds) + "'\nplots = '" + plots + "'\n" + jet_plots;
    texts.push_back("Jets: " + jets->data + ", " + std::to_string(jets->n_training) + " for training, " +
                    std::to_string(jets->n_test) + " for the test, " +
                    (jets->n_other > 0 ? std::to_string(jets->n_other) + " of generator B."
                                       : "none of another generator (B.jets.npy is not there)."));
    summarise(*jets, summary);
  }
  const std::string no_pictures = examples::present(study, settings.output);
  summary.write(settings.output + "/summary.json");
  if (jets && jets->n_other == 0)
    std::cout << "\nNo difference of generators: " << settings.data << " has no B.jets.npy.\n";
  examples::say_written(no_pictures, settings.output, "summary.json and tables");
}
