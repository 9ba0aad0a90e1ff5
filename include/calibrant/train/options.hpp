// Settings of a training, checked before any work is done.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>

#include "calibrant/error.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/optim/adam.hpp"
#include "calibrant/optim/schedule.hpp"

namespace calibrant {

enum class ProgressLine : unsigned char {
  automatic,  ///< on standard error if that is a terminal
  silent,
};

struct FitOptions {
  int epochs = 40;
  int batch_size = 1024;
  std::uint64_t seed = 1;
  /// What the network's outputs stand for; ratio for a response reco / true, paired_ratio for several.
  Output output = Output::standardised;
  Adam adam{};
  Schedule schedule = schedule::Cosine{};
  double validation_fraction = 0.1;  ///< share of groups kept out of training; 0: none
  int patience =
      0;  ///< stop after this many epochs without a better validation loss and restore the best; 0: never stop
  int threads = 1;              ///< of each process; results do not depend on it
  bool overlapped = false;      ///< ranks exchange gradients piece by piece; results do not depend on it
  std::string checkpoint = "";  ///< file to resume from if it exists, written after every `checkpoint_every` epochs
  int checkpoint_every = 1;
  ProgressLine progress = ProgressLine::automatic;
  /// Called after every epoch; return false to stop there.
  std::function<bool(const EpochReport&)> on_epoch = {};

  /// @throws Error on settings out of range.
  CALIBRANT_COLD void validate() const {
    const auto require = [](bool good, const char* name, const char* expected, const std::string& found) {
      if (!good) throw Error(std::string("FitOptions, ") + name, expected, found);
    };
    require(epochs > 0, "epochs", "one epoch or more", std::to_string(epochs));
    require(batch_size > 0, "batch_size", "one event or more", std::to_string(batch_size));
    require(validation_fraction >= 0.0 && validation_fraction < 1.0, "validation_fraction", "a number in [0, 1)",
            std::to_string(validation_fraction));
    require(patience >= 0, "patience", "zero or more epochs", std::to_string(patience));
    require(patience == 0 || validation_fraction > 0.0, "patience", "a validation sample to judge by",
            "validation_fraction = 0");
    require(checkpoint_every > 0, "checkpoint_every", "one epoch or more", std::to_string(checkpoint_every));
    require(static_cast<bool>(schedule), "schedule", "a schedule", "an empty function");
    adam.validate();
  }
};

}  // namespace calibrant
