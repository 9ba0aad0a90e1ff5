#include "settings.hpp"

#include "program/options.hpp"

bool read_settings(int argc, char** argv, Settings& settings) {
  examples::Options options("uncertainty",
                            "gives every calibrated jet a resolution and intervals for its true pT, from the quantiles "
                            "of its response and by ranks in jets set apart, and counts how often they hold the truth");
  options.add("--data", settings.data, "PATH", "folder with A.jets.npy and A.columns.txt");
  options.add("--output", settings.output, "DIR", "folder for tables, plots and summary.json");
  options.add("--epochs", settings.epochs, 0, "passes over the training jets; 0: by their number");
  options.add("--seed", settings.seed, std::uint64_t{0}, "of initial weights and order of the jets");
  options.add("--threads", settings.threads, 1, "results do not depend on it");
  return options.parse(argc, argv);
}
