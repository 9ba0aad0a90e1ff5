// Everything simultaneous_calibration has found out, as tables on the screen, CSV, plots, report.html and summary.json.
#pragma once

#include <optional>
#include <string>

#include "jets.hpp"
#include "settings.hpp"
#include "toy.hpp"

/// Writes everything to settings.output and the tables to standard output.
/// @throws calibrant::Error if a file cannot be written.
void report(const std::optional<ToyFindings>& toy, const std::optional<JetFindings>& jets, const Settings& settings);
