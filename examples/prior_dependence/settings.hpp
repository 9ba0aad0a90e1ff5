// What the command line of prior_dependence can set.
#pragma once

#include <cstdint>
#include <string>

struct Settings {
  std::string output = "prior_dependence_output";
  std::int64_t events = 300'000;  ///< of each regression; a response has four times as many
  int epochs = 40;                ///< of a regression; a response has a tenth
  int nets = 3;                   ///< of each kind, with events of their own: their spread gives the error bars
  std::uint64_t seed = 1;
  int threads = 1;
};

/// @return false if there is nothing to do but what --help already did.
/// @throws calibrant::Error for unknown options and wrong values.
bool read_settings(int argc, char** argv, Settings& settings);
