// Detectors that measure Y normal around f(x) with width sigma(x), and spectra of the truth x; everything in GeV.
#pragma once

#include <array>
#include <cmath>
#include <string>

#include "calibrant/toys/jet.hpp"

/// The spectra end here, and responses are inverted in this range.
inline constexpr double x_low = 20.0, x_high = 200.0;

/// f and sigma of the jet toy (arXiv:1910.03773, eqs. 4.2 and 4.3), or simpler ones.
struct Detector {
  bool curved;   ///< f is mu, else x itself
  bool varying;  ///< sigma is that of eq. 4.3, else 8 GeV

  std::string name() const { return std::string(curved ? "mu" : "linear") + (varying ? ".varying" : ".constant"); }

  double f(double x) const noexcept { return curved ? jet.mu(x) : x; }
  double slope(double x) const noexcept { return curved ? jet.mu_slope(x) : 1.0; }
  double sigma(double x) const noexcept { return varying ? jet.sigma(x) : 8.0; }
  double sigma_slope(double x) const noexcept {
    const double s = jet.stochastic, c = jet.constant;
    return varying ? (0.5 * s * s + c * c * x) / jet.sigma(x) : 0.0;
  }

  static constexpr calibrant::toys::Jet jet{};
};

inline constexpr std::array<Detector, 4> detectors = {{{true, true}, {true, false}, {false, false}, {false, true}}};

/// The spectrum of x in training, up to a constant.
struct Prior {
  const char* name;
  double (*density)(double x);
};

inline constexpr std::array<Prior, 3> priors = {{{"uniform", [](double) { return 1.0; }},
                                                 {"exponential", [](double x) { return std::exp(-x / 30.0); }},
                                                 {"power", [](double x) { return std::pow(x, -5.0); }}}};
