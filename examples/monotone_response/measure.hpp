// A free network and one that rises by construction, trained alike and compared on jets that neither has seen; their
// settings are chosen on other jets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "program/jet_settings.hpp"

struct Settings : examples::JetSettings {
  int seeds = 3;   ///< networks of each kind
  int choose = 0;  ///< networks of each setting in the choice; 0: the settings found before
};

/// What is decided by the compiler. A network that rises by construction has the layers in its conditioner.
struct Architecture {
  int layers, width;     ///< hidden ones
  double minimum_slope;  ///< 0 for a free network

  bool is_free() const noexcept { return !(minimum_slope > 0.0); }
  bool operator==(const Architecture&) const = default;
};

/// Settings that can be tried on the held-out jets, and what comes of it there.
struct Candidate {
  Architecture network;
  double weight_decay;
  std::vector<double> log_resolution = {};  ///< in every bin of true pT, mean over the seeds
  double mean_log_resolution = 0.0;         ///< over the bins
  double closure = 0.0;                     ///< mean |median closure - 1| over bins and seeds
  double loss = 0.0;  ///< by which the resolution is worse than the chosen free network's: mean over the bins,
                      ///< those where it is better count 0
  bool is_chosen = false;
};

/// A number for both networks in a bin, each the mean over the seeds, and what lies between them.
struct Difference {
  double free = 0.0, monotone = 0.0;
  double value = 0.0;   ///< mean over the seeds
  double error = 0.0;   ///< of the test jets, by bootstrap over their events with the networks as they are
  double spread = 0.0;  ///< standard deviation over the seeds; NaN for one seed
};

struct BinComparison {
  double low, high;  ///< true pT, GeV
  std::int64_t n;
  Difference closure;     ///< of medians of calibrated / true: monotone - free
  Difference resolution;  ///< of relative half 68 % widths: monotone / free - 1
};

struct Training {
  std::uint64_t seed;
  double free_seconds, monotone_seconds;        ///< of processor time
  std::int64_t free_falling, monotone_falling;  ///< test jets whose response falls somewhere in the trained range
};

struct Findings {
  std::string data;
  std::int64_t n_training = 0, n_test = 0;
  std::int64_t n_without = 0;   ///< test jets that not every network calibrates
  std::int64_t n_held_out = 0;  ///< of the training jets, in the choice
  int epochs = 0;
  std::vector<Candidate> candidates = {};  ///< empty without a choice
  Candidate free, monotone;                ///< what is compared
  std::vector<Training> trainings = {};    ///< one for each seed
  std::vector<BinComparison> bins = {};
};

/// @throws calibrant::Error if there are no jets, a column is missing, or too few jets are left.
Findings measure(const Settings& settings);
