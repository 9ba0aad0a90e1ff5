// Edges of the bins of a profile: given, linear, logarithmic, or with equal numbers of events per bin.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/validate/statistics.hpp"

namespace calibrant::validate {

/// Rising edges of adjacent bins. A bin includes its lower edge; the last one also its upper edge.
class BinEdges {
 public:
  /// @throws Error unless there are at least two edges, finite and strictly rising.
  CALIBRANT_COLD BinEdges(std::vector<double> edges) : edges_(std::move(edges)) {
    if (edges_.size() < 2) throw Error("bin edges", "at least 2 edges", std::to_string(edges_.size()));
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      if (!std::isfinite(edges_[i]))
        throw Error("bin edges", "finite edges", std::to_string(edges_[i]) + " at index " + std::to_string(i));
      if (i > 0 && !(edges_[i] > edges_[i - 1]))
        throw Error("bin edges", "strictly rising edges",
                    std::to_string(edges_[i - 1]) + " before " + std::to_string(edges_[i]));
    }
  }
  BinEdges(std::initializer_list<double> edges) : BinEdges(std::vector<double>(edges)) {}

  /// n bins of equal width. @throws Error unless n > 0 and low < high, both finite.
  static BinEdges linear(int n, double low, double high) {
    check_number(n, "linear bin edges");
    std::vector<double> edges;
    for (int i = 0; i <= n; ++i) edges.push_back(i == n ? high : low + (high - low) * i / n);
    return edges;
  }

  /// n bins of equal width in the logarithm. @throws Error unless n > 0 and 0 < low < high, both finite.
  static BinEdges logarithmic(int n, double low, double high) {
    check_number(n, "logarithmic bin edges");
    if (!(low > 0.0)) throw Error("logarithmic bin edges", "a lower end above 0", std::to_string(low));
    std::vector<double> edges;
    for (int i = 0; i <= n; ++i)
      edges.push_back(i == 0 ? low : i == n ? high : low * std::exp(std::log(high / low) * i / n));
    return edges;
  }

  /// n bins with equal numbers (sums of weights) of the feature's values between its quantiles q_low and q_high. Fewer
  /// bins where many values are equal; one narrow bin where all are.
  /// @throws Error unless n > 0 and 0 <= q_low < q_high <= 1, and for a feature that a Sample refuses or that is
  /// infinite.
  static BinEdges quantiles(int n, const Sample& feature, double q_low = 0.0, double q_high = 1.0) {
    check_number(n, "quantile bin edges");
    if (!(q_low < q_high))
      throw Error("quantile bin edges", "q_low below q_high", std::to_string(q_low) + ", " + std::to_string(q_high));
    std::vector<double> edges;
    for (int i = 0; i <= n; ++i) edges.push_back(feature.quantile(q_low + (q_high - q_low) * i / n).value);
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    if (edges.size() == 1) edges.push_back(std::nextafter(edges.front(), std::numeric_limits<double>::infinity()));
    return edges;
  }

  int n_bins() const noexcept { return static_cast<int>(edges_.size()) - 1; }
  double low(int bin) const noexcept { return edges_[static_cast<std::size_t>(bin)]; }
  double high(int bin) const noexcept { return edges_[static_cast<std::size_t>(bin) + 1]; }
  const std::vector<double>& values() const noexcept { return edges_; }

  /// Bin of x; -1 below the first edge, n_bins() above the last. @pre x is not NaN.
  int find(double x) const noexcept {
    if (x == edges_.back()) return n_bins() - 1;
    return static_cast<int>(std::upper_bound(edges_.begin(), edges_.end(), x) - edges_.begin()) - 1;
  }

 private:
  static void check_number(int n, const char* what) {
    if (n < 1) throw Error(what, "at least 1 bin", std::to_string(n));
  }

  std::vector<double> edges_;
};

}  // namespace calibrant::validate
