#include "calibrant/invert/output_of.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <vector>

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/concepts.hpp"
#include "calibrant/head/quantiles.hpp"
#include "calibrant/nn.hpp"

using namespace calibrant;

namespace {

using Net = Sequential<Mlp<Inputs<2>, Hidden<8, SiLU>, Outputs<3>>, Quantiles<3>>;

template <class S>
Model<Net, S> quantiles(std::uint64_t seed) {
  Model<Net, S> model;
  model.inputs[0] = {Transform::logarithm, S(4), S(1), S(15), S(200)};
  model.inputs[1] = {Transform::identity, S(0), S(1), S(-2), S(2)};
  for (auto& output : model.outputs) output = {Output::ratio, S(0), S(1)};
  Parameters<S, Net::n_params> p;
  Random random(seed, Stream::initial_weights);
  Net::template initialise<S>(p.view(), random);
  model.set_parameters(p);
  return model;
}

template <class S>
bool same_bits(S a, S b) {
  return std::memcmp(&a, &b, sizeof(S)) == 0;
}

/// Value and slope of a response at x and theta, alone; those of a tile must be the same bits.
template <class R, class S = typename R::Scalar>
ValueSlope<S> at(const R& response, S x, S theta) {
  typename R::template Encoded<S> one;
  response.encode(&theta, one);
  const ValueSlope<S> alone = response.response(x, one);
  using T = Tile<S>;
  const T tile_theta(theta);
  typename R::template Encoded<T> tile;
  response.encode(&tile_theta, tile);
  const auto together = response.response(T(x), tile);
  CHECK(same_bits(together.value[3], alone.value));
  CHECK(same_bits(together.slope[3], alone.slope));
  CHECK(same_bits(response.response_value(x, one), alone.value));
  CHECK(same_bits(response.response_value(T(x), tile)[3], alone.value));
  return alone;
}

}  // namespace

static_assert(Response<invert::OutputOf<Model<Net>, 2>>);
static_assert(Response<invert::OutputOf<Ensemble<Model<Net, double>>, 0>>);
static_assert(Response<invert::HalfWidth<invert::OutputOf<Model<Net>, 0>, invert::OutputOf<Model<Net>, 2>>>);

TEST_CASE_TEMPLATE("each output is a response", S, float, double) {
  const auto model = quantiles<S>(1);
  const Ensemble<Model<Net, S>> ensemble({quantiles<S>(1), quantiles<S>(2)});
  const auto check = [&](const auto& several) {
    for (const S x : {S(20), S(75), S(190)}) {
      const S theta = S(0.7);
      const auto all = several({x, theta});
      const ValueSlope<S> first = at(invert::output_of<0>(several), x, theta),
                          second = at(invert::output_of<1>(several), x, theta),
                          third = at(invert::output_of<2>(several), x, theta);
      CHECK(std::abs(first.value - all[0]) <= S(1e-6) * std::abs(all[0]));
      CHECK(std::abs(second.value - all[1]) <= S(1e-6) * std::abs(all[1]));
      CHECK(std::abs(third.value - all[2]) <= S(1e-6) * std::abs(all[2]));
      CHECK(first.value < second.value);
      CHECK(second.value < third.value);
      // The slope, against a difference; float leaves 1e-3 of it.
      const S h = x * (sizeof(S) == 4 ? S(1e-2) : S(1e-5));
      const S difference = (several({x + h, theta})[2] - several({x - h, theta})[2]) / (2 * h);
      CHECK(std::abs(third.slope - difference) <= S(sizeof(S) == 4 ? 2e-3 : 1e-7) * (S(1) + std::abs(difference)));

      const invert::HalfWidth width(invert::output_of<0>(several), invert::output_of<2>(several));
      const ValueSlope<S> half = at(width, x, theta);
      CHECK(half.value == S(0.5) * (third.value - first.value));
      CHECK(half.slope == S(0.5) * (third.slope - first.slope));
    }
    const auto response = invert::output_of<1>(several);
    CHECK(response.truth_range().high == S(200));
    CHECK(response.theta_range(0).low == S(-2));
    CHECK(response.uses_theta(0));
  };
  check(model);
  check(ensemble);
  // Output 0 of a model is the model.
  CHECK(same_bits(at(invert::output_of<0>(model), S(50), S(1)).value, at(model, S(50), S(1)).value));
}

TEST_CASE("a calibration of an output knows its features") {
  auto model = quantiles<float>(1);
  model.description.features = {"true_pt", "eta"};
  const Calibration median(invert::output_of<1>(model));
  CHECK(median.feature_names() == std::vector<std::string>{"eta"});
}

TEST_CASE("an output that is a ratio to a feature of its own is no response of the first") {
  auto model = quantiles<float>(1);
  for (auto& output : model.outputs) output.output = Output::paired_ratio;
  model.outputs[2].output = Output::ratio;
  CHECK_NOTHROW(invert::output_of<0>(model).validate());
  CHECK_NOTHROW(invert::output_of<2>(model).validate());
  CHECK_THROWS_WITH_AS(Calibration{invert::output_of<1>(model)},
                       "OutputOf, output 1: expected no ratio to another feature than the first, found paired_ratio",
                       Error);
  CHECK_THROWS_AS(invert::output_of<1>(Ensemble(std::vector{model})).validate(), Error);
}
