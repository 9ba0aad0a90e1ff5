// The file of conformal intervals: safetensors, like the model file it goes with.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/io/model_file.hpp"
#include "calibrant/io/safetensors.hpp"
#include "calibrant/validate/conformal.hpp"
#include "calibrant/version.hpp"

namespace calibrant::io {

/// Version of the layout; a file of another version is refused.
inline constexpr const char* conformal_schema = "calibrant-conformal/1";

/// Writes conformal intervals, atomically. @throws Error with the path and the reason.
inline CALIBRANT_COLD void save(const validate::Conformal& conformal, const std::string& path) {
  TensorFile file;
  file.metadata = {{"schema", conformal_schema},
                   {"kind", "conformal"},
                   {"library_version", version},
                   {"coverage_in", std::string(validate::to_string(conformal.in()))}};
  const auto add = [&](const char* name, std::vector<std::int64_t> shape, const std::vector<double>& values) {
    file.tensors.push_back(make_tensor(name, std::move(shape), std::span<const double>(values)));
  };
  std::vector<double> tails;
  for (const validate::Tails& bin : conformal.tails()) tails.insert(tails.end(), {bin.low, bin.high});
  const auto n_bins = static_cast<std::int64_t>(conformal.tails().size());
  add("coverage", {1}, {conformal.coverage()});
  add("edges", {n_bins + 1}, conformal.edges().values());
  add("tails", {n_bins, 2}, tails);
  write_safetensors(path, file);
}

/// Reads what `save` wrote: auto interval = io::load<validate::Conformal>("jes_68.safetensors").
/// @throws Error unless the file is whole (checksum), of this schema, and its numbers make intervals.
template <>
inline CALIBRANT_COLD validate::Conformal load<validate::Conformal>(const std::string& path) {
  const std::string where = "loading " + path;
  const TensorFile file = read_safetensors(path);
  model_file::require(file, "schema", conformal_schema, where);
  model_file::require(file, "kind", "conformal", where);
  const auto in =
      model_file::enumeration(model_file::metadata(file, "coverage_in", where),
                              {validate::CoverageIn::calibrated, validate::CoverageIn::truth}, where + ", coverage_in");
  const auto coverage = model_file::values_of<double>(file, "coverage", {1}, where);
  auto edges = model_file::values_of<double>(file, "edges", {-1}, where);
  const auto numbers = model_file::values_of<double>(file, "tails", {-1, 2}, where);
  std::vector<validate::Tails> tails;
  for (std::size_t i = 0; i < numbers.size(); i += 2) tails.push_back({numbers[i], numbers[i + 1]});
  return {validate::BinEdges(std::move(edges)), std::move(tails), coverage[0], in};
}

}  // namespace calibrant::io
