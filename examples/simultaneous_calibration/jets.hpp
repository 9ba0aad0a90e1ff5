// Simulated jets: the same kinds of calibration with the number of tracks and their width, after a first step with what
// does not know the jet's inside (eta, pile-up, area).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "calibrant/validate/closure.hpp"
#include "settings.hpp"

/// The median in a cell of both features, true pT above lowest_dependence_pt.
struct JetCell {
  double ntrk, width;  ///< means of the features
  std::int64_t n;
  calibrant::validate::Estimate median;  ///< of calibrated / true, over that of all cells
};

/// Dependences on features are measured above this true pT, GeV.
inline constexpr double lowest_dependence_pt = 60.0;

/// Of calibrated / true, for jets that were not used in training.
struct JetKind {
  std::string name;
  calibrant::validate::Profile all, quark, gluon;  ///< in bins of true pT
  calibrant::validate::Profile other_generator;    ///< the same for generator B; empty without it
  calibrant::validate::ResidualDependence against_ntrk, against_width;
  std::vector<JetCell> cells;
  /// Root mean square over the cells of their medians' deviations, the statistical part subtracted, and its error.
  calibrant::validate::Estimate residual;
  std::int64_t without_value = 0;  ///< jets that are in none of these
};

struct JetFindings {
  std::string data;
  std::int64_t n_training = 0, n_test = 0, n_other = 0;  ///< n_other: jets of generator B
  int epochs = 0;
  double train_seconds = 0.0;
  std::vector<JetKind> kinds;  ///< before, sequential_ntrk_width, sequential_width_ntrk, iterated, simultaneous
};

/// Reads, trains on generator A and measures on other jets of A and, if there are some, on B.
/// @throws calibrant::Error if there are no jets, a column is missing, or too few jets are left.
JetFindings calibrate_jets(const Settings& settings);
