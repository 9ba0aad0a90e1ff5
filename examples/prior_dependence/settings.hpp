// What the command line of prior_dependence can set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

struct Settings {
  std::string output = "prior_dependence_output";
  std::int64_t events = 3'000'000;  ///< of each network
  int epochs = 300;
  int nets = 3;  ///< of each kind, with events of their own: their spread gives the error bars
  std::uint64_t seed = 1;
  int threads = 1;

  /// Events at the same y (or x), which the squared loss may be given as one, their mean: it changes by a constant.
  static constexpr std::size_t group_size = 100;
  std::size_t n_groups() const noexcept { return static_cast<std::size_t>(events) / group_size; }
};

/// @return false if there is nothing to do but what --help already did.
/// @throws calibrant::Error for unknown options and wrong values.
bool read_settings(int argc, char** argv, Settings& settings);
