// The response L(true pT; features) of jets as the main example learns and judges it: features, network, plan of the
// training, calibration, bins.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/calibration.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/train/options.hpp"
#include "calibrant/validate/bin_edges.hpp"
#include "program/jet_training.hpp"

namespace examples {

/// What the calibration may depend on beside pT.
inline constexpr std::array feature_names = {"reco_eta",   "rho",   "area",   "ntrk",      "trk_width",
                                             "calo_width", "f_em1", "f_had1", "f_charged", "n90"};
inline constexpr int n_features = static_cast<int>(feature_names.size());

using FreeNetwork = calibrant::Mlp<calibrant::Inputs<1 + n_features>, calibrant::Hidden<64>, calibrant::Hidden<64>,
                                   calibrant::Hidden<64>, calibrant::Outputs<1>>;
template <class Network>
using ResponseCalibration =
    calibrant::Calibration<calibrant::Model<Network>, calibrant::invert::Newton, calibrant::extrapolate::Linear>;

/// Edges of the bins of true pT, GeV.
inline const calibrant::validate::BinEdges true_pt_edges = {15, 20, 30, 40, 60, 100, 200, 500, 1500};

/// True pT (its logarithm), |eta| and the other features, with those that are not wanted switched off.
inline std::vector<calibrant::Feature> response_features(const std::vector<std::string>& wanted) {
  using calibrant::Transform;
  std::vector<calibrant::Feature> features{{"true_pt", Transform::logarithm, "GeV"}};
  for (const std::string name : feature_names) {
    const bool is_wanted = std::find(wanted.begin(), wanted.end(), name) != wanted.end();
    features.emplace_back(name, !is_wanted           ? Transform::ignored
                                : name == "reco_eta" ? Transform::absolute
                                                     : Transform::identity);
  }
  return features;
}

/// Epochs and batch size by the number of jets, the rest from the command line.
template <class Settings>
calibrant::FitOptions response_plan(std::int64_t n_jets, const Settings& settings) {
  calibrant::FitOptions plan = training_plan(n_jets, settings);
  plan.adam.learning_rate =
      0.02;  // steps this large find the narrow cracks of the detector, which small ones smooth over
  return plan;
}

}  // namespace examples
