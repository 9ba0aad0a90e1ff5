// Small data and helpers that the tests of the trainer share.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/train/trainer.hpp"

namespace small {

using namespace calibrant;

/// Columns x (10 to 100), z (standard normal), y = x (0.9 + 0.05 z) + 2 noise, w (0.1 to 2, some 0), g (groups of 3).
inline BasicTable<double> jets(std::int64_t n, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = random.uniform(10.0, 100.0), z = random.normal();
    values.insert(values.end(), {x, z, x * (0.9 + 0.05 * z) + 2.0 * random.normal(),
                                 i % 10 == 3 ? 0.0 : random.uniform(0.1, 2.0), static_cast<double>(i / 3)});
  }
  return {{"x", "z", "y", "w", "g"}, std::move(values), "jets"};
}

template <class Scalar = float>
BasicDataset<Scalar> dataset(std::int64_t n, DatasetColumns columns = {}, std::uint64_t seed = 1) {
  return BasicDataset<Scalar>(jets(n, seed), {"x", "z"}, "y", columns);
}

/// Options for tests: silent, one whole batch an epoch is up to the caller.
inline FitOptions options(int epochs, int batch_size) {
  FitOptions result;
  result.epochs = epochs;
  result.batch_size = batch_size;
  result.progress = ProgressLine::silent;
  return result;
}

template <class Scalar, int N>
bool same_bits(const Parameters<Scalar, N>& a, const Parameters<Scalar, N>& b) {
  return std::memcmp(a.data(), b.data(), sizeof(Scalar) * N) == 0;
}
inline bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }
/// Parameters and history, to the bit.
template <class Net, class Scalar>
bool same_bits(const Model<Net, Scalar>& a, const Model<Net, Scalar>& b) {
  const auto &first = a.description.training, &second = b.description.training;
  bool same = same_bits(a.parameters(), b.parameters()) && first.epochs.size() == second.epochs.size() &&
              first.best_epoch == second.best_epoch && first.stopped_early == second.stopped_early;
  for (std::size_t i = 0; same && i < first.epochs.size(); ++i)
    same = first.epochs[i].epoch == second.epochs[i].epoch &&
           same_bits(first.epochs[i].training_loss, second.epochs[i].training_loss) &&
           (same_bits(first.epochs[i].validation_loss, second.epochs[i].validation_loss) ||
            (std::isnan(first.epochs[i].validation_loss) && std::isnan(second.epochs[i].validation_loss))) &&
           same_bits(first.epochs[i].learning_rate, second.epochs[i].learning_rate);
  return same;
}

/// True if every part occurs in the text.
template <class... Parts>
bool says(const std::string& text, const Parts&... parts) {
  return ((text.find(parts) != std::string::npos) && ...);
}

}  // namespace small
