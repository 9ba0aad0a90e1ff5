// What the command line of simultaneous_calibration can set.
#pragma once

#include <cstdint>
#include <string>

#include "program/data.hpp"

struct Settings {
  std::string data = examples::sample_folder;
  std::string output = "simultaneous_calibration_output";
  std::string part = "all";         ///< all, toy or jets
  std::int64_t events = 2'000'000;  ///< of the toy, for training
  int epochs = 0;                   ///< for the jets; 0: by their number
  std::uint64_t seed = 1;
  int threads = 1;
};

/// @return false if there is nothing to do but what --help already did.
/// @throws calibrant::Error for unknown options and wrong values.
bool read_settings(int argc, char** argv, Settings& settings);
