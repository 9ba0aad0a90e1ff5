// Everything calibrate_jets has found out, as tables on the screen, CSV, plots, report.html and summary.json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "performance.hpp"
#include "response.hpp"

/// One statistic of the response, learned and used.
struct Learned {
  std::string statistic;  ///< median, mean or mode
  double train_seconds;
  JetCalibration calibration;
  CalibratedJets jets;
  Performance performance;
};

struct Findings {
  std::string data;
  std::int64_t n_training = 0;
  std::int64_t n_test = 0;
  calibrant::FitOptions plan;
  std::vector<Learned> learned;  ///< the first one is that of the main tables
  double jets_per_second = 0.0;
  bool bit_identical = false;  ///< after saving and reading in a new process

  const Learned& main() const { return learned.front(); }
};

/// Writes everything to the folder and the tables to standard output.
/// @throws calibrant::Error if a file cannot be written.
void report(const Findings& findings, const std::string& folder);
