// Numerical integration and root finding in one dimension, for exact expectations and fits: Gauss-Legendre panels of 16
// points (nodes: Abramowitz and Stegun, table 25.4), halved where two halves disagree with the whole.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace calibrant::quadrature {

inline constexpr std::array<double, 8> gauss_legendre_nodes = {
    0.0950125098376374402, 0.2816035507792589132, 0.4580167776572273863, 0.6178762444026437484,
    0.7554044083550030339, 0.8656312023878317439, 0.9445750230732325761, 0.9894009349916499326};
inline constexpr std::array<double, 8> gauss_legendre_weights = {
    0.1894506104550684963, 0.1826034150449235889, 0.1691565193950025382, 0.1495959888165767321,
    0.1246289712555338721, 0.0951585116824927848, 0.0622535239386478929, 0.0271524594117540949};

/// An integral and the integral of the absolute value, which is the scale of its rounding error.
struct Integral {
  double value = 0.0;
  double magnitude = 0.0;
};

/// Integral of f over [a, b] with one panel: exact for polynomials up to degree 31.
template <class Function>
Integral gauss_legendre(const Function& f, double a, double b) {
  const double centre = 0.5 * (a + b);
  const double half_length = 0.5 * (b - a);
  Integral sum;
  for (std::size_t i = 0; i < gauss_legendre_nodes.size(); ++i) {
    const double offset = half_length * gauss_legendre_nodes[i];
    const double below = f(centre - offset);
    const double above = f(centre + offset);
    sum.value += gauss_legendre_weights[i] * (below + above);
    sum.magnitude += gauss_legendre_weights[i] * (std::abs(below) + std::abs(above));
  }
  return {half_length * sum.value, std::abs(half_length) * sum.magnitude};
}

/// Integral of f over [low, high], to about 1e-14 of the integral of |f| (1e-12 if f has kinks that are not marked).
/// @param breakpoints  where f or a derivative jumps, and both sides of every structure that is narrow against the
/// range
///                     (it could fall between the points), in any order; those outside (low, high) are ignored.
template <class Function>
double integrate(const Function& f, double low, double high, std::span<const double> breakpoints = {}) {
  if (!(low < high)) return 0.0;
  std::vector<double> edges{low};
  for (const double point : breakpoints)
    if (point > low && point < high) edges.push_back(point);
  edges.push_back(high);
  std::sort(edges.begin(), edges.end());

  struct Panel {
    double a, b;
    Integral whole;
    int depth;
  };
  std::vector<Panel> open;
  double magnitude = 0.0;
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    if (edges[i] == edges[i + 1]) continue;
    open.push_back({edges[i], edges[i + 1], gauss_legendre(f, edges[i], edges[i + 1]), 0});
    magnitude += open.back().whole.magnitude;
  }
  // Two halves of 16 points are far more exact than their difference from the whole, so 1e-12 here gives 1e-14 or
  // better.
  constexpr double tolerance = 1e-12;
  constexpr int max_depth = 40;
  double sum = 0.0;
  while (!open.empty()) {
    const Panel panel = open.back();
    open.pop_back();
    const double middle = 0.5 * (panel.a + panel.b);
    const Integral left = gauss_legendre(f, panel.a, middle);
    const Integral right = gauss_legendre(f, middle, panel.b);
    // The first guess of the magnitude may have missed a narrow peak.
    magnitude = std::max(magnitude, left.magnitude + right.magnitude);
    if (panel.depth >= max_depth || std::abs(left.value + right.value - panel.whole.value) <= tolerance * magnitude) {
      sum += left.value + right.value;
    } else {
      open.push_back({panel.a, middle, left, panel.depth + 1});
      open.push_back({middle, panel.b, right, panel.depth + 1});
    }
  }
  return sum;
}

/// A root of f in [low, high], to `tolerance` or to rounding, whichever is wider: regula falsi with the Illinois
/// weights, and bisection when that is slow.
/// @pre f(low) and f(high) do not have the same strict sign (values at the ends may be 0).
template <class Function>
double find_root(const Function& f, double low, double high, double tolerance = 0.0) {
  double value_low = f(low);
  double value_high = f(high);
  if (value_low == 0.0) return low;
  if (value_high == 0.0) return high;
  int last_moved = 0;  // -1: the lower end, +1: the upper end
  for (int iteration = 0; iteration < 200; ++iteration) {
    const double width = high - low;
    if (width <= std::max(tolerance, 4.0 * std::numeric_limits<double>::epsilon() * (std::abs(low) + std::abs(high))))
      break;
    double trial = low - value_low * width / (value_high - value_low);
    if (!(trial > low && trial < high) || iteration % 4 == 3) trial = 0.5 * (low + high);
    const double value = f(trial);
    if (value == 0.0) return trial;
    if ((value < 0.0) == (value_low < 0.0)) {
      low = trial;
      value_low = value;
      if (last_moved == -1) value_high *= 0.5;
      last_moved = -1;
    } else {
      high = trial;
      value_high = value;
      if (last_moved == +1) value_low *= 0.5;
      last_moved = +1;
    }
  }
  return 0.5 * (low + high);
}

}  // namespace calibrant::quadrature
