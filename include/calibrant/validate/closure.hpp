// The proof of a calibration: closure (calibrated / true is 1 in bins of the truth), resolution, and no residual
// dependence on any feature. Exactly 1 is reached by the median, not by mean or mode, where the response is not linear.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/validate/profile.hpp"
#include "calibrant/validate/text_table.hpp"

namespace calibrant::validate {

/// calibrated / truth, event by event.
/// @throws Error if the lengths differ, or a truth is not finite and above 0 (with its index).
inline CALIBRANT_COLD std::vector<double> ratio(Column calibrated, Column truth) {
  if (calibrated.size() != truth.size())
    throw Error("ratio of calibrated to truth",
                "as many calibrated values as truths (" + std::to_string(truth.size()) + ")",
                std::to_string(calibrated.size()));
  std::vector<double> result(truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (!(truth[i] > 0.0 && std::isfinite(truth[i])))
      throw Error("ratio of calibrated to truth", "a finite truth above 0",
                  std::to_string(truth[i]) + " at index " + std::to_string(i));
    result[i] = calibrated[i] / truth[i];
  }
  return result;
}

/// All columns of a profile as CSV: one row per bin, before them a row for the events below the first edge and after
/// them one for those above the last. Statistics of empty bins are empty cells, unknown errors "inf".
/// @throws Error if the stream cannot take it.
inline CALIBRANT_COLD void write_csv(const Profile& profile, std::ostream& out) {
  TextTable table;
  table.header = {"low", "high", "n", "effective_n", "x_mean"};
  const std::vector<std::pair<const char*, Estimate ProfileBin::*>> statistics = {
      {"mean", &ProfileBin::mean},
      {"median", &ProfileBin::median},
      {"mode", &ProfileBin::mode},
      {"core_mean", &ProfileBin::core_mean},
      {"core_sigma", &ProfileBin::core_sigma},
      {"half_width", &ProfileBin::half_width},
      {"relative_half_width", &ProfileBin::relative_half_width}};
  for (const auto& [name, member] : statistics) {
    table.header.emplace_back(name);
    table.header.push_back(std::string(name) + "_error");
  }
  table.header.emplace_back("core_converged");
  const auto outside = [&](const char* low, const char* high, std::int64_t n) {
    std::vector<std::string> row = {low, high, std::to_string(n)};
    row.resize(table.header.size());
    table.rows.push_back(std::move(row));
  };
  const std::string first = profile.bins.empty() ? "" : exact(profile.bins.front().low);
  const std::string last = profile.bins.empty() ? "" : exact(profile.bins.back().high);
  outside("-inf", first.c_str(), profile.below);
  for (const ProfileBin& bin : profile.bins) {
    std::vector<std::string> row = {exact(bin.low), exact(bin.high), std::to_string(bin.n), exact(bin.effective_n),
                                    exact(bin.x_mean)};
    for (const auto& [name, member] : statistics) {
      const Estimate& estimate = bin.*member;
      row.push_back(exact(estimate.value));
      row.push_back(std::isnan(estimate.value) ? "" : exact(estimate.error));
    }
    row.emplace_back(bin.empty() ? "" : bin.core_converged ? "1" : "0");
    table.rows.push_back(std::move(row));
  }
  outside(last.c_str(), "inf", profile.above);
  table.write_csv(out);
}

namespace report {

/// "20 - 30", the number of events, and then chosen columns. A core fit that did not converge gets a star.
struct Layout {
  std::string title;
  std::string x_name;
  std::vector<std::pair<std::string, Estimate ProfileBin::*>> columns;
};

inline CALIBRANT_COLD void print(const Profile& profile, const Layout& layout, std::ostream& out) {
  TextTable table;
  table.header = {layout.x_name, "n"};
  for (const auto& [name, member] : layout.columns) table.header.push_back(name);
  bool starred = false;
  for (const ProfileBin& bin : profile.bins) {
    std::vector<std::string> row = {general(bin.low) + " - " + general(bin.high), std::to_string(bin.n)};
    for (const auto& [name, member] : layout.columns) {
      const bool is_core = member == &ProfileBin::core_mean || member == &ProfileBin::core_sigma;
      const bool star = is_core && !bin.empty() && !bin.core_converged;
      starred = starred || star;
      row.push_back(with_error(bin.*member, 4) + (star ? "*" : ""));
    }
    table.rows.push_back(std::move(row));
  }
  out << layout.title << '\n';
  table.print(out);
  if (starred) out << "* the core fit did not converge\n";
  out << "outside of the bins: " << profile.below << " below, " << profile.above << " above, of " << profile.n_events;
  if (profile.without_weight > 0) out << "; " << profile.without_weight << " of weight 0";
  out << '\n';
}

}  // namespace report

/// calibrated / true in bins of the truth.
struct Closure {
  Profile profile = {};

  /// The bin where the statistic is furthest from 1. @throws Error if no bin has min_n events.
  Deviation largest_deviation(Estimate ProfileBin::*statistic = &ProfileBin::median, std::int64_t min_n = 1) const {
    return profile.largest_deviation(statistic, 1.0, min_n);
  }
  /// Its size: the one number of a closure test.
  double max_abs(Estimate ProfileBin::*statistic = &ProfileBin::median, std::int64_t min_n = 1) const {
    return std::abs(largest_deviation(statistic, min_n).value);
  }

  void print(std::ostream& out = std::cout) const {
    report::print(profile,
                  {"closure: calibrated / true in bins of the truth",
                   "true",
                   {{"median", &ProfileBin::median},
                    {"mean", &ProfileBin::mean},
                    {"mode", &ProfileBin::mode},
                    {"core mean", &ProfileBin::core_mean},
                    {"width/median", &ProfileBin::relative_half_width}}},
                  out);
  }
  void write_csv(std::ostream& out) const { validate::write_csv(profile, out); }
};

/// Closure of calibrated values. Events outside of the edges are counted, not used.
/// @param calibrated, truth  one value per event, in the same unit; edges in that unit too.
/// @throws Error as ratio() and profile().
inline Closure closure(Column calibrated, Column truth, const BinEdges& edges, const ProfileOptions& options = {}) {
  return {profile(ratio(calibrated, truth), truth, edges, options)};
}

/// Width of calibrated / true in bins of the truth.
struct Resolution {
  Profile profile = {};

  void print(std::ostream& out = std::cout) const {
    report::print(profile,
                  {"resolution: width of calibrated / true in bins of the truth",
                   "true",
                   {{"width/median", &ProfileBin::relative_half_width},
                    {"half 16-84 % width", &ProfileBin::half_width},
                    {"core sigma", &ProfileBin::core_sigma}}},
                  out);
  }
  void write_csv(std::ostream& out) const { validate::write_csv(profile, out); }
};

/// Resolution of calibrated values; parameters and errors as closure().
inline Resolution resolution(Column calibrated, Column truth, const BinEdges& edges,
                             const ProfileOptions& options = {}) {
  return {profile(ratio(calibrated, truth), truth, edges, options)};
}

/// A ratio (calibrated / true) in bins of a feature, between the feature's 5 % and 95 % quantiles.
struct ResidualDependence {
  std::string feature = {};
  Estimate overall_median = {};  ///< of all events, also those in the feature's tails
  Profile profile = {};          ///< of the events between the quantiles; the others are counted as below and above
  Deviation largest = {};        ///< of the bins' medians from the overall median

  double max_abs() const noexcept { return std::abs(largest.value); }

  void print(std::ostream& out = std::cout) const {
    report::print(profile,
                  {"residual dependence on " + feature + ": overall median " + with_error(overall_median, 4) +
                       ", largest deviation " + fixed(largest.value, 4) + " +- " + fixed(largest.error, 4),
                   feature,
                   {{"median", &ProfileBin::median},
                    {"mean", &ProfileBin::mean},
                    {"width/median", &ProfileBin::relative_half_width}}},
                  out);
  }
  void write_csv(std::ostream& out) const { validate::write_csv(profile, out); }
};

struct ResidualOptions {
  std::string name = "feature";  ///< of the feature, for tables
  double q_low = 0.05;           ///< the feature's quantiles between which the dependence is taken
  double q_high = 0.95;
  std::int64_t min_n = 20;  ///< bins with fewer events do not count for the largest deviation
  ProfileOptions profile = {};
};

/// Dependence of a ratio on a feature, in the given bins.
/// @throws Error as profile(), for an infinite feature at the quantiles, and if no bin has min_n events.
inline ResidualDependence residual_dependence(Column ratio, Column feature, const BinEdges& edges,
                                              const ResidualOptions& options = {}) {
  if (ratio.size() != feature.size())
    throw Error("residual dependence on " + options.name,
                "as many feature values as ratios (" + std::to_string(ratio.size()) + ")",
                std::to_string(feature.size()));
  check_finite(ratio, "residual dependence on " + options.name + ", ratio");
  check_no_nan(feature, "residual dependence on " + options.name + ", feature");
  const Column weights = options.profile.weights;
  const Sample features(feature, weights);
  const double low = features.quantile(options.q_low).value;
  const double high = features.quantile(options.q_high).value;

  ResidualDependence result{.feature = options.name, .overall_median = Sample(ratio, weights).median()};
  // Events in the tails are sent to infinity, where the profile counts them.
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> kept(feature.size());
  for (std::size_t i = 0; i < kept.size(); ++i)
    kept[i] = feature[i] < low ? -infinity : feature[i] > high ? infinity : feature[i];
  result.profile = profile(ratio, kept, edges, options.profile);
  result.largest = result.profile.largest_deviation(&ProfileBin::median, result.overall_median.value, options.min_n);
  return result;
}

/// The same in n_bins bins with equal numbers of events.
inline ResidualDependence residual_dependence(Column ratio, Column feature, int n_bins = 10,
                                              const ResidualOptions& options = {}) {
  return residual_dependence(
      ratio, feature,
      BinEdges::quantiles(n_bins, Sample(feature, options.profile.weights), options.q_low, options.q_high), options);
}

}  // namespace calibrant::validate
