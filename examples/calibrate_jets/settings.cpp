#include "settings.hpp"

#include "calibrant/error.hpp"
#include "program/options.hpp"

bool read_settings(int argc, char** argv, Settings& settings) {
  examples::Options options("calibrate_jets",
                            "learns the response of simulated jets, inverts it, calibrates jets not used in training, "
                            "and proves closure");
  options.add("--data", settings.data, "PATH",
              "folder with A.jets.npy and A.columns.txt, or one .npy or .csv file with the same columns");
  options.add("--output", settings.output, "DIR", "folder for tables, plots, model and summary.json");
  options.add("--features", settings.features, {feature_names.begin(), feature_names.end()},
              "what the calibration may depend on, beside pT");
  options.add("--loss", settings.loss, {"all", "median", "mean", "mode"},
              "statistic of the response to learn; with all, the main tables are those of the median");
  options.add("--epochs", settings.epochs, 0, "passes over the training jets; 0: by their number");
  options.add("--seed", settings.seed, std::uint64_t{0}, "of initial weights and order of the jets");
  options.add("--threads", settings.threads, 1, "results do not depend on it");
  options.add_hidden("--verify-model", settings.verify_model);
  options.add_hidden("--expect", settings.expect);
  if (!options.parse(argc, argv)) return false;
  if (settings.verify_model.empty() != settings.expect.empty())
    throw calibrant::Error("command line of calibrate_jets", "--verify-model and --expect together", "one of them");
  return true;
}
