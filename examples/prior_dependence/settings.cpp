#include "settings.hpp"

#include "program/options.hpp"

bool read_settings(int argc, char** argv, Settings& settings) {
  examples::Options options("prior_dependence",
                            "regresses truth on measurement, which learns the spectrum of the training, and inverts a "
                            "learned response, which does not; compares both with the exact curves");
  options.add("--output", settings.output, "DIR", "folder for tables, plots and summary.json");
  options.add("--events", settings.events, std::int64_t{10'000},
              "training events of each network, in groups of 100 at the same y or x");
  options.add("--epochs", settings.epochs, 1, "passes over the events");
  options.add("--nets", settings.nets, 2,
              "networks of each kind, with events of their own: their spread gives the error bars");
  options.add("--seed", settings.seed, std::uint64_t{0}, "of events, initial weights and order of the events");
  options.add("--threads", settings.threads, 1, "results do not depend on it");
  return options.parse(argc, argv);
}
