// Coverage of intervals: how many hold the truth, in bins of anything.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "calibrant/validate/bin_edges.hpp"
#include "calibrant/validate/column.hpp"
#include "calibrant/validate/text_table.hpp"

namespace calibrant::validate {

struct CoverageBin {
  double low = 0.0, high = 0.0;
  std::int64_t n = 0;        ///< intervals, also those that are none
  std::int64_t covered = 0;  ///< that hold the truth
  std::int64_t without = 0;  ///< that are none: their ends are not finite
  double mean_length = 0.0;  ///< of the intervals that are some; NaN without any

  double fraction() const noexcept { return static_cast<double>(covered) / static_cast<double>(n); }
  /// Binomial, for a true coverage of `expected`.
  double error(double expected) const noexcept {
    return std::sqrt(expected * (1.0 - expected) / static_cast<double>(n));
  }
};

struct Coverage {
  std::vector<CoverageBin> bins = {};

  CALIBRANT_COLD void print(double expected, std::ostream& out = std::cout) const {
    TextTable table;
    table.header = {"bin", "n", "coverage", "in binomial errors", "mean length", "without"};
    for (const CoverageBin& bin : bins)
      table.rows.push_back({general(bin.low) + " - " + general(bin.high), std::to_string(bin.n),
                            bin.n > 0 ? fixed(bin.fraction(), 4) : "-",
                            bin.n > 0 ? fixed((bin.fraction() - expected) / bin.error(expected), 2) : "-",
                            general(bin.mean_length), std::to_string(bin.without)});
    out << "coverage, expected " << general(expected) << '\n';
    table.print(out);
  }
};

/// Counts the intervals that hold the truth, ends included, in bins of x. An interval whose ends are NaN holds nothing.
/// @throws Error if the lengths differ, and for NaN in truth or x.
inline CALIBRANT_COLD Coverage coverage(Column low, Column high, Column truth, Column x, const BinEdges& edges) {
  if (low.size() != truth.size() || high.size() != truth.size() || x.size() != truth.size())
    throw Error("coverage", "as many ends and x as truths (" + std::to_string(truth.size()) + ")",
                std::to_string(low.size()) + ", " + std::to_string(high.size()) + " and " + std::to_string(x.size()));
  check_no_nan(truth, "coverage, truth");
  check_no_nan(x, "coverage, x");
  Coverage result;
  std::vector<double> lengths(static_cast<std::size_t>(edges.n_bins()), 0.0);
  for (int bin = 0; bin < edges.n_bins(); ++bin) result.bins.push_back({edges.low(bin), edges.high(bin)});
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const int found = edges.find(x[i]);
    if (found < 0 || found >= edges.n_bins()) continue;
    const auto bin = static_cast<std::size_t>(found);
    ++result.bins[bin].n;
    if (low[i] <= truth[i] && truth[i] <= high[i]) ++result.bins[bin].covered;
    if (std::isfinite(high[i] - low[i]))
      lengths[bin] += high[i] - low[i];
    else
      ++result.bins[bin].without;
  }
  for (std::size_t bin = 0; bin < lengths.size(); ++bin)
    result.bins[bin].mean_length = lengths[bin] / static_cast<double>(result.bins[bin].n - result.bins[bin].without);
  return result;
}

}  // namespace calibrant::validate
