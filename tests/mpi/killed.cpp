// A training on ranks with a checkpoint, in the folder given. "kill": rank 1 kills itself in the middle of the third
// epoch. "leave": an exception that nobody shares ends the work of rank 1. "resume": goes on, and compares with one
// process.
#define DOCTEST_CONFIG_DISABLE  // a program of its own, without test cases
#include <signal.h>

#include <cstdio>
#include <stdexcept>

#include "../train/rank_trainings.hpp"
#include "calibrant/io/read_file.hpp"
#include "calibrant/parallel/mpi.hpp"

using namespace small;

namespace {

using Training = Trainer<Dropping, float, decltype(spread)>;

FitOptions settings(const std::string& folder) {
  FitOptions how = rank_options();
  how.epochs = 5;
  how.checkpoint = folder + "/checkpoint";
  return how;
}

void be_killed(MpiSession& session, const std::string& folder) {
  const auto all = parts(session.size());
  const std::int64_t steps_per_epoch = (Training(all, spread, rank_options()).n_training() + 799) / 800;
  fit<Dropping>(session, all[static_cast<std::size_t>(session.rank())], spread,
                interrupted(session, settings(folder), {1, 2 * steps_per_epoch + 1, [] { raise(SIGKILL); }}));
  throw Error("rank 1 was to be killed");
}

void leave_early(MpiSession& session, const std::string& folder) {
  if (session.rank() == 1) throw std::runtime_error("rank 1 leaves");
  const auto all = parts(session.size());
  try {
    fit<Dropping>(session, all[static_cast<std::size_t>(session.rank())], spread, settings(folder));
  } catch (const RankError& error) {
    std::printf("rank %d: %s\n", session.rank(), error.what());
    return;
  }
  throw Error("rank 1 was to be missed");
}

void go_on(MpiSession& session, const std::string& folder) {
  const auto all = parts(session.size());
  FitOptions how = settings(folder);
  // A checkpoint that is not whole, or of another training, would be refused.
  if (!io::file_exists(how.checkpoint)) throw Error("resuming", "a checkpoint", "none");
  int first_epoch = 0;
  how.on_epoch = [&](const EpochReport& report) {
    if (first_epoch == 0) first_epoch = report.epoch;
    return true;
  };
  const auto model = fit<Dropping>(session, all[static_cast<std::size_t>(session.rank())], spread, how);
  if (first_epoch != 3) throw Error("resuming", "to go on with epoch 3", std::to_string(first_epoch));
  how.on_epoch = {};
  how.checkpoint.clear();
  if (!same_model(model, in_one_process<Dropping>(session.size(), spread, how)))
    throw Error("resuming", "the bits of one process", "other bits");
  std::printf("rank %d: the bits of one process\n", session.rank());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 3 ? argv[1] : "", folder = argc == 3 ? argv[2] : "";
  try {
    MpiSession session;
    (what == "kill" ? be_killed : what == "leave" ? leave_early : go_on)(session, folder);
    return 0;
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return what == "leave" ? 0 : 2;  // mpirun would end the others before they have said what they saw
  }
}
