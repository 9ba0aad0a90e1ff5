#include "calibrant/nn/transform.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace calibrant;

TEST_CASE("features: transform, then shift and scale; the same on a tile and over duals") {
  const double x = -3.5;
  CHECK(FeatureTransform<double>{Transform::identity, 0.5, 2.0}.encode(x) == -8.0);
  CHECK(FeatureTransform<double>{Transform::absolute, 0.5, 2.0}.encode(x) == 6.0);
  CHECK(FeatureTransform<double>{Transform::ignored, 0.5, 2.0}.encode(x) == 0.0);
  const FeatureTransform<double> logarithm{Transform::logarithm, 1.0, 2.0};
  CHECK(logarithm.encode(100.0) == doctest::Approx(2.0 * (std::log(100.0) - 1.0)).epsilon(1e-14));
  CHECK(std::isnan(logarithm.encode(-1.0)));
  const auto tile = logarithm.encode(Wide<double, 2>(100.0));
  const auto dual = logarithm.encode(Dual<double, 1>::variable(100.0));
  CHECK(tile[3] == logarithm.encode(100.0));
  CHECK(dual.value == logarithm.encode(100.0));
  CHECK(dual.tangent[0] == doctest::Approx(2.0 / 100.0).epsilon(1e-14));
}

TEST_CASE("outputs: decode undoes encode") {
  for (const Output output : {Output::identity, Output::standardised, Output::ratio, Output::paired_ratio}) {
    const OutputTransform<double> transform{output, 3.0, 4.0};
    const double target = 42.0, truth = 50.0;
    CHECK(transform.decode(transform.encode(target, truth), truth) == doctest::Approx(target).epsilon(1e-14));
  }
  CHECK(OutputTransform<double>{Output::standardised, 2.0, 4.0}.encode(10.0, 1.0) == 2.0);
  CHECK(OutputTransform<double>{Output::ratio}.encode(10.0, 40.0) == 0.25);
  CHECK(OutputTransform<double>{Output::paired_ratio}.encode(10.0, 40.0) == 0.25);
  CHECK(OutputTransform<double>{Output::identity}.encode(10.0, 40.0) == 10.0);
  // Of output 2: to the first feature, or to its own.
  CHECK(OutputTransform<double>{Output::ratio}.reference(2) == 0);
  CHECK(OutputTransform<double>{Output::paired_ratio}.reference(2) == 2);
}

TEST_CASE("names, as model files spell them") {
  CHECK(to_string(Transform::identity) == "identity");
  CHECK(to_string(Transform::absolute) == "absolute");
  CHECK(to_string(Transform::logarithm) == "logarithm");
  CHECK(to_string(Transform::ignored) == "ignored");
  CHECK(to_string(Output::identity) == "identity");
  CHECK(to_string(Output::standardised) == "standardised");
  CHECK(to_string(Output::ratio) == "ratio");
  CHECK(to_string(Output::paired_ratio) == "paired_ratio");
}
