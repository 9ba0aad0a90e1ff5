// The response L(true pT; features): the network, how it is trained, and the calibration that inverts it.
#pragma once

#include <string>
#include <vector>

#include "calibrant/calibration.hpp"
#include "calibrant/error.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/train/options.hpp"
#include "jets.hpp"
#include "program/jet_response.hpp"

using Network = examples::FreeNetwork;
using Response = calibrant::Model<Network>;
using JetCalibration = examples::ResponseCalibration<Network>;

/// Features: those of examples::response_features.
/// @param statistic  what is to be learned: "median", "mean" or "mode".
calibrant::Dataset training_data(const calibrant::Table& jets, const std::vector<std::string>& wanted,
                                 const std::string& statistic);

/// Trains with the loss whose minimum is the statistic.
Response train(const calibrant::Dataset& data, const std::string& statistic, const calibrant::FitOptions& plan);

/// Calibrated pT and status of every jet.
struct CalibratedJets {
  std::vector<float> pt;
  std::vector<calibrant::Status> status;
};
CalibratedJets calibrate(const JetCalibration& calibration, const TestJets& jets);

/// Jets per second of wall-clock time, from calibrating the test jets again and again until there were n_jets.
double calibration_rate(const JetCalibration& calibration, const TestJets& jets, std::int64_t n_jets, int threads);
