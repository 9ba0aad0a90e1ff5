// The gradient of a whole batch step, through tiles and shards, against central differences of the loss in double; and
// that weights, tiles that are not full and duplicated rows do what they should.
#include "calibrant/train/tile_step.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <memory>
#include <utility>

#include "calibrant/loss/composed.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/elementwise.hpp"
#include "calibrant/nn/mlp.hpp"
#include "small_trainings.hpp"

using namespace small;

namespace {

using Net = Mlp<Inputs<2>, Hidden<4, Tanh>, Outputs<1>>;
using Dropping = Sequential<Dense<2, 6, Tanh>, Dropout<6, std::ratio<1, 4>>, Dense<6, 1>>;

/// One batch of all events and a step from which the gradient can be read: with these settings the step is
/// E g / (|g| + E), E = 1e8.
FitOptions one_step(int n) {
  FitOptions settings = options(1, n);
  settings.validation_fraction = 0.0;
  settings.schedule = schedule::Constant{};
  settings.adam = {.learning_rate = 1e8, .beta1 = 0.0, .beta2 = 0.0, .epsilon = 1e8};
  return settings;
}

template <class N>
struct LossAndGradient {
  double loss = 0.0;
  std::array<double, N::n_params> gradient{};
};

/// Loss and gradient of one batch of all events, seen from outside: the report of the epoch and the step it makes.
template <class N, class Loss>
LossAndGradient<N> whole_batch(const BasicDataset<double>& data, const Loss& loss, const Model<N, double>& start) {
  Trainer<N, double, Loss> trainer(data, loss, one_step(static_cast<int>(data.n_events())), &start);
  LossAndGradient<N> result;
  result.loss = trainer.epoch().training_loss;
  const auto model = trainer.model();
  for (int i = 0; i < N::n_params; ++i) {
    const double step = start.parameters()[i] - model.parameters()[i];
    result.gradient[static_cast<std::size_t>(i)] = step / (1.0 - std::fabs(step) / 1e8);
  }
  return result;
}

/// A model with this data's preprocessing and some parameters.
template <class N>
Model<N, double> some_model(const BasicDataset<double>& data, std::uint64_t seed = 7) {
  FitOptions settings = one_step(static_cast<int>(data.n_events()));
  settings.seed = seed;
  return Trainer<N, double, loss::Squared>(data, {}, settings).model();
}

template <class N, class Loss>
void check_gradient(const BasicDataset<double>& data, const Loss& loss) {
  const auto start = some_model<N>(data);
  const auto exact = whole_batch<N>(data, loss, start);
  REQUIRE(std::isfinite(exact.loss));
  constexpr double h = 1e-5;
  double worst = 0.0, largest = 0.0;
  for (int i = 0; i < N::n_params; ++i) {
    const auto shifted = [&](double by) {
      auto model = start;
      auto parameters = start.parameters();
      parameters[i] += by;
      model.set_parameters(parameters);
      return whole_batch<N>(data, loss, model).loss;
    };
    const double difference = (8.0 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12.0 * h);
    worst = std::max(worst, std::fabs(difference - exact.gradient[static_cast<std::size_t>(i)]));
    largest = std::max(largest, std::fabs(difference));
  }
  CAPTURE(largest);
  CHECK(largest > 1e-3);                   // there is something to compare
  CHECK(worst <= 1e-9 * (1.0 + largest));  // rounding of the loss / h: 1e-11
}

// 301 events: nine full tiles of 32 and a part of one.
BasicDataset<double> plain() { return dataset<double>(301); }
BasicDataset<double> weighted() { return dataset<double>(301, {"w", ""}); }

TEST_CASE("the gradient of a batch is that of its mean loss") {
  SUBCASE("ordinary") { check_gradient<Net>(plain(), loss::Squared{}); }
  SUBCASE("ordinary, weighted") { check_gradient<Net>(weighted(), loss::LeakyGaussianKernel{0.5, 0.1}); }
  SUBCASE("a lambda, weighted") {
    check_gradient<Net>(weighted(), [](const auto& nu, const auto& y) { return exp(nu - y) + square(nu); });
  }
  SUBCASE("dropout, weighted") { check_gradient<Dropping>(weighted(), loss::Squared{}); }
  SUBCASE("batch-coupled, weighted") {
    const auto spread = loss::of_means<2>(
        [](const auto& nu, const auto& y) {
          auto r = nu - y;
          return std::array{r, r * r};
        },
        [](const auto& m) { return m[0] * m[0] + sqrt(m[1] - m[0] * m[0]); });
    check_gradient<Net>(weighted(), spread);
    check_gradient<Dropping>(weighted(), spread);
  }
  SUBCASE("with the slope, weighted") {
    const auto slope = loss::of_slope<0>(
        [](const auto& nu, const auto& s, const auto& y) { return square(nu - y) + s * s * nu + exp(-s); });
    check_gradient<Net>(weighted(), slope);
  }
}

TEST_CASE("several shards: the gradient is that of their events together") {
  // 5000 events are three shards of this net.
  check_gradient<Net>(dataset<double>(5000, {"w", ""}), loss::Squared{});
}

TEST_CASE("the loss of a batch is the weighted mean over its events") {
  const auto data = weighted();
  const auto start = some_model<Net>(data);
  double sum = 0.0, weight = 0.0, slope_sum = 0.0;
  for (std::int64_t i = 0; i < data.n_events(); ++i) {
    Model<Net, double>::Encoded<double> encoded;
    const double z = data.feature(i, 1);
    start.encode(&z, encoded);
    const auto response = start.response(data.feature(i, 0), encoded);
    const double r = (response.value - data.target(i)) / start.outputs[0].scale;
    // The slope as the network sees it: d(output) / d(input), both transformed.
    const double s = response.slope / start.outputs[0].scale / start.inputs[0].scale;
    sum += data.weight(i) * r * r;
    slope_sum += data.weight(i) * s * s;
    weight += data.weight(i);
  }
  CHECK(whole_batch<Net>(data, loss::Squared{}, start).loss == doctest::Approx(sum / weight).epsilon(1e-13));
  const auto slope = loss::of_slope<0>([](const auto&, const auto& s, const auto&) { return s * s; });
  CHECK(whole_batch<Net>(data, slope, start).loss == doctest::Approx(slope_sum / weight).epsilon(1e-13));
  const auto mean = loss::of_means<1>([](const auto& nu, const auto& y) { return std::array{square(nu - y)}; },
                                      [](const auto& m) { return m[0] * m[0]; });
  CHECK(whole_batch<Net>(data, mean, start).loss == doctest::Approx(sum / weight * sum / weight).epsilon(1e-13));
}

/// The events of `data`, the first `n_doubled` of them twice or with twice the weight.
BasicDataset<double> doubled(int n_doubled, bool by_weight) {
  const auto table = jets(200);
  std::vector<double> values;
  for (std::int64_t i = 0; i < 200; ++i) {
    std::vector<double> row(table.row(i).begin(), table.row(i).end());
    row[3] += 0.25;
    if (by_weight && i < n_doubled) row[3] *= 2.0;
    values.insert(values.end(), row.begin(), row.end());
    if (!by_weight && i < n_doubled) values.insert(values.end(), row.begin(), row.end());
  }
  return BasicDataset<double>(BasicTable<double>(table.names(), values, "jets"), {"x", "z"}, "y", {"w", ""});
}

TEST_CASE("twice the weight is the same as the row twice") {
  const auto start = some_model<Net>(plain());
  const auto spread = loss::of_means<2>(
      [](const auto& nu, const auto& y) {
        auto r = nu - y;
        return std::array{r, r * r};
      },
      [](const auto& m) { return sqrt(m[1] - m[0] * m[0]); });
  const auto check = [&](const auto& loss) {
    const auto once = whole_batch<Net>(doubled(0, false), loss, start);
    const auto heavy = whole_batch<Net>(doubled(70, true), loss, start);
    const auto twice = whole_batch<Net>(doubled(70, false), loss, start);
    CHECK(heavy.loss == doctest::Approx(twice.loss).epsilon(1e-13));
    CHECK(std::fabs(heavy.loss - once.loss) > 1e-6);
    for (std::size_t i = 0; i < heavy.gradient.size(); ++i)
      CHECK(std::fabs(heavy.gradient[i] - twice.gradient[i]) <= 1e-12);
  };
  check(loss::Squared{});
  check(spread);
}

/// 50 rows of random numbers; rooms for registers that read past the last row.
template <class Rows>
Rows some_rows() {
  Rows rows;
  Random random(3);
  rows.resize(50);
  for (int event = 0; event < 50; ++event)
    for (int column = 0; column < Rows::width; ++column)
      rows.row(event)[column] = static_cast<std::remove_reference_t<decltype(rows.row(0)[0])>>(random.normal());
  return rows;
}

template <int K, class S>
void check_gather() {
  CAPTURE(K);
  CAPTURE(sizeof(S));
  using Line = Mlp<Inputs<K>, Outputs<1>>;
  const auto sum = [](const auto& nu, const auto& y) { return nu + y + y; };
  using Step = TileStep<Line, S, decltype(sum)>;
  const auto rows = some_rows<typename Step::Rows>();
  Parameters<S, Line::n_params> p;
  for (int i = 0; i < Line::n_params; ++i) p[i] = static_cast<S>(0.1 * (i + 1));
  const View<const S, Line::n_params> view = p.view();
  const auto step = std::make_unique<Step>();
  std::vector<std::uint32_t> index(Step::samples);
  for (std::uint32_t i = 0; i < Step::samples; ++i) index[i] = (i * 7 + 49) % 50;
  for (const int count : {1, 3, 16, Step::samples - 1, Step::samples}) {
    step->gather(rows, index.data(), count);
    const auto found = step->evaluate(sum, view);
    double worst = 0.0;
    for (int s = 0; s < Step::samples; ++s) {
      const S* row = rows.row(index[static_cast<std::size_t>(s)]);
      double expected = static_cast<double>(p[K]) + 2.0 * static_cast<double>(row[K]);
      for (int i = 0; i < K; ++i) expected += static_cast<double>(p[i]) * static_cast<double>(row[i]);
      expected *= s < count ? static_cast<double>(row[K + 1]) : 0.0;
      worst = std::max(worst, std::fabs(static_cast<double>(found[s]) - expected));
    }
    // Some twenty terms of size 6, rounded.
    CHECK(worst <= 500.0 * static_cast<double>(std::numeric_limits<S>::epsilon()));
  }
}

TEST_CASE("every column of every row gets to its place, for any number of features") {
  check_gather<1, float>();
  check_gather<6, float>();
  check_gather<15, float>();
  check_gather<19, float>();
  check_gather<2, double>();
}

TEST_CASE("a part of a tile: lanes past the events count for nothing") {
  using Step = TileStep<Net, double, loss::Squared>;
  auto rows = some_rows<Step::Rows>();
  Random random(4);
  for (int row = 0; row < 50; ++row) rows.row(row)[Step::Rows::weight_column] = 1.5;
  Parameters<double, Net::n_params> p;
  Net::initialise<double>(p.view(), random);
  const View<const double, Net::n_params> view = p.view();
  std::vector<std::uint32_t> index(40);
  for (std::uint32_t i = 0; i < 40; ++i) index[i] = 39 - i;
  const auto step = std::make_unique<Step>();
  const auto sums = [&](const std::vector<int>& counts) {
    step->clear();
    int first = 0;
    for (const int count : counts) {
      step->gather(rows, index.data() + first, count);
      step->train({}, view, {}, 0.5);
      first += count;
    }
    Parameters<double, Net::n_params> gradient;
    const double loss = step->collect(view, gradient);
    return std::pair{loss, gradient};
  };
  const auto [loss_a, gradient_a] = sums({32, 8});
  const auto [loss_b, gradient_b] = sums({1, 2, 3, 5, 7, 11, 11});
  CHECK(loss_a == doctest::Approx(loss_b).epsilon(1e-13));
  for (int i = 0; i < Net::n_params; ++i) CHECK(gradient_a[i] == doctest::Approx(gradient_b[i]).epsilon(1e-12));
}

}  // namespace
