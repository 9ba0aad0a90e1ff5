// Trainings on samples of several parts, which tests run in one process, on ranks that are threads, and on MPI's ranks.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "calibrant/loss/composed.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/elementwise.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/parallel/ranks.hpp"
#include "small_trainings.hpp"

namespace small {

/// 251 parameters: shards of 2048 events.
using Narrow = Mlp<Inputs<2>, Hidden<50, PReLU>, Outputs<1>>;
/// 2137 parameters: shards of 256 events.
using Dropping = Sequential<Dense<2, 40, Tanh>, Dropout<40, std::ratio<1, 4>>, Dense<40, 48, SiLU>,
                            Dropout<48, std::ratio<1, 10>>, Dense<48, 1>>;
/// 17153 parameters: more than two ranks share the work of adding them up.
using Large = Mlp<Inputs<2>, Hidden<128>, Hidden<128>, Outputs<1>>;

inline const auto spread = loss::of_means<2>(
    [](const auto& nu, const auto& y) {
      auto r = nu - y;
      return std::array{r, r * r};
    },
    [](const auto& m) { return m[1] + sqrt(m[1] - m[0] * m[0]); }, "spread");

/// Parts of different sizes, one of them with a third of the range of x.
template <class Scalar = float>
std::vector<BasicDataset<Scalar>> parts(int n) {
  std::vector<BasicDataset<Scalar>> result;
  constexpr std::array<std::int64_t, 5> sizes{1503, 701, 1101, 17, 900};
  for (int part = 0; part < n; ++part) {
    auto table = jets(sizes[static_cast<std::size_t>(part)], 20 + static_cast<std::uint64_t>(part));
    if (part == 1) table = table.where([](auto row) { return row[0] < 40.0; });
    result.emplace_back(table, std::vector<Feature>{{"x", Transform::logarithm}, "z"}, "y", DatasetColumns{"w", "g"});
  }
  return result;
}

inline FitOptions rank_options() {
  FitOptions result = options(3, 800);
  result.validation_fraction = 0.2;
  result.adam.learning_rate = 0.01;
  return result;
}

/// What one process makes of all the parts.
template <class Net, class Scalar = float, class Loss>
Model<Net, Scalar> in_one_process(int n_parts, const Loss& loss, const FitOptions& how) {
  return fit<Net>(parts<Scalar>(n_parts), loss, how);
}

/// Preprocessing, parameters and history, to the bit.
template <class Net, class Scalar>
bool same_model(const Model<Net, Scalar>& a, const Model<Net, Scalar>& b) {
  bool same = same_bits(a, b) && a.description.training.n_training == b.description.training.n_training &&
              a.description.training.n_validation == b.description.training.n_validation;
  for (std::size_t i = 0; i < a.inputs.size(); ++i)
    same = same && a.inputs[i].shift == b.inputs[i].shift && a.inputs[i].scale == b.inputs[i].scale &&
           a.inputs[i].low == b.inputs[i].low && a.inputs[i].high == b.inputs[i].high;
  for (std::size_t i = 0; i < a.outputs.size(); ++i)
    same = same && a.outputs[i].shift == b.outputs[i].shift && a.outputs[i].scale == b.outputs[i].scale;
  return same;
}

/// Trains on the part of this rank, in every way that must not matter. @throws Error if it is not the expected model.
template <class Net, class Scalar, class Loss>
void check_rank(Ranks& ranks, const Model<Net, Scalar>& expected, const Loss& loss, FitOptions how) {
  const auto all = parts<Scalar>(ranks.size());
  for (const bool overlapped : {false, true})
    for (const int threads : {1, 2}) {
      how.overlapped = overlapped;
      how.threads = threads;
      const auto found = fit<Net>(ranks, all[static_cast<std::size_t>(ranks.rank())], loss, how);
      if (!same_model(found, expected))
        throw Error("rank " + std::to_string(ranks.rank()) + " with " + std::to_string(threads) + " thread(s)" +
                        (overlapped ? ", overlapped" : ""),
                    "the bits of one process", "other bits");
    }
}

/// The trainings of the test of bits: f(net, loss, options), net a pointer to nothing that carries a type.
template <class F>
void for_rank_trainings(F&& f) {
  FitOptions how = rank_options();
  f(static_cast<Model<Narrow, float>*>(nullptr), loss::Huber{0.5}, how);
  f(static_cast<Model<Dropping, float>*>(nullptr), loss::LeakyGaussianKernel{0.5, 0.1}, how);
  f(static_cast<Model<Dropping, float>*>(nullptr), spread, how);
  f(static_cast<Model<Dropping, double>*>(nullptr), spread, how);
  f(static_cast<Model<Large, float>*>(nullptr), loss::Squared{}, how);
  // Early stopping, no more than a few events of a part in a batch.
  how.epochs = 30;
  how.patience = 2;
  how.batch_size = 7;
  how.schedule = [](const Progress& progress) { return std::pow(1.7, progress.epoch); };
  f(static_cast<Model<Narrow, float>*>(nullptr), loss::Absolute{}, how);
}

/// A training with a checkpoint, and one rank that ends at the worst moment if `at_step` is reached.
struct Interruption {
  int rank = -1;
  std::int64_t at_step = 0;
  std::function<void()> event = {};
};
inline FitOptions interrupted(const Ranks& ranks, FitOptions how, const Interruption& interruption) {
  if (ranks.rank() == interruption.rank)
    how.schedule = [interruption, usual = how.schedule](const Progress& progress) {
      if (progress.step == interruption.at_step) interruption.event();
      return usual(progress);
    };
  return how;
}

/// A loss that is NaN for the event with this target.
inline auto not_finite_at(double bad) {
  return [bad](const auto& nu, const auto& y) {
    using T = std::decay_t<decltype(nu)>;
    using S = ScalarOf<T>;
    return square(nu - y) + sqrt(select(abs(y - T(static_cast<S>(bad))) <= T(S(0)), T(S(-1)), T(S(1))));
  };
}

}  // namespace small
