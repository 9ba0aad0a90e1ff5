// The calibrations of pT and mass and what they do to jets that were not used in training.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "calibrant/validate/closure.hpp"
#include "program/jet_settings.hpp"

/// Of calibrated / true of one quantity.
struct Quantity {
  calibrant::validate::Profile in_pt, in_m;                   ///< in bins of true pT and of true mass
  calibrant::validate::ResidualDependence against_m_over_pt;  ///< true pT above lowest_dependence_pt
};

/// Dependences on m / pT are measured above this true pT, GeV.
inline constexpr double lowest_dependence_pt = 60.0;
/// Jets of a smaller true m / pT, nearly none, are left out: their measured mass is noise and pile-up.
inline constexpr float lowest_m_over_pt = 0.02f;

/// A kind of calibration.
struct Kind {
  std::string name;
  Quantity pt, mass;
  std::int64_t without_value = 0;  ///< jets that are in none of these
};

struct Findings {
  std::string data;
  std::int64_t n_training = 0, n_test = 0;
  int epochs = 0;
  double train_seconds = 0.0;
  double jets_per_second = 0.0;  ///< of the inversion in two dimensions
  std::array<std::int64_t, calibrant::n_statuses>
      statuses{};           ///< of the test jets calibrated together, by calibrant::Status
  std::vector<Kind> kinds;  ///< before, one_by_one, together
};

/// Reads, trains, measures, and saves what calibrates both together to settings.output.
/// @throws calibrant::Error if there are no jets, a column is missing, or too few jets are left.
Findings calibrate_jets(const examples::JetSettings& settings);
