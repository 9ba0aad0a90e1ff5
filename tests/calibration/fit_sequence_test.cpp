// Training of sequences: each step on the results of the one before, and plans that cannot be carried out.
#include "calibrant/calibration/fit_sequence.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/calibration/residual_calibration.hpp"
#include "calibrant/invert.hpp"
#include "calibrant/loss.hpp"
#include "calibrant/nn.hpp"
#include "calibrant/toys/two_features.hpp"
#include "calibrant/validate/calibrated.hpp"

using namespace calibrant;

namespace {

using Net = Mlp<Inputs<2>, Hidden<8>, Outputs<1>>;
using ByOne = Calibration<Model<Net>>;
using Pair = Sequence<Features<2>, ByOne, ByOne>;

Table events(std::int64_t n, std::uint64_t seed = 1) {
  const auto toy = toys::TwoFeatures{}.sample<float>(n, seed);
  std::vector<float> values;
  for (std::size_t i = 0; i < toy.x.size(); ++i) values.insert(values.end(), {toy.x[i], toy.y[i], toy.u[i], toy.v[i]});
  return Table({"x", "y", "u", "v"}, std::move(values), "the toy");
}
SequencePlan plan() { return {.truth = {"x", Transform::logarithm, "GeV"}, .measured = "y", .steps = {{"u"}, {"v"}}}; }
FitOptions options() {
  FitOptions result{.epochs = 3, .batch_size = 256, .seed = 5, .output = Output::ratio};
  result.progress = ProgressLine::silent;
  return result;
}
}  // namespace

TEST_CASE("the same as training step by step by hand, to the bit") {
  const Table table = events(4000);
  const Pair sequence = fit_sequence<Pair>(table, plan(), loss::Squared{}, options());
  CHECK(sequence.theta_names() == Pair::Names{"u", "v"});

  const Dataset first(table, {{"x", Transform::logarithm}, "u"}, "y");
  const ByOne one(fit<Net>(first, loss::Squared{}, options()));
  std::vector<float> value = table.column("y");
  for (std::int64_t i = 0; i < table.n_rows(); ++i)
    value[static_cast<std::size_t>(i)] = one(value[static_cast<std::size_t>(i)], {table(i, 2)}).value;
  const Dataset second(table.with_column("z", value), {{"x", Transform::logarithm}, "v"}, "z");
  const ByOne two(fit<Net>(second, loss::Squared{}, options()));
  for (int i = 0; i < Net::n_params; ++i) {
    CHECK(sequence.step<0>().response().parameters()[i] == one.response().parameters()[i]);
    CHECK(sequence.step<1>().response().parameters()[i] == two.response().parameters()[i]);
  }
  CHECK(sequence.step<1>().response().description.features == std::vector<std::string>{"x", "v"});

  // Threads change nothing.
  FitOptions threads = options();
  threads.threads = 2;
  const Pair again = fit_sequence<Pair>(table, plan(), loss::Squared{}, threads);
  const auto was = sequence(60.f, {0.4f, -0.3f}), is = again(60.f, {0.4f, -0.3f});
  CHECK(std::memcmp(&was.value, &is.value, sizeof(float)) == 0);

  // And it is judged like a calibration.
  const Dataset judged(events(2000, 2), {{"x", Transform::logarithm}, "u", "v"}, "y");
  const auto calibrated = validate::calibrate(sequence, judged);
  CHECK(calibrated.event.size() == 2000);
  CHECK(calibrated.calibrated[7] ==
        static_cast<double>(sequence(judged.target(7), {judged.feature(7, 1), judged.feature(7, 2)}).value));
}

TEST_CASE("a residual step, and a step with all features") {
  using Both = Mlp<Inputs<3>, Hidden<8>, Outputs<1>>;
  using All = Sequence<Features<2>, ByOne, Calibration<Model<Both>>, ResidualCalibration<Model<Net>>>;
  SequencePlan three = plan();
  three.steps = {{"v"}, {"u", "v"}, {"v"}};
  const All sequence = fit_sequence<All>(events(4000), three, loss::Squared{}, options());
  CHECK(sequence.theta_names() == All::Names{"v", "u"});
  CHECK(sequence.features(1) == std::vector<std::string>{"u", "v"});
  CHECK(sequence(60.f, {0.4f, -0.3f}).status == Status::ok);
}

TEST_CASE("events that a step leaves without a value are left out of the next, up to a limit") {
  using Rejecting = Calibration<Model<Net>, invert::Newton, extrapolate::Reject>;
  using S = Sequence<Features<2>, Rejecting, ByOne>;
  const Table table = events(4000);
  // Noise moves about a tenth of the events beyond the response at an edge of the range.
  const std::string refused = error_of([&] { fit_sequence<S>(table, plan(), loss::Squared{}, options()); });
  CHECK(refused.find("fit_sequence on the toy, step 1: expected a value for all but 0.01") == 0);
  CHECK(refused.find("of 4000 without one") != std::string::npos);
  SequencePlan tolerant = plan();
  tolerant.most_without_value = 0.5;
  const S sequence = fit_sequence<S>(table, tolerant, loss::Squared{}, options());
  CHECK(sequence.step<1>().truth_range().low == sequence.step<0>().truth_range().low);
  CHECK(sequence.step<1>().truth_range().high == sequence.step<0>().truth_range().high);
}

TEST_CASE("plans that cannot be carried out are refused before any training") {
  const Table table = events(500);
  FitOptions counting = options();
  int n_epochs = 0;
  counting.on_epoch = [&](const EpochReport&) { return ++n_epochs > 0; };
  const auto message = [&](const SequencePlan& wrong) {
    return error_of([&] { fit_sequence<Pair>(table, wrong, loss::Squared{}, counting); });
  };
  SequencePlan wrong = plan();
  wrong.steps = {{"u"}};
  CHECK(message(wrong) == "fit_sequence on the toy: expected the features of 2 step(s), found 1");
  wrong.steps = {{"u"}, {"phi"}};
  CHECK(message(wrong) ==
        "fit_sequence on the toy, step 2, feature: expected one of the columns x, y, u, v, found 'phi'");
  wrong.steps = {{"u"}, {"u", "v"}};
  CHECK(message(wrong) ==
        "fit_sequence on the toy, step 2: expected 1 feature(s) besides the truth, as its network has, found 2");
  wrong.steps = {{"u"}, {"u"}};
  CHECK(message(wrong) ==
        "fit_sequence on the toy: expected 2 different feature(s) in all steps, as the type says, found 1");
  wrong.steps = {{"u"}, {"y"}};
  CHECK(message(wrong) ==
        "fit_sequence on the toy, step 2: expected features besides the truth and the measured value, found 'y'");
  wrong = plan();
  wrong.most_without_value = -0.1;
  CHECK(message(wrong) == "fit_sequence on the toy, most_without_value: expected a share from 0 to 1, found -0.100000");
  wrong = plan();
  wrong.measured = "z";
  CHECK(message(wrong) == "the toy: expected a column 'z', found the columns x, y, u, v");
  using Both = Sequence<Features<2>, Calibration<Model<Mlp<Inputs<3>, Hidden<4>, Outputs<1>>>>>;
  wrong = plan();
  wrong.steps = {{"u", "u"}};
  CHECK(error_of([&] { fit_sequence<Both>(table, wrong, loss::Squared{}, counting); }) ==
        "fit_sequence on the toy, step 1: expected different features, found 'u' twice");
  CHECK(n_epochs == 0);
  // A feature that is constant is found by the dataset of its step.
  const std::vector<float> ones(500, 1.0f);
  wrong.steps = {{"u", "one"}};
  CHECK(error_of([&] { fit_sequence<Both>(table.with_column("one", ones), wrong, loss::Squared{}, counting); }) ==
        "Dataset of the toy, feature 'one': expected values that vary, to standardise them, found the constant 1");
}
