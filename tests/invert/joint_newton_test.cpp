#include "calibrant/invert/joint_newton.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/core/dual.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/core/view.hpp"

using namespace calibrant;
using invert::JointNewton;
using invert::JointPoint;

namespace {

/// Counts what it is asked for, and that it is in the box.
template <class T, int n, class Function>
struct Watched {
  const Function& function;
  invert::Box<ScalarOf<T>, n> box;
  int& calls;
  bool& left_the_box;

  void operator()(const T (&x)[n], JointPoint<T, n>& point) const {
    using D = Dual<T, n>;
    D in[n], out[n];
    ++calls;
    for (int i = 0; i < n; ++i) {
      const auto range = box[static_cast<std::size_t>(i)];
      left_the_box = left_the_box || any(x[i] < T(range.low)) || any(x[i] > T(range.high));
      in[i] = D::variable(x[i], i);
    }
    function(View<const D, n>(in), View<D, n>(out));
    for (int i = 0; i < n; ++i) {
      point.value[i] = out[i].value;
      for (int j = 0; j < n; ++j) point.jacobian[i][j] = out[i].tangent[j];
    }
  }
};

template <class T, int n>
struct Found : invert::JointRoot<T, n> {
  int calls = 0;
  bool left_the_box = false;
};
template <int n, class T, class Function>
Found<T, n> solve(const Function& function, const T (&y)[n], const invert::Box<ScalarOf<T>, n>& box,
                  const JointNewton& newton = {}, const invert::BoxEdges<n>& edges = {}) {
  Found<T, n> found;
  const Watched<T, n, Function> evaluate{function, box, found.calls, found.left_the_box};
  static_cast<invert::JointRoot<T, n>&>(found) = newton.solve(evaluate, y, box, edges, invert::all_lanes<T>(true));
  return found;
}

/// Two coupled responses: u = x_0 + 0.3 x_1 and v = x_1 - 0.2 x_0, each bent, with slopes of 0.9 to 1.8 and 1 to 1.5.
constexpr auto bent = []<class D>(View<const D, 2> in, View<D, 2> out) {
  using S = ScalarOf<D>;
  const D u = fma(D(S(0.3)), in[1], in[0]), v = fma(D(S(-0.2)), in[0], in[1]);
  out[0] = fma(D(S(0.8)), u / fma(D(S(0.1)) * u, u, D(S(1))), u);
  out[1] = fma(D(S(0.5)), tanh(v), v);
};

}  // namespace

TEST_CASE_TEMPLATE("a linear map takes one step", S, float, double) {
  const auto map = []<class D>(View<const D, 2> in, View<D, 2> out) {
    out[0] = fma(D(S(2)), in[0], in[1]);
    out[1] = fma(D(S(-1)), in[0], D(S(3)) * in[1]);
  };
  const invert::Box<S, 2> box{{{S(-10), S(10)}, {S(-10), S(10)}}};
  // (2 * 1 + 4, -1 + 12)
  auto found = solve<2, S>(map, {S(6), S(11)}, box);
  CHECK(found.solved);
  CHECK(std::abs(found.x[0] - S(1)) <= S(1e-6));
  CHECK(std::abs(found.x[1] - S(4)) <= S(4e-6));
  CHECK(found.calls == 2);
  CHECK(!found.left_the_box);
  // A linear map goes on as itself: (20, -30) is outside.
  found = solve<2, S>(map, {S(10), S(-110)}, box);
  CHECK(found.solved);
  CHECK(std::abs(found.x[0] - S(20)) <= S(2e-5));
  CHECK(std::abs(found.x[1] - S(-30)) <= S(3e-5));
  CHECK(!found.left_the_box);
}

TEST_CASE_TEMPLATE("100,000 points of a map that is bent and coupled", S, float, double) {
  const invert::Box<S, 2> box{{{S(-8), S(8)}, {S(-8), S(8)}}};
  Random random(1);
  double most = 0.0;
  int n_unsolved = 0, most_calls = 0;
  bool left = false;
  for (int i = 0; i < 100'000; ++i) {
    const S x[2] = {static_cast<S>(random.uniform(-8.0, 8.0)), static_cast<S>(random.uniform(-8.0, 8.0))};
    S y[2];
    bent(View<const S, 2>(x), View<S, 2>(y));
    const auto found = solve<2, S>(bent, y, box);
    n_unsolved += found.solved ? 0 : 1;
    most_calls = std::max(most_calls, found.calls);
    left = left || found.left_the_box;
    for (int k = 0; k < 2; ++k)
      most = std::max(
          most, static_cast<double>(std::abs(found.x[k] - x[k])) / std::max(1.0, static_cast<double>(std::abs(x[k]))));
  }
  CHECK(n_unsolved == 0);
  CHECK(!left);
  CHECK(most_calls <= 30);
  // The tolerance; float rounds y by 6e-8 of up to 11, over slopes of 0.9 and more.
  CHECK(most <= (sizeof(S) == 4 ? 6e-6 : 1e-6));
  MESSAGE("largest error " << most << ", most evaluations " << most_calls);
}

TEST_CASE("three unknowns, and one") {
  const auto three = []<class D>(View<const D, 3> in, View<D, 3> out) {
    out[0] = fma(D(0.1) * in[1], in[2], in[0]);
    out[1] = fma(D(0.2) * in[0], in[0], D(2.0) * in[1]);
    out[2] = fma(D(-0.1), in[0] + in[1], in[2]);
  };
  const invert::Box<double, 3> box{{{0.0, 5.0}, {0.0, 5.0}, {0.0, 5.0}}};
  Random random(2);
  for (int i = 0; i < 1000; ++i) {
    const double x[3] = {random.uniform(0.0, 5.0), random.uniform(0.0, 2.0), random.uniform(0.0, 2.0)};
    double y[3];
    three(View<const double, 3>(x), View<double, 3>(y));
    const auto found = solve<3, double>(three, y, box);
    CHECK(found.solved);
    for (int k = 0; k < 3; ++k) CHECK(std::abs(found.x[k] - x[k]) <= 1e-6 * std::max(1.0, x[k]));
  }
  const auto cube = []<class D>(View<const D, 1> in, View<D, 1> out) { out[0] = in[0] * in[0] * in[0]; };
  const auto found = solve<1, double>(cube, {27.0}, {{{1.0, 10.0}}});
  CHECK(found.solved);
  CHECK(std::abs(found.x[0] - 3.0) <= 3e-6);
}

TEST_CASE("outside of the box: the tangent at the nearest point, continuous at the edges and at the corners") {
  const auto map = []<class D>(View<const D, 2> in, View<D, 2> out) {
    out[0] = in[0] * (D(0.8) + D(0.02) * log(in[0]) - D(0.01) * log(in[1]));
    out[1] = in[1] * (D(0.9) + D(0.05) * log(in[1]) - D(0.03) * log(in[0]));
  };
  const invert::Box<double, 2> box{{{20.0, 1000.0}, {5.0, 200.0}}};
  const auto continued = [&](const std::array<double, 2>& x, double(&y)[2]) {
    using D = Dual<double, 2>;
    const double p[2] = {std::clamp(x[0], 20.0, 1000.0), std::clamp(x[1], 5.0, 200.0)};
    const D in[2] = {D::variable(p[0], 0), D::variable(p[1], 1)};
    D out[2];
    map(View<const D, 2>(in), View<D, 2>(out));
    for (int i = 0; i < 2; ++i)
      y[i] = out[i].value + out[i].tangent[0] * (x[0] - p[0]) + out[i].tangent[1] * (x[1] - p[1]);
  };
  Random random(3);
  int n_unsolved = 0;
  double most = 0.0;
  for (int i = 0; i < 10'000; ++i) {
    const std::array<double, 2> x{random.uniform(2.0, 2000.0), random.uniform(0.5, 400.0)};
    double y[2];
    continued(x, y);
    const auto found = solve<2, double>(map, y, box);
    n_unsolved += found.solved && !found.left_the_box ? 0 : 1;
    // The tolerance is one of the point of the box.
    for (std::size_t k = 0; k < 2; ++k) most = std::max(most, std::abs(found.x[k] - x[k]) / std::max(x[k], box[k].low));
  }
  CHECK(n_unsolved == 0);
  CHECK(most <= 1e-6);
  // Slope of the inverse on both sides of an edge: the same to first order.
  double y[2], beyond[2];
  continued({20.0, 50.0}, y);
  const double step = 1e-3;
  const auto slope = [&](double by) {
    for (int i = 0; i < 2; ++i) beyond[i] = y[i];
    beyond[0] += by;
    const auto found = solve<2, double>(map, beyond, box, {.tolerance = 1e-13});
    CHECK(found.solved);
    return (found.x[0] - 20.0) / by;
  };
  CHECK(slope(step) == doctest::Approx(slope(-step)).epsilon(1e-4));
}

TEST_CASE("where there is no inverse, that is the answer") {
  const invert::Box<double, 2> box{{{-1.0, 1.0}, {-1.0, 1.0}}};
  const auto unsolved = [&](const auto& map, double a, double b) { return !solve<2, double>(map, {a, b}, box).solved; };
  // Singular, falling in one, turned by half a circle (positive determinant), of no finite value, folded.
  CHECK(unsolved([]<class D>(View<const D, 2> in, View<D, 2> out) { out[0] = out[1] = in[0] + in[1]; }, 0.1, 0.3));
  CHECK(unsolved(
      []<class D>(View<const D, 2> in, View<D, 2> out) {
        out[0] = in[0];
        out[1] = -in[1];
      },
      0.1, 0.3));
  CHECK(unsolved(
      []<class D>(View<const D, 2> in, View<D, 2> out) {
        out[0] = -in[0];
        out[1] = -in[1];
      },
      0.1, 0.3));
  CHECK(unsolved(
      []<class D>(View<const D, 2> in, View<D, 2> out) {
        out[0] = in[0];
        out[1] = log(in[1] - D(2.0));
      },
      0.1, 0.3));
  CHECK(unsolved(
      []<class D>(View<const D, 2> in, View<D, 2> out) {
        out[0] = in[0];
        out[1] = in[1] - in[1] * in[1];  // 0.25 at most, where it turns
      },
      0.1, 0.3));
  // The same, where there is a solution.
  CHECK(!unsolved(
      []<class D>(View<const D, 2> in, View<D, 2> out) {
        out[0] = in[0];
        out[1] = in[1] - in[1] * in[1];
      },
      0.1, 0.2));
}

TEST_CASE_TEMPLATE("a lane gets the bits that it gets alone, whatever its neighbours do", S, float, double) {
  using T = Wide<S, 2>;
  const invert::Box<S, 2> box{{{S(-8), S(8)}, {S(-8), S(8)}}};
  Random random(4);
  int n_different = 0;
  for (int i = 0; i < 1000; ++i) {
    S alone[2][T::n_samples];
    for (auto& one : alone)
      for (S& y : one) y = static_cast<S>(random.uniform(-15.0, 15.0));
    alone[0][i % T::n_samples] = std::numeric_limits<S>::quiet_NaN();
    const T y[2] = {T::load(alone[0]), T::load(alone[1])};
    const auto tile = solve<2, T>(bent, y, box);
    for (int lane = 0; lane < T::n_samples; ++lane) {
      const auto one = solve<2, S>(bent, {alone[0][lane], alone[1][lane]}, box);
      const bool solved =
          any(tile.solved && T::load(alone[0]) <= T(alone[0][lane]) && T::load(alone[0]) >= T(alone[0][lane]));
      n_different += one.solved == solved ? 0 : 1;
      for (int k = 0; k < 2; ++k)
        if (one.solved && !(tile.x[k][lane] <= one.x[k] && tile.x[k][lane] >= one.x[k])) ++n_different;
    }
  }
  CHECK(n_different == 0);
}

TEST_CASE("settings out of range are refused") {
  CHECK(error_of([] { JointNewton{.tolerance = 0.0}.validate(); }) ==
        "JointNewton, tolerance: expected a number between 0 and 1, found 0.000000");
  CHECK(error_of([] { JointNewton{.iterations = 0}.validate(); }) ==
        "JointNewton, iterations: expected one or more, found 0");
}

TEST_CASE("too few iterations: no solution, not a wrong one") {
  const invert::Box<double, 2> box{{{-8.0, 8.0}, {-8.0, 8.0}}};
  CHECK(!solve<2, double>(bent, {5.0, 5.0}, box, {.iterations = 2}).solved);
}
