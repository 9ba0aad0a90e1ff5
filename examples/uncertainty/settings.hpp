// What the command line of uncertainty can set.
#pragma once

#include <cstdint>
#include <string>

#include "program/data.hpp"

struct Settings {
  std::string data = examples::sample_folder;
  std::string output = "uncertainty_output";
  int epochs = 0;  ///< 0: by the number of jets
  std::uint64_t seed = 1;
  int threads = 1;
};

/// @return false if there is nothing to do but what --help already did.
/// @throws calibrant::Error for unknown options and wrong values.
bool read_settings(int argc, char** argv, Settings& settings);
