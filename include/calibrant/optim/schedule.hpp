// Learning-rate schedules: a factor on the optimizer's learning rate as a function of where the training stands. They
// keep no state (a plateau is found from the history), so a resumed training follows the same schedule.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <span>
#include <string>

#include "calibrant/error.hpp"

namespace calibrant {

/// Where the training stands.
struct Progress {
  std::int64_t step = 0;             ///< optimizer steps done
  std::int64_t steps_per_epoch = 1;  ///< steps in a whole epoch
  int epoch = 0;                     ///< epochs done
  int epochs = 1;                    ///< epochs asked for
  std::span<const double> losses{};  ///< validation loss of each epoch done (training loss without a validation sample)

  double fraction() const noexcept {
    return static_cast<double>(step) / (static_cast<double>(steps_per_epoch) * static_cast<double>(epochs));
  }
};

/// Any function of the progress will do.
using Schedule = std::function<double(const Progress&)>;

namespace schedule {

struct Constant {
  double operator()(const Progress&) const noexcept { return 1.0; }
};

/// Multiplied by `factor` after every `every` epochs.
struct Step {
  int every = 10;
  double factor = 0.1;
  double operator()(const Progress& progress) const {
    if (every <= 0) throw Error("schedule::Step, every", "one epoch or more", std::to_string(every));
    return std::pow(factor, progress.epoch / every);
  }
};

/// Half a cosine from 1 to `final` over the whole training, step by step (Loshchilov and Hutter, arXiv:1608.03983).
struct Cosine {
  double final = 0.0;
  double operator()(const Progress& progress) const noexcept {
    const double fraction = std::min(1.0, progress.fraction());
    return final + (1.0 - final) * 0.5 * (1.0 + std::cos(std::numbers::pi * fraction));
  }
};

/// Rises linearly to the schedule behind it over the first `epochs` epochs.
template <class After = Constant>
struct WarmUp {
  double epochs = 1.0;
  After after{};
  double operator()(const Progress& progress) const {
    const double steps = epochs * static_cast<double>(progress.steps_per_epoch);
    const double done = static_cast<double>(progress.step) + 1.0;
    return after(progress) * (steps > 0.0 ? std::min(1.0, done / steps) : 1.0);
  }
};

/// Multiplied by `factor` each time the loss has not improved by more than `threshold` (relative) for `patience`
/// epochs.
struct ReduceOnPlateau {
  double factor = 0.5;
  int patience = 5;
  double threshold = 1e-4;
  double smallest = 1e-3;
  double operator()(const Progress& progress) const noexcept {
    double result = 1.0, best = 0.0;
    int waited = 0;
    bool first = true;
    for (const double loss : progress.losses) {
      if (first || loss < best - threshold * std::abs(best)) {
        best = loss;
        waited = 0;
        first = false;
      } else if (++waited >= patience) {
        result *= factor;
        waited = 0;
      }
    }
    return std::max(result, smallest);
  }
};

}  // namespace schedule
}  // namespace calibrant
