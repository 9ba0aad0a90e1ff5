// Everything energy_and_mass has found out, as tables on the screen, CSV, plots, report.html and summary.json.
#pragma once

#include "jets.hpp"
#include "program/jet_settings.hpp"

/// Writes everything to settings.output and the tables to standard output.
/// @throws calibrant::Error if a file cannot be written.
void report(const Findings& findings, const examples::JetSettings& settings);
