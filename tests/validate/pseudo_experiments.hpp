// Repeats an estimate on independent samples, to compare its stated error with its true spread.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/validate/statistics.hpp"

struct Spread {
  double mean = 0.0;        // of the values
  double deviation = 0.0;   // standard deviation of the values
  double mean_error = 0.0;  // mean of the stated errors
};

/// draw(random) -> one sample; estimate(sample) -> Estimate.
template <class Draw, class Take>
Spread repeat(int n_experiments, const Draw& draw, const Take& take) {
  std::vector<double> values;
  Spread spread;
  for (int i = 0; i < n_experiments; ++i) {
    calibrant::Random random(20240 + static_cast<std::uint64_t>(i));
    const calibrant::validate::Estimate estimate = take(draw(random));
    values.push_back(estimate.value);
    spread.mean += estimate.value / n_experiments;
    spread.mean_error += estimate.error / n_experiments;
  }
  for (const double value : values) spread.deviation += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(spread.deviation / (n_experiments - 1));
  return spread;
}

inline std::vector<double> draw_normal(calibrant::Random& random, int n, double mean, double sigma) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(mean + sigma * random.normal());
  return values;
}
