// How the examples train on jets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "calibrant/error.hpp"
#include "calibrant/train/options.hpp"

namespace examples {

/// Epochs and batch size by the number of jets, the rest from the command line.
/// @param settings  of the program: epochs (0: by the number of jets), seed, threads.
template <class Settings>
calibrant::FitOptions training_plan(std::int64_t n_jets, const Settings& settings) {
  constexpr std::int64_t batch_size = 512;
  calibrant::FitOptions plan;
  // With fewer jets, more passes.
  plan.epochs = settings.epochs > 0 ? settings.epochs : n_jets >= 100'000 ? 40 : 80;
  plan.batch_size = static_cast<int>(std::min(n_jets, batch_size));
  plan.seed = settings.seed;
  plan.output = calibrant::Output::ratio;
  // The decay keeps the response rising with pT where no jets are, so that it can be inverted.
  plan.adam = {.learning_rate = 0.01, .weight_decay = 0.035};
  plan.schedule = calibrant::schedule::WarmUp<calibrant::schedule::Cosine>{};
  plan.validation_fraction = 0.0;  // the test jets are already apart
  plan.threads = settings.threads;
  return plan;
}

/// @throws calibrant::Error unless there are `fewest` jets to train on and to measure with.
inline void require_jets(const std::string& source, std::int64_t n_training, std::int64_t n_test, int fewest) {
  const std::string n = std::to_string(fewest);
  if (n_training < fewest || n_test < fewest)
    throw calibrant::Error(
        source, "at least " + n + " jets of |eta| < 2.4 for training and, in every fifth event, " + n + " more",
        std::to_string(n_training) + " and " + std::to_string(n_test));
}

}  // namespace examples
