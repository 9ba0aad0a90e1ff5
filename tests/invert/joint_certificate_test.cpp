#include "calibrant/invert/joint_certificate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "../calibration/joint_responses.hpp"
#include "../error_of.hpp"
#include "calibrant/nn/ensemble.hpp"

using namespace joint;
using calibrant::invert::Certificate;
using calibrant::invert::CertificateOptions;
using calibrant::invert::certify_one_to_one;
using calibrant::invert::joint_function_response;
using calibrant::invert::MinorBounds;
using calibrant::invert::Verdict;

namespace {

/// A turn by the angle theta: minors cos(theta), cos(theta), 1.
auto turned() {
  return joint_function_response<2, 1, double>(
      []<class D>(View<const D, 3> in, View<D, 2> out) {
        // cos and sin to fifth and sixth order: good to 1e-3 for an angle below 1.6, which does for a test.
        const D a = in[2] * in[2];
        const D c = D(1.0) - a * (D(0.5) - a * (D(1.0 / 24.0) - a * D(1.0 / 720.0)));
        const D s = in[2] * (D(1.0) - a * (D(1.0 / 6.0) - a * D(1.0 / 120.0)));
        out[0] = c * in[0] - s * in[1];
        out[1] = s * in[0] + c * in[1];
      },
      {{{-1.0, 1.0}, {-1.0, 1.0}}}, {{{-1.0, 1.0}}});
}
/// A complex square, (x_0 + i x_1)^2: minors 2 x_0, 2 x_0, 4 (x_0^2 + x_1^2). One-to-one for x_0 > 0, not around 0.
auto squared(Range<double> x0) {
  return joint_function_response<2, 0, double>(
      []<class D>(View<const D, 2> in, View<D, 2> out) {
        out[0] = in[0] * in[0] - in[1] * in[1];
        out[1] = D(2.0) * in[0] * in[1];
      },
      {{x0, {-1.0, 1.0}}});
}

/// The smallest principal minor of the Jacobian at a point, from duals of numbers.
template <class Response>
double smallest_minor(const Response& response, const std::vector<double>& point) {
  constexpr int n = Response::n_out, n_in = Response::n_theta + 1;
  using D = Dual<double, n>;
  D x[n_in], y[n];
  for (int i = 0; i < n_in; ++i)
    x[i] = i < n ? D::variable(point[static_cast<std::size_t>(i)], i) : D(point[static_cast<std::size_t>(i)]);
  response.template evaluate<D>(View<const D, n_in>(x), View<D, n>(y));
  return std::min(
      {y[0].tangent[0], y[1].tangent[1], y[0].tangent[0] * y[1].tangent[1] - y[0].tangent[1] * y[1].tangent[0]});
}

/// Two truths and a feature, through any transform and meaning of the outputs.
template <class Net>
Model<Net, double> some_network(Transform of_truth, Output output, std::uint64_t seed, double strength) {
  Model<Net, double> model;
  const bool logarithmic = of_truth == Transform::logarithm;
  model.inputs[0] = {of_truth, logarithmic ? 4.5 : 250.0, logarithmic ? 0.9 : 0.004, 20.0, 500.0};
  model.inputs[1] = {of_truth, logarithmic ? 3.0 : 40.0, logarithmic ? 1.1 : 0.02, 5.0, 100.0};
  for (std::size_t i = 2; i < model.inputs.size(); ++i) model.inputs[i] = {Transform::absolute, 0.8, 1.2, -2.0, 2.0};
  const bool is_ratio = output == Output::ratio || output == Output::paired_ratio;
  for (auto& one : model.outputs) one = {output, is_ratio ? 0.0 : 100.0, is_ratio ? 1.0 : 80.0};
  Random random(seed);
  Parameters<double, Net::n_params> p;
  Net::template initialise<double>(p.view(), random);
  for (int i = 0; i < Net::n_params; ++i) p[i] *= i < Net::n_params - 2 ? strength : 0.0;
  p[Net::n_params - 2] = p[Net::n_params - 1] = is_ratio ? 0.8 : 0.0;
  model.set_parameters(p);
  return model;
}

using Small = Mlp<Inputs<3>, Hidden<8, SiLU>, Outputs<2>>;

}  // namespace

TEST_CASE("maps whose minors are known") {
  // cos(1) = 0.5403 at the edge of the range of the angle.
  const auto turn = certify_one_to_one(turned());
  CHECK(turn.proven());
  CHECK(turn.smallest_bound > 0.0);
  CHECK(turn.smallest_bound <= 0.5404);
  CHECK(certify_one_to_one(turned(), {.minimum = 0.5}).proven());
  const auto too_much = certify_one_to_one(turned(), {.minimum = 0.55});
  CHECK(too_much.verdict == Verdict::refuted);
  REQUIRE(too_much.point.size() == 3);
  CHECK(std::cos(too_much.point[2]) <= 0.551);

  const auto half = certify_one_to_one(squared({0.1, 2.0}));
  CHECK(half.proven());
  CHECK(half.smallest_bound <= 4.0 * 0.1 * 0.1);
  // (x_0, x_1) and (-x_0, -x_1) have the same square: never certified, whatever the work.
  for (const std::int64_t boxes : {1, 10, 1000, 100'000}) {
    const auto folded = certify_one_to_one(squared({-2.0, 2.0}), {.max_boxes = boxes});
    CHECK_FALSE(folded.proven());
    if (folded.verdict == Verdict::refuted) CHECK(folded.point[0] <= 0.0);
  }
  // The edge x_0 = 0 has minors of exactly 0: nothing can decide that.
  const auto touching = certify_one_to_one(squared({0.0, 2.0}), {.max_boxes = 500});
  CHECK(touching.verdict == Verdict::undecided);
  REQUIRE(!touching.undecided.empty());
  CHECK(touching.undecided[0].bounds.low <= 0.0);
  CHECK(touching.n_boxes <= 500);
}

TEST_CASE("a map that is not one-to-one although both responses rise with their own truth") {
  const auto map = [](double highest) {
    return joint_function_response<2, 0, double>(
        []<class D>(View<const D, 2> in, View<D, 2> out) {
          out[0] = in[0] + D(0.5) * in[1] * in[1];
          out[1] = in[1] + D(0.5) * in[0] * in[0];
        },
        {{{-0.9, highest}, {-0.9, highest}}});
  };
  // The determinant is 1 - x_0 x_1; beyond (1, 1) the map folds.
  CHECK(certify_one_to_one(map(0.9)).proven());
  const auto refuted = certify_one_to_one(map(1.5));
  CHECK(refuted.verdict == Verdict::refuted);
  CHECK(refuted.point[0] * refuted.point[1] >= 1.0);
}

TEST_CASE("three truths, and one") {
  const auto three = [](double coupling) {
    return joint_function_response<3, 0, double>(
        [coupling]<class D>(View<const D, 3> in, View<D, 3> out) {
          for (int i = 0; i < 3; ++i) out[i] = in[i] + D(coupling) * (in[(i + 1) % 3] + D(0.1) * in[i] * in[i]);
        },
        {{{0.0, 1.0}, {0.0, 1.0}, {0.0, 1.0}}});
  };
  // d = 1 + 0.2 c x; principal minors d, d d, d d d + c^3: all positive for c > -0.9.
  CHECK(certify_one_to_one(three(0.5)).proven());
  CHECK(certify_one_to_one(three(-0.5)).proven());
  CHECK(certify_one_to_one(three(-1.5)).verdict == Verdict::refuted);
  const auto one = joint_function_response<1, 1, double>(
      []<class D>(View<const D, 2> in, View<D, 1> out) { out[0] = in[0] * (in[0] - in[1]); }, {{{1.0, 2.0}}},
      {{{0.0, 1.5}}});
  const auto found = certify_one_to_one(one);
  CHECK(found.proven());
  CHECK(found.smallest_bound <= 0.5);  // 2 x - theta
  CHECK(certify_one_to_one(one, {.minimum = 0.49}).proven());
}

TEST_CASE("bounds over boxes of networks hold what these give at points of the boxes") {
  int outside = 0, wide = 0;
  std::uint64_t seed = 0;
  for (const Transform transform : {Transform::identity, Transform::logarithm})
    for (const Output output : {Output::identity, Output::standardised, Output::ratio, Output::paired_ratio}) {
      const auto model = some_network<Small>(transform, output, ++seed, 1.0);
      const MinorBounds<Model<Small, double>> bounds(model);
      Random random(seed);
      for (int trial = 0; trial < 100; ++trial) {
        const double size = trial % 2 == 0 ? 0.2 : 1e-4;
        std::vector<Interval> box;
        for (const auto& input : model.inputs) {
          const double low = random.uniform(input.low, input.high);
          box.emplace_back(low, low + size * (input.high - low));
        }
        const Interval bound = bounds(box);
        for (int i = 0; i < 20; ++i) {
          std::vector<double> point;
          point.reserve(box.size());
          for (const Interval& side : box) point.push_back(random.uniform(side.low, side.high));
          const double minor = smallest_minor(model, point);
          // Both are off by the rounding of a hundred operations.
          const double rounding = 1e-12 * (1.0 + std::fabs(minor));
          outside += minor < bound.low - rounding || minor > bound.high + rounding ? 1 : 0;
          wide += size < 1e-3 && bound.width() > 0.1 * (1.0 + std::fabs(minor)) ? 1 : 0;
        }
      }
    }
  CHECK(outside == 0);
  CHECK(wide == 0);
}

// Whatever is certified, a scan of points must agree: 40^3 of them.
TEST_CASE("random networks: the verdict is that of a fine scan") {
  int n_proven = 0, n_refuted = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const auto model = some_network<Small>(Transform::logarithm, Output::paired_ratio, seed, seed <= 6 ? 0.5 : 1.3);
    double smallest = 1e9;
    for (int i = 0; i <= 40; ++i)
      for (int j = 0; j <= 40; ++j)
        for (int k = 0; k <= 40; ++k)
          smallest = std::min(smallest, smallest_minor(model, {20.0 * std::pow(25.0, i / 40.0),
                                                               5.0 * std::pow(20.0, j / 40.0), -2.0 + 0.1 * k}));
    const Certificate found = certify_one_to_one(model, {.max_boxes = 20'000});
    CAPTURE(seed);
    CAPTURE(smallest);
    CHECK(found.verdict != Verdict::undecided);
    CHECK(found.smallest_bound <= smallest);
    if (found.proven()) CHECK(smallest > 0.0);
    if (found.verdict == Verdict::refuted) {
      CHECK(smallest_minor(model, found.point) <= 1e-12);
      CHECK(found.bounds_at_point.width() < 1e-9);
    }
    n_proven += found.proven() ? 1 : 0;
    n_refuted += found.verdict == Verdict::refuted ? 1 : 0;
  }
  CHECK(n_proven >= 4);
  CHECK(n_refuted >= 2);
  MESSAGE(n_proven << " proven, " << n_refuted << " refuted");
}

TEST_CASE_TEMPLATE("the response of jets and an ensemble of it; what is ignored stays at one value", S, float, double) {
  const auto model = response<S>();
  const auto found = certify_one_to_one(model);
  CHECK(found.proven());
  CHECK(found.smallest_bound > 0.0);
  CHECK(certify_one_to_one(Ensemble(std::vector{response<S>(1), response<S>(2)})).proven());
  std::ostringstream out;
  found.print(out);
  CHECK(out.str().starts_with("one-to-one proven with "));
  MESSAGE(out.str());
}

TEST_CASE("bad input is refused") {
  const auto map = turned();
  using R = std::vector<Range<double>>;
  const auto refused = [&](const invert::Box<double, 2>& truth, const R& theta,
                           const CertificateOptions& options = {}) {
    return error_of([&] { certify_one_to_one<decltype(map)>(map, truth, theta, options); });
  };
  const Range<double> good{0.0, 1.0};
  CHECK(refused({good, good}, {good}) == "no error");
  CHECK(refused({good, good}, {}) == "certify_one_to_one: expected 1 ranges of features, found 0");
  CHECK(refused({good, {2.0, 1.0}}, {good}) ==
        "certify_one_to_one, truth 1: expected a finite range, low <= high, found 2.000000 to 1.000000");
  CHECK(refused({good, good}, {{std::nan(""), 1.0}}) ==
        "certify_one_to_one, feature 0: expected a finite range, low <= high, found nan to 1.000000");
  CHECK(refused({good, {0.0, INFINITY}}, {good}) != "no error");
  CHECK(refused({good, good}, {good}, {.minimum = std::nan("")}) ==
        "CertificateOptions, minimum: expected a finite number, found nan");
  CHECK(refused({good, good}, {good}, {.max_boxes = 0}) ==
        "CertificateOptions, max_boxes: expected one or more, found 0");
}
