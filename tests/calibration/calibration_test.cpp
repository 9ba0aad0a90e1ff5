#include "calibrant/calibration/calibration.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "calibrant/invert.hpp"
#include "calibrant/parallel/pool.hpp"
#include "jet_response.hpp"

using namespace jets;
using calibrant::invert::function_response;

namespace {

template <class S>
constexpr S nan_of = std::numeric_limits<S>::quiet_NaN();
template <class S>
constexpr S infinity_of = std::numeric_limits<S>::infinity();

/// L = theta_0 x + theta_1, x from 10 to 100, theta_0 from 0.5 to 2, theta_1 from -5 to 5.
template <class S>
auto line() {
  return function_response<2, S>(
      []<class X>(const X& x, const auto* theta) { return calibrant::fma(X(theta[0]), x, X(theta[1])); },
      {S(10), S(100)}, {{{S(0.5), S(2)}, {S(-5), S(5)}}});
}

}  // namespace

// The promise, at compile time: calls are const and noexcept, for one object, a batch, and a batch on a pool.
template <class C>
constexpr bool calls_are_noexcept = noexcept(std::declval<const C&>()(
    typename C::Scalar(1),
    std::array<
        typename C::Scalar,
        static_cast<std::size_t>(
            C::n_theta)>{})) && noexcept(std::
                                             declval<const C&>()(
                                                 std::declval<
                                                     const typename C::
                                                         Batch&>())) && noexcept(std::
                                                                                     declval<const C&>()(
                                                                                         std::declval<const typename C::
                                                                                                          Batch&>(),
                                                                                         std::declval<ThreadPool&>()));
static_assert(calls_are_noexcept<Calibration<Model<Net>>>);
static_assert(calls_are_noexcept<Calibration<Model<Net, double>, invert::Bisection, extrapolate::Clamp>>);
static_assert(calls_are_noexcept<Calibration<Ensemble<Model<Net>>>>);

TEST_CASE_TEMPLATE("one object: the closed form, and every status", S, float, double) {
  const Calibration calibration(line<S>());
  const auto check = [&](S y, std::array<S, 2> theta, double value, Status status) {
    const auto result = calibration(y, theta);
    CAPTURE(y);
    CAPTURE(theta[0]);
    CAPTURE(theta[1]);
    CHECK(result.status == status);
    if (std::isnan(value))
      CHECK(std::isnan(result.value));
    else
      CHECK(std::abs(static_cast<double>(result.value) - value) <= 1e-6 * std::abs(value) + 1e-5);
  };
  const double none = std::numeric_limits<double>::quiet_NaN();
  check(S(50), {S(1), S(0)}, 50.0, Status::ok);
  check(S(50), {S(0.8), S(2)}, 60.0, Status::ok);
  check(S(13), {S(2), S(-5)}, 9.0, Status::extrapolated_low);
  check(S(-7), {S(2), S(-5)}, -1.0, Status::extrapolated_low);
  check(S(206), {S(2), S(4)}, 101.0, Status::extrapolated_high);
  // theta outside: that of the edge.
  check(S(60), {S(3), S(0)}, 30.0, Status::clamped);
  check(S(30), {S(0.1), S(0)}, 60.0, Status::clamped);
  check(S(60), {S(1), S(7)}, 55.0, Status::clamped);
  check(S(60), {S(1), S(-1e30)}, 65.0, Status::clamped);
  check(S(250), {S(3), S(0)}, 125.0, Status::extrapolated_high);
  // No numbers.
  check(nan_of<S>, {S(1), S(0)}, none, Status::invalid_input);
  check(infinity_of<S>, {S(1), S(0)}, none, Status::invalid_input);
  check(-infinity_of<S>, {S(1), S(0)}, none, Status::invalid_input);
  check(S(50), {nan_of<S>, S(0)}, none, Status::invalid_input);
  check(S(50), {S(1), infinity_of<S>}, none, Status::invalid_input);
  check(S(50), {S(1), -infinity_of<S>}, none, Status::invalid_input);
}

TEST_CASE_TEMPLATE("not invertible, and what comes first", S, float, double) {
  const auto flat = function_response<1, S>([]<class X>(const X& x, const auto* theta) { return X(theta[0]) * x; },
                                            {S(10), S(100)}, {{{S(-1), S(1)}}});
  const Calibration calibration(flat);
  CHECK(calibration(S(50), {S(0)}).status == Status::not_invertible);
  CHECK(std::isnan(calibration(S(50), {S(0)}).value));
  CHECK(calibration(S(50), {S(-2)}).status == Status::not_invertible);  // also outside
  CHECK(calibration(nan_of<S>, {S(0)}).status == Status::invalid_input);
  CHECK(calibration(S(50), {nan_of<S>}).status == Status::invalid_input);
  CHECK(calibration(S(50), {S(1)}).status == Status::ok);
}

TEST_CASE_TEMPLATE("a clamped feature gives what its edge gives", S, float, double) {
  const Calibration calibration(response<S>());
  for (const S y : {S(30), S(200), S(1000)}) {
    const auto at_edge = calibration(y, {S(-2.5), S(45), S(0)});
    const auto beyond = calibration(y, {S(-7), S(1e6), S(0)});
    CHECK(at_edge.status == Status::ok);
    CHECK(beyond.status == Status::clamped);
    CHECK(same_bits(at_edge.value, beyond.value));
  }
}

TEST_CASE_TEMPLATE("a feature may be rejected outside of its range", S, float, double) {
  const auto model = response<S>();
  const Calibration clamping(model);
  const Calibration calibration(model, invert::Newton{}, extrapolate::Linear{},
                                {OutOfRange::reject, OutOfRange::clamp, OutOfRange::reject});
  CHECK(calibration.out_of_range(0) == OutOfRange::reject);
  CHECK(calibration.out_of_range(1) == OutOfRange::clamp);
  const auto check = [&](std::array<S, 3> theta, Status status) {
    for (const S y : {S(30), S(200), S(1000)}) {
      const auto found = calibration(y, theta);
      CHECK(found.status == status);
      CHECK(std::isnan(found.value) == (status == Status::out_of_range || status == Status::invalid_input));
      if (std::isfinite(found.value)) CHECK(same_bits(found.value, clamping(y, theta).value));
      const std::array<S, 1> ys{y};
      Answers<S> batch(1);
      calibration({ys, row_major<S>(theta, 3), batch.value, batch.status});
      CHECK(batch.status[0] == status);
      CHECK(same_bits(batch.value[0], found.value));
    }
  };
  check({S(-2.5), S(45), S(0)}, Status::ok);
  check({S(-2.6), S(45), S(0)}, Status::out_of_range);
  check({S(-2.5), S(1e6), S(0)}, Status::clamped);
  check({S(-2.6), S(1e6), S(0)}, Status::out_of_range);
  check({S(-2.6), nan_of<S>, S(0)}, Status::invalid_input);
  check({S(1), S(20), S(1e30)}, Status::ok);  // the network ignores this one
}

TEST_CASE_TEMPLATE("a feature that the network ignores may be anything", S, float, double) {
  const Calibration calibration(response<S>());
  const auto wanted = calibration(S(100), {S(1), S(20), S(0.5)});
  CHECK(wanted.status == Status::ok);
  for (const S other : {S(0), S(1e30), nan_of<S>, infinity_of<S>}) {
    const auto found = calibration(S(100), {S(1), S(20), other});
    CHECK(found.status == Status::ok);
    CHECK(same_bits(found.value, wanted.value));
  }
}

TEST_CASE_TEMPLATE("C(L(x; theta); theta) = x", S, float, double) {
  const auto model = response<S>();
  const Jets<S> some(500);
  // L rises everywhere, or there would be no inverse to close.
  std::vector<S> theta;
  for (int i = 0; i < 200; ++i) {
    const S rho = S(3) + S(42) * S(i) / S(199);
    theta.insert(theta.end(), {S(-2.5) + S(5) * S(i * 37 % 200) / S(199), rho, S(0)});
  }
  REQUIRE(invert::check_monotonicity<Model<Net, S>>(model, theta, model.truth_range(), 200).monotone());

  // float rounds L to about 1e-6 itself.
  const double tolerance = sizeof(S) == 4 ? 4e-6 : 1e-6;
  const auto check = [&](const auto& calibration) {
    Random random(5);
    double most = 0.0;
    bool all_ok = true, spread = false;
    for (int i = 0; i < 2000; ++i) {
      const double x = 15.0 * std::pow(2000.0 / 15.0, random.uniform(0.001, 0.999));
      const S eta = static_cast<S>(random.uniform(-2.5, 2.5)), rho = static_cast<S>(random.uniform(3, 45));
      const S y = calibration.response()({static_cast<S>(x), eta, rho, S(0)})[0];
      const auto [value, status] = calibration(y, {eta, rho, S(0)});
      all_ok = all_ok && status == Status::ok;
      most = std::max(most, std::abs(static_cast<double>(value) / static_cast<double>(static_cast<S>(x)) - 1.0));
      spread = spread || std::abs(static_cast<double>(y) / x - 0.8) > 0.02;
    }
    CHECK(all_ok);
    CHECK(spread);  // the response does depend on its inputs
    CHECK(most <= tolerance);
  };
  check(Calibration(model));
  check(Calibration(model, invert::Bisection{.tolerance = 1e-7}));
  std::vector<Model<Net, S>> members;
  for (const int seed : {1, 2, 3}) members.push_back(response<S>(static_cast<std::uint64_t>(seed)));
  check(Calibration(Ensemble(members)));
}

TEST_CASE_TEMPLATE("a response without features", S, float, double) {
  const auto cube = function_response<0, S>([]<class X>(const X& x, const auto*) { return x * x * x; }, {S(1), S(10)});
  const Calibration calibration(cube);
  CHECK(std::abs(calibration(S(27), {}).value - S(3)) <= S(3e-6));
  const std::vector<S> y{S(8), S(64), S(1e6)};
  Answers<S> answers(3);
  calibration({y, row_major<S>({}, 0), answers.value, answers.status});
  CHECK(std::abs(answers.value[1] - S(4)) <= S(4e-6));
  CHECK(answers.status == std::vector<Status>{Status::ok, Status::ok, Status::extrapolated_high});
}

TEST_CASE_TEMPLATE("a batch gives the same bits as its objects one by one", S, float, double) {
  const Calibration calibration(response<S>());
  for (std::size_t n = 0; n <= 130; ++n) {
    const Jets<S> jets(n, n + 1);
    Answers<S> answers(n);
    calibration({jets.y, row_major<S>(jets.theta, 3), answers.value, answers.status});
    CAPTURE(n);
    CHECK(answers == one_by_one(calibration, jets));
  }
}

TEST_CASE_TEMPLATE("a jet gets the same bits whoever its neighbours are", S, float, double) {
  const Calibration calibration(response<S>());
  const Jets<S> jets(200);
  const auto wanted = one_by_one(calibration, jets);
  // Every object at every place of a tile, among objects that are all wrong.
  constexpr std::size_t n = Tile<S>::n_samples;
  int n_different = 0;
  for (std::size_t i = 0; i < jets.size(); ++i) {
    const std::size_t place = i % n;
    std::vector<S> y(n, nan_of<S>), theta(3 * n, nan_of<S>);
    y[place] = jets.y[i];
    for (std::size_t f = 0; f < 3; ++f) theta[3 * place + f] = jets.theta[3 * i + f];
    Answers<S> answers(n);
    calibration({y, row_major<S>(theta, 3), answers.value, answers.status});
    n_different +=
        same_bits(answers.value[place], wanted.value[i]) && answers.status[place] == wanted.status[i] ? 0 : 1;
  }
  CHECK(n_different == 0);
}

TEST_CASE("statuses may be left out, and values may overwrite the measured ones") {
  const Calibration calibration(response<float>());
  const Jets<float> jets(150);
  const auto wanted = one_by_one(calibration, jets);
  Answers<float> answers(150);
  calibration({jets.y, row_major<float>(jets.theta, 3), answers.value});
  answers.status = wanted.status;
  CHECK(answers == wanted);

  Answers<float> in_place(150);
  in_place.value = jets.y;
  calibration({in_place.value, row_major<float>(jets.theta, 3), in_place.value, in_place.status});
  CHECK(in_place == wanted);
}

TEST_CASE_TEMPLATE("any number of threads gives the same bits", S, float, double) {
  const Calibration calibration(response<S>());
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{20'011}}) {
    const Jets<S> jets(n);
    Answers<S> wanted(n);
    calibration({jets.y, row_major<S>(jets.theta, 3), wanted.value, wanted.status});
    for (const int n_threads : {1, 2, 3, 7}) {
      ThreadPool pool(n_threads);
      Answers<S> answers(n);
      calibration({jets.y, row_major<S>(jets.theta, 3), answers.value, answers.status}, pool);
      CAPTURE(n_threads);
      CHECK(answers == wanted);
    }
  }
}

TEST_CASE("what cannot be inverted is refused when the calibration is made") {
  auto model = response<float>();
  model.inputs[0].high = model.inputs[0].low;
  CHECK_THROWS_WITH_AS(
      Calibration{model},
      "Calibration: expected a response with a finite range of truth, low < high, found 15.000000 to 15.000000", Error);
  model.inputs[0].high = infinity_of<float>;
  CHECK_THROWS_AS(Calibration{model}, Error);
  model.inputs[0].high = nan_of<float>;
  CHECK_THROWS_AS(Calibration{model}, Error);
  CHECK_THROWS_AS(Calibration(response<float>(), invert::Newton{.tolerance = 0.0}), Error);
  CHECK_THROWS_AS(Calibration(response<float>(), invert::Bisection{.iterations = -1}), Error);
}

TEST_CASE("a batch that does not fit is refused when it is made") {
  using C = Calibration<Model<Net>>;
  const C calibration(response<float>());
  const std::vector<float> y(5, 50.f), theta(15), wide(20), short_theta(12);
  std::vector<float> value(5);
  std::vector<Status> status(5), short_status(4);
  const std::span<float> four(value.data(), 4);
  CHECK_NOTHROW(calibration({y, row_major<float>(theta, 3), value, status}));
  CHECK_THROWS_WITH_AS(calibration({y, row_major<float>(wide, 4), value, status}),
                       "Calibration, theta: expected 3 columns, one per feature of the response, found 4", Error);
  CHECK_THROWS_AS(calibration({y, row_major<float>({}, 0), value, status}), Error);
  CHECK_THROWS_WITH_AS(calibration({y, row_major<float>(short_theta, 3), value, status}),
                       "CalibrationBatch: expected 5 of each, as there are measured values, found 4 rows of theta, 5 "
                       "values, 5 statuses",
                       Error);
  CHECK_THROWS_AS(calibration({y, row_major<float>(theta, 3), four, status}), Error);
  CHECK_THROWS_AS(calibration({y, row_major<float>(theta, 3), value, short_status}), Error);
  // A batch made for no calibration in particular is checked by the one that gets it.
  const CalibrationBatch<float> batch(y, row_major<float>(wide, 4), value, status);
  CHECK_THROWS_AS(calibration(batch), Error);
  ThreadPool pool(2);
  CHECK_THROWS_AS(calibration(batch, pool), Error);
}
