// Reads the reference numbers and compares with their stated tolerance.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

inline nlohmann::json read_reference(const std::string& name) {
  std::ifstream file(std::string(CALIBRANT_TEST_DATA) + "/" + name);
  return nlohmann::json::parse(file);
}

/// True if the difference is at most absolute + relative * |expected|.
inline bool agrees(double found, double expected, double absolute, double relative = 0.0) {
  return std::abs(found - expected) <= absolute + relative * std::abs(expected);
}

/// Kolmogorov's sqrt(n) max |empirical cdf - u| for numbers u that should be uniform in (0, 1). It exceeds 2.75 with a
/// probability of 2 exp(-2 * 2.75^2) = 5.4e-7, five sigma.
inline double kolmogorov(std::vector<double> u) {
  std::sort(u.begin(), u.end());
  const double n = static_cast<double>(u.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    largest = std::max(largest, std::abs(u[i] - static_cast<double>(i) / n));
    largest = std::max(largest, std::abs(u[i] - static_cast<double>(i + 1) / n));
  }
  return std::sqrt(n) * largest;
}
