// Tables of jets, as in the data folder: which are used, and for what.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "calibrant/error.hpp"
#include "calibrant/io/npy.hpp"
#include "calibrant/io/table.hpp"

namespace examples {

/// Jets of a generator, A or B. @throws calibrant::Error that says what the folder should have.
inline calibrant::Table read_generator(const std::string& folder, const std::string& generator) {
  const std::string file = folder + "/" + generator + ".jets.npy";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored))
    throw calibrant::Error("option --data", "a folder with " + generator + ".jets.npy", "'" + folder + "'");
  return calibrant::io::read_npy(file);
}

// Jets of an event stay together: its number says what it is for.
inline bool for_training(std::int64_t event) { return event % 5 != 0; }
inline bool for_test(std::int64_t event) { return event % 5 == 0; }

/// Jets of |eta| < 2.4 with a true pT above 15 GeV whose event is wanted.
template <class Wanted>
calibrant::Table central_jets(const calibrant::Table& jets, const Wanted& wanted) {
  const auto at = [&](const char* name) { return static_cast<std::size_t>(jets.index(name)); };
  const std::size_t event = at("event"), reco_eta = at("reco_eta"), true_pt = at("true_pt");
  return jets.where([&](auto row) {
    return std::abs(row[reco_eta]) < 2.4f && row[true_pt] > 15.0f && wanted(static_cast<std::int64_t>(row[event]));
  });
}

}  // namespace examples
