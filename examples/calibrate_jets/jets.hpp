// The jets of this example: which columns are read, which jets are used, and for what.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "calibrant/io/table.hpp"
#include "program/jet_response.hpp"

using examples::feature_names;
using examples::n_features;

/// Dependences on features are measured above this true pT, GeV.
inline constexpr float lowest_dependence_pt = 60.0f;

/// Name of a column made here: 1 / (relative resolution)^2, roughly, as a function of the true pT.
inline constexpr const char* precision = "precision";

/// Jets that were not used in training, by column.
struct TestJets {
  std::vector<float> true_pt;
  std::vector<float> reco_pt;        ///< as measured: what is calibrated
  std::vector<float> subtracted_pt;  ///< reco_pt - rho area: what it is compared with
  std::vector<float> flavour;        ///< 1 to 3 light quark, 21 gluon
  std::vector<float> features;       ///< row-major, size() x n_features

  std::size_t size() const noexcept { return true_pt.size(); }
  std::vector<float> feature(int index) const;
};

struct SplitJets {
  calibrant::Table training;
  TestJets test;
};

/// Reads the table. @throws calibrant::Error if there is none at `path`, with what was looked for.
calibrant::Table read_jets(const std::string& path);

/// Jets of |eta| < 2.4 and true pT > 15 GeV; every fifth event is for the test. The training table gets the column
/// `precision`.
/// @throws calibrant::Error if a column is missing, or too few jets are left to train on or to measure with.
SplitJets split_jets(const calibrant::Table& jets);
