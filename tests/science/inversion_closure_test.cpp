// Closure of numerical inversion on the jet toy, against exact numbers: <C(Y) / x> and its spread for Y normal around
// mu(x), and C(mu(x)) = x for the median. ATL-PHYS-PUB-2018-013 and arXiv:1609.05195: the median closes, the mean does
// not where mu is curved.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../invert/responses.hpp"
#include "../toys/reference.hpp"
#include "calibrant/calibration.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/toys/jet.hpp"
#include "calibrant/toys/two_features.hpp"

using namespace calibrant;
using nlohmann::json;

namespace {

constexpr double low = 20.0, high = 200.0;  // the trained range of the reference

auto toy_response(Range<double> range) { return invert::function_response<0, double>(responses::JetToy{}, range); }

double calibrate_all(const auto& calibration, const std::vector<double>& y, std::vector<double>& value) {
  std::vector<Status> status(y.size());
  calibration({y, row_major<double>({}, 0), value, status});
  int n_failed = 0;
  for (const Status is : status) n_failed += is == Status::not_invertible || is == Status::invalid_input ? 1 : 0;
  CHECK(n_failed == 0);
  double sum = 0.0;
  for (const double v : value) sum += v;
  return sum / static_cast<double>(value.size());
}

/// Each row of the reference by quadrature: the trapezoidal rule over 8 sigma, exact but for the kinks at the edges of
/// the range, where its error is of the order of (step sigma)^2.
void check_block(const auto& calibration, const json& block) {
  const double noise = block.at("sigma") == "constant 8.0" ? 8.0 : 0.0;
  for (const json& row : block.at("rows")) {
    const double x = row.at("x"), f = row.at("f");
    CAPTURE(x);
    const toys::Jet toy;
    CHECK(agrees(toy.mu(x), f, 0.0, 1e-14));
    const double sigma = noise > 0.0 ? noise : toy.sigma(x);
    constexpr int n = 16'001, middle = n / 2;
    std::vector<double> y(n), value(n), weight(n);
    for (int i = 0; i < n; ++i) {
      const double z = 1e-3 * (i - middle);
      y[static_cast<std::size_t>(i)] = f + sigma * z;
      weight[static_cast<std::size_t>(i)] = std::exp(-0.5 * z * z);
    }
    calibrate_all(calibration, y, value);
    double norm = 0.0, mean = 0.0, square = 0.0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      norm += weight[i];
      mean += weight[i] * value[i] / x;
    }
    mean /= norm;
    for (std::size_t i = 0; i < value.size(); ++i) square += weight[i] * std::pow(value[i] / x - mean, 2);
    CHECK(agrees(mean, row.at("mean_closure"), 2e-6));
    CHECK(agrees(std::sqrt(square / norm), row.at("sd_over_x"), 2e-6));
    // The median: the calibration is monotone, so the median of C(Y) is C of the median of Y.
    CHECK(agrees(calibration(f, {}).value / x, row.at("median_closure"), 1e-6));
  }
}

}  // namespace

TEST_CASE("mean, spread and median after the inversion, for every way to extrapolate") {
  const json reference = read_reference("r4_inversion.json");
  int n_blocks = 0;
  for (const json& block : reference.at("ni")) {
    if (block.at("f") != "mu") continue;  // prior_dependence_test.cpp has the linear one
    const std::string inverse = block.at("inverse");
    CAPTURE(inverse);
    ++n_blocks;
    if (inverse == "linear_extrapolation")
      check_block(Calibration(toy_response({low, high})), block);
    else if (inverse == "clamped")
      check_block(Calibration(toy_response({low, high}), invert::Newton{}, extrapolate::Clamp{}), block);
    else  // the true inverse: a range that holds all values of y
      check_block(Calibration(toy_response({-500.0, 1000.0})), block);
  }
  CHECK(n_blocks == 6);
}

TEST_CASE("the same from simulated jets") {
  const json reference = read_reference("r4_inversion.json");
  const json& block = reference.at("ni").at(0);
  REQUIRE(block.at("inverse") == "linear_extrapolation");
  REQUIRE(block.at("sigma") == "eq4.3");
  const Calibration calibration(toy_response({low, high}));
  constexpr std::size_t n = 400'000;
  std::vector<double> y(n), value(n);
  std::uint32_t substream = 0;
  for (const json& row : block.at("rows")) {
    const double x = row.at("x"), f = row.at("f"), sigma = row.at("sigma"), spread = row.at("sd_over_x");
    Random random(4, Stream::toy, substream++);
    for (double& measured : y) measured = f + sigma * random.normal();
    const double mean = calibrate_all(calibration, y, value) / x;
    CAPTURE(x);
    // Five standard errors: 0.0027 at 20 GeV, where the mean closes to 0.991 only, down to 0.0006.
    CHECK(agrees(mean, row.at("mean_closure"), 5.0 * spread / std::sqrt(double{n})));
    // The fraction of jets calibrated below x is 1/2, with a standard error of 1 / (2 sqrt(n)).
    std::size_t n_below = 0;
    for (const double v : value) n_below += v < x ? 1u : 0u;
    CHECK(agrees(static_cast<double>(n_below) / n, 0.5, 5.0 * 0.5 / std::sqrt(double{n})));
  }
}

namespace {

/// L(x; u, v) = mu(x r'), the two-feature toy behind the curved response of the jet toy; r' = r / 0.85.
struct Curved {
  template <class X, class Theta>
  X operator()(const X& x, const Theta* theta) const noexcept {
    using S = ScalarOf<X>;
    const X a = tanh(X(theta[0])), b = tanh(X(theta[1]));
    const X scale = fma(X(S(0.10)) * a, b, fma(X(S(-0.06)), b, fma(X(S(-0.08)), a, X(S(1)))));
    return responses::JetToy{}(x * scale, theta);
  }
};

}  // namespace

// r5_two_features, "nonlinear": y normal around mu(x r') with the jet toy's sigma(x), no edges of a range. The median
// closes for every u and v; the mean does not, as without features.
TEST_CASE("generalized inversion of a curved response with two features") {
  const auto response = invert::function_response<2, double>(Curved{}, {-500.0, 1000.0});
  const Calibration calibration(response);
  const json rows = read_reference("r5_two_features.json").at("nonlinear");
  REQUIRE(rows.size() == 4);
  for (const json& row : rows) {
    const double x = row.at("x"), u = row.at("u"), v = row.at("v"), measured = row.at("L");
    CAPTURE(x);
    CHECK(agrees(toys::TwoFeatures{}.response(u, v, true) / 0.85, row.at("r_prime"), 0.0, 1e-14));
    CHECK(agrees(toys::Jet{}.mu(x * row.at("r_prime").get<double>()), measured, 0.0, 1e-13));
    CHECK(agrees(calibration(measured, {u, v}).value, row.at("C_of_L"), 0.0, 1e-6));
    CHECK(agrees(calibration(measured, {u, v}).value / x, row.at("median_closure"), 1e-6));
    const double sigma = toys::Jet{}.sigma(x);
    // The trapezoidal rule over 8 sigma, all but exact for what is smooth.
    constexpr int n = 16'001, middle = n / 2;
    double norm = 0.0, mean = 0.0;
    for (int i = 0; i < n; ++i) {
      const double z = 1e-3 * (i - middle), weight = std::exp(-0.5 * z * z);
      const auto [value, status] = calibration(measured + sigma * z, {u, v});
      REQUIRE(status == Status::ok);
      norm += weight;
      mean += weight * value / x;
    }
    CHECK(agrees(mean / norm, row.at("mean_closure"), 2e-6));
  }
}
