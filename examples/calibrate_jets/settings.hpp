// What the command line of calibrate_jets can set.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jets.hpp"
#include "program/data.hpp"

struct Settings {
  std::string data = examples::sample_folder;
  std::string output = "calibrate_jets_output";
  std::vector<std::string> features{feature_names.begin(), feature_names.end()};
  std::string loss = "all";
  int epochs = 0;  ///< 0: by the number of jets
  std::uint64_t seed = 1;
  int threads = 1;

  // Set in the second process only, which reads a model back.
  std::string verify_model;
  std::string expect;
};

/// @return false if there is nothing to do but what --help already did.
/// @throws calibrant::Error for unknown options and wrong values.
bool read_settings(int argc, char** argv, Settings& settings);
