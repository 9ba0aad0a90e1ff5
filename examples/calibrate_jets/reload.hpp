// The proof that a saved calibration is the calibration: another process reads it and gets the same bits.
#pragma once

#include <string>

#include "jets.hpp"
#include "response.hpp"

/// Writes the model file.
void save_calibration(const std::string& path, const JetCalibration& calibration);

/// Writes what the calibration gave to an NPY table: the jets as they went in, calibrated_pt and status.
void save_calibrated(const std::string& path, const TestJets& jets, const CalibratedJets& calibrated);

/// Starts this program anew with nothing but the two files. @return true if it found the same bits.
bool reload_in_new_process(const std::string& model, const std::string& calibrated);

/// What the new process does. @return its exit code, 0 if every value and status is the same, 1 if not.
int verify_model(const std::string& model, const std::string& calibrated);
