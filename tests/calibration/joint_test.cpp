#include "calibrant/calibration/joint.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/calibration/calibration.hpp"
#include "calibrant/nn/ensemble.hpp"
#include "calibrant/parallel/pool.hpp"
#include "joint_responses.hpp"

using namespace joint;

namespace {

template <class S>
constexpr S nan_of = std::numeric_limits<S>::quiet_NaN();
template <class S>
constexpr S infinity_of = std::numeric_limits<S>::infinity();

}  // namespace

static_assert(JointResponse<Model<Net>>);
static_assert(JointResponse<Ensemble<Model<Net, double>>>);
static_assert(!JointResponse<Model<Mlp<Inputs<1>, Outputs<2>>>>, "two responses to one truth");

// The promise, at compile time: calls are const and noexcept, for one object, a batch, and a batch on a pool.
template <class C>
constexpr bool calls_are_noexcept(const C* c, const typename C::Values& y, const typename C::Theta& theta,
                                  const typename C::Batch* batch, ThreadPool* pool) {
  return noexcept((*c)(y, theta))&& noexcept((*c)(*batch))&& noexcept((*c)(*batch, *pool));
}
static_assert(calls_are_noexcept<JointCalibration<Model<Net>>>(nullptr, {}, {}, nullptr, nullptr));
static_assert(calls_are_noexcept<JointCalibration<Ensemble<Model<Net>>>>(nullptr, {}, {}, nullptr, nullptr));

TEST_CASE_TEMPLATE("one object: the closed form, and every status", S, float, double) {
  const auto response = linear<S>();
  const JointCalibration clamping(response);
  const JointCalibration rejecting(response, {}, {}, {OutOfRange::reject});
  const auto check = [&](const auto& calibration, double y0, double y1, double theta, Status status,
                         double theta_used) {
    CAPTURE(y0);
    CAPTURE(y1);
    CAPTURE(theta);
    const auto [values, found] = calibration({static_cast<S>(y0), static_cast<S>(y1)}, {static_cast<S>(theta)});
    CHECK(found == status);
    const auto wanted = linear_inverse(y0, y1, theta_used);
    for (std::size_t i = 0; i < 2; ++i)
      if (status == Status::ok || status == Status::clamped || severity(status) == 2)
        CHECK(std::abs(static_cast<double>(values[i]) - wanted[i]) <= 2e-6 * std::max(std::abs(wanted[i]), 10.0));
      else
        CHECK(std::isnan(values[i]));
  };
  const auto measured = [](double x0, double x1, double theta) {
    return std::array<double, 2>{0.8 * x0 + 0.1 * x1 + theta, -0.05 * x0 + 0.7 * x1};
  };
  const auto check_at = [&](double x0, double x1, double theta, Status status, double theta_used) {
    const auto y = measured(x0, x1, theta_used);
    check(clamping, y[0], y[1], theta, status, theta_used);
  };
  check_at(50, 20, 0, Status::ok, 0);
  check_at(99, 6, -5, Status::ok, -5);
  // One truth or both outside; the first that is outside says where.
  check_at(5, 20, 0, Status::extrapolated_low, 0);
  check_at(120, 20, 0, Status::extrapolated_high, 0);
  check_at(50, 3, 0, Status::extrapolated_low, 0);
  check_at(50, 70, 0, Status::extrapolated_high, 0);
  check_at(5, 70, 0, Status::extrapolated_low, 0);
  check_at(120, 3, 0, Status::extrapolated_high, 0);
  // theta outside: that of the edge.
  check_at(50, 20, 7, Status::clamped, 5);
  check_at(50, 20, -1e6, Status::clamped, -5);
  check_at(5, 20, 7, Status::extrapolated_low, 5);
  check(rejecting, 50, 20, 7, Status::out_of_range, 5);
  check(rejecting, 50, 20, 5, Status::ok, 5);
  const double nan = nan_of<double>, infinity = infinity_of<double>;
  for (const double bad : {nan, infinity, -infinity}) {
    check(clamping, bad, 20, 0, Status::invalid_input, 0);
    check(clamping, 50, bad, 0, Status::invalid_input, 0);
    check(clamping, 50, 20, bad, Status::invalid_input, 0);
    check(rejecting, 50, 20, bad, Status::invalid_input, 0);
  }
}

TEST_CASE_TEMPLATE("not invertible: singular, or turned over", S, float, double) {
  // The determinant is 1 - theta^2; at theta = 1 the two responses are the same.
  const auto mixing = invert::joint_function_response<2, 1, S>(
      []<class D>(View<const D, 3> in, View<D, 2> out) {
        out[0] = fma(in[2], in[1], in[0]);
        out[1] = fma(in[2], in[0], in[1]);
      },
      {{{S(1), S(10)}, {S(1), S(10)}}}, {{{S(-2), S(2)}}});
  const JointCalibration calibration(mixing);
  CHECK(calibration({S(5), S(6)}, {S(0.5)}).status == Status::ok);
  for (const S theta : {S(1), S(-1), S(1.5), S(2), S(3)}) {
    const auto [values, status] = calibration({S(5), S(6)}, {theta});
    CHECK(status == Status::not_invertible);
    CHECK(std::isnan(values[0]));
    CHECK(std::isnan(values[1]));
  }
  CHECK(calibration({nan_of<S>, S(6)}, {S(1)}).status == Status::invalid_input);
}

TEST_CASE_TEMPLATE("C(L(x; theta); theta) = x", S, float, double) {
  // float rounds L to about 1e-6 itself.
  const double tolerance = sizeof(S) == 4 ? 4e-6 : 1e-6;
  const auto check_closure = [&](const auto& calibration) {
    Random random(5);
    int n_not_ok = 0;
    double most = 0.0, least_ratio = 10.0, largest_ratio = 0.0;
    for (int i = 0; i < 20'000; ++i) {
      const S pt = static_cast<S>(20.0 * std::pow(100.0, random.uniform(0.001, 0.999)));
      const S m = static_cast<S>(2.0 * std::pow(200.0, random.uniform(0.001, 0.999)));
      const S eta = static_cast<S>(random.uniform(-2.5, 2.5));
      const auto y = calibration.response()({pt, m, eta, S(0)});
      const auto [values, status] = calibration({y[0], y[1]}, {eta, S(0)});
      n_not_ok += status == Status::ok ? 0 : 1;
      most = std::max({most, std::abs(static_cast<double>(values[0] / pt) - 1.0),
                       std::abs(static_cast<double>(values[1] / m) - 1.0)});
      least_ratio = std::min(least_ratio, static_cast<double>(y[1] / m));
      largest_ratio = std::max(largest_ratio, static_cast<double>(y[1] / m));
    }
    CHECK(n_not_ok == 0);
    CHECK(most <= tolerance);
    CHECK(largest_ratio - least_ratio > 0.2);  // the response does depend on its inputs
  };
  check_closure(JointCalibration(response<S>()));
  std::vector<Model<Net, S>> members;
  for (const int seed : {1, 2, 3}) members.push_back(response<S>(static_cast<std::uint64_t>(seed)));
  check_closure(JointCalibration(Ensemble(members)));
}

TEST_CASE_TEMPLATE("with one truth it is a Calibration", S, float, double) {
  const Calibration one(jets::response<S>());
  const JointCalibration joint(jets::response<S>());
  const jets::Jets<S> some(2000);
  int n_different = 0;
  double most = 0.0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    const auto wanted = one(some.y[i], some.features(i));
    const auto found = joint({some.y[i]}, some.features(i));
    n_different += found.status == wanted.status ? 0 : 1;
    if (std::isfinite(wanted.value))
      most = std::max(most, std::abs(static_cast<double>(found.values[0] / wanted.value) - 1.0));
    else
      CHECK(std::isnan(found.values[0]));
  }
  CHECK(n_different == 0);
  CHECK(most <= (sizeof(S) == 4 ? 4e-6 : 1e-6));
}

TEST_CASE_TEMPLATE("a response without features", S, float, double) {
  const auto map = invert::joint_function_response<2, 0, S>(
      []<class D>(View<const D, 2> in, View<D, 2> out) {
        out[0] = in[0] * in[0] + in[1];
        out[1] = in[1] * in[1];
      },
      {{{S(1), S(10)}, {S(1), S(10)}}});
  const JointCalibration calibration(map);
  const std::vector<S> y{S(11), S(4), S(19), S(9), S(28), S(1e4)};  // of (3, 2), (4, 3) and beyond
  std::vector<S> values(6);
  std::vector<Status> status(3);
  calibration({row_major<S>(y, 2), row_major<S>({}, 0), values, status});
  const std::array<S, 4> wanted{S(3), S(2), S(4), S(3)};
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(values[i] - wanted[i]) <= S(4e-6));
  CHECK(status[0] == Status::ok);
  CHECK(status[1] == Status::ok);
  CHECK(severity(status[2]) == severity(Status::extrapolated_high));
}

TEST_CASE_TEMPLATE("a feature that the network ignores may be anything", S, float, double) {
  const JointCalibration calibration(response<S>());
  const auto wanted = calibration({S(100), S(20)}, {S(1), S(0.5)});
  CHECK(wanted.status == Status::ok);
  for (const S other : {S(1e30), nan_of<S>, infinity_of<S>}) {
    const auto found = calibration({S(100), S(20)}, {S(1), other});
    CHECK(found.status == Status::ok);
    for (std::size_t i = 0; i < 2; ++i) CHECK(same_bits(found.values[i], wanted.values[i]));
  }
}

TEST_CASE_TEMPLATE("a batch gives the same bits as its objects one by one", S, float, double) {
  const JointCalibration calibration(response<S>());
  for (std::size_t n = 0; n <= 70; ++n) {
    const Objects<S> objects(n, n + 1);
    const Answers<S> wanted = one_by_one(calibration, objects);
    Answers<S> answers(n), by_columns(n), in_place(n);
    calibration({row_major<S>(objects.y, 2), row_major<S>(objects.theta, 2), answers.values, answers.status});
    CAPTURE(n);
    CHECK(answers == wanted);
    std::vector<S> y(2 * n), theta(2 * n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < 2; ++k) {
        y[k * n + i] = objects.y[2 * i + k];
        theta[k * n + i] = objects.theta[2 * i + k];
      }
    calibration({column_major<S>(y, 2), column_major<S>(theta, 2), by_columns.values, by_columns.status});
    CHECK(by_columns == wanted);
    in_place.values = objects.y;
    calibration({row_major<S>(in_place.values, 2), row_major<S>(objects.theta, 2), in_place.values});
    in_place.status = wanted.status;
    CHECK(in_place == wanted);
  }
}

TEST_CASE_TEMPLATE("an object gets the same bits whoever its neighbours are", S, float, double) {
  const JointCalibration calibration(response<S>());
  const Objects<S> objects(200);
  const auto wanted = one_by_one(calibration, objects);
  constexpr std::size_t n = Tile<S>::n_samples;
  int n_different = 0;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const std::size_t place = i % n;
    std::vector<S> y(2 * n, nan_of<S>), theta(2 * n, nan_of<S>);
    for (std::size_t k = 0; k < 2; ++k) {
      y[2 * place + k] = objects.y[2 * i + k];
      theta[2 * place + k] = objects.theta[2 * i + k];
    }
    Answers<S> answers(n);
    calibration({row_major<S>(y, 2), row_major<S>(theta, 2), answers.values, answers.status});
    const bool same = same_bits(answers.values[2 * place], wanted.values[2 * i]) &&
                      same_bits(answers.values[2 * place + 1], wanted.values[2 * i + 1]) &&
                      answers.status[place] == wanted.status[i];
    n_different += same ? 0 : 1;
  }
  CHECK(n_different == 0);
}

TEST_CASE_TEMPLATE("any number of threads gives the same bits", S, float, double) {
  const JointCalibration calibration(response<S>());
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{10'011}}) {
    const Objects<S> objects(n);
    Answers<S> wanted(n);
    calibration({row_major<S>(objects.y, 2), row_major<S>(objects.theta, 2), wanted.values, wanted.status});
    CHECK(wanted == one_by_one(calibration, objects));
    // Every status was among them.
    if (n > 4000)
      for (const Status status :
           {Status::ok, Status::extrapolated_low, Status::extrapolated_high, Status::clamped, Status::invalid_input})
        CHECK(std::count(wanted.status.begin(), wanted.status.end(), status) > 0);
    for (const int n_threads : {1, 2, 3}) {
      ThreadPool pool(n_threads);
      Answers<S> answers(n);
      calibration({row_major<S>(objects.y, 2), row_major<S>(objects.theta, 2), answers.values, answers.status}, pool);
      CAPTURE(n_threads);
      CHECK(answers == wanted);
    }
  }
}

TEST_CASE_TEMPLATE("objects that run out of iterations do so in a batch as alone", S, float, double) {
  const Objects<S> objects(5000);
  for (const int iterations : {1, 2, 3, 4, 5, 8}) {
    const JointCalibration calibration(response<S>(), {.tolerance = 1e-9, .iterations = iterations});
    Answers<S> answers(objects.size());
    calibration({row_major<S>(objects.y, 2), row_major<S>(objects.theta, 2), answers.values, answers.status});
    CAPTURE(iterations);
    CHECK(answers == one_by_one(calibration, objects));
    if (iterations < 3) CHECK(std::count(answers.status.begin(), answers.status.end(), Status::not_invertible) > 100);
  }
}

TEST_CASE("what cannot be inverted is refused when the calibration is made") {
  auto model = response<float>();
  model.inputs[1].high = model.inputs[1].low;
  CHECK(error_of([&] { JointCalibration{model}; }) ==
        "JointCalibration, truth 1: expected a response with a finite range of it, low < high, found 2.000000 to "
        "2.000000");
  model.inputs[1].high = infinity_of<float>;
  CHECK_THROWS_AS(JointCalibration{model}, Error);
  model = response<float>();
  model.inputs[0].low = nan_of<float>;
  CHECK_THROWS_AS(JointCalibration{model}, Error);
  CHECK(error_of([] { JointCalibration(response<float>(), {.tolerance = 1.0}); }) ==
        "JointNewton, tolerance: expected a number between 0 and 1, found 1.000000");
  CHECK(error_of([] { JointCalibration(response<float>(), {.iterations = -1}); }) ==
        "JointNewton, iterations: expected one or more, found -1");
}

TEST_CASE("a batch that does not fit is refused when it is made") {
  using C = JointCalibration<Model<Net>>;
  const C calibration(response<float>());
  const std::vector<float> y(10, 50.f), theta(10), wide(15), short_theta(8);
  std::vector<float> values(10);
  std::vector<Status> status(5), short_status(4);
  const auto matrix = [](const std::vector<float>& numbers, int n) { return row_major<float>(numbers, n); };
  CHECK_NOTHROW(calibration({matrix(y, 2), matrix(theta, 2), values, status}));
  CHECK(error_of([&] {
          calibration({matrix(y, 2), matrix(wide, 3), values, status});
        }) == "JointBatch: expected 2 columns of measured values and 2 of theta, found 2 and 3");
  CHECK(error_of([&] {
          calibration({matrix(y, 1), matrix(theta, 2), values, status});
        }) == "JointBatch: expected 2 columns of measured values and 2 of theta, found 1 and 2");
  CHECK(error_of([&] {
          calibration({matrix(y, 2), matrix(short_theta, 2), values, status});
        }) ==
        "JointBatch: expected 5 of each, as there are objects, and 2 values of each object, found 4 rows of theta, 10 "
        "values, 5 statuses");
  const std::span<float> nine(values.data(), 9);
  CHECK_THROWS_AS(calibration({matrix(y, 2), matrix(theta, 2), nine, status}), Error);
  CHECK_THROWS_AS(calibration({matrix(y, 2), matrix(theta, 2), values, short_status}), Error);
}
