#include "calibrant/invert/bisection.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "calibrant/toys/jet.hpp"
#include "responses.hpp"

using namespace responses;
using calibrant::invert::Bisection;
using calibrant::invert::function_response;
using calibrant::invert::Newton;

TEST_CASE_TEMPLATE("the jet toy is inverted to the tolerance, at a cost that does not depend on y", S, float, double) {
  const toys::Jet toy;
  const auto response = function_response<0, S>(JetToy{}, {S(20), S(200)});
  for (const double tolerance : {1e-2, 1e-6, 1e-12})
    for (int i = 0; i < 500; ++i) {
      const double x = 20.0 + 180.0 * (i + 0.5) / 500;
      const auto y = static_cast<S>(toy.mu(x));
      int evaluations = 0;
      const auto solution = solve_one(Bisection{.tolerance = tolerance}, response, y, {}, &evaluations);
      CHECK(solution.solved);
      CHECK(accurate(JetToy{}, solution.x, y, std::array<S, 0>{}, tolerance));
      CHECK(evaluations <= 2 + std::ceil(std::log2(180.0 / 20.0 / tolerance)));
    }
}

TEST_CASE_TEMPLATE("Newton and bisection find the same", S, float, double) {
  const auto response = function_response<4, S>(Step{}, {S(10), S(500)});
  const Mixture<S> objects(Tile<S>::n_samples * std::size_t{200}, 5);
  const auto slow = solve_tiles(Bisection{}, response, objects.y, objects.theta);
  const auto fast = solve_tiles(Newton{}, response, objects.y, objects.theta);
  int n_different = 0, n_far = 0, n_solved = 0;
  for (std::size_t i = 0; i < slow.size(); ++i) {
    const auto& theta = objects.theta[i];
    // Where L is monotone, and does not nearly jump, there is one answer. Bisection alone insists on a response that
    // is a number at both edges.
    if (!(theta[0] > S(0) && theta[1] >= S(0) && theta[3] >= S(1))) continue;
    n_different += slow[i].solved == fast[i].solved && slow[i].below == fast[i].below &&
                           slow[i].above == fast[i].above && slow[i].failed == fast[i].failed
                       ? 0
                       : 1;
    if (!slow[i].solved || !fast[i].solved) continue;
    ++n_solved;
    n_far += accurate(Step{}, slow[i].x, objects.y[i], theta, 1e-6, 700.0) ? 0 : 1;
  }
  CHECK(n_different == 0);
  CHECK(n_far == 0);
  CHECK(n_solved > Tile<S>::n_samples * 20);
}

TEST_CASE_TEMPLATE("without a solution", S, float, double) {
  const auto response = function_response<4, S>(Step{}, {S(10), S(500)});
  const auto failed = [&](const std::array<S, 4>& theta, S y) {
    const auto solution = solve_one(Bisection{}, response, y, theta);
    return solution.failed && solution.n_set() == 1;
  };
  for (const S y : {S(-5), S(0), S(50), S(150), S(480), S(1000)}) {
    CHECK(failed({S(0), S(0), S(0), S(1)}, y));
    CHECK(failed({S(-1), S(0), S(0), S(1)}, y));
    CHECK(failed({not_a_number<S>, S(0), S(0), S(1)}, y));
  }
  CHECK(failed({S(1), S(100), S(200.123), S(0)}, S(150)));
  CHECK(failed({S(1), S(0), S(0), S(1)}, not_a_number<S>));
  // Too few halvings for the tolerance.
  CHECK(solve_one(Bisection{.iterations = 5}, response, S(100), {S(1), S(0), S(0), S(1)}).failed);
}

TEST_CASE_TEMPLATE("y at and beyond the edges", S, float, double) {
  const auto response = function_response<0, S>(JetToy{}, {S(20), S(200)});
  const S at_low = response.response(S(20), {}).value, at_high = response.response(S(200), {}).value;
  const auto one = [&](S y) { return solve_one(Bisection{}, response, y); };
  CHECK(one(at_low).solved);
  CHECK(std::abs(one(at_low).x - S(20)) <= S(21e-6));
  CHECK(one(at_high).solved);
  CHECK(std::abs(one(at_high).x - S(200)) <= S(210e-6));
  for (const S y : {at_low * S(0.999), S(-1000), -infinity<S>}) {
    CHECK(one(y).below);
    CHECK(std::abs(one(y).x - S(20)) <= S(0));
    CHECK(std::abs(one(y).response - at_low) <= S(0));
  }
  for (const S y : {at_high * S(1.001), S(1e6), infinity<S>}) {
    CHECK(one(y).above);
    CHECK(std::abs(one(y).x - S(200)) <= S(0));
    CHECK(std::abs(one(y).response - at_high) <= S(0));
  }
  // Across zero, where a tolerance relative to x alone would never be reached.
  const auto odd = function_response<0, S>(JetToy{}, {S(-100), S(400)});
  CHECK(solve_one(Bisection{}, odd, S(0)).solved);
  CHECK(std::abs(solve_one(Bisection{}, odd, S(0)).x) <= S(1e-4));
}

TEST_CASE_TEMPLATE("a lane of a tile, an object alone: the same bits, whatever the neighbours", S, float, double) {
  check_lanes_are_independent<S>(Bisection{});
}

TEST_CASE("settings are checked") {
  CHECK_NOTHROW(Bisection{}.validate());
  CHECK_THROWS_WITH_AS(Bisection{.tolerance = -1.0}.validate(),
                       "Bisection, tolerance: expected a number between 0 and 1, found -1.000000", Error);
  CHECK_THROWS_WITH_AS(Bisection{.iterations = 0}.validate(), "Bisection, iterations: expected one or more, found 0",
                       Error);
}
