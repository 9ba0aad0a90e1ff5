// Every curve of prior_dependence: what networks find, next to what is exact.
#pragma once

#include <string>
#include <vector>

#include "calibrant/validate/statistics.hpp"
#include "detector.hpp"
#include "settings.hpp"

/// Exact and found at one x or y.
struct Point {
  double at, exact;
  calibrant::validate::Estimate found;  ///< the average of independent trainings and its error
  bool is_tabled;                       ///< one of those in the printed tables and in summary.json

  double deviation() const noexcept { return found.value / exact - 1.0; }
  double relative_error() const noexcept { return found.error / exact; }
};

struct Curve {
  std::string quantity;
  std::vector<Point> points;

  /// The tabled point with the largest relative deviation. @pre there is one.
  const Point& worst() const;
  /// @pre there is one there.
  const Point& at(double place) const;
};

/// The curves of one estimate of the truth. Against x, of the estimate e(Y) over x: mean, median, mode, sd; slope:
/// d E[e(Y) | x] / dx. Against y, of x at given y: M, M_slope, sd.
struct Case {
  Detector detector;
  std::string method;
  std::vector<Curve> curves;

  std::string name() const { return detector.name() + "." + method; }
  /// @pre there is one.
  const Curve& curve(const std::string& quantity) const;
};

struct Findings {
  std::vector<Case> inversions;   ///< by detector and policy outside the range
  std::vector<Case> direct;       ///< by detector and spectrum
  std::vector<Case> regressions;  ///< the same against y
  std::vector<Case> modes;        ///< of the maximum a posteriori, by detector and spectrum
  /// The inversion of a direct regression's response, against x. Also response_slope, of what is inverted, and the
  /// fractions of events that are extrapolated and not_invertible.
  std::vector<Case> residuals;
  int n_networks = 0;
  double seconds = 0.0;
};

/// Trains and compares.
Findings study(const Settings& settings);
