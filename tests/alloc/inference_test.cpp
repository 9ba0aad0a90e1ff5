// The promise: whatever an embedded calibration does, it allocates nothing.
#include "calibrant/inference.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "../calibration/jet_response.hpp"
#include "../calibration/joint_responses.hpp"
#include "../calibration/steps.hpp"
#include "calibrant/invert.hpp"
#include "calibrant/parallel/pool.hpp"
#include "counter.hpp"

using namespace jets;
using allocations::during;

namespace {

template <class S, class M>
void check_model(const M& model) {
  const std::array<S, 4> features{S(100), S(1), S(20), S(0)};
  std::array<S, 1> result{};
  CHECK(during([&] { result = model(features); }) == 0);
  CHECK(result[0] > S(0));

  CHECK(during([&] { model.template evaluate<S>(features, View<S, 1>(result)); }) == 0);
  using T = Tile<S>;
  const T tile[4] = {T(S(100)), T(S(1)), T(S(20)), T(S(0))};
  T tile_result[1];
  CHECK(during([&] { model.template evaluate<T>(View<const T, 4>(tile), View<T, 1>(tile_result)); }) == 0);
  CHECK(tile_result[0][5] > S(0));

  typename M::template Encoded<S> encoded;
  S slope = 0, value = 0;
  CHECK(during([&] {
          model.encode(features.data() + 1, encoded);
          slope = model.response(S(100), encoded).slope;
          value = model.response_value(S(100), encoded);
        }) == 0);
  CHECK(slope > S(0));
  CHECK(value > S(0));
}

template <class S, class C>
void check_calibration(const C& calibration) {
  const Jets<S> jets(10'000);
  Answers<S> one(jets.size()), batch(jets.size()), pooled(jets.size());
  CHECK(during([&] {
          for (std::size_t i = 0; i < jets.size(); ++i) {
            const auto [value, status] = calibration(jets.y[i], jets.features(i));
            one.value[i] = value;
            one.status[i] = status;
          }
        }) == 0);
  CHECK(during([&] { calibration({jets.y, row_major<S>(jets.theta, 3), batch.value, batch.status}); }) == 0);
  ThreadPool pool(3);
  CHECK(during([&] {
          for (int i = 0; i < 10; ++i)
            calibration({jets.y, row_major<S>(jets.theta, 3), pooled.value, pooled.status}, pool);
        }) == 0);
  CHECK(one == batch);
  CHECK(one == pooled);
  // Every status was among them, so no path was left out.
  for (const Status status : {Status::ok, Status::extrapolated_low, Status::clamped, Status::invalid_input})
    CHECK(std::count(one.status.begin(), one.status.end(), status) > 0);
}

template <class S>
Ensemble<Model<Net, S>> ensemble() {
  return Ensemble(std::vector<Model<Net, S>>{response<S>(1), response<S>(2), response<S>(3)});
}

}  // namespace

TEST_CASE_TEMPLATE("calls of a model and of an ensemble", S, float, double) {
  check_model<S>(response<S>());
  check_model<S>(ensemble<S>());
  const auto model = response<S>();
  const std::vector<S> features(4 * 100, S(20));
  std::vector<S> results(100);
  CHECK(during([&] { model.evaluate_batch(features, results); }) == 0);
}

TEST_CASE_TEMPLATE("calibrations of one object, of a batch, on a pool", S, float, double) {
  check_calibration<S>(Calibration(response<S>()));
  check_calibration<S>(Calibration(ensemble<S>()));
}

TEST_CASE_TEMPLATE("sequences", S, float, double) { check_calibration<S>(steps::three<S>()); }

TEST_CASE("the other policies") {
  check_calibration<float>(Calibration(response<float>(), invert::Bisection{}, extrapolate::Freeze{}));
}

TEST_CASE("a learned inverse, alone and polished") {
  using Inverse = Mlp<Inputs<4>, Hidden<8>, Outputs<1>>;
  const auto model = response<float>();
  auto inverse =
      fit_inverse<Inverse>(model, std::span<const float>{}, {.n_samples = 5000}, {.epochs = 2, .batch_size = 100});
  for (const int steps : {0, 1, 2}) {
    inverse.steps = steps;
    check_calibration<float>(Calibration(model, inverse));
  }
}

TEST_CASE_TEMPLATE("joint calibrations", S, float, double) {
  const JointCalibration calibration(joint::response<S>());
  const joint::Objects<S> objects(10'000);
  joint::Answers<S> one(objects.size()), batch(objects.size()), pooled(objects.size());
  CHECK(during([&] {
          for (std::size_t i = 0; i < objects.size(); ++i) {
            const auto [values, status] = calibration(objects.measured(i), objects.features(i));
            one.values[2 * i] = values[0];
            one.values[2 * i + 1] = values[1];
            one.status[i] = status;
          }
        }) == 0);
  CHECK(during([&] {
          calibration({row_major<S>(objects.y, 2), row_major<S>(objects.theta, 2), batch.values, batch.status});
        }) == 0);
  ThreadPool pool(3);
  CHECK(
      during([&] {
        for (int i = 0; i < 10; ++i)
          calibration({row_major<S>(objects.y, 2), row_major<S>(objects.theta, 2), pooled.values, pooled.status}, pool);
      }) == 0);
  CHECK(one == batch);
  CHECK(one == pooled);
  for (const Status status : {Status::ok, Status::extrapolated_low, Status::clamped, Status::invalid_input})
    CHECK(std::count(one.status.begin(), one.status.end(), status) > 0);
}

TEST_CASE("objects that cannot be inverted") {
  const auto flat = invert::function_response<1>([]<class X>(const X& x, const auto* theta) { return X(theta[0]) * x; },
                                                 {10.f, 100.f});
  const Calibration calibration(flat);
  Calibrated<float> result{};
  CHECK(during([&] { result = calibration(50.f, {0.f}); }) == 0);
  CHECK(result.status == Status::not_invertible);
}
