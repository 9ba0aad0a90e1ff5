#include "calibrant/invert/certificate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "calibrant/nn.hpp"
#include "responses.hpp"

using namespace responses;
using calibrant::invert::CertificateOptions;
using calibrant::invert::certify_monotonicity;
using calibrant::invert::function_response;
using calibrant::invert::Verdict;

namespace {

/// Slope x - theta_0, exactly: 0 at x = theta_0.
template <class S>
auto parabola() {
  return function_response<1, S>(
      []<class X>(const X& x, const auto* theta) { return fma(X(S(0.5)) * x, x, -X(theta[0]) * x); }, {S(1), S(11)},
      {{{S(-1), S(3)}}});
}

using Small = Mlp<Inputs<2>, Hidden<3, Tanh>, Outputs<1>>;

/// y = 0.3 tanh(x + theta) + 0.2 tanh(0.5 x - theta) + falling tanh(3 x) + 0.1 (raw): its slope is known in closed
/// form.
template <class S>
Model<Small, S> small_net(double falling) {
  Model<Small, S> model;
  for (auto& input : model.inputs) input = {Transform::identity, S(0), S(1), S(-2), S(2)};
  Parameters<S, Small::n_params> p;
  const double values[] = {1, 1, 0.5, -1, 3, 0, 0, 0, 0, 0.3, 0.2, falling, 0.1};
  for (int i = 0; i < Small::n_params; ++i) p[i] = static_cast<S>(values[i]);
  model.set_parameters(p);
  return model;
}
double slope_of_small(double falling, double x, double theta) {
  const auto d = [](double z) { return 1.0 - std::tanh(z) * std::tanh(z); };
  return 0.3 * d(x + theta) + 0.1 * d(0.5 * x - theta) + 3.0 * falling * d(3.0 * x);
}

}  // namespace

TEST_CASE_TEMPLATE("a parabola: proven, refuted and undecided", S, float, double) {
  const auto response = parabola<S>();
  const auto proven = certify_monotonicity<decltype(response)>(response, {S(4), S(11)}, {{S(-1), S(3)}});
  CHECK(proven.proven());
  CHECK(proven.smallest_bound > 0.0);
  CHECK(proven.smallest_bound <= 1.0);  // the truth
  CHECK(proven.undecided.empty());

  const auto refuted = certify_monotonicity(response);
  CHECK(refuted.verdict == Verdict::refuted);
  REQUIRE(refuted.point.size() == 2);
  CHECK(refuted.point[0] <= refuted.point[1]);
  CHECK(refuted.bounds_at_point.high <= 0.0);
  CHECK(refuted.smallest_bound <= -2.0);

  // It touches zero in one point: nothing can decide that.
  const auto touching =
      certify_monotonicity<decltype(response)>(response, {S(3), S(11)}, {{S(-1), S(3)}}, {.max_boxes = 1000});
  CHECK(touching.verdict == Verdict::undecided);
  REQUIRE(!touching.undecided.empty());
  CHECK(touching.n_boxes <= 1000);
  CHECK(touching.undecided[0].bounds.low <= 0.0);
  CHECK(touching.undecided[0].bounds.low >= touching.smallest_bound);
  // What is left is the neighbourhood of that point.
  for (const auto& box : touching.undecided) {
    CHECK(box.sides[0].low <= 3.5);
    CHECK(box.sides[1].high >= 2.5);
  }
  // A larger slope is wanted than there is.
  CHECK(certify_monotonicity<decltype(response)>(response, {S(4), S(11)}, {{S(-1), S(3)}}, {.minimum = 0.9}).proven());
  CHECK(certify_monotonicity<decltype(response)>(response, {S(4), S(11)}, {{S(-1), S(3)}}, {.minimum = 1.5}).verdict ==
        Verdict::refuted);
}

TEST_CASE_TEMPLATE("a network with a known slope", S, float, double) {
  for (const double falling : {0.1, -0.01, -0.05, -0.3}) {
    CAPTURE(falling);
    const auto model = small_net<S>(falling);
    double smallest = 1e9;
    for (int i = 0; i <= 400; ++i)
      for (int j = 0; j <= 400; ++j)
        smallest = std::min(smallest, slope_of_small(falling, -2.0 + 0.01 * i, -2.0 + 0.01 * j));
    const auto found = certify_monotonicity(model);
    CHECK(found.verdict == (smallest > 0.0 ? Verdict::proven : Verdict::refuted));
    CHECK(found.smallest_bound <= smallest);
    if (found.verdict == Verdict::refuted) {
      const double slope = slope_of_small(falling, found.point[0], found.point[1]);
      CHECK(slope <= 0.0);
      // Bounds of a point are as narrow as rounding, of the parameters too.
      CHECK(std::fabs(slope - found.bounds_at_point.high) <= 1e-6);
      CHECK(found.bounds_at_point.width() <= 1e-12);
    }
  }
}

namespace {

/// Bounds over random boxes hold what the network gives at random points in them.
template <class Net>
void check_bounds(Transform of_truth, Output output) {
  Model<Net, double> model;
  model.inputs[0] = {of_truth, of_truth == Transform::logarithm ? 4.0 : 50.0,
                     of_truth == Transform::logarithm ? 1.0 : 0.02, 10.0, 500.0};
  for (std::size_t i = 1; i < model.inputs.size(); ++i)
    model.inputs[i] = {i == 1 ? Transform::absolute : Transform::identity, 0.3, 1.2, -2.0, 2.0};
  model.outputs[0] = {output, 5.0, 50.0};
  Random random(7);
  Parameters<double, Net::n_params> p;
  Net::template initialise<double>(p.view(), random);
  model.set_parameters(p);
  const invert::SlopeBounds<Model<Net, double>> bounds(model);
  int outside = 0, wide = 0;
  for (int trial = 0; trial < 200; ++trial) {
    const double size = trial % 2 == 0 ? 0.3 : 1e-3;
    std::vector<Interval> box;
    const double low = random.uniform(10.0, 400.0);
    box.emplace_back(low, low * (1.0 + size));
    for (int i = 0; i < Net::n_in - 1; ++i) {
      const double from = random.uniform(-2.0, 2.0);
      box.emplace_back(from, from + size);
    }
    const Interval slope = bounds(box);
    double smallest = 1e9, largest = -1e9;
    for (int point = 0; point < 20; ++point) {
      double theta[Net::n_in];
      for (int i = 1; i < Net::n_in; ++i) {
        const Interval& side = box[static_cast<std::size_t>(i)];
        theta[i - 1] = random.uniform(side.low, side.high);
      }
      typename Model<Net, double>::template Encoded<double> encoded;
      model.encode(theta, encoded);
      const double found = model.response(random.uniform(box[0].low, box[0].high), encoded).slope;
      smallest = std::min(smallest, found);
      largest = std::max(largest, found);
    }
    const double rounding = 1e-12 * (1.0 + std::fabs(smallest));
    outside += smallest < slope.low - rounding || largest > slope.high + rounding ? 1 : 0;
    // Bounds of a box of a thousandth are no wider than the slopes change over a few such boxes.
    wide += size < 0.01 && slope.width() > 0.2 * (1.0 + std::fabs(largest)) ? 1 : 0;
  }
  CHECK(outside == 0);
  CHECK(wide == 0);
}

}  // namespace

TEST_CASE("bounds hold the slopes of every kind of module and activation") {
  check_bounds<Mlp<Inputs<3>, Hidden<8, Tanh>, Hidden<8, Sigmoid>, Outputs<1>>>(Transform::logarithm, Output::ratio);
  check_bounds<Mlp<Inputs<3>, Hidden<8, SiLU>, Hidden<8, Softplus>, Outputs<1>>>(Transform::identity,
                                                                                 Output::standardised);
  check_bounds<Mlp<Inputs<2>, Hidden<8, ELU>, Outputs<1, Softplus>>>(Transform::logarithm, Output::ratio);
  check_bounds<Sequential<Dense<3, 6, Tanh>, Residual<Dense<6, 6, SiLU>>, Dropout<6, std::ratio<1, 10>>, Dense<6, 1>>>(
      Transform::logarithm, Output::identity);
  check_bounds<MonotoneRatio<Mlp<Inputs<2>, Hidden<8>, Outputs<9>>>>(Transform::logarithm, Output::ratio);
}

TEST_CASE("rectifiers, whose slopes jump") {
  using Net = Mlp<Inputs<1>, Hidden<2, PReLU>, Outputs<1>>;
  Model<Net, double> model;
  model.inputs[0] = {Transform::identity, 0.0, 1.0, -1.0, 3.0};
  Parameters<double, Net::n_params> p;
  // y = prelu(x) - 0.5 prelu(x - 1), both with 0.25: slopes 0.125, 0.875, 0.5.
  const double values[] = {1, 1, 0, -1, 0.25, 0.25, 1, -0.5, 0};
  for (int i = 0; i < Net::n_params; ++i) p[i] = values[i];
  model.set_parameters(p);
  const auto proven = certify_monotonicity(model);
  CHECK(proven.proven());
  CHECK(proven.smallest_bound <= 0.125);
  CHECK(proven.smallest_bound > 0.12);
  CHECK(certify_monotonicity(model, {.minimum = 0.126}).verdict == Verdict::refuted);
}

TEST_CASE("a network that rises by construction is proven") {
  using Net = MonotoneRatio<Mlp<Inputs<1>, Hidden<8>, Outputs<8>>, std::ratio<1, 5>>;
  Model<Net> model;
  model.inputs[0] = {Transform::logarithm, 0.f, 1.f, 20.f, 200.f};
  model.inputs[1] = {Transform::identity, 0.f, 1.f, -1.f, 1.f};
  model.outputs[0].output = Output::ratio;
  Net::fit_preprocessing(model.inputs, model.outputs);
  Random random(1);
  Parameters<float, Net::n_params> p;
  Net::initialise<float>(p.view(), random);
  model.set_parameters(p);
  CHECK(certify_monotonicity(model).proven());
  // An ensemble, too: the mean of rising functions.
  CHECK(certify_monotonicity(Ensemble(std::vector{model, model})).proven());
}

TEST_CASE("the certificate is printed") {
  const auto response = parabola<double>();
  std::ostringstream out;
  certify_monotonicity<decltype(response)>(response, {4.0, 4.0}, {{2.0, 2.0}}).print(out);
  certify_monotonicity<decltype(response)>(response, {1.0, 1.0}, {{2.0, 2.0}}).print(out);
  CHECK(out.str() ==
        "monotonicity proven with 1 boxes; dL/dx >= 2\n"
        "monotonicity refuted with 1 boxes; dL/dx >= -1; dL/dx <= -1 at 1 2\n");
}

TEST_CASE("bad input is refused") {
  const auto response = parabola<double>();
  using R = std::vector<Range<double>>;
  const auto check = [&](Range<double> truth, const R& theta, const CertificateOptions& options = {}) {
    certify_monotonicity<decltype(response)>(response, truth, theta, options);
  };
  CHECK_NOTHROW(check({4.0, 5.0}, {{1.0, 2.0}}));
  CHECK_THROWS_WITH_AS(check({4.0, 5.0}, {}), "certify_monotonicity: expected 1 ranges of features, found 0", Error);
  CHECK_THROWS_AS(check({5.0, 4.0}, {{1.0, 2.0}}), Error);
  CHECK_THROWS_AS(check({4.0, infinity<double>}, {{1.0, 2.0}}), Error);
  CHECK_THROWS_AS(check({4.0, 5.0}, {{not_a_number<double>, 2.0}}), Error);
  CHECK_THROWS_AS(check({4.0, 5.0}, {{1.0, 2.0}}, {.max_boxes = 0}), Error);
  CHECK_THROWS_AS(check({4.0, 5.0}, {{1.0, 2.0}}, {.minimum = infinity<double>}), Error);
}
