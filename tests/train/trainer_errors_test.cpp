// Every way to use the trainer wrongly, and losses that are not finite: the message says where.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>

#include "calibrant/loss/composed.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/train/trainer.hpp"
#include "small_trainings.hpp"

using namespace small;

namespace {

using Tiny = Mlp<Inputs<2>, Hidden<4, Tanh>, Outputs<1>>;

// ---- wrong use -----------------------------------------------------------------------------------------------------

template <class Net = Tiny, class Loss = loss::Squared>
std::string refusal(const Dataset& data, const FitOptions& settings, const Loss& loss = {}) {
  return error_of([&] { Trainer<Net, float, Loss>(data, loss, settings); });
}

TEST_CASE("settings that do not fit the data, the loss or the network are refused before any work") {
  const auto data = dataset(1000);
  CHECK(says(refusal(data, options(0, 100)), "FitOptions, epochs"));
  CHECK(says(refusal(data, options(1, 1001)), "training on jets: expected a batch no larger than the ",
             "training events, found batch_size 1001"));
  FitOptions settings = options(1, 100);
  settings.threads = 0;
  CHECK(says(refusal(data, settings), "ThreadPool", "found 0 threads"));
  settings = options(1, 100);
  settings.patience = 2;
  settings.validation_fraction = 0.0;
  CHECK(says(refusal(data, settings), "patience", "validation"));
  settings = options(1, 100);
  settings.validation_fraction = 1e-9;
  CHECK(says(refusal(data, settings), "validation events with a weight above zero", "0 events"));
  settings = options(1, 100);
  settings.adam.beta1 = 1.0;
  CHECK(says(refusal(data, settings), "Adam, beta1"));
  CHECK(says(refusal<Tiny>(data, options(1, 100), loss::Pinball{1.5}), "Pinball, quantile", "1.5"));
  CHECK(says(refusal<Mlp<Inputs<3>, Outputs<1>>>(data, options(1, 100)), "dense(3, 1, identity)", "on jets",
             "expected 3 features, found 2"));
  CHECK(says(refusal<Mlp<Inputs<2>, Outputs<2>>>(data, options(1, 100)), "squared", "expected 2 target(s), found 1"));
}

TEST_CASE("paired ratios want a target for each output") {
  FitOptions settings = options(1, 50);
  settings.output = Output::paired_ratio;
  const auto message =
      refusal<Mlp<Inputs<2>, Outputs<2>>>(dataset(100), settings, loss::PinballSet<2>{.quantiles = {0.2, 0.8}});
  CHECK(says(message, "expected a target for each output, for paired ratios, found 1 target(s)"));
}

TEST_CASE("a target that its transform makes infinite is named by row") {
  auto table = jets(100);
  std::vector<double> values(table.values().begin(), table.values().end());
  values[42 * 5] = 0.0;  // x of row 42
  const Dataset data(BasicTable<double>(table.names(), values, "jets"), {"x", "z"}, "y");
  FitOptions settings = options(1, 50);
  settings.output = Output::ratio;
  CHECK(says(refusal(data, settings), "row 42, target 'y': expected a finite target after the transform ratio"));
}

TEST_CASE("a loss that is not finite stops the training and names epoch, batch and row") {
  const auto data = dataset(1000);
  const double y_bad = static_cast<double>(data.target(617));
  FitOptions settings = options(3, 250);
  settings.output = Output::identity;
  // From the second epoch on, one row of the sample has a loss of NaN.
  int epoch = 0;
  const auto poisoned = [&](const auto& nu, const auto& y) {
    using T = std::decay_t<decltype(nu)>;
    using S = ScalarOf<T>;
    const T bad = select(abs(y - T(static_cast<S>(y_bad))) <= T(S(0)), T(S(epoch > 0 ? 4 : 0)), T(S(0)));
    return square(nu - y) + sqrt(T(S(1)) - bad);
  };
  settings.on_epoch = [&](const EpochReport&) { return ++epoch > 0; };
  settings.validation_fraction = 0.0;
  const auto run = [&] { fit<Tiny>(data, poisoned, settings); };
  const std::string message = error_of(run);
  CAPTURE(message);
  CHECK(says(message, "training, epoch 2, batch ", ", row 617: expected a finite loss"));
  // The batch is the one that holds the row: the order of epoch 2 is a function of the seed.
  std::vector<std::uint32_t> order(1000);
  for (std::uint32_t i = 0; i < 1000; ++i) order[i] = i;
  Random shuffle(settings.seed, Stream::shuffle, 1);
  for (std::size_t i = 1000; i > 1; --i) std::swap(order[i - 1], order[shuffle.below(static_cast<std::uint32_t>(i))]);
  const auto position = std::find(order.begin(), order.end(), 617u) - order.begin();
  CHECK(says(message, "batch " + std::to_string(position / 250 + 1) + ","));

  // Only in validation, and only in the derivative.
  settings.validation_fraction = 0.5;
  const bool in_validation = Random(settings.seed, Stream::split).block(617)[0] < 0x80000000u;
  epoch = 0;
  CHECK(says(error_of(run), in_validation ? "training, epoch 2, validation, row 617" : "epoch 2, batch ", "row 617"));
  const auto steep = [](const auto& nu, const auto& y) { return sqrt(square(nu - y) * decltype(nu - y)(0)); };
  settings.on_epoch = {};
  CHECK(says(error_of([&] { fit<Tiny>(data, steep, settings); }), "epoch 1, batch 1; no single row",
             "a finite gradient"));
}

TEST_CASE("in a batch-coupled loss the row whose terms are not finite is named") {
  const auto data = dataset(500);
  const auto y_bad = static_cast<double>(data.target(123));
  const auto poisoned = loss::of_means<1>(
      [&](const auto& nu, const auto& y) {
        using T = std::decay_t<decltype(nu)>;
        using S = ScalarOf<T>;
        return std::array{square(nu - y) +
                          sqrt(select(abs(y - T(static_cast<S>(y_bad))) <= T(S(0)), T(S(-1)), T(S(1))))};
      },
      [](const auto& m) { return m[0]; });
  FitOptions settings = options(1, 100);
  settings.output = Output::identity;
  settings.validation_fraction = 0.0;
  CHECK(says(error_of([&] { fit<Tiny>(data, poisoned, settings); }), "epoch 1, batch ",
             ", row 123: expected a finite loss"));
}

TEST_CASE("a learning rate that explodes is a clear stop, not a model of NaN") {
  FitOptions settings = options(50, 100);
  settings.adam.learning_rate = 1e30;
  const std::string message = error_of([&] { fit<Tiny>(dataset(500), loss::Squared{}, settings); });
  CAPTURE(message);
  CHECK(says(message, "training, epoch ", ", row ", "a smaller learning rate"));
}

TEST_CASE("a schedule that gives nonsense is named") {
  FitOptions settings = options(2, 100);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), -1.0, std::numeric_limits<double>::infinity()}) {
    settings.schedule = [bad](const Progress& progress) { return progress.step == 7 ? bad : 1.0; };
    const std::string message = error_of([&] { fit<Tiny>(dataset(500), loss::Squared{}, settings); });
    CHECK(says(message, "batch ", "schedule: expected a factor"));
  }
}

}  // namespace
