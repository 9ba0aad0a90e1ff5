#include "calibrant/nn/model.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "calibrant/nn/ensemble.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/parallel/pool.hpp"

namespace {

using namespace calibrant;
using Net = Mlp<Inputs<3>, Hidden<17, SiLU>, Hidden<9, Tanh>, Outputs<2>>;

template <class S>
Model<Net, S> some_model(std::uint64_t seed) {
  Model<Net, S> model;
  Parameters<S, Net::n_params> parameters;
  Random random(seed);
  Net::template initialise<S>(parameters.view(), random);
  model.set_parameters(parameters);
  model.inputs[0] = {Transform::logarithm, S(4), S(0.8), S(20), S(500)};
  model.inputs[1] = {Transform::absolute, S(1), S(1.5), S(-2.5), S(2.5)};
  model.inputs[2] = {Transform::ignored, S(0), S(1), S(0), S(0)};
  model.outputs[0] = {Output::ratio, S(0), S(1)};
  model.outputs[1] = {Output::standardised, S(10), S(3)};
  return model;
}

}  // namespace

TEST_CASE_TEMPLATE("one object, a batch and the response give the same bits, whatever stands beside", S, float,
                   double) {
  const auto model = some_model<S>(3);
  Random random(5);
  for (const std::size_t n : {1u, 2u, 63u, 64u, 65u, 130u}) {
    std::vector<S> features, results(2 * n);
    for (std::size_t i = 0; i < n; ++i)
      features.insert(features.end(), {static_cast<S>(random.uniform(20.0, 500.0)),
                                       static_cast<S>(random.uniform(-2.5, 2.5)), static_cast<S>(random.normal())});
    model.evaluate_batch(features, results);
    for (std::size_t i = 0; i < n; ++i) {
      const std::array<S, 3> object{features[3 * i], features[3 * i + 1], features[3 * i + 2]};
      const auto alone = model(object);
      CHECK(alone[0] == results[2 * i]);
      CHECK(alone[1] == results[2 * i + 1]);
      typename Model<Net, S>::template Encoded<S> encoded;
      model.encode(object.data() + 1, encoded);
      CHECK(model.response(object[0], encoded).value == alone[0]);
      CHECK(model.response_value(object[0], encoded) == alone[0]);
    }
  }
}

TEST_CASE("the slope of the response is that of central differences") {
  const auto model = some_model<double>(4);
  const std::array<double, 2> theta{-1.2, 7.0};
  Model<Net, double>::Encoded<double> encoded;
  model.encode(theta.data(), encoded);
  for (const double x : {25.0, 80.0, 400.0}) {
    const double step = 1e-5 * x;
    const double difference =
        (model.response(x + step, encoded).value - model.response(x - step, encoded).value) / (2.0 * step);
    CHECK(model.response(x, encoded).slope == doctest::Approx(difference).epsilon(1e-7));
  }
}

TEST_CASE("preprocessing belongs to the model") {
  const auto model = some_model<double>(6);
  CHECK(model({100.0, 1.5, 0.0}) == model({100.0, -1.5, 99.0}));  // |eta|; the last feature is never seen
  CHECK(model.uses_theta(0));
  CHECK_FALSE(model.uses_theta(1));
  CHECK(model.truth_range().low == 20.0);
  CHECK(model.truth_range().high == 500.0);
  CHECK(model.theta_range(0).high == 2.5);
  CHECK(model.architecture() == "dense(3, 17, silu) > dense(17, 9, tanh) > dense(9, 2, identity)");
}

TEST_CASE("batches of other sizes are refused") {
  const auto model = some_model<float>(7);
  std::vector<float> features(7), results(4);
  CHECK_THROWS_WITH_AS(model.evaluate_batch(features, results), "row_major: expected rows of 3 values, found 7 values",
                       Error);
}

TEST_CASE_TEMPLATE("a batch: rows or columns first, on any number of threads, the bits of one object alone", S, float,
                   double) {
  const auto model = some_model<S>(3);
  constexpr int n = 20000;
  std::vector<S> rows(3 * n), columns(3 * n), expected(2 * n);
  Random random(8);
  for (std::size_t i = 0; i < n; ++i) {
    const std::array<S, 3> object{static_cast<S>(random.uniform(20.0, 200.0)), static_cast<S>(random.normal()),
                                  static_cast<S>(random.uniform(1.0, 9.0))};
    for (std::size_t k = 0; k < 3; ++k) rows[3 * i + k] = columns[k * n + i] = object[k];
    const auto alone = model(object);
    for (std::size_t k = 0; k < 2; ++k) expected[2 * i + k] = alone[k];
  }
  std::vector<S> results(2 * n);
  model.evaluate_batch(rows, results);
  CHECK(results == expected);
  std::fill(results.begin(), results.end(), S(0));
  model.evaluate_batch(column_major<S>(columns, 3), results);
  CHECK(results == expected);
  for (const int threads : {1, 2, 3, 4, 7}) {
    ThreadPool pool(threads);
    std::fill(results.begin(), results.end(), S(0));
    model.evaluate_batch(rows, results, pool);
    CHECK(results == expected);
    std::fill(results.begin(), results.end(), S(0));
    model.evaluate_batch(column_major<S>(columns, 3), results, pool);
    CHECK(results == expected);
  }
  std::vector<S> short_results(5);
  CHECK_THROWS_WITH_AS(
      model.evaluate_batch(row_major<S>(std::span<const S>(rows).first(9), 3), short_results),
      "Model::evaluate_batch: expected n x 3 features and n x 2 results, found 3 x 3 features and 5 results", Error);
}

TEST_CASE("an ensemble is the mean of its members") {
  const std::vector<Model<Net, double>> members{some_model<double>(1), some_model<double>(2), some_model<double>(3)};
  const Ensemble<Model<Net, double>> ensemble(members);
  const std::array<double, 3> object{120.0, 0.7, 1.0};
  const auto mean = ensemble(object);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(
        mean[i] ==
        doctest::Approx((members[0](object)[i] + members[1](object)[i] + members[2](object)[i]) / 3.0).epsilon(1e-14));
  Ensemble<Model<Net, double>>::Encoded<double> encoded;
  ensemble.encode(object.data() + 1, encoded);
  double slope = 0.0;
  for (const auto& member : members) slope += member.response(120.0, encoded).slope / 3.0;
  CHECK(ensemble.response(120.0, encoded).value == doctest::Approx(mean[0]).epsilon(1e-14));
  CHECK(ensemble.response(120.0, encoded).slope == doctest::Approx(slope).epsilon(1e-13));
  CHECK(ensemble.response_value(120.0, encoded) == doctest::Approx(mean[0]).epsilon(1e-14));
}

TEST_CASE("ensembles of nobody, or of members that see different things, are refused") {
  CHECK_THROWS_WITH_AS(Ensemble<Model<Net>>(std::vector<Model<Net>>{}),
                       "Ensemble: expected one member or more, found none", Error);
  const auto refusal = [](const auto& change) {
    std::vector<Model<Net>> members{some_model<float>(1), some_model<float>(2)};
    change(members[1]);
    try {
      Ensemble<Model<Net>>{members};
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string start = "Ensemble: expected members with the same preprocessing, found member 1 that differs in ";
  CHECK(refusal([](auto&) {}).empty());
  CHECK(refusal([](auto& member) { member.inputs[1].shift = 0.5f; }) == start + "feature 1");
  CHECK(refusal([](auto& member) { member.inputs[0].high = 900.0f; }) == start + "feature 0");
  CHECK(refusal([](auto& member) { member.outputs[1].scale = 7.0f; }) == start + "output 1");
  CHECK(refusal([](auto& member) {
          member.description.features = {"a", "b", "c"};
        }) == start + "the names or units of its features or targets");
}

TEST_CASE("paired ratios: each output is a ratio to the feature of its number") {
  auto model = some_model<double>(3);
  const std::array<double, 3> features{100.0, 2.0, 0.0};
  model.outputs = {};
  const auto raw = model(features);
  model.outputs[0].output = model.outputs[1].output = Output::paired_ratio;
  CHECK_NOTHROW(model.validate());
  CHECK(model(features)[0] == doctest::Approx(100.0 * raw[0]).epsilon(1e-14));
  CHECK(model(features)[1] == doctest::Approx(2.0 * raw[1]).epsilon(1e-14));
  Model<Mlp<Inputs<1>, Outputs<2>>> without;
  without.outputs[1].output = Output::paired_ratio;
  CHECK_THROWS_WITH_AS(without.validate(),
                       "Model, output 1: expected a feature of that number, to be a ratio to, found 1 feature(s)",
                       Error);
}
