#include "reload.hpp"

#include <bit>
#include <cstdint>
#include <iostream>
#include <vector>

#include "calibrant/io/model_file.hpp"
#include "calibrant/io/npy.hpp"
#include "program/program.hpp"

void save_calibration(const std::string& path, const JetCalibration& calibration) {
  calibrant::io::save(calibration, path);
}

void save_calibrated(const std::string& path, const TestJets& jets, const CalibratedJets& calibrated) {
  std::vector<std::string> names = {"true_pt", "reco_pt"};
  names.insert(names.end(), feature_names.begin(), feature_names.end());
  names.insert(names.end(), {"calibrated_pt", "status"});
  std::vector<float> values;
  values.reserve(jets.size() * names.size());
  for (std::size_t i = 0; i < jets.size(); ++i) {
    values.insert(values.end(), {jets.true_pt[i], jets.reco_pt[i]});
    for (std::size_t k = 0; k < feature_names.size(); ++k)
      values.push_back(jets.features[i * feature_names.size() + k]);
    values.insert(values.end(), {calibrated.pt[i], static_cast<float>(calibrated.status[i])});
  }
  calibrant::io::write_npy(path, calibrant::Table(names, std::move(values), path));
}

bool reload_in_new_process(const std::string& model, const std::string& calibrated) {
  return examples::run_process({"/proc/self/exe", "--verify-model", model, "--expect", calibrated}) == 0;
}

int verify_model(const std::string& model, const std::string& calibrated) {
  const auto calibration = calibrant::io::load<JetCalibration>(model);
  const calibrant::Table expected = calibrant::io::read_npy(calibrated);
  TestJets jets;
  jets.true_pt = expected.column("true_pt");
  jets.reco_pt = expected.column("reco_pt");
  const int first = expected.index(feature_names[0]);
  for (std::int64_t row = 0; row < expected.n_rows(); ++row)
    for (int k = 0; k < n_features; ++k) jets.features.push_back(expected(row, first + k));

  const CalibratedJets found = calibrate(calibration, jets);
  const std::vector<float> pt = expected.column("calibrated_pt"), status = expected.column("status");
  std::int64_t n_different = 0;
  for (std::size_t i = 0; i < jets.size(); ++i)
    n_different += std::bit_cast<std::uint32_t>(found.pt[i]) != std::bit_cast<std::uint32_t>(pt[i]) ||
                   static_cast<float>(found.status[i]) != status[i];
  if (n_different > 0)
    std::cerr << "calibrate_jets: " << n_different << " of " << jets.size() << " jets differ after reading " << model
              << '\n';
  return n_different == 0 ? 0 : 1;
}
