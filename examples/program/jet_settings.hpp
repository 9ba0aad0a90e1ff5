// What the command line of an example that trains on jets can set.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "program/data.hpp"
#include "program/options.hpp"

namespace examples {

struct JetSettings {
  std::string data = sample_folder;
  std::string output;
  int epochs = 0;  ///< 0: by the number of jets
  std::uint64_t seed = 1;
  int threads = 1;
};

/// @param purpose   of the program, for --help. Its output goes to PROGRAM_output if nothing is said.
/// @param add_more  adds the options that only this program has.
/// @return false if there is nothing to do but what --help already did.
/// @throws calibrant::Error for unknown options and wrong values.
inline bool read_settings(int argc, char** argv, const std::string& program, const std::string& purpose,
                          JetSettings& settings, const std::function<void(Options&)>& add_more = {}) {
  settings.output = program + "_output";
  Options options(program, purpose);
  options.add("--data", settings.data, "PATH", "folder with A.jets.npy and A.columns.txt");
  options.add("--output", settings.output, "DIR", "folder for what is written: tables, plots, summary.json");
  options.add("--epochs", settings.epochs, 0, "passes over the training jets; 0: by their number");
  options.add("--seed", settings.seed, std::uint64_t{0}, "of initial weights and order of the jets");
  options.add("--threads", settings.threads, 1, "results do not depend on it");
  if (add_more) add_more(options);
  return options.parse(argc, argv);
}

}  // namespace examples
