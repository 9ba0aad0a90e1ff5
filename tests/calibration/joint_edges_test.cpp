// What a JointCalibration answers beyond the box of trained truths: linear, clamp, reject.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/calibration/joint.hpp"
#include "calibrant/parallel/pool.hpp"
#include "joint_responses.hpp"

using namespace joint;
using extrapolate::Edge;
using extrapolate::Edges;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Two truths of 20 to 1000 and 5 to 200 whose ratios depend on both: minors of 0.76 and more.
constexpr auto jet_like = []<class D>(View<const D, 2> in, View<D, 2> out) {
  out[0] = in[0] * (D(0.8) + D(0.02) * log(in[0]) - D(0.01) * log(in[1]));
  out[1] = in[1] * (D(0.9) + D(0.05) * log(in[1]) - D(0.03) * log(in[0]));
};
const invert::Box<double, 2> box{{{20.0, 1000.0}, {5.0, 200.0}}};
auto jet_response() { return invert::joint_function_response<2, 0, double>(jet_like, box); }

struct Point {
  double value[2], jacobian[2][2];
};
Point at(const std::array<double, 2>& x) {
  using D = Dual<double, 2>;
  const D in[2] = {D::variable(x[0], 0), D::variable(x[1], 1)};
  D out[2];
  jet_like(View<const D, 2>(in), View<D, 2>(out));
  return {{out[0].value, out[1].value},
          {{out[0].tangent[0], out[0].tangent[1]}, {out[1].tangent[0], out[1].tangent[1]}}};
}

/// The edge that x is beyond, or nothing.
const Edge* beyond(double x, const Range<double>& range, const Edges& edges) {
  return x < range.low ? &edges.below : x > range.high ? &edges.above : nullptr;
}
/// L continued as documented: A has the columns of J, of clamped truths the diagonal element alone.
std::array<double, 2> continued(const std::array<double, 2>& x, const std::array<Edges, 2>& edges) {
  const std::array<double, 2> p{std::clamp(x[0], 20.0, 1000.0), std::clamp(x[1], 5.0, 200.0)};
  const Point point = at(p);
  std::array<double, 2> y{point.value[0], point.value[1]};
  for (std::size_t j = 0; j < 2; ++j) {
    const Edge* edge = beyond(x[j], box[j], edges[j]);
    for (std::size_t i = 0; i < 2; ++i)
      if (i == j || edge == nullptr || *edge != Edge::clamp) y[i] += point.jacobian[i][j] * (x[j] - p[j]);
  }
  return y;
}
/// What should come of a solution x of the continued response: its values and its status.
JointlyCalibrated<double, 2> expected(const std::array<double, 2>& x, const std::array<Edges, 2>& edges) {
  JointlyCalibrated<double, 2> result{x, Status::ok};
  bool rejected = false;
  for (std::size_t j = 0; j < 2; ++j) {
    const Edge* edge = beyond(x[j], box[j], edges[j]);
    if (edge == nullptr) continue;
    if (*edge == Edge::clamp) result.values[j] = std::clamp(x[j], box[j].low, box[j].high);
    rejected = rejected || *edge == Edge::reject;
    result.status = worse(result.status, *edge == Edge::clamp ? Status::clamped
                                         : x[j] < box[j].low  ? Status::extrapolated_low
                                                              : Status::extrapolated_high);
  }
  if (rejected) result.values = {not_a_number, not_a_number};
  return result;
}
std::vector<std::array<Edges, 2>> all_edges() {
  std::vector<std::array<Edges, 2>> result;
  for (const Edge a : {Edge::linear, Edge::clamp, Edge::reject})
    for (const Edge b : {Edge::linear, Edge::clamp, Edge::reject})
      for (const Edge c : {Edge::linear, Edge::clamp, Edge::reject})
        for (const Edge d : {Edge::linear, Edge::clamp, Edge::reject}) result.push_back({Edges{a, b}, Edges{c, d}});
  return result;
}
/// Inside, beyond one edge, or beyond two, by up to twice the response.
std::array<double, 2> anywhere(Random& random) {
  return {10.0 * std::pow(200.0, random.uniform()), 2.0 * std::pow(200.0, random.uniform())};
}

}  // namespace

TEST_CASE("every combination of edges: the solution of the response continued as documented") {
  Random random(1);
  int n_wrong_status = 0, n_wrong_nan = 0;
  double most = 0.0;
  for (const auto& edges : all_edges()) {
    const JointCalibration calibration(jet_response(), {}, edges);
    for (int i = 0; i < 300; ++i) {
      const auto x = anywhere(random);
      const auto wanted = expected(x, edges);
      const auto found = calibration(continued(x, edges), {});
      n_wrong_status += found.status == wanted.status ? 0 : 1;
      for (std::size_t k = 0; k < 2; ++k) {
        n_wrong_nan += std::isnan(found.values[k]) == std::isnan(wanted.values[k]) ? 0 : 1;
        if (!std::isnan(wanted.values[k]))
          // The tolerance is one of the point of the box.
          most = std::max(most, std::abs(found.values[k] - wanted.values[k]) / std::max(x[k], box[k].low));
      }
    }
  }
  CHECK(n_wrong_status == 0);
  CHECK(n_wrong_nan == 0);
  CHECK(most <= 1e-6);
}

TEST_CASE("clamped: the solution of the problem restricted to the box") {
  const JointCalibration calibration(jet_response(), {}, {Edge::clamp, Edge::clamp});
  Random random(2);
  int n_outside = 0, n_edge = 0, n_corner = 0, n_unfulfilled = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::array<double, 2> y{8.0 * std::pow(250.0, random.uniform()), 1.0 * std::pow(600.0, random.uniform())};
    const auto [x, status] = calibration(y, {});
    const Point point = at(x);
    int at_edges = 0;
    for (std::size_t k = 0; k < 2; ++k) {
      n_outside += x[k] >= box[k].low && x[k] <= box[k].high ? 0 : 1;
      const bool low = x[k] <= box[k].low, high = x[k] >= box[k].high;
      at_edges += low || high ? 1 : 0;
      const double left = point.value[k] - y[k], allowed = 4e-6 * (point.value[0] + point.value[1]);
      const bool fulfilled = low ? left >= -allowed : high ? left <= allowed : std::abs(left) <= allowed;
      n_unfulfilled += fulfilled ? 0 : 1;
    }
    CHECK(status == (at_edges > 0 ? Status::clamped : Status::ok));
    n_edge += at_edges == 1 ? 1 : 0;
    n_corner += at_edges == 2 ? 1 : 0;
  }
  CHECK(n_outside == 0);
  CHECK(n_unfulfilled == 0);
  CHECK(n_edge > 2000);
  CHECK(n_corner > 1000);
}

// With the response of the linear toy: pT at the edge of the mass, by hand.
TEST_CASE_TEMPLATE("a linear response: the other truth is solved for at the edge", S, float, double) {
  const JointCalibration calibration(linear<S>(), {}, {Edges{Edge::linear}, Edges{Edge::clamp}});
  // y_0 = 0.8 x_0 + 0.1 x_1 + theta, y_1 = -0.05 x_0 + 0.7 x_1; x_1 from 5 to 50.
  const auto check = [&](double y0, double y1, double x0, double x1, Status status) {
    const auto [x, found] = calibration({static_cast<S>(y0), static_cast<S>(y1)}, {S(0)});
    CHECK(found == status);
    CHECK(std::abs(static_cast<double>(x[0]) - x0) <= 4e-6 * x0);
    CHECK(std::abs(static_cast<double>(x[1]) - x1) <= 4e-6 * x1);
  };
  check(45.0, 100.0, 50.0, 50.0, Status::clamped);
  check(45.0, 1e6, 50.0, 50.0, Status::clamped);
  check(40.5, -3.0, 50.0, 5.0, Status::clamped);
  check(165.0, 100.0, 200.0, 50.0, Status::extrapolated_high);  // pT goes on
  check(4.5, -30.0, 5.0, 5.0, Status::extrapolated_low);
  check(45.0, 32.5, 50.0, 50.0, Status::ok);
  check(41.0, 4.5, 50.0, 10.0, Status::ok);
}

// Across each edge and around the corners values move as the measured ones do: there is no jump.
TEST_CASE("values are continuous at the edges and at the corners") {
  for (const auto& edges : all_edges()) {
    if (edges[0].any_is(Edge::reject) || edges[1].any_is(Edge::reject)) continue;
    const JointCalibration calibration(jet_response(), {.tolerance = 1e-12}, edges);
    Random random(3);
    double most = 0.0;
    for (int i = 0; i < 500; ++i) {
      std::array<double, 2> x{random.uniform(20.0, 1000.0), random.uniform(5.0, 200.0)};
      const auto side = static_cast<std::size_t>(i % 2);
      x[side] = i % 4 < 2 ? box[side].low : box[side].high;
      if (i % 5 == 0) x[1 - side] = i % 3 == 0 ? box[1 - side].low : box[1 - side].high;
      const Point point = at(x);
      for (const double step : {1e-3, 1e-7}) {
        const double direction = random.uniform(0.0, 6.2831853);
        const auto [found, status] =
            calibration({point.value[0] + step * std::cos(direction), point.value[1] + step * std::sin(direction)}, {});
        // The inverse Jacobian is below 1.5, here and with a truth at its edge.
        for (std::size_t k = 0; k < 2; ++k) most = std::max(most, std::abs(found[k] - x[k]) / step);
      }
    }
    CHECK(most < 3.0);
  }
}

TEST_CASE("far away from everything, and bad numbers") {
  for (const auto& edges : all_edges()) {
    const JointCalibration calibration(jet_response(), {}, edges);
    for (const double big : {1e6, 1e12})
      for (const auto& y : {std::array{big, 1.0}, std::array{1.0, big}, std::array{-big, -big}, std::array{big, big}}) {
        const auto [x, status] = calibration(y, {});
        CHECK((severity(status) == 1 || severity(status) == 2));
        if (!edges[0].any_is(Edge::linear) && !edges[0].any_is(Edge::reject) && !edges[1].any_is(Edge::linear) &&
            !edges[1].any_is(Edge::reject))
          for (std::size_t k = 0; k < 2; ++k) CHECK((x[k] >= box[k].low && x[k] <= box[k].high));
      }
    for (const double bad : {not_a_number, HUGE_VAL, -HUGE_VAL}) {
      for (const auto& y : {std::array{bad, 20.0}, std::array{100.0, bad}}) {
        const auto [x, status] = calibration(y, {});
        CHECK(status == Status::invalid_input);
        CHECK(std::isnan(x[0]));
        CHECK(std::isnan(x[1]));
      }
    }
  }
}

TEST_CASE("cut-offs: the edges are there, inside the trained range") {
  const Edges pt(Edge::linear, Edge::clamp, 50.0, 500.0), mass(Edge::clamp, Edge::linear, 10.0);
  const JointCalibration cut(jet_response(), {}, {pt, mass});
  CHECK(cut.truth_range(0).high == 1000.0);
  CHECK(cut.solved_range(0).low == 50.0);
  CHECK(cut.solved_range(0).high == 500.0);
  CHECK(cut.solved_range(1).high == 200.0);
  // That of a response trained there.
  const auto narrow = invert::joint_function_response<2, 0, double>(jet_like, {{{50.0, 500.0}, {10.0, 200.0}}});
  const JointCalibration trained_there(narrow, {},
                                       {Edges(Edge::linear, Edge::clamp), Edges(Edge::clamp, Edge::linear)});
  Random random(7);
  for (int i = 0; i < 500; ++i) {
    const auto y = anywhere(random);
    const auto found = cut(y, {}), wanted = trained_there(y, {});
    CHECK(found.values == wanted.values);
    CHECK(found.status == wanted.status);
  }
  CHECK(error_of([&] {
          JointCalibration(jet_response(), {}, {Edges(Edge::clamp, Edge::clamp, 10.0), Edges()});
        }) ==
        "JointCalibration, truth 0: expected cut-offs in their order within the trained range, 20.000000 to "
        "1000.000000, found 10.000000 and 1000.000000");
}

TEST_CASE("where both cannot be solved for together, one can at the edge of the other") {
  // J = (1 1; 1.5 1): both rise with their own truth, but the determinant is -0.5.
  const auto turned_over = invert::joint_function_response<2, 0, double>(
      []<class D>(View<const D, 2> in, View<D, 2> out) {
        out[0] = in[0] + in[1];
        out[1] = D(1.5) * in[0] + in[1];
      },
      {{{0.0, 1.0}, {0.0, 1.0}}});
  CHECK(JointCalibration(turned_over)({0.5, 0.5}, {}).status == Status::not_invertible);
  const auto [x, status] = JointCalibration(turned_over, {}, {Edge::linear, Edge::clamp})({0.5, -3.0}, {});
  CHECK(status == Status::clamped);
  CHECK(std::abs(x[0] - 0.5) <= 1e-6);
  CHECK(std::abs(x[1]) <= 0.0);

  // There may be none or several solutions of the restricted problem; what is answered is one.
  const JointCalibration clamping(turned_over, {}, {Edge::clamp, Edge::clamp});
  Random random(8);
  int n_answered = 0, n_wrong = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::array<double, 2> y{random.uniform(-2.0, 4.0), random.uniform(-2.0, 5.0)};
    const auto [found, what] = clamping(y, {});
    if (what == Status::not_invertible) continue;
    ++n_answered;
    const std::array<double, 2> response{found[0] + found[1], 1.5 * found[0] + found[1]};
    for (std::size_t k = 0; k < 2; ++k) {
      const double left = response[k] - y[k];
      const bool fulfilled = found[k] <= 0.0 ? left >= -1e-5 : found[k] >= 1.0 ? left <= 1e-5 : std::abs(left) <= 1e-5;
      n_wrong += fulfilled ? 0 : 1;
    }
  }
  CHECK(n_answered > 1000);
  CHECK(n_wrong == 0);
}

TEST_CASE_TEMPLATE("a batch, on any number of threads, gives the bits of its objects one by one", S, float, double) {
  for (const auto& edges : {std::array<Edges, 2>{Edge::clamp, Edge::clamp},
                            std::array<Edges, 2>{Edges{Edge::clamp, Edge::linear}, Edges{Edge::reject, Edge::clamp}}}) {
    const JointCalibration calibration(response<S>(), {}, edges);
    const Objects<S> objects(5000);
    const auto wanted = one_by_one(calibration, objects);
    for (const Status status : {Status::ok, Status::clamped, Status::invalid_input})
      CHECK(std::count(wanted.status.begin(), wanted.status.end(), status) > 0);
    CHECK(std::count(wanted.status.begin(), wanted.status.end(), Status::not_invertible) == 0);
    for (const int n_threads : {1, 3}) {
      ThreadPool pool(n_threads);
      Answers<S> answers(objects.size());
      calibration({row_major<S>(objects.y, 2), row_major<S>(objects.theta, 2), answers.values, answers.status}, pool);
      CHECK(answers == wanted);
    }
  }
}
