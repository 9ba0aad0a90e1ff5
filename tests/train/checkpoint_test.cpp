// Checkpoints: a training that was stopped or killed at any moment goes on to the same bits; damaged or foreign files
// are refused.
#include "calibrant/train/checkpoint.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "../io/temporary_folder.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/elementwise.hpp"
#include "calibrant/nn/mlp.hpp"
#include "small_trainings.hpp"

using namespace small;

namespace {

using Net = Sequential<Dense<2, 8, SiLU>, Dropout<8, std::ratio<1, 8>>, Dense<8, 1>>;
using Loss = loss::Huber;

FitOptions settings(const std::string& checkpoint) {
  FitOptions result = options(8, 100);
  result.seed = 5;
  result.adam.learning_rate = 0.02;
  result.patience = 6;
  result.checkpoint = checkpoint;
  return result;
}
Dataset data() { return dataset(1500, {"w", "g"}); }
Model<Net, float> train(const FitOptions& how) { return fit<Net>(data(), Loss{0.5}, how); }

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

TEST_CASE("stopped after any epoch and resumed: the same bits as in one go") {
  const auto whole = train(settings(""));
  for (const int stop : {1, 3, 7}) {
    for (const int every : {1, 2, 100}) {
      CAPTURE(stop);
      CAPTURE(every);
      const TemporaryFolder folder;
      FitOptions how = settings(folder / "checkpoint");
      how.checkpoint_every = every;
      how.on_epoch = [stop](const EpochReport& report) { return report.epoch < stop; };
      const auto part = train(how);
      CHECK(part.description.training.epochs.size() == static_cast<std::size_t>(stop));
      CHECK(!same_bits(part, whole));
      how.on_epoch = {};
      how.threads = stop == 3 ? 2 : 1;  // the number of threads may change
      CHECK(same_bits(train(how), whole));
      CHECK(same_bits(train(how), whole));  // resuming what is finished does nothing
      CHECK(folder.names() == std::vector<std::string>{"checkpoint"});
    }
  }
}

TEST_CASE("early stopping survives a resume: the same best epoch") {
  const TemporaryFolder folder;
  FitOptions how = settings("");
  how.epochs = 30;
  how.patience = 2;
  how.schedule = [](const Progress& progress) { return std::pow(1.7, progress.epoch); };
  const auto whole = train(how);
  REQUIRE(whole.description.training.stopped_early);
  const int best = whole.description.training.best_epoch;
  how.checkpoint = folder / "checkpoint";
  how.on_epoch = [best](const EpochReport& report) { return report.epoch != best + 1; };  // stop after a worse one
  train(how);
  CHECK(same_bits(train(how), whole));
}

TEST_CASE("killed at any moment and resumed: the same bits as in one go") {
  FitOptions how = settings("");
  how.epochs = 40;
  how.patience = 0;
  const auto whole = train(how);
  const TemporaryFolder folder;
  how.checkpoint = folder / "checkpoint";
  Random random(11);
  int killed = 0;
  // Moments drawn at random, later and later, so that every round gets somewhere in the end.
  for (int round = 0; round < 200; ++round) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      train(how);
      _exit(0);
    }
    usleep(static_cast<useconds_t>(random.uniform(0.0, 1000.0 * (1 + round))));
    kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
      ++killed;
    else
      REQUIRE(WEXITSTATUS(status) == 0);
    if (!WIFSIGNALED(status) && killed >= 5) break;
  }
  CHECK(killed >= 5);
  CHECK(same_bits(train(how), whole));
}

TEST_CASE("a checkpoint of another training is refused, and the message names what differs") {
  const TemporaryFolder folder;
  FitOptions how = settings(folder / "checkpoint");
  how.on_epoch = [](const EpochReport&) { return false; };
  train(how);
  const std::string before = read(how.checkpoint);
  const auto refusal = [&](const std::function<void(FitOptions&)>& change) {
    FitOptions other = how;
    change(other);
    return error_of([&] { train(other); });
  };
  const std::string where = "resuming from " + how.checkpoint + ", ";
  CHECK(says(refusal([](FitOptions& o) { o.seed = 6; }), where + "seed: expected 6, found 5"));
  CHECK(says(refusal([](FitOptions& o) { o.epochs = 9; }), where + "epochs: expected 9, found 8"));
  CHECK(says(refusal([](FitOptions& o) { o.batch_size = 50; }), where + "batch_size: expected 50, found 100"));
  CHECK(says(refusal([](FitOptions& o) { o.patience = 0; }), where + "patience: expected 0, found 6"));
  CHECK(says(refusal([](FitOptions& o) { o.adam.learning_rate = 0.01; }), "learning_rate: expected 0.01, found 0.02"));
  CHECK(says(refusal([](FitOptions& o) { o.adam.beta1 = 0.5; }), "beta1: expected 0.5, found 0.9"));
  CHECK(says(refusal([](FitOptions& o) { o.adam.weight_decay = 0.5; }), "weight_decay: expected 0.5, found 0"));
  CHECK(says(refusal([](FitOptions& o) { o.adam.clip_norm = 2; }), "clip_norm: expected 2, found 0"));
  CHECK(says(refusal([](FitOptions& o) { o.output = Output::ratio; }), "output: expected ratio, found standardised"));
  CHECK(says(refusal([](FitOptions& o) { o.validation_fraction = 0.2; }),
             where + "validation_fraction: expected 0.2, found 0.1"));
  // Another loss, another network, other data.
  CHECK(says(error_of([&] { fit<Net>(data(), loss::Huber{0.25}, how); }),
             where + "loss: expected huber(delta=0.25), found huber(delta=0.5)"));
  CHECK(
      says(error_of([&] { fit<Mlp<Inputs<2>, Hidden<8>, Outputs<1>>>(data(), Loss{0.5}, how); }),
           where + "architecture: expected dense(2, 8, silu) > dense(8, 1, identity), found dense(2, 8, silu) > drop"));
  CHECK(says(error_of([&] { fit<Net>(dataset(1500, {"", "g"}), Loss{0.5}, how); }), where + "data_sha256"));
  CHECK(says(error_of([&] { fit<Net>(dataset(1500, {"w", ""}), Loss{0.5}, how); }), where + "n_"));
  CHECK(read(how.checkpoint) == before);
}

TEST_CASE("a checkpoint that was cut or altered is refused, and not touched") {
  const TemporaryFolder folder;
  FitOptions how = settings(folder / "checkpoint");
  how.on_epoch = [](const EpochReport&) { return false; };
  train(how);
  const std::string good = read(how.checkpoint);
  REQUIRE(good.size() > 500);
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{100}, good.size() / 2, good.size() - 1}) {
    CAPTURE(size);
    write(how.checkpoint, good.substr(0, size));
    CHECK(says(error_of([&] { train(how); }), how.checkpoint));
    CHECK(read(how.checkpoint).size() == size);
  }
  for (std::size_t at = 3; at < good.size(); at += 97) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    write(how.checkpoint, bad);
    CHECK(says(error_of([&] { train(how); }), how.checkpoint));
  }
  write(how.checkpoint, good);
  CHECK(error_of([&] { train(how); }) == "no error");
}

TEST_CASE("a file that is no checkpoint, and a folder that is not there") {
  const TemporaryFolder folder;
  FitOptions how = settings(folder / "model");
  io::TensorFile other;
  other.metadata["kind"] = "something else";
  io::write_safetensors(how.checkpoint, other);
  CHECK(says(error_of([&] { train(how); }), "expected a calibrant checkpoint, found kind: something else"));
  how.checkpoint = folder / "missing/checkpoint";
  CHECK(says(error_of([&] { train(how); }), "missing/checkpoint"));
}

TEST_CASE("state goes to a file and back to the bit") {
  const TemporaryFolder folder;
  TrainingState<double, 5> state;
  Random random(2);
  for (auto* values : {&state.parameters, &state.best, &state.optimizer.first, &state.optimizer.second})
    for (double& x : values->span()) x = random.normal();
  state.optimizer.step = 123456789;
  state.epoch = 2;
  state.best_epoch = 1;
  state.best_loss = -0.1;
  state.reports = {{1, 0.1, std::nan(""), 1e-3}, {2, -0.1, 0.2, 5e-4}};
  CHECK(!load_checkpoint(folder / "none", state, {}));
  save_checkpoint(folder / "file", state, {{"setting", "a"}});
  TrainingState<double, 5> back;
  REQUIRE(load_checkpoint(folder / "file", back, {{"setting", "a"}}));
  CHECK(same_bits(back.parameters, state.parameters));
  CHECK(same_bits(back.best, state.best));
  CHECK(same_bits(back.optimizer.first, state.optimizer.first));
  CHECK(same_bits(back.optimizer.second, state.optimizer.second));
  CHECK(back.optimizer.step == 123456789);
  CHECK(back.epoch == 2);
  CHECK(back.best_epoch == 1);
  CHECK(back.best_loss == -0.1);
  REQUIRE(back.reports.size() == 2);
  CHECK(std::isnan(back.reports[0].validation_loss));
  CHECK(back.reports[1].learning_rate == 5e-4);
  // A refused file changes nothing.
  TrainingState<double, 5> untouched;
  CHECK(says(error_of([&] {
               load_checkpoint(folder / "file", untouched, {{"setting", "b"}});
             }),
             "setting: expected b, found a"));
  CHECK(untouched.epoch == 0);
  TrainingState<double, 6> larger;
  CHECK(says(error_of([&] {
               load_checkpoint(folder / "file", larger, {{"setting", "a"}});
             }),
             "tensor 'parameters': expected 6 values, found 5"));
}

}  // namespace
