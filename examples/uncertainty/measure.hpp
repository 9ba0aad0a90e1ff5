// Five quantiles of the response of jets, the intervals they give, and how often these hold the truth.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "calibrant/validate/coverage.hpp"
#include "calibrant/validate/profile.hpp"
#include "program/jet_settings.hpp"

/// A way to make intervals of one coverage, and what came of it for jets that it had not seen.
struct IntervalKind {
  std::string name;  ///< "quantiles", "conformal_truth" (bins of true pT), "conformal_calibrated" (of calibrated pT)
  double coverage;   ///< that it is made for
  calibrant::validate::Coverage found;
  int n_splits;  ///< into jets that make the intervals and jets that are counted, over which `found` is the sum
};

struct Findings {
  std::string data;
  std::int64_t n_training = 0, n_test = 0;
  int epochs = 0;
  double train_seconds = 0.0;
  calibrant::validate::Profile
      pull;  ///< (calibrated - true) / sigma in bins of true pT: half widths of 1 if sigma is right
  std::vector<IntervalKind> kinds;
};

/// Trains, saves what calibrates to settings.output, and measures what is read back from there.
/// @throws calibrant::Error if there are no jets, a column is missing, or too few jets are left.
Findings measure(const examples::JetSettings& settings);
