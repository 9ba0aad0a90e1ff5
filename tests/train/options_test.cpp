// Settings of a training that make no sense are refused by name.
#include "calibrant/train/options.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace calibrant;

namespace {

std::string refusal(const FitOptions& options) {
  try {
    options.validate();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("the defaults are valid") { CHECK(refusal({}).empty()); }

TEST_CASE("each setting out of range is named") {
  CHECK(refusal({.epochs = 0}) == "FitOptions, epochs: expected one epoch or more, found 0");
  CHECK(refusal({.epochs = -3}) == "FitOptions, epochs: expected one epoch or more, found -3");
  CHECK(refusal({.batch_size = 0}) == "FitOptions, batch_size: expected one event or more, found 0");
  for (const double bad : {-0.1, 1.0, 1.5, std::numeric_limits<double>::quiet_NaN()})
    CHECK(refusal({.validation_fraction = bad}).find("FitOptions, validation_fraction: expected a number in [0, 1)") ==
          0);
  CHECK(refusal({.patience = -1}) == "FitOptions, patience: expected zero or more epochs, found -1");
  CHECK(refusal({.validation_fraction = 0.0, .patience = 3}) ==
        "FitOptions, patience: expected a validation sample to judge by, found validation_fraction = 0");
  CHECK(refusal({.checkpoint_every = 0}) == "FitOptions, checkpoint_every: expected one epoch or more, found 0");
  CHECK(refusal({.schedule = Schedule{}}) == "FitOptions, schedule: expected a schedule, found an empty function");
  CHECK(refusal({.adam = {.learning_rate = -1.0}}).find("Adam, learning_rate") == 0);
}

}  // namespace
