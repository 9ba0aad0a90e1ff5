// Checkpoints: all that a training needs to go on to the same bits, written to a temporary name, flushed, renamed.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/io/read_file.hpp"
#include "calibrant/io/safetensors.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/optim/adam.hpp"

namespace calibrant {

/// The state of a training between two epochs. Everything else (order of events, dropout, schedule) is a function of
/// the seed and of this.
template <class Scalar, int n_params>
struct TrainingState {
  Parameters<Scalar, n_params> parameters, best;
  Adam::State<Scalar, n_params> optimizer;
  int epoch = 0;  ///< epochs done
  int best_epoch = 0;
  double best_loss = 0.0;
  std::vector<EpochReport> reports;
};

/// The numbers of a state beside its parameters: four, and four more for each epoch.
template <class Scalar, int n_params>
CALIBRANT_COLD std::vector<double> progress_numbers(const TrainingState<Scalar, n_params>& state) {
  std::vector<double> numbers{static_cast<double>(state.optimizer.step), static_cast<double>(state.epoch),
                              static_cast<double>(state.best_epoch), state.best_loss};
  for (const EpochReport& report : state.reports)
    numbers.insert(numbers.end(), {static_cast<double>(report.epoch), report.training_loss, report.validation_loss,
                                   report.learning_rate});
  return numbers;
}
/// Puts them back. @pre numbers are those of progress_numbers.
template <class Scalar, int n_params>
CALIBRANT_COLD void set_progress(TrainingState<Scalar, n_params>& state, const std::vector<double>& numbers) {
  state.optimizer.step = static_cast<std::uint64_t>(numbers[0]);
  state.epoch = static_cast<int>(numbers[1]);
  state.best_epoch = static_cast<int>(numbers[2]);
  state.best_loss = numbers[3];
  state.reports.clear();
  for (std::size_t i = 4; i < numbers.size(); i += 4)
    state.reports.push_back({static_cast<int>(numbers[i]), numbers[i + 1], numbers[i + 2], numbers[i + 3]});
}

/// Settings and shapes that a resumed training must share, by name; those that others follow from come first.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

/// Writes a checkpoint; the old file stays whole until the new one is complete.
template <class Scalar, int n_params>
CALIBRANT_COLD void save_checkpoint(const std::string& path, const TrainingState<Scalar, n_params>& state,
                                    const Fingerprint& fingerprint) {
  io::TensorFile file;
  file.metadata.insert(fingerprint.begin(), fingerprint.end());
  file.metadata["kind"] = "calibrant checkpoint";
  const auto add = [&](const char* name, const Parameters<Scalar, n_params>& values) {
    file.tensors.push_back(io::make_tensor(name, {n_params}, std::span<const Scalar>(values.span())));
  };
  add("parameters", state.parameters);
  add("best", state.best);
  add("adam.first", state.optimizer.first);
  add("adam.second", state.optimizer.second);
  const std::vector<double> numbers = progress_numbers(state);
  file.tensors.push_back(
      io::make_tensor("progress", {static_cast<std::int64_t>(numbers.size())}, std::span<const double>(numbers)));
  io::write_safetensors(path, file);
}

/// Reads a checkpoint if the file exists; false if there is none.
/// @throws Error if the file is damaged or belongs to a training with other settings (names the first that differs).
template <class Scalar, int n_params>
CALIBRANT_COLD bool load_checkpoint(const std::string& path, TrainingState<Scalar, n_params>& state,
                                    const Fingerprint& fingerprint) {
  if (!io::file_exists(path)) return false;
  const io::TensorFile file = io::read_safetensors(path);
  const std::string where = "resuming from " + path;
  const auto found = [&](const std::string& key) {
    const auto at = file.metadata.find(key);
    return at == file.metadata.end() ? std::string("nothing") : at->second;
  };
  if (found("kind") != "calibrant checkpoint") throw Error(where, "a calibrant checkpoint", "kind: " + found("kind"));
  for (const auto& [key, value] : fingerprint)
    if (found(key) != value) throw Error(where + ", " + key, value, found(key));
  const auto get = [&](const char* name, Parameters<Scalar, n_params>& values) {
    const std::vector<Scalar> stored = io::tensor_values<Scalar>(file.tensor(name));
    if (stored.size() != static_cast<std::size_t>(n_params))
      throw Error(where + ", tensor '" + name + "'", std::to_string(n_params) + " values",
                  std::to_string(stored.size()));
    std::copy(stored.begin(), stored.end(), values.data());
  };
  const auto owned = std::make_unique<TrainingState<Scalar, n_params>>();  // may be too large for a stack
  TrainingState<Scalar, n_params>& result = *owned;
  get("parameters", result.parameters);
  get("best", result.best);
  get("adam.first", result.optimizer.first);
  get("adam.second", result.optimizer.second);
  const std::vector<double> numbers = io::tensor_values<double>(file.tensor("progress"));
  if (numbers.size() < 4 || numbers.size() != 4 + 4 * static_cast<std::size_t>(numbers[1]))
    throw Error(where + ", tensor 'progress'", "four numbers and four more per epoch",
                std::to_string(numbers.size()) + " numbers");
  set_progress(result, numbers);
  state = result;
  return true;
}

}  // namespace calibrant
