#include "jets.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "calibrant/error.hpp"
#include "calibrant/io/csv.hpp"
#include "calibrant/io/npy.hpp"

namespace {

TestJets by_column(const calibrant::Table& table) {
  TestJets jets;
  jets.true_pt = table.column("true_pt");
  jets.reco_pt = table.column("reco_pt");
  jets.flavour = table.column("flavour");
  const std::vector<float> rho = table.column("rho"), area = table.column("area");
  for (std::size_t i = 0; i < rho.size(); ++i) jets.subtracted_pt.push_back(jets.reco_pt[i] - rho[i] * area[i]);
  std::vector<int> columns;
  for (const char* name : feature_names) columns.push_back(table.index(name));
  for (std::int64_t row = 0; row < table.n_rows(); ++row)
    for (const int column : columns) jets.features.push_back(table(row, column));
  return jets;
}

calibrant::Table with_precision(const calibrant::Table& jets) {
  std::vector<std::string> names = jets.names();
  names.emplace_back(precision);
  const auto true_pt = static_cast<std::size_t>(jets.index("true_pt"));
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(jets.n_rows()) * names.size());
  for (std::int64_t i = 0; i < jets.n_rows(); ++i) {
    const auto row = jets.row(i);
    values.insert(values.end(), row.begin(), row.end());
    // Constant, stochastic and noise term of a calorimeter's resolution.
    const float pt = row[true_pt];
    values.push_back(1.0f / (0.0025f + 0.5f / pt + 9.0f / (pt * pt)));
  }
  return {std::move(names), std::move(values), jets.source()};
}

}  // namespace

std::vector<float> TestJets::feature(int index) const {
  std::vector<float> values;
  for (auto i = static_cast<std::size_t>(index); i < features.size(); i += feature_names.size())
    values.push_back(features[i]);
  return values;
}

calibrant::Table read_jets(const std::string& path) {
  if (path.ends_with(".csv")) return calibrant::io::read_csv(path);
  if (path.ends_with(".npy")) return calibrant::io::read_npy(path);
  const std::string file = path + "/A.jets.npy";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored))
    throw calibrant::Error("option --data", "a folder with A.jets.npy, or an .npy or .csv file", "'" + path + "'");
  return calibrant::io::read_npy(file);
}

SplitJets split_jets(const calibrant::Table& jets) {
  const int event = jets.index("event"), eta = jets.index("reco_eta"), true_pt = jets.index("true_pt");
  const auto selected = [=](auto row, bool test) {
    const auto column = [&](int index) { return row[static_cast<std::size_t>(index)]; };
    return std::abs(column(eta)) < 2.4f && column(true_pt) > 15.0f && (std::fmod(column(event), 5.0f) == 0.0f) == test;
  };
  SplitJets split{with_precision(jets.where([&](auto row) { return selected(row, false); })),
                  by_column(jets.where([&](auto row) { return selected(row, true); }))};
  // What the dependences on features are measured with.
  const auto n_hard = std::count_if(split.test.true_pt.begin(), split.test.true_pt.end(),
                                    [](float pt) { return pt > lowest_dependence_pt; });
  constexpr int fewest = 200;
  if (split.training.n_rows() < fewest || n_hard < fewest)
    throw calibrant::Error(jets.source(),
                           "at least 200 jets of |eta| < 2.4 for training and, in every fifth event, 200 above 60 GeV",
                           std::to_string(split.training.n_rows()) + " and " + std::to_string(n_hard));
  return split;
}
