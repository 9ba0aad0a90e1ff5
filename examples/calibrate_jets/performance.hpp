// How good a calibration is, measured on jets that were not used in training: before and after it, against the true pT,
// every feature and the flavour of the jet.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "calibrant/invert/monotonicity.hpp"
#include "calibrant/validate/closure.hpp"
#include "jets.hpp"
#include "response.hpp"

/// reco / true of the test jets: `before` the calibration (pile-up subtracted) and `after` it, in bins of the true pT.
struct BeforeAfter {
  calibrant::validate::Profile before, after;
};

struct FlavourResponse {
  BeforeAfter quark, gluon;
};

struct FeatureDependence {
  std::string feature;
  calibrant::validate::ResidualDependence before, after;
};

struct Performance {
  BeforeAfter all;
  FlavourResponse flavour;
  std::vector<FeatureDependence> features;  ///< true pT > 60 GeV
  std::map<calibrant::Status, int> statuses;
  calibrant::invert::MonotonicityReport<float> monotonicity;  ///< over the whole trained range, for every test jet
};

/// Jets without a calibrated value (their status says why) are counted but in no profile.
Performance measure(const JetCalibration& calibration, const TestJets& jets, const CalibratedJets& calibrated);
