#include "settings.hpp"

#include "program/options.hpp"

bool read_settings(int argc, char** argv, Settings& settings) {
  examples::Options options("energy_and_mass",
                            "calibrates pT and mass of simulated jets together, by one response of both that is "
                            "inverted in two dimensions, and one after the other, and compares");
  options.add("--data", settings.data, "PATH", "folder with A.jets.npy and its A.columns.txt");
  options.add("--output", settings.output, "DIR", "folder for the calibration, tables, plots and summary.json");
  options.add("--epochs", settings.epochs, 0, "passes over the training jets; 0: by their number");
  options.add("--seed", settings.seed, std::uint64_t{0}, "of initial weights and order of the jets");
  options.add("--threads", settings.threads, 1, "results do not depend on it");
  return options.parse(argc, argv);
}
