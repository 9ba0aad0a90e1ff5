// What Monotone promises: every inversion exists, for any parameters, and the slope keeps its bound; and what breaks
// the promise is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/calibration.hpp"
#include "calibrant/invert/bisection.hpp"
#include "calibrant/nn/ensemble.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/nn/monotone.hpp"

using namespace calibrant;

namespace {

template <class Net, class S>
Model<Net, S> prepared(Range<S> truth) {
  Model<Net, S> model;
  constexpr bool ratio = Net::form == Rises::as_ratio;
  model.inputs[0].transform = ratio ? Transform::logarithm : Transform::identity;
  model.outputs[0].output = ratio ? Output::ratio : Output::standardised;
  model.inputs[0].low = truth.low;
  model.inputs[0].high = truth.high;
  for (std::size_t i = 1; i < model.inputs.size(); ++i)
    model.inputs[i] = {Transform::identity, S(0), S(1), S(-5), S(5)};
  Net::fit_preprocessing(model.inputs, model.outputs);
  model.validate();
  return model;
}

struct Tally {
  std::int64_t inversions = 0, failed = 0, wrong = 0, outside = 0;
};

/// n_models random networks, each with parameters of another size, n_each random (y, theta).
template <class Net, class S>
Tally invert_at_random(int n_models, int n_each, std::uint64_t seed) {
  constexpr std::size_t n_theta = Net::n_theta;
  constexpr S epsilon = std::numeric_limits<S>::epsilon();
  const Range<S> truth{S(10), S(2000)};
  Tally tally;
  Random random(seed);
  const auto n = static_cast<std::size_t>(n_each);
  std::vector<S> y(n), theta(n * n_theta), x(n), rows(n * (n_theta + 1)), back(n);
  std::vector<Status> status(n);
  for (int m = 0; m < n_models; ++m) {
    auto model = prepared<Net, S>(truth);
    Parameters<S, Net::n_params> p;
    // From nearly linear to saturated everywhere.
    const double size = std::pow(10.0, random.uniform(-2.0, 2.0));
    for (S& value : p.span()) value = static_cast<S>(size * random.normal());
    model.set_parameters(p);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = static_cast<S>(5.0 * std::pow(1000.0, random.uniform()));
      for (std::size_t k = 0; k < n_theta; ++k)
        rows[i * (n_theta + 1) + k + 1] = theta[i * n_theta + k] = static_cast<S>(random.uniform(-5.0, 5.0));
    }
    const Calibration calibration(model);
    calibration({y, row_major<S>(theta, n_theta), x, status});
    for (std::size_t i = 0; i < n; ++i)
      rows[i * (n_theta + 1)] = std::isfinite(x[i]) && status[i] == Status::ok ? x[i] : truth.low;
    model.evaluate_batch(rows, back);
    tally.inversions += n_each;
    for (std::size_t i = 0; i < n; ++i) {
      // Beyond the range the tangent answers, which needs a slope above zero there.
      const bool outside = status[i] == Status::extrapolated_low || status[i] == Status::extrapolated_high;
      const bool solved = status[i] == Status::ok;
      tally.failed += std::isfinite(x[i]) && (solved || outside) ? 0 : 1;
      tally.outside += outside ? 1 : 0;
      // x is off by Newton's tolerance at most (ten of them where it stopped at a closed bracket), and L rises by less
      // than 4 L/x or 4. Rounding is that of a sum of numbers as large as the range of L, 4 times that of x.
      const S allowed =
          S(40) * std::max(S(1e-6), S(4) * epsilon) * std::max(x[i], y[i]) + S(256) * epsilon * truth.high;
      if (solved) tally.wrong += std::fabs(back[i] - y[i]) <= allowed ? 0 : 1;
    }
  }
  return tally;
}

template <class Net>
void check_ten_million(std::uint64_t seed) {
  for (const bool single : {true, false}) {
    const Tally tally =
        single ? invert_at_random<Net, float>(200, 20000, seed) : invert_at_random<Net, double>(100, 10000, seed + 1);
    CAPTURE(single);
    CHECK(tally.failed == 0);
    CHECK(tally.wrong == 0);
    // Both answers occur: of y over three decades a good part is inside.
    CHECK(tally.outside > tally.inversions / 20);
    CHECK(tally.outside < tally.inversions - tally.inversions / 20);
  }
}

}  // namespace

TEST_CASE("five million inversions of random networks, the response as a ratio") {
  check_ten_million<MonotoneRatio<Mlp<Inputs<2>, Hidden<4, ReLU>, Outputs<9>>>>(1);
}
TEST_CASE("five million inversions of random networks, the response in GeV") {
  check_ten_million<MonotoneResponse<Mlp<Inputs<2>, Hidden<4, ReLU>, Outputs<9>>>>(2);
}

namespace {

using Ratio = MonotoneRatio<Mlp<Inputs<2>, Hidden<8>, Outputs<10>>, std::ratio<1, 10>>;
using InUnit = MonotoneResponse<Mlp<Inputs<2>, Hidden<8>, Outputs<10>>, std::ratio<1, 10>>;

/// The smallest and largest slope over those that are promised to be above the minimum and below the maximum.
template <class Net, class S>
Range<double> slopes(std::uint64_t seed) {
  auto model = prepared<Net, S>({S(10), S(2000)});
  Random random(seed);
  Parameters<S, Net::n_params> p;
  Range<double> result{1e9, -1e9};
  for (int trial = 0; trial < 300; ++trial) {
    for (S& value : p.span()) value = static_cast<S>(std::pow(10.0, trial % 4 - 1) * random.normal());
    model.set_parameters(p);
    const S theta[2] = {static_cast<S>(random.normal()), static_cast<S>(random.normal())};
    typename Model<Net, S>::template Encoded<S> encoded;
    model.encode(theta, encoded);
    for (int i = 0; i <= 200; ++i) {
      // From far below to far above the trained range.
      const S x = static_cast<S>(0.1 * std::pow(1e6, i / 200.0));
      const auto at = model.response(x, encoded);
      const double unit = Net::form == Rises::as_ratio ? static_cast<double>(at.value) / static_cast<double>(x) : 1.0;
      result.low = std::min(result.low, static_cast<double>(at.slope) / unit);
      result.high = std::max(result.high, static_cast<double>(at.slope) / unit);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("the slope is between the minimum and 4, everywhere") {
  // Parameters of any size reach the bounds: to the rounding of the ratio form (1 + (h' - 1)) and to 3 % at the top,
  // where the sum of the slopes of the steps ripples.
  for (const auto& [found, rounding] :
       {std::pair{slopes<Ratio, float>(1), 1e-5}, std::pair{slopes<Ratio, double>(2), 1e-12},
        std::pair{slopes<InUnit, float>(3), 1e-5}, std::pair{slopes<InUnit, double>(4), 1e-12}}) {
    CHECK(found.low >= 0.1 - rounding);
    CHECK(found.low <= 0.11);
    CHECK(found.high >= 3.5);
    CHECK(found.high <= 3.7 * 1.03);
  }
}

TEST_CASE("preprocessing that would break the promise is refused") {
  const auto good = prepared<Ratio, float>({10.f, 1000.f});
  CHECK(std::fabs(good.inputs[0].shift - std::log(100.f)) <= 1e-6f);
  auto other = good;
  other.inputs[0].transform = Transform::identity;
  CHECK(error_of([&] { other.validate(); }) ==
        Ratio::describe() + ", transform of the truth: expected logarithm, found identity");
  CHECK_THROWS_AS(Calibration{other}, Error);
  CHECK_THROWS_AS(Ensemble(std::vector{other}), Error);
  other = good;
  other.outputs[0].output = Output::standardised;
  CHECK(error_of([&] { other.validate(); }) == Ratio::describe() + ", output: expected ratio, found standardised");
  other = good;
  other.inputs[0].scale = 0.9f;
  CHECK(error_of([&] { other.validate(); }) ==
        Ratio::describe() + ", scale of the truth: expected 1: the logarithm itself, found 0.900000");
  other = good;
  other.inputs[0].high = other.inputs[0].low;
  CHECK_THROWS_AS(Ratio::fit_preprocessing(other.inputs, other.outputs), Error);

  const auto in_unit = prepared<InUnit, float>({10.f, 1000.f});
  CHECK(std::fabs(in_unit.outputs[0].scale - 198.f) <= 1e-4f);
  auto changed = in_unit;
  changed.outputs[0].scale *= 0.5f;
  CHECK(error_of([&] { changed.validate(); }).find("whose product is 1") != std::string::npos);
  changed = in_unit;
  changed.inputs[0].scale *= -1.f;
  changed.outputs[0].scale *= -1.f;
  CHECK_THROWS_AS(changed.validate(), Error);
  changed = in_unit;
  changed.inputs[0].transform = Transform::logarithm;
  CHECK_THROWS_AS(changed.validate(), Error);
}
