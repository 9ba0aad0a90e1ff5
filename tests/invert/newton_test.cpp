#include "calibrant/invert/newton.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "calibrant/toys/jet.hpp"
#include "responses.hpp"

using namespace responses;
using calibrant::invert::function_response;
using calibrant::invert::Newton;

namespace {

/// Objects x in the range, drawn log-uniformly, y = L(x) rounded to S.
template <class S, class Function, std::size_t N>
S measured(const Function& function, S x, const std::array<S, N>& theta) {
  double wide[N > 0 ? N : 1] = {};
  for (std::size_t i = 0; i < N; ++i) wide[i] = static_cast<double>(theta[i]);
  return static_cast<S>(function(static_cast<double>(x), wide));
}

/// Solves n random objects in tiles and checks every root.
template <class S, class Function, std::size_t N, class DrawTheta>
void check_all_solved(const Function& function, Range<S> range, double tolerance, std::size_t n, std::uint64_t seed,
                      double magnitude, const DrawTheta& draw) {
  const auto response = function_response<static_cast<int>(N), S>(function, range);
  Random random(seed);
  std::vector<S> y;
  std::vector<std::array<S, N>> theta;
  for (std::size_t i = 0; i < n; ++i) {
    theta.push_back(draw(random));
    const double u = random.uniform();
    const auto x = static_cast<S>(range.low * std::pow(static_cast<double>(range.high) / range.low, u));
    y.push_back(measured(function, std::min(range.high, std::max(range.low, x)), theta.back()));
  }
  const auto solutions = solve_tiles(Newton{.tolerance = tolerance}, response, y, theta);
  std::size_t n_unsolved = 0, n_inaccurate = 0;
  for (std::size_t i = 0; i < n; ++i) {
    // A kink within the tolerance of the root: the last step may have been taken with the slope of the other side.
    double wanted = tolerance;
    if constexpr (std::is_same_v<Function, Kink>)
      if (std::abs(solutions[i].x / theta[i][2] - 1) < 2.0 * tolerance)
        wanted *= static_cast<double>(std::max(theta[i][0] / theta[i][1], theta[i][1] / theta[i][0]));
    // Within its rounding, an object at an edge may lie outside.
    const bool at_edge = (solutions[i].below || solutions[i].above) &&
                         accurate(function, solutions[i].x, y[i], theta[i], wanted, magnitude);
    if (!solutions[i].solved && !at_edge) ++n_unsolved;
    if (solutions[i].solved && !accurate(function, solutions[i].x, y[i], theta[i], wanted, magnitude)) ++n_inaccurate;
  }
  CHECK(n_unsolved == 0);
  CHECK(n_inaccurate == 0);
}

}  // namespace

TEST_CASE_TEMPLATE("the jet toy is inverted in a few evaluations", S, float, double) {
  const toys::Jet toy;
  const auto response = function_response<0, S>(JetToy{}, {S(20), S(200)});
  const Newton newton;
  int n_total = 0, n_most = 0, n_solved = 0;
  const int n = 1000;
  for (int i = 0; i < n; ++i) {
    const double x = 20.0 + 180.0 * (i + 0.5) / n;
    int evaluations = 0;
    const auto y = static_cast<S>(toy.mu(x));
    const auto solution = solve_one(newton, response, y, {}, &evaluations);
    n_solved += solution.solved ? 1 : 0;
    n_total += evaluations;
    n_most = std::max(n_most, evaluations);
    CHECK(accurate(JetToy{}, solution.x, y, std::array<S, 0>{}, newton.tolerance));
    // The slope is that of the last point evaluated: nearer than the step before the last.
    CHECK(std::abs(static_cast<double>(solution.slope) - toy.mu_slope(x)) <= 1e-3);
    CHECK(std::abs(static_cast<double>(solution.response - y)) <= 0.0);
  }
  CHECK(n_solved == n);
  CHECK(n_most <= 6);
  CHECK(n_total <= 4 * n);
}

TEST_CASE_TEMPLATE("closed forms are found to the tolerance asked for", S, float, double) {
  const bool is_float = sizeof(S) == 4;
  for (const double tolerance : {1e-2, 1e-4, 1e-6, 1e-9, 1e-13}) {
    const double resolved = std::max(tolerance, 4.0 * static_cast<double>(std::numeric_limits<S>::epsilon()));
    const Newton newton{.tolerance = tolerance};
    const double rounding = is_float ? 4e-6 : 1e-14;
    const auto power = function_response<2, S>(Power{}, {S(1), S(5000)});
    const auto exponential = function_response<0, S>(
        []<class X>(const X& x, const auto*) { return X(S(10)) * exp(x * X(S(0.02))); }, {S(1), S(500)});
    Random random(3);
    for (int i = 0; i < 200; ++i) {
      const double p = random.uniform(0.3, 3.0), a = random.uniform(0.2, 2.0);
      const double x = std::exp(random.uniform(std::log(1.1), std::log(4900.0)));
      const std::array<S, 2> theta{static_cast<S>(a), static_cast<S>(p)};
      const S y = measured(Power{}, static_cast<S>(x), theta);
      const double exact =
          std::exp(std::log(static_cast<double>(y) / static_cast<double>(theta[0])) / static_cast<double>(theta[1]));
      const auto solution = solve_one(newton, power, y, theta);
      CHECK(solution.solved);
      // float computes exp(p log x) to about p log(x) roundings.
      CHECK(std::abs(static_cast<double>(solution.x) - exact) <= (resolved + rounding) * exact);

      const double z = random.uniform(5.0, 499.0);
      const auto v = static_cast<S>(10.0 * std::exp(0.02 * z));
      const auto other = solve_one(newton, exponential, v);
      CHECK(other.solved);
      CHECK(std::abs(static_cast<double>(other.x) - 50.0 * std::log(static_cast<double>(v) / 10.0)) <=
            resolved * z + 50.0 * rounding);
    }
  }
}

TEST_CASE_TEMPLATE("a million random objects: none without its root, none outside the tolerance", S, float, double) {
  const std::size_t n = 250 * 64 * 8;
  const auto uniform = [](Random& random, double low, double high) {
    return static_cast<S>(random.uniform(low, high));
  };
  const Range<S> range{S(10), S(2000)};
  for (const double tolerance : {1e-3, 1e-6}) {
    check_all_solved<S, Step, 4>(Step{}, range, tolerance, n, 11, 2000.0, [&](Random& random) {
      const double centre = random.uniform(10.0, 2000.0);
      return std::array<S, 4>{uniform(random, 0.02, 1.5), uniform(random, 0, 300), static_cast<S>(centre),
                              static_cast<S>(centre * std::exp(random.uniform(std::log(0.02), 0.0)))};
    });
    check_all_solved<S, Power, 2>(Power{}, range, tolerance, n, 12, 1.0, [&](Random& random) {
      return std::array<S, 2>{uniform(random, 0.1, 3), uniform(random, 0.2, 4)};
    });
    check_all_solved<S, Kink, 4>(Kink{}, range, tolerance, n, 13, 50'000.0, [&](Random& random) {
      return std::array<S, 4>{static_cast<S>(std::exp(random.uniform(-4.0, 3.0))),
                              static_cast<S>(std::exp(random.uniform(-4.0, 3.0))), uniform(random, 10, 2000),
                              uniform(random, 5, 2500)};
    });
    check_all_solved<S, JetToy, 0>(JetToy{}, range, tolerance, n, 14, 1.0, [](Random&) { return std::array<S, 0>{}; });
  }
}

TEST_CASE_TEMPLATE("an inflection where plain Newton leaves the range or goes round in circles", S, float, double) {
  // Far from the middle the slope is that of the weak first term, and the first step overshoots by far.
  const auto response = function_response<4, S>(Step{}, {S(1), S(1000)});
  for (const double slope : {0.0, 1e-6, 1e-3, 0.1})
    for (const double width : {0.5, 2.0, 5.0, 20.0})
      for (const double centre : {2.0, 30.0, 500.0, 990.0})
        for (int i = -9; i <= 9; ++i) {
          const std::array<S, 4> theta{S(slope), S(50), S(centre), S(width)};
          const S y = measured(Step{}, static_cast<S>(std::clamp(centre + 0.3 * i * width, 1.0, 1000.0)), theta);
          int evaluations = 0;
          const auto solution = solve_one(Newton{}, response, y, theta, &evaluations);
          CAPTURE(slope);
          CAPTURE(width);
          CAPTURE(centre);
          CAPTURE(i);
          CHECK_FALSE(solution.failed);
          CHECK(accurate(Step{}, solution.x, y, theta, width >= 0.02 * centre ? 1e-6 : 1e-4));
          CHECK(evaluations <= 40);
        }

  // Newton's method on x^3 - 2 x + 2 from 0 alternates between 0 and 1 for ever; the root is -1.7693.
  const auto cycle = function_response<0, S>(
      []<class X>(const X& x, const auto*) { return fma(x, fma(x, x, X(S(-2))), X(S(2))); }, {S(-3), S(3)});
  const auto evaluate = [&](S x) { return cycle.response(x, {}); };
  const auto root = Newton{}.solve(evaluate, S(0), cycle.truth_range(), S(0));
  CHECK(root.solved);
  CHECK(std::abs(static_cast<double>(root.x) + 1.7692923542386314) <= 2e-6);
}

TEST_CASE_TEMPLATE("nearly flat responses are inverted as far as they can be told apart", S, float, double) {
  const double flattest = sizeof(S) == 4 ? 1e-3 : 1e-9;
  const auto response = function_response<1, S>(
      []<class X>(const X& x, const auto* theta) { return fma(X(theta[0]), x, X(S(100))); }, {S(10), S(500)});
  for (double slope = 1.0; slope >= flattest; slope *= 0.1)
    for (int i = 1; i < 50; ++i) {
      const std::array<S, 1> theta{static_cast<S>(slope)};
      const auto y = static_cast<S>(100.0 + slope * 10.0 * i);
      const auto solution = solve_one(Newton{}, response, y, theta);
      CAPTURE(slope);
      CAPTURE(i);
      const double spread = 4.0 * static_cast<double>(std::numeric_limits<S>::epsilon()) * 600.0 / slope;
      CHECK((solution.solved || solution.below || solution.above));
      CHECK(std::abs(static_cast<double>(solution.x) - 10.0 * i) <= 1e-6 * 500.0 + spread);
    }
}

TEST_CASE_TEMPLATE("y at, near and beyond the edges", S, float, double) {
  const auto response = function_response<0, S>(JetToy{}, {S(20), S(200)});
  const S at_low = response.response(S(20), {}).value, at_high = response.response(S(200), {}).value;
  const auto one = [&](S y) { return solve_one(Newton{}, response, y); };

  CHECK(one(at_low).solved);
  CHECK(std::abs(one(at_low).x - S(20)) <= S(20e-6));
  CHECK(one(at_high).solved);
  CHECK(std::abs(one(at_high).x - S(200)) <= S(200e-6));

  for (const S y : {at_low * S(0.999), at_low * S(0.5), S(0), S(-1000), -infinity<S>}) {
    const auto solution = one(y);
    CHECK(solution.below);
    CHECK(solution.x <= S(20));
    CHECK(solution.x >= S(20));
    CHECK(std::abs(solution.response - at_low) <= S(0));
    CHECK(std::abs(solution.slope - response.response(S(20), {}).slope) <= S(0));
  }
  for (const S y : {at_high * S(1.001), at_high * S(2), S(1e6), infinity<S>}) {
    const auto solution = one(y);
    CHECK(solution.above);
    CHECK(solution.x <= S(200));
    CHECK(solution.x >= S(200));
    CHECK(std::abs(solution.response - at_high) <= S(0));
  }
  int evaluations = 0;
  CHECK(solve_one(Newton{}, response, not_a_number<S>, {}, &evaluations).failed);
  CHECK(evaluations == 1);

  // No root is ever outside the range, and one next to an edge is inside or at it.
  for (int i = -20; i <= 20; ++i)
    for (const S edge : {at_low, at_high}) {
      const S y = edge * (S(1) + S(i) * std::numeric_limits<S>::epsilon());
      const auto solution = one(y);
      CHECK_FALSE(solution.failed);
      CHECK(solution.x >= S(20));
      CHECK(solution.x <= S(200));
    }
}

TEST_CASE_TEMPLATE("a start next to an edge of the range is no bracket", S, float, double) {
  // y, which is the start, is within the tolerance of an edge, and the root is far away or beyond that edge.
  for (const double factor : {0.5, 0.9, 0.999, 1.001, 1.1, 2.0}) {
    const auto response = function_response<1, S>(
        []<class X>(const X& x, const auto* theta) { return X(theta[0]) * x; }, {S(20), S(200)});
    for (const double edge : {20.0, 200.0})
      for (int i = -40; i <= 40; ++i) {
        const auto y = static_cast<S>(edge * (1.0 + 5e-8 * i));
        const auto solution = solve_one(Newton{}, response, y, {static_cast<S>(factor)});
        const double root = static_cast<double>(y) / static_cast<double>(static_cast<S>(factor));
        CAPTURE(factor);
        CAPTURE(i);
        CHECK_FALSE(solution.failed);
        CHECK(solution.solved == (root > 20.0 && root < 200.0));
        CHECK(std::abs(static_cast<double>(solution.x) - std::clamp(root, 20.0, 200.0)) <= 2e-4);
      }
  }
}

TEST_CASE("edges are not evaluated unless a step leads there") {
  const auto response = function_response<0, double>(JetToy{}, {20.0, 200.0});
  bool at_edge = false;
  const auto evaluate = [&](double x) {
    at_edge = at_edge || x <= 20.0 || x >= 200.0;
    return response.response(x, {});
  };
  for (double y = 21.0; y < 185.0; y += 5.0) CHECK(Newton{}.solve(evaluate, y, {20.0, 200.0}, y).solved);
  CHECK_FALSE(at_edge);
}

TEST_CASE_TEMPLATE("without a solution the search ends soon", S, float, double) {
  const auto response = function_response<4, S>(Step{}, {S(10), S(500)});
  const auto check = [&](const std::array<S, 4>& theta, S y, int most) {
    int evaluations = 0;
    const auto solution = solve_one(Newton{}, response, y, theta, &evaluations);
    CAPTURE(theta[0]);
    CAPTURE(theta[1]);
    CAPTURE(y);
    CHECK(solution.failed);
    CHECK(solution.n_set() == 1);
    CHECK(evaluations <= most);
  };
  for (const S y : {S(-5), S(0), S(50), S(150), S(480), S(1000)}) {
    check({S(0), S(0), S(0), S(1)}, y, 3);             // flat
    check({S(-1), S(0), S(0), S(1)}, y, 3);            // falling
    check({S(-0.1), S(-50), S(200), S(30)}, y, 3);     // falling, curved
    check({not_a_number<S>, S(0), S(0), S(1)}, y, 1);  // no numbers
    check({infinity<S>, S(0), S(0), S(1)}, y, 1);
  }
  // A jump from 200 - 100 to 200 + 100 at 200, and values of y inside it; both widths are below what is resolved.
  for (const double width : {0.0, 1e-9})
    for (const S y : {S(105), S(150), S(200), S(250), S(295)}) {
      if (width <= 0.0 && y >= S(200) && y <= S(200)) continue;  // start on the jump itself
      int evaluations = 0;
      const std::array<S, 4> theta{S(1), S(100), S(200.123), S(width)};
      CHECK(solve_one(Newton{}, response, y, theta, &evaluations).failed);
      CHECK(evaluations <= 40);
    }
}

TEST_CASE_TEMPLATE("a response that is a number only in part of the range", S, float, double) {
  // log(200 - x): NaN from 200 up. Where the search steps there, it ends; it never answers from there.
  const auto response = function_response<0, S>(
      []<class X>(const X& x, const auto*) { return fma(X(S(-30)), log(X(S(200)) - x), x); }, {S(10), S(500)});
  for (int i = -20; i < 100; ++i) {
    int evaluations = 0;
    const auto solution = solve_one(Newton{}, response, S(10 * i), {}, &evaluations);
    CHECK(evaluations <= 40);
    CHECK((solution.failed || solution.x < S(200)));
    CHECK_FALSE(solution.above);
  }
}

TEST_CASE_TEMPLATE("where a response is not monotone, a solution is one on a rising part", S, float, double) {
  // x - 60 tanh((x - 250) / 30) falls around 250.
  const std::array<S, 4> theta{S(1), S(-60), S(250), S(30)};
  const auto response = function_response<4, S>(Step{}, {S(10), S(500)});
  for (int i = 0; i <= 1000; ++i) {
    const S y = S(70) + S(370) * S(i) / S(1001);
    int evaluations = 0;
    const auto solution = solve_one(Newton{}, response, y, theta, &evaluations);
    CAPTURE(y);
    CHECK((solution.solved || solution.failed));
    if (solution.solved) {
      CHECK(solution.slope > S(0));
      CHECK(accurate(Step{}, solution.x, y, theta, 1e-6));
    }
    CHECK(evaluations <= 40);
  }
}

TEST_CASE_TEMPLATE("an edge where the response does not rise is no place to extrapolate from", S, float, double) {
  const auto response = function_response<4, S>(Step{}, {S(10), S(500)});
  // Rises to a maximum inside and falls towards the upper edge; the same mirrored.
  const std::array<S, 4> falling_end{S(-0.2), S(300), S(10), S(100)};
  CHECK(solve_one(Newton{}, response, S(1000), falling_end).failed);
  CHECK(solve_one(invert::Bisection{}, response, S(1000), falling_end).failed);
  const std::array<S, 4> falling_start{S(1), S(-200), S(10), S(100)};
  CHECK(solve_one(Newton{}, response, S(-1000), falling_start).failed);
  CHECK(solve_one(invert::Bisection{}, response, S(-1000), falling_start).failed);
}

TEST_CASE_TEMPLATE("the number of evaluations has a cap", S, float, double) {
  const auto response = function_response<2, S>(Power{}, {S(1), S(5000)});
  for (int iterations = 1; iterations < 12; ++iterations) {
    int evaluations = 0;
    const auto solution = solve_one(Newton{.iterations = iterations}, response, S(2e9), {S(1), S(3)}, &evaluations);
    CHECK(evaluations <= iterations);
    CHECK(solution.n_set() == 1);
    CHECK((solution.solved || solution.failed));
    if (iterations < 3) CHECK(solution.failed);
  }
  CHECK(solve_one(Newton{.iterations = 12}, response, S(2e9), {S(1), S(3)}).solved);
}

TEST_CASE_TEMPLATE("roots at zero and in ranges on both sides of it", S, float, double) {
  const auto response = function_response<0, S>(JetToy{}, {S(-100), S(400)});  // mu is odd
  for (const double x : {-99.0, -50.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 300.0}) {
    const auto y = static_cast<S>(toys::Jet{}.mu(x));
    const auto solution = solve_one(Newton{}, response, y);
    CAPTURE(x);
    CHECK(solution.solved);
    // mu cancels terms of 12.5 to 6 eps or so.
    CHECK(std::abs(static_cast<double>(solution.x) - x) <=
          1e-6 * std::abs(x) + 400e-12 + 200.0 * static_cast<double>(std::numeric_limits<S>::epsilon()));
  }
}

TEST_CASE_TEMPLATE("a lane of a tile, an object alone: the same bits, whatever the neighbours", S, float, double) {
  check_lanes_are_independent<S>(Newton{});
  check_lanes_are_independent<S>(Newton{.tolerance = 1e-3, .iterations = 9});
}

TEST_CASE("settings are checked") {
  CHECK_NOTHROW(Newton{}.validate());
  CHECK_THROWS_WITH_AS(Newton{.tolerance = 0.0}.validate(),
                       "Newton, tolerance: expected a number between 0 and 1, found 0.000000", Error);
  CHECK_THROWS_AS(Newton{.tolerance = not_a_number<double>}.validate(), Error);
  CHECK_THROWS_AS(Newton{.tolerance = infinity<double>}.validate(), Error);
  CHECK_THROWS_WITH_AS(Newton{.iterations = 0}.validate(), "Newton, iterations: expected one or more, found 0", Error);
  std::string names;
  const Newton newton{.tolerance = 0.5, .iterations = 7};
  Newton::each_setting(newton, [&](const char* name, auto value) { names += name + std::to_string(int(value * 2)); });
  CHECK(names == "tolerance1iterations14");
}
