#include "report.hpp"

#include <array>
#include <cstddef>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/validate/text_table.hpp"
#include "program/report.hpp"
#include "program/result_table.hpp"
#include "program/summary.hpp"

namespace {

namespace validate = calibrant::validate;
using examples::ResultTable;
using validate::Profile;
using validate::ProfileBin;

/// What is shown: of pT or mass, in bins of pT, mass or m / pT.
struct Shown {
  std::string name;      ///< of files and in summary.json
  std::string quantity;  ///< for people
  std::string binned_in;
  int decimals;  ///< of the edges of the bins
  const Profile& (*of)(const Kind&);
};
const std::array<Shown, 6> all_shown = {{
    {"pt.in_pt", "pT", "true pT (GeV)", 0, [](const Kind& kind) -> const Profile& { return kind.pt.in_pt; }},
    {"mass.in_pt", "mass", "true pT (GeV)", 0, [](const Kind& kind) -> const Profile& { return kind.mass.in_pt; }},
    {"pt.in_mass", "pT", "true mass (GeV)", 0, [](const Kind& kind) -> const Profile& { return kind.pt.in_m; }},
    {"mass.in_mass", "mass", "true mass (GeV)", 0, [](const Kind& kind) -> const Profile& { return kind.mass.in_m; }},
    {"pt.in_m_over_pt", "pT", "true m / pT", 2,
     [](const Kind& kind) -> const Profile& { return kind.pt.against_m_over_pt.profile; }},
    {"mass.in_m_over_pt", "mass", "true m / pT", 2,
     [](const Kind& kind) -> const Profile& { return kind.mass.against_m_over_pt.profile; }},
}};

struct Statistic {
  std::string name, title;
  validate::Estimate ProfileBin::*of;
};
const std::array<Statistic, 2> statistics = {{
    {"closure", "median of calibrated / true", &ProfileBin::median},
    {"resolution", "half 68 % width / median", &ProfileBin::relative_half_width},
}};

std::string file_of(const Shown& shown, const Statistic& statistic) {
  std::string name = shown.name + "." + statistic.name;
  for (char& letter : name)
    if (letter == '.') letter = '_';
  return name;
}

/// One row per bin; a column for each kind, and the error of the last.
ResultTable bins(const Findings& findings, const Shown& shown, const Statistic& statistic) {
  std::vector<ResultTable::Column> columns = {{"low", shown.decimals}, {"high", shown.decimals}, {"jets"}};
  for (const Kind& kind : findings.kinds) columns.push_back({kind.name, 4});
  columns.push_back({"error", 4});
  ResultTable table(shown.quantity + " in bins of " + shown.binned_in + ": " + statistic.title, columns);
  const Profile& last = shown.of(findings.kinds.back());
  for (std::size_t i = 0; i < last.bins.size(); ++i) {
    std::vector<ResultTable::Cell> row = {last.bins[i].low, last.bins[i].high, ResultTable::count(last.bins[i].n)};
    for (const Kind& kind : findings.kinds) row.emplace_back((shown.of(kind).bins[i].*statistic.of).value);
    row.emplace_back((last.bins[i].*statistic.of).error);
    table.add_row(std::move(row));
  }
  return table;
}

ResultTable choice(const Findings& findings) {
  ResultTable table("Held-out jets, of " + std::to_string(findings.n_held_out) +
                        ", without a value, if m / pT is solved for up to so much",
                    {{"highest_m_over_pt", 2}, {"without_value"}});
  for (const auto& [highest, without] : findings.held_out_without_value)
    table.add_row({highest, ResultTable::count(without)});
  return table;
}

ResultTable overview(const Findings& findings) {
  ResultTable table("True pT > 60 GeV: largest deviation of a median in bins of true m / pT from that of all",
                    {{"calibration"}, {"pt", 4}, {"pt_error", 4}, {"mass", 4}, {"mass_error", 4}, {"without_value"}});
  for (const Kind& kind : findings.kinds)
    table.add_row({kind.name, kind.pt.against_m_over_pt.max_abs(), kind.pt.against_m_over_pt.largest.error,
                   kind.mass.against_m_over_pt.max_abs(), kind.mass.against_m_over_pt.largest.error,
                   ResultTable::count(kind.without_value)});
  return table;
}

ResultTable certificates(const Findings& findings) {
  ResultTable table("Is the response of both one-to-one, in all of the box that is solved for, for the median jet?",
                    {{"calibration"}, {"verdict"}, {"boxes"}, {"not_at_pt", 1}, {"and_m_over_pt", 2}});
  for (const Kind& kind : findings.kinds) {
    if (!kind.one_to_one) continue;
    const auto& found = *kind.one_to_one;
    std::vector<ResultTable::Cell> row = {kind.name, std::string(to_string(found.verdict)),
                                          ResultTable::count(found.n_boxes)};
    for (std::size_t i = 0; i < 2; ++i)
      row.push_back(found.point.empty() ? ResultTable::Cell("") : ResultTable::Cell(found.point[i]));
    table.add_row(std::move(row));
  }
  return table;
}

/// One picture of a table of bins.
std::string plot(const Findings& findings, const Shown& shown, const Statistic& statistic) {
  const std::string file = file_of(shown, statistic);
  std::string script = "set output '" + file + ".svg'\nset xlabel '" + shown.binned_in + "'\nset ylabel '" +
                       shown.quantity + ": " + statistic.title + "'\nset logscale x\nplot ";
  for (std::size_t k = 0; k < findings.kinds.size(); ++k) {
    std::string name = findings.kinds[k].name;
    for (char& letter : name)
      if (letter == '_') letter = ' ';  // it would make the letter behind it an index
    script += (k == 0 ? "" : ", ") + ("'" + file) + ".csv' skip 1 using (sqrt($1 * $2)):" + std::to_string(k + 4) +
              " with linespoints linestyle " + std::to_string(k + 1) + " title '" + name + "'";
  }
  return script + "\n";
}

void summarise(const Findings& findings, const examples::JetSettings& settings) {
  examples::Summary summary;
  summary.set("seed", settings.seed);
  summary.set("threads", settings.threads);
  summary.set("training_jets", findings.n_training);
  summary.set("test_jets", findings.n_test);
  summary.set("epochs", findings.epochs);
  summary.set("train.seconds", findings.train_seconds);
  summary.set("together.jets_per_second", findings.jets_per_second);
  summary.set("chosen.held_out_jets", findings.n_held_out);
  summary.set("chosen.highest_m_over_pt", findings.highest_m_over_pt);
  for (const Kind& kind : findings.kinds) {
    summary.set(kind.name + ".without_value", kind.without_value);
    if (kind.one_to_one) summary.set(kind.name + ".one_to_one.proven", kind.one_to_one->proven());
    if (kind.one_to_one)
      for (std::size_t i = 0; i < kind.statuses.size(); ++i)
        summary.set(kind.name + ".status." + std::string(to_string(static_cast<calibrant::Status>(i))),
                    kind.statuses[i]);
    for (const auto& [name, quantity] : {std::pair{".pt", &kind.pt}, std::pair{".mass", &kind.mass}}) {
      summary.set(kind.name + name + ".m_over_pt.max_abs", quantity->against_m_over_pt.max_abs());
      summary.set(kind.name + name + ".m_over_pt.max_abs.error", quantity->against_m_over_pt.largest.error);
    }
    for (const Shown& shown : all_shown)
      for (const ProfileBin& bin : shown.of(kind).bins)
        for (const Statistic& statistic : statistics) {
          const std::string name = kind.name + "." + shown.name + "." + statistic.name + "." +
                                   validate::general(bin.low) + "_" + validate::general(bin.high);
          summary.set(name, (bin.*statistic.of).value);
          summary.set(name + ".error", (bin.*statistic.of).error);
        }
  }
  summary.write(settings.output + "/summary.json");
}

}  // namespace

void report(const Findings& findings, const examples::JetSettings& settings) {
  examples::Study study{"Energy and mass together",
                        {"Jets: " + findings.data + ", " + std::to_string(findings.n_training) + " for training, " +
                             std::to_string(findings.n_test) + " for the test.",
                         "one_by_one: the pT by itself (so its pT is that of pT alone), then m / pT at the calibrated "
                         "pT. together: one response of both, inverted in two dimensions. Both for the measured pT and "
                         "mass, and for estimates of them by networks that see all that is measured; m / pT is kept "
                         "within 0.02 and the value chosen on held-out jets."},
                        examples::plot_head,
                        {},
                        {{"choice.csv", choice(findings), true},
                         {"one_to_one.csv", certificates(findings), true},
                         {"m_over_pt.csv", overview(findings), true}}};
  for (const Shown& shown : all_shown)
    for (const Statistic& statistic : statistics) {
      const std::string file = file_of(shown, statistic);
      study.tables.push_back({file + ".csv", bins(findings, shown, statistic), true});
      study.pictures.emplace_back(file + ".svg",
                                  shown.quantity + " in bins of " + shown.binned_in + ": " + statistic.title);
      study.script += plot(findings, shown, statistic);
    }
  const std::string no_pictures = examples::present(study, settings.output);
  summarise(findings, settings);
  examples::say_written(no_pictures, settings.output, "summary.json, the calibrations and tables");
}
