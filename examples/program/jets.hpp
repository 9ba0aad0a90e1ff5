// Simulated jets as the examples read them.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include "calibrant/error.hpp"
#include "calibrant/io/npy.hpp"

namespace examples {

/// The jets of a generator: folder/A.jets.npy, names in A.columns.txt.
/// @throws calibrant::Error if they are not there or the file is none.
inline calibrant::Table read_jets(const std::string& folder, const std::string& generator) {
  const std::string file = folder + "/" + generator + ".jets.npy";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored))
    throw calibrant::Error("option --data", "a folder with " + generator + ".jets.npy", "'" + folder + "'");
  return calibrant::io::read_npy(file);
}

}  // namespace examples
