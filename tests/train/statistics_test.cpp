// What is learned: each loss recovers its statistic of a known law. Noise is y = 20 + 0.5 x + G, G from gamma(2, 1),
// whose statistics are exact; the net is linear, so that the spread of the fit is known: for a loss with slope psi the
// estimate at the mean of x has the standard deviation sqrt(E[psi^2] / n) / |d E[psi] / d nu|, and sqrt(4) times that
// at the ends of the range (uniform x: 1 + 3).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "calibrant/head/quantiles.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/toys/expected_loss.hpp"
#include "calibrant/toys/gamma.hpp"
#include "small_trainings.hpp"

using namespace small;

namespace {

constexpr int n_events = 40000;

/// x uniform in (10, 30), y = 20 + 0.5 x + width(x) G.
template <class Width>
Dataset gamma_events(const Width& width, int n = n_events) {
  const std::vector<double> noise = toys::Gamma().sample(n, 17);
  Random random(4);
  std::vector<double> values;
  for (const double g : noise) {
    const double x = random.uniform(10.0, 30.0);
    values.insert(values.end(), {x, 20.0 + 0.5 * x + width(x) * g});
  }
  return Dataset(BasicTable<double>({"x", "y"}, std::move(values), "gamma"), {"x"}, "y");
}

FitOptions whole_sample(int epochs) {
  FitOptions settings = options(epochs, 400);
  settings.validation_fraction = 0.0;
  settings.adam.learning_rate = 0.02;
  return settings;
}

/// Trains a straight line and returns its largest distance to the statistic at the middle and the ends.
template <class Loss>
double distance(const Dataset& data, const Loss& loss, double statistic, FitOptions settings = whole_sample(12)) {
  const auto model = fit<Mlp<Inputs<1>, Outputs<1>>>(data, loss, settings);
  double worst = 0.0;
  for (const double x : {10.0, 20.0, 30.0})
    worst = std::max(worst,
                     std::fabs(static_cast<double>(model({static_cast<float>(x)})[0]) - (20.0 + 0.5 * x + statistic)));
  return worst;
}

TEST_CASE("mean, median, quantile and mode of a known law") {
  const auto data = gamma_events([](double) { return 1.0; });
  const toys::Gamma law;
  const double root_n = std::sqrt(static_cast<double>(n_events));
  // Five sigma at the ends of the range. Mean: E[psi^2] = variance 2, slope 1.
  CHECK(distance(data, loss::Squared{}, 2.0) <= 5.0 * 2.0 * std::sqrt(2.0) / root_n);
  // Quantiles: E[psi^2] = q (1 - q), slope f(quantile).
  const auto quantile_error = [&](double q) {
    return 5.0 * 2.0 * std::sqrt(q * (1.0 - q)) / law.pdf(law.quantile(q)) / root_n;
  };
  CHECK(distance(data, loss::Absolute{}, law.median()) <= quantile_error(0.5));
  CHECK(distance(data, loss::Pinball{0.84}, law.quantile(0.84)) <= quantile_error(0.84));
  CHECK(distance(data, loss::Pinball{0.16}, law.quantile(0.16)) <= quantile_error(0.16));

  // Leaky kernel in GeV (identity output): h = 0.5, alpha = 0.1. E[psi^2] <= max(kernel slope)^2 E[...] is bounded by
  // the integral of the squared kernel slope, f <= 1/e: 1 / (e 4 sqrt(pi) h^3), plus the leak; curvature 0.3 or more.
  const toys::LeakyKernel kernel{0.5, 0.1};
  const double mode = toys::minimise_leaky_kernel_loss(law, kernel).minimiser;
  CHECK(mode < law.median());
  const double psi = std::sqrt(1.0 / (2.718 * 4.0 * 1.772 * 0.125)) + 0.1;
  const auto smoothed_slope = [&](double nu) {
    return (toys::smoothed_density(law, nu + 1e-3, 0.5) - 2.0 * toys::smoothed_density(law, nu, 0.5) +
            toys::smoothed_density(law, nu - 1e-3, 0.5)) /
           1e-6;
  };
  const double curvature = -smoothed_slope(mode) + 0.2 * law.pdf(mode);
  REQUIRE(curvature > 0.1);
  FitOptions settings = whole_sample(20);
  settings.output = Output::identity;
  settings.adam.learning_rate = 0.1;
  const auto near = fit<Mlp<Inputs<1>, Outputs<1>>>(data, loss::Squared{}, settings);
  const auto model = fit<Mlp<Inputs<1>, Outputs<1>>>(
      data, loss::LeakyGaussianKernel{kernel.bandwidth, kernel.leakiness}, settings, near);
  for (const double x : {10.0, 20.0, 30.0})
    CHECK(std::fabs(static_cast<double>(model({static_cast<float>(x)})[0]) - (20.0 + 0.5 * x + mode)) <=
          5.0 * 2.0 * psi / curvature / root_n);
}

TEST_CASE("three quantiles of one net, where the width changes, never cross") {
  const auto width = [](double x) { return x / 10.0; };
  const auto data = gamma_events(width);
  const toys::Gamma law;
  using Net = Sequential<Dense<1, 12, Tanh>, Dense<12, 3>, Quantiles<3>>;
  const std::vector<double> levels{0.16, 0.5, 0.84};
  const auto model = fit<Net>(data, loss::PinballSet{0.16, 0.5, 0.84}, whole_sample(25));
  // The net has 63 parameters; of these some ten matter for a smooth curve, so its error at a point is that of n / 10
  // events there, less than doubled near the ends: 5 sigma.
  for (const double x : {12.0, 16.0, 20.0, 24.0, 28.0}) {
    const auto found = model({static_cast<float>(x)});
    for (std::size_t i = 0; i < 3; ++i) {
      const double q = levels[i], exact = 20.0 + 0.5 * x + width(x) * law.quantile(q);
      const double sigma = width(x) * std::sqrt(q * (1.0 - q) * 10.0 / n_events) / law.pdf(law.quantile(q));
      CHECK(std::fabs(static_cast<double>(found[i]) - exact) <= 5.0 * sigma);
    }
  }
  for (float x = -1000.0f; x < 1000.0f; x += 1.0f) {  // also far outside of the training
    const auto found = model({x});
    REQUIRE(found[0] <= found[1]);
    REQUIRE(found[1] <= found[2]);
  }
}

TEST_CASE("the ratio form in two passes finds the minimum of its loss") {
  // y = x R with R = (2 + G) / 4, one law for all x; output ratio. The expected loss over R by summing over the sample
  // would hide the sample's own noise: it is integrated.
  const int n = n_events;
  const std::vector<double> noise = toys::Gamma().sample(n, 23);
  Random random(5);
  std::vector<double> values;
  for (const double g : noise) {
    const double x = random.uniform(10.0, 30.0);
    values.insert(values.end(), {x, x * (2.0 + g) / 4.0});
  }
  const Dataset data(BasicTable<double>({"x", "y"}, std::move(values), "ratio"), {"x"}, "y");
  const toys::Gamma law;
  const loss::LeakyGaussianKernelRatio first{0.2, 0.05}, second{0.2, 0.0};
  const auto expected = [&](const auto& f) {
    return quadrature::integrate([&](double g) { return f((2.0 + g) / 4.0) * law.pdf(g); }, 0.0, 60.0,
                                 std::vector<double>{0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0});
  };
  const auto expected_slope = [&](double nu) { return expected([&](double r) { return second.slope(nu, r).slope; }); };
  const double exact = quadrature::find_root(expected_slope, 0.6, 1.2, 1e-10);
  const double curvature = (expected_slope(exact + 1e-4) - expected_slope(exact - 1e-4)) / 2e-4;
  const double psi = std::sqrt(expected([&](double r) { return std::pow(second.slope(exact, r).slope, 2); }));

  FitOptions settings = whole_sample(15);
  settings.output = Output::ratio;
  const auto far = fit<Mlp<Inputs<1>, Outputs<1>>>(data, first, settings);
  settings.output = Output::identity;  // without effect: the preprocessing is the first pass's
  const auto model = fit<Mlp<Inputs<1>, Outputs<1>>>(data, second, settings, far);
  CHECK(model.outputs[0].output == Output::ratio);
  CHECK(model.description.training.loss == "leaky_gaussian_kernel_ratio(bandwidth=0.2, leakiness=0)");
  for (const float x : {10.0f, 20.0f, 30.0f})
    CHECK(std::fabs(static_cast<double>(model({x})[0] / x) - exact) <=
          5.0 * 2.0 * psi / curvature / std::sqrt(static_cast<double>(n)));
}

TEST_CASE("training in double") {
  const auto table = jets(4000);
  const BasicDataset<double> data(table, {"x", "z"}, "y");
  FitOptions settings = options(30, 100);
  settings.adam.learning_rate = 0.01;
  settings.output = Output::ratio;  // y / x = 0.9 + 0.05 z + 2 noise / x
  const auto model = fit<Mlp<Inputs<2>, Hidden<8, Tanh>, Outputs<1>>>(data, loss::Squared{}, settings);
  static_assert(std::is_same_v<decltype(model({50.0, 0.0})), std::array<double, 1>>);
  // The noise of y / x is 0.2 at most; some ten parameters matter: 5 sqrt(10 / 3600) 0.05 on average over x.
  for (const double z : {-1.0, 0.0, 1.0}) CHECK(std::fabs(model({50.0, z})[0] / 50.0 - (0.9 + 0.05 * z)) <= 0.013);
}

}  // namespace
