// Sequences: what their steps give one after the other, to the bit, and what cannot be a sequence.
#include "calibrant/calibration/sequence.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/parallel/pool.hpp"
#include "steps.hpp"

using namespace jets;
using calibrant::Step;
using invert::function_response;

namespace {

template <class S>
constexpr S nan_of = std::numeric_limits<S>::quiet_NaN();

/// y = x (1 + slope theta), x and theta in ranges.
template <class S>
auto factor(S slope, Range<S> truth = {S(10), S(100)}, Range<S> theta = {S(-1), S(1)}) {
  return Calibration(function_response<1, S>(
      [slope]<class X>(const X& x, const auto* t) {
        return X(fma(decltype(t[0] * t[0])(slope), t[0], decltype(t[0] * t[0])(S(1)))) * x;
      },
      truth, {theta}));
}

}  // namespace

static_assert(Calibrator<steps::Three<float>> && Calibrator<steps::Three<double>>);
static_assert(Calibrator<Sequence<Features<3>, steps::Three<float>, steps::Residuals<float>>>);
static_assert(noexcept(std::declval<const steps::Three<float>&>()(1.0f, {})));
static_assert(noexcept(std::declval<const steps::Three<float>&>()(std::declval<const steps::Three<float>::Batch&>())));
static_assert(noexcept(std::declval<const steps::Three<float>&>()(std::declval<const steps::Three<float>::Batch&>(),
                                                                  std::declval<ThreadPool&>())));

TEST_CASE_TEMPLATE("the closed form: each step undoes its factor, with its own feature", S, float, double) {
  const Sequence sequence({"u", "v"}, Step{factor(S(0.2)), {"v"}}, Step{factor(S(-0.1)), {"u"}});
  for (const S u : {S(-0.9), S(0), S(0.7)})
    for (const S v : {S(-1), S(0.3), S(1)}) {
      const S x = S(40), y = x * (S(1) - S(0.1) * u) * (S(1) + S(0.2) * v);
      const auto [value, status] = sequence(y, {u, v});
      CHECK(status == Status::ok);
      CHECK(std::abs(value / x - S(1)) <= S(4e-6));  // two roots, each to 1e-6 of x or to what a float resolves
    }
}

TEST_CASE_TEMPLATE("the same bits as the steps by hand", S, float, double) {
  const auto sequence = steps::three<S>();
  const auto one = steps::by_eta<S>();
  const auto two = steps::by_rho_and_eta<S>();
  const auto three = steps::residual<S>();
  const Jets<S> jets(500);
  int n_values = 0;
  for (std::size_t i = 0; i < jets.size(); ++i) {
    const auto [eta, rho, width] = jets.features(i);
    const auto first = one(jets.y[i], {eta});
    const auto second = two(first.value, {rho, eta});
    const auto third = three(second.value, {rho});
    const auto found = sequence(jets.y[i], jets.features(i));
    CHECK(same_bits(found.value, third.value));
    if (std::isnan(third.value)) continue;
    ++n_values;
    CHECK(found.status == worse(worse(first.status, second.status), third.status));
  }
  CHECK(n_values > 400);
}

TEST_CASE_TEMPLATE("a batch gives the same bits as its objects one by one, on any number of threads", S, float,
                   double) {
  const auto sequence = steps::three<S>();
  for (const std::size_t n :
       {std::size_t{0}, std::size_t{1}, std::size_t{255}, std::size_t{256}, std::size_t{257}, std::size_t{5'003}}) {
    CAPTURE(n);
    const Jets<S> jets(n, n + 1);
    const auto wanted = one_by_one(sequence, jets);
    Answers<S> answers(n);
    sequence({jets.y, row_major<S>(jets.theta, 3), answers.value, answers.status});
    CHECK(answers == wanted);
    for (const int n_threads : {1, 2, 5}) {
      ThreadPool pool(n_threads);
      Answers<S> pooled(n);
      sequence({jets.y, row_major<S>(jets.theta, 3), pooled.value, pooled.status}, pool);
      CHECK(pooled == wanted);
    }
    // In place, and without statuses.
    Answers<S> in_place(n);
    in_place.value = jets.y;
    sequence({in_place.value, row_major<S>(jets.theta, 3), in_place.value});
    in_place.status = wanted.status;
    CHECK(in_place == wanted);
  }
}

TEST_CASE("several threads at once") {
  const auto sequence = steps::three<float>();
  const Jets<float> jets(2'000);
  const auto wanted = one_by_one(sequence, jets);
  std::array<int, 3> n_wrong{};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < n_wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (int repetition = 0; repetition < 3; ++repetition) {
        Answers<float> batch(jets.size());
        sequence({jets.y, row_major<float>(jets.theta, 3), batch.value, batch.status});
        n_wrong[t] += (batch == wanted ? 0 : 1) + (one_by_one(sequence, jets) == wanted ? 0 : 1);
      }
    });
  for (auto& thread : threads) thread.join();
  for (const int wrong : n_wrong) CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("a sequence as a step of a sequence", S, float, double) {
  const auto inner = steps::three<S>();
  const Sequence outer({"width", "eta", "rho"}, inner, Step{steps::residual<S>()});
  const auto last = steps::residual<S>();
  const Jets<S> jets(300);
  for (std::size_t i = 0; i < jets.size(); ++i) {
    const auto [eta, rho, width] = jets.features(i);
    const auto found = outer(jets.y[i], {width, eta, rho});
    CHECK(same_bits(found.value, last(inner(jets.y[i], {eta, rho, width}).value, {rho}).value));
  }
  CHECK(outer.feature_names() == std::vector<std::string>{"width", "eta", "rho"});
  CHECK(outer.features(0) == std::vector<std::string>{"eta", "rho", "width"});
  CHECK(outer.uses_theta(1));
  CHECK(outer.theta_range(2).high == S(45));
  CHECK(outer.truth_range().low == S(15));
}

TEST_CASE_TEMPLATE("the worst status wins, and the first step without a value has the last word", S, float, double) {
  const S nan = nan_of<S>;
  // The second step is flat at v = 0, and clamps v beyond 1.
  const auto falling = Calibration(function_response<1, S>(
      []<class X>(const X& x, const auto* t) { return X(t[0]) * x; }, {S(1), S(1000)}, {{{S(0), S(1)}}}));
  const Sequence sequence({"u", "v"}, Step{factor(S(0.5)), {"u"}}, Step{falling, {"v"}});
  const auto check = [&](S y, S u, S v, Status status, bool has_value) {
    CAPTURE(y);
    CAPTURE(u);
    CAPTURE(v);
    const auto found = sequence(y, {u, v});
    CHECK(found.status == status);
    CHECK(std::isfinite(found.value) == has_value);
    const std::array<S, 1> ys{y};
    const std::array<S, 2> theta{u, v};
    Answers<S> batch(1);
    sequence({ys, row_major<S>(theta, 2), batch.value, batch.status});
    CHECK(batch.status[0] == status);
    CHECK(same_bits(batch.value[0], found.value));
  };
  check(S(50), S(0), S(1), Status::ok, true);
  check(S(50), S(2), S(1), Status::clamped, true);
  check(S(50), S(0), S(2), Status::clamped, true);
  check(S(5), S(0), S(2), Status::extrapolated_low, true);  // worse than clamped
  check(S(200), S(2), S(1), Status::extrapolated_high, true);
  check(S(50), S(0), S(0), Status::not_invertible, false);
  check(S(200), S(0), S(0), Status::not_invertible, false);
  check(nan, S(0), S(1), Status::invalid_input, false);
  check(S(50), nan, S(1), Status::invalid_input, false);
  check(S(50), S(0), nan, Status::invalid_input, false);
  check(nan, S(0), S(0), Status::invalid_input, false);

  const Sequence reversed({"u", "v"}, Step{falling, {"v"}}, Step{factor(S(0.5), {S(1), S(1000)}), {"u"}});
  CHECK(reversed(S(50), {nan, S(0)}).status == Status::not_invertible);  // lost before u was looked at
  const Sequence rejecting({"u"},
                           Step{Calibration(factor(S(0.5)).response(), invert::Newton{}, extrapolate::Reject{}), {"u"}},
                           Step{factor(S(0.1)), {"u"}});
  CHECK(rejecting(S(200), {S(0)}).status == Status::extrapolated_high);
  CHECK(std::isnan(rejecting(S(200), {S(0)}).value));
}

TEST_CASE("order of severity") {
  const std::vector<Status> order{
      Status::ok,           Status::clamped,      Status::extrapolated_low, Status::not_invertible,
      Status::out_of_range, Status::invalid_input};
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < order.size(); ++j) CHECK(worse(order[i], order[j]) == order[std::max(i, j)]);
  CHECK(worse(Status::extrapolated_high, Status::extrapolated_low) == Status::extrapolated_high);
}

TEST_CASE("steps that do not fit are refused when the sequence is made") {
  const auto one = factor(0.1f);
  CHECK(error_of([&] {
          Sequence({"u", "v"}, Step{one, {"phi"}});
        }) == "Sequence, step 1, feature: expected one of u, v, found 'phi'");
  CHECK(error_of([&] {
          Sequence({"u", "u"}, Step{one, {"u"}});
        }) == "Sequence, theta: expected different features, found 'u' twice");
  CHECK(error_of([&] {
          Sequence({"u", ""}, Step{one, {"u"}});
        }) == "Sequence, theta: expected a name for every feature, found an empty name at 1");
  CHECK(error_of([&] {
          Sequence({"u"}, Step{one, {"u"}}, Step{one, {"u", "u"}});
        }) == "Sequence, step 2: expected the names of its 1 feature(s), found 2");
  CHECK(error_of([&] { Sequence({"u"}, Step{one}); }) ==  // a formula has no names
        "Sequence, step 1: expected the names of its 1 feature(s), found 0");
  const auto two = steps::by_rho_and_eta<float>();
  CHECK(error_of([&] {
          Sequence({"rho", "eta"}, Step{two, {"rho", "rho"}});
        }) == "Sequence, step 1: expected different features, found 'rho' twice");
  CHECK(error_of([&] { Sequence({"rho"}, two); }) == "Sequence, step 1, feature: expected one of rho, found 'eta'");
  for (const Range<float> range : {Range<float>{20, 100}, Range<float>{10, 99}}) {
    const std::string found = std::to_string(range.low) + " to " + std::to_string(range.high);
    CHECK(error_of([&] {
            Sequence({"u"}, Step{one, {"u"}}, Step{factor(0.1f, range), {"u"}});
          }) ==
          "Sequence, step 2: expected a range of truth that covers the results of step 1, 10.000000 to 100.000000, "
          "found " +
              found);
  }
  CHECK_NOTHROW(Sequence({"u"}, Step{one, {"u"}}, Step{factor(0.1f, {5, 200}), {"u"}}));
}

TEST_CASE("a batch that does not fit is refused when it is made") {
  const auto sequence = steps::three<float>();
  const std::vector<float> y(5, 50.f), theta(15), wide(20);
  std::vector<float> value(5);
  CHECK_NOTHROW(sequence({y, row_major<float>(theta, 3), value}));
  CHECK_THROWS_WITH_AS(sequence({y, row_major<float>(wide, 4), value}),
                       "Calibration, theta: expected 3 columns, one per feature of the response, found 4", Error);
}
