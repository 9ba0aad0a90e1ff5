// The two-feature toy: every kind of calibration trained on generator A, and what it leaves over in A and B, next to
// what an ideal calibration leaves over.
#pragma once

#include <string>
#include <vector>

#include "settings.hpp"

/// Of calibrated / x, in a sample of one generator.
struct ToySample {
  double mean = 0.0;
  double residual_rms = 0.0;  ///< of E[calibrated / x | u, v] - 1 over the features
  double quark = 0.0, gluon = 0.0;

  double quark_minus_gluon() const { return quark - gluon; }
};

/// Found and exact at one value of a feature.
struct ToyPoint {
  double feature, found, exact;
};

/// At one pair of features.
struct ToyCell {
  double u, v, found, exact;
};

/// What one kind of calibration leaves over.
struct ToyKind {
  std::string name;
  ToySample a, b, exact_a, exact_b;
  double resolution_30 = 0.0, resolution_100 = 0.0;  ///< sd / mean at x = 30 and 100 GeV
  double exact_resolution_30 = 0.0, exact_resolution_100 = 0.0;
  std::vector<ToyPoint> against_u, against_v;  ///< E[calibrated / x | u], | v in generator A
  std::vector<ToyCell> against_both;           ///< E[calibrated / x | u, v]
  std::vector<double> closure;                 ///< mean of calibrated / x at each of toy_closure_x

  double generator_difference() const { return b.mean - a.mean; }
  double exact_generator_difference() const { return exact_b.mean - exact_a.mean; }
};

inline const std::vector<double> toy_closure_x = {20, 30, 50, 80, 120, 160, 200};

struct ToyFindings {
  std::vector<ToyKind> kinds;  ///< before, sequential_uv, sequential_vu, iterated, simultaneous
  double train_seconds = 0.0;
  int iterations = 0;  ///< steps of the iterated sequence

  const ToyKind& kind(const std::string& name) const;
};

/// Samples, trains and measures.
ToyFindings calibrate_toy(const Settings& settings);
