// Ensembles of networks trained in one call.
#pragma once

#include <exception>
#include <vector>

#include "calibrant/nn/ensemble.hpp"
#include "calibrant/train/trainer.hpp"

namespace calibrant {

/// Trains `n_members` networks on the same data with the seeds options.seed, options.seed + 1, ... and averages them.
/// Each seed makes its own split, so the members are validated on different events.
/// With options.threads > 1 the members are trained side by side, each on one thread; the result does not depend on it.
/// A checkpoint file, if asked for, gets the member's number as suffix; schedule and on_epoch may be called by several
/// threads at once.
/// @throws Error as fit; the first member's error if several fail.
template <class Net, class Scalar, class Loss>
Ensemble<Model<Net, Scalar>> fit_ensemble(const BasicDataset<Scalar>& data, const Loss& loss, const FitOptions& options,
                                          int n_members) {
  if (n_members < 1) throw Error("fit_ensemble", "one member or more", std::to_string(n_members));
  ThreadPool pool(std::min(options.threads, n_members));
  std::vector<Model<Net, Scalar>> members(static_cast<std::size_t>(n_members));
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(n_members));
  pool.run(n_members, [&](int member, int) noexcept {
    try {
      FitOptions own = options;
      own.seed = options.seed + static_cast<std::uint64_t>(member);
      own.threads = 1;
      if (pool.n_threads() > 1) own.progress = ProgressLine::silent;
      if (!own.checkpoint.empty()) own.checkpoint += "." + std::to_string(member);
      members[static_cast<std::size_t>(member)] = fit<Net>(data, loss, own);
    } catch (...) {
      errors[static_cast<std::size_t>(member)] = std::current_exception();
    }
  });
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
  return Ensemble<Model<Net, Scalar>>(std::move(members));
}

}  // namespace calibrant
