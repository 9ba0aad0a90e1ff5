// The calibrations of pT and mass and what they do to jets that were not used in training.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/invert/certificate.hpp"
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
/// And those of a smaller measured mass, GeV, a handful of one tower each: the networks see its logarithm.
inline constexpr float lowest_measured_m = 0.1f;

/// A kind of calibration.
struct Kind {
  std::string name;
  Quantity pt, mass;
  std::int64_t without_value = 0;  ///< jets without a pT or without a mass
  /// Jets by calibrant::Status, where both are calibrated together.
  std::array<std::int64_t, calibrant::n_statuses> statuses{};
  /// Whether that response is one-to-one in all of the box that is solved for, at the median features of the jets.
  std::optional<calibrant::invert::Certificate> one_to_one = {};
};

struct Findings {
  std::string data;
  std::int64_t n_training = 0, n_test = 0, n_held_out = 0;
  int epochs = 0;
  double train_seconds = 0.0;
  double jets_per_second = 0.0;    ///< of the inversion in two dimensions
  float highest_m_over_pt = 0.0f;  ///< up to which the responses are inverted
  /// Held-out jets without a value, for each highest m / pT that was looked at.
  std::vector<std::pair<double, std::int64_t>> held_out_without_value;
  std::vector<Kind> kinds;  ///< before, one_by_one, together, and the latter two of the estimates
};

/// Reads, trains, measures, and saves what calibrates both together and the estimates to
/// settings.output.
/// @throws calibrant::Error if there are no jets, a column is missing, or too few jets are left.
Findings calibrate_jets(const examples::JetSettings& settings);
