// The trainer: splits, history, early stopping, going on from a model, silence.
#include "calibrant/train/trainer.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "small_trainings.hpp"

using namespace small;

namespace {

using Tiny = Mlp<Inputs<2>, Hidden<4, Tanh>, Outputs<1>>;

// ---- splits, history, early stopping -------------------------------------------------------------------------------

TEST_CASE("the split keeps groups together, follows the fraction, and changes with the seed") {
  const auto data = dataset(30000, {"", "g"});
  FitOptions settings = options(1, 1000);
  settings.validation_fraction = 0.3;
  const Trainer<Tiny, float, loss::Squared> trainer(data, {}, settings);
  CHECK(trainer.n_training() + trainer.n_validation() == 30000);
  CHECK(trainer.n_validation() % 3 == 0);  // groups of three
  // 10,000 groups: 0.0046 is one sigma of the fraction.
  CHECK(std::fabs(static_cast<double>(trainer.n_validation()) / 30000.0 - 0.3) < 5.0 * 0.0046);
  for (settings.seed = 2; settings.seed < 8; ++settings.seed) {
    const Trainer<Tiny, float, loss::Squared> other(data, {}, settings);
    CHECK(other.n_validation() % 3 == 0);
    CHECK(other.n_validation() != trainer.n_validation());
  }
  settings.validation_fraction = 0.0;
  Trainer<Tiny, float, loss::Squared> all(data, {}, settings);
  CHECK(all.n_training() == 30000);
  CHECK(all.n_validation() == 0);
  CHECK(std::isnan(all.validation_loss()));
  CHECK(std::isnan(all.epoch().validation_loss));
  const auto& record = trainer.model().description.training;
  CHECK(record.n_training == trainer.n_training());
  CHECK(record.n_validation == trainer.n_validation());
}

TEST_CASE("the history: one report an epoch, the losses those of the model") {
  const auto data = dataset(3000, {"w", ""});
  FitOptions settings = options(4, 500);
  settings.schedule = schedule::Step{.every = 2, .factor = 0.5};
  settings.adam.learning_rate = 0.01;
  std::vector<EpochReport> seen;
  settings.on_epoch = [&](const EpochReport& report) {
    seen.push_back(report);
    return true;
  };
  Trainer<Tiny, float, loss::Squared> trainer(data, {}, settings);
  trainer.run();
  const auto model = trainer.model();
  const auto& record = model.description.training;
  REQUIRE(record.epochs.size() == 4);
  REQUIRE(seen.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(record.epochs[i].epoch == static_cast<int>(i) + 1);
    CHECK(seen[i].training_loss == record.epochs[i].training_loss);
    CHECK(record.epochs[i].learning_rate == doctest::Approx(i < 2 ? 0.01 : 0.005).epsilon(1e-12));
    if (i > 0) CHECK(record.epochs[i].training_loss < record.epochs[i - 1].training_loss);
  }
  CHECK(record.best_epoch == 4);
  CHECK(!record.stopped_early);
  CHECK(record.loss == "squared");
  CHECK(record.seed == 1);
  CHECK(model.description.features == std::vector<std::string>{"x", "z"});
  CHECK(model.description.targets == std::vector<std::string>{"y"});
  CHECK(trainer.finished());
  CHECK(trainer.validation_loss() == record.epochs[3].validation_loss);
}

TEST_CASE("the validation loss is the weighted mean over the validation events") {
  // With groups that are single events, an event's side of the split is what a second trainer sees of it.
  const auto table = jets(2000);
  const auto data = dataset<double>(2000, {"w", ""});
  FitOptions settings = options(1, 500);
  settings.validation_fraction = 0.5;
  Trainer<Tiny, double, loss::Squared> trainer(data, {}, settings);
  const double found = trainer.epoch().validation_loss;
  const auto model = trainer.model();
  const Random split(settings.seed, Stream::split);
  double sum = 0.0, weight = 0.0;
  std::int64_t n = 0;
  for (std::int64_t i = 0; i < 2000; ++i) {
    if (split.block(static_cast<std::uint64_t>(i))[0] >= 0x80000000u) continue;
    ++n;
    const double prediction = model({table(i, 0), table(i, 1)})[0];
    const double r = (prediction - table(i, 2)) / model.outputs[0].scale;
    sum += table(i, 3) * r * r;
    weight += table(i, 3);
  }
  CHECK(n == trainer.n_validation());
  CHECK(found == doctest::Approx(sum / weight).epsilon(1e-12));
}

TEST_CASE("early stopping stops after `patience` epochs without improvement and restores the best") {
  // The rate grows: after some epochs the training gets worse.
  const auto data = dataset(2000);
  FitOptions settings = options(60, 100);
  settings.patience = 3;
  settings.adam.learning_rate = 1e-3;
  settings.schedule = [](const Progress& progress) { return std::pow(1.6, progress.epoch); };
  Trainer<Tiny, float, loss::Squared> trainer(data, {}, settings);
  trainer.run();
  const auto model = trainer.model();
  const auto& record = model.description.training;
  CHECK(record.stopped_early);
  CHECK(trainer.finished());
  REQUIRE(record.best_epoch >= 1);
  CHECK(static_cast<int>(record.epochs.size()) == record.best_epoch + 3);
  CHECK(record.epochs.size() < 60);
  for (const auto& epoch : record.epochs)
    CHECK(epoch.validation_loss >= record.epochs[static_cast<std::size_t>(record.best_epoch - 1)].validation_loss);
  // The parameters are those of a training that ended at the best epoch.
  settings.patience = 0;
  const int best = record.best_epoch;
  settings.on_epoch = [best](const EpochReport& report) { return report.epoch < best; };
  const auto until_best = fit<Tiny>(data, loss::Squared{}, settings);
  CHECK(same_bits(until_best.parameters(), model.parameters()));
  CHECK(until_best.description.training.stopped_early);
  CHECK(until_best.description.training.best_epoch == best);
}

TEST_CASE("events of weight zero and batches of nothing but them change nothing") {
  auto table = jets(300);
  std::vector<double> values(table.values().begin(), table.values().end());
  for (std::size_t i = 0; i < 300; ++i) values[i * 5 + 3] = i == 0 ? 1.0 : 0.0;
  const Dataset data(BasicTable<double>(table.names(), values, "jets"), {"x", "z"}, "y", {"w", ""});
  FitOptions settings = options(1, 10);
  settings.validation_fraction = 0.0;
  Trainer<Tiny, float, loss::Squared> trainer(data, {}, settings);
  const auto report = trainer.epoch();  // 30 batches, one of which holds the event
  settings.batch_size = 300;
  Trainer<Tiny, float, loss::Squared> whole(data, {}, settings);
  CHECK(report.training_loss == doctest::Approx(whole.epoch().training_loss).epsilon(1e-6));
}

TEST_CASE("single steps on chosen events are the steps that epochs are made of") {
  const auto data = dataset(300);
  FitOptions settings = options(1, 300);
  settings.validation_fraction = 0.0;
  settings.schedule = schedule::Constant{};
  Trainer<Tiny, float, loss::Squared> by_epoch(data, {}, settings), by_step(data, {}, settings);
  std::vector<std::uint32_t> all(300);
  for (std::uint32_t i = 0; i < 300; ++i) all[i] = i;
  const double loss = by_step.step(all);
  CHECK(loss == doctest::Approx(by_epoch.epoch().training_loss).epsilon(1e-6));
  // The order of the events differs, and Adam's first step is the sign of the gradient: equal but for rounding.
  const auto a = by_step.model(), b = by_epoch.model();
  for (int i = 0; i < Tiny::n_params; ++i) CHECK(a.parameters()[i] == doctest::Approx(b.parameters()[i]).epsilon(1e-4));
  CHECK(by_step.step(all) < loss);
  CHECK_THROWS_WITH_AS(by_step.step({}), "Trainer::step: expected 1 to 300 events, found 0", Error);
  all.push_back(0);
  CHECK_THROWS_WITH_AS(by_step.step(all), "Trainer::step: expected 1 to 300 events, found 301", Error);
  const std::vector<std::uint32_t> wrong{299, 300};
  CHECK_THROWS_WITH_AS(by_step.step(wrong), "Trainer::step: expected rows below 300, found row 300", Error);
}

// ---- going on from a model -----------------------------------------------------------------------------------------

TEST_CASE("a second training keeps the preprocessing of the first") {
  const auto first = fit<Tiny>(dataset(1000), loss::Squared{}, options(2, 100));
  const auto other = dataset(1000, {}, 99);
  const auto second = fit<Tiny>(other, loss::Absolute{}, options(1, 100), first);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(second.inputs[i].shift == first.inputs[i].shift);
    CHECK(second.inputs[i].scale == first.inputs[i].scale);
    CHECK(second.inputs[i].shift != other.input_transforms()[i].shift);
  }
  CHECK(second.outputs[0].shift == first.outputs[0].shift);
  CHECK(second.outputs[0].scale == first.outputs[0].scale);
  CHECK(second.description.training.loss == "absolute");
  CHECK(!same_bits(second.parameters(), first.parameters()));
  // It starts from the parameters of the first: a step of size zero leaves them.
  FitOptions still = options(1, 100);
  still.schedule = [](const Progress&) { return 0.0; };
  CHECK(same_bits(fit<Tiny>(other, loss::Absolute{}, still, first).parameters(), first.parameters()));
}

TEST_CASE("a start whose features differ, or whose transforms do not fit the data, is refused") {
  const auto table = jets(500);
  const Dataset logarithmic(table, {{"x", Transform::logarithm}, "z"}, "y");
  const auto first = fit<Tiny>(logarithmic, loss::Squared{}, options(1, 100));
  CHECK(says(error_of([&] {
               fit<Tiny>(Dataset(table, {"z", "x"}, "y"), loss::Squared{}, options(1, 100), first);
             }),
             "from a trained model: expected its feature 'x' as number 0, found 'z'"));
  std::vector<double> values(table.values().begin(), table.values().end());
  values[17 * 5] = -4.0;
  const Dataset negative(BasicTable<double>(table.names(), values, "jets"), {"x", "z"}, "y");
  CHECK(says(error_of([&] { fit<Tiny>(negative, loss::Squared{}, options(1, 100), first); }),
             "row 17, feature 'x': expected a finite number after the transform logarithm, found -4"));
}

// ---- the progress line ---------------------------------------------------------------------------------------------

TEST_CASE("a training writes nothing where standard error is not a terminal") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::fflush(nullptr);  // the child has what is buffered, and the thread sanitizer's _exit writes it
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    FitOptions settings = options(2, 100);
    settings.progress = ProgressLine::automatic;
    fit<Tiny>(dataset(500), loss::Squared{}, settings);
    _exit(0);
  }
  close(ends[1]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  char byte = 0;
  CHECK(read(ends[0], &byte, 1) == 0);
  close(ends[0]);
}

}  // namespace
