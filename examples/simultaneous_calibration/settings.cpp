#include "settings.hpp"

#include "program/options.hpp"

bool read_settings(int argc, char** argv, Settings& settings) {
  examples::Options options(
      "simultaneous_calibration",
      "calibrates for one feature after the other and for all at once, on a toy where what is left "
      "over is known exactly and on simulated jets, and compares what depends on the features "
      "afterwards");
  options.add("--data", settings.data, "PATH",
              "folder with A.jets.npy and, for the difference of generators, B.jets.npy, each with its columns.txt");
  options.add("--output", settings.output, "DIR", "folder for tables, plots and summary.json");
  options.add("--part", settings.part, {"all", "toy", "jets"}, "what to do");
  options.add("--events", settings.events, std::int64_t{1000}, "training events of the toy");
  options.add("--epochs", settings.epochs, 0, "passes over the training jets; 0: by their number");
  options.add("--seed", settings.seed, std::uint64_t{0}, "of events, initial weights and order of the events");
  options.add("--threads", settings.threads, 1, "results do not depend on it");
  return options.parse(argc, argv);
}
