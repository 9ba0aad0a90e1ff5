// Quantiles: the formula, no crossing whatever the network says, and what holds for every module.
#include "calibrant/head/quantiles.hpp"

#include <cmath>

#include "../nn/module_checks.hpp"
#include "calibrant/nn/mlp.hpp"

using namespace calibrant;

static_assert(Head<Quantiles<3>, float, double, Wide<float, 4>, Dual<Wide<double, 2>, 1>>);

TEST_CASE("Quantiles is a module, of one, some, and more than a register of outputs") {
  checks::check_module<Quantiles<1>>();
  checks::check_module<Quantiles<5>>();
  checks::check_module<Quantiles<19>>();
}

TEST_CASE("Quantiles behind a network") {
  using Net = Sequential<Mlp<Inputs<3>, Hidden<8, Tanh>, Outputs<5>>, Quantiles<5>>;
  checks::check_gradients<Net>();
  checks::check_tile<Net, Wide<float, 4>>(1);
}

TEST_CASE("y_0 = x_0, y_i = y_{i-1} + softplus(x_i)") {
  const double x[] = {0.5, -1.0, 2.0};
  double y[3];
  Quantiles<3>::forward<double>(View<const double, 0>(nullptr), x, y);
  CHECK(y[0] == 0.5);
  CHECK(y[1] == doctest::Approx(0.5 + std::log1p(std::exp(-1.0))).epsilon(1e-15));
  CHECK(y[2] == doctest::Approx(y[1] + std::log1p(std::exp(2.0))).epsilon(1e-15));
}

TEST_CASE_TEMPLATE("quantiles never cross, also far out", S, float, double) {
  Random random(1);
  int crossings = 0, not_finite = 0;
  for (int i = 0; i < 20000; ++i) {
    const double size = std::exp(random.uniform(-5.0, 60.0));
    S x[5], y[5];
    for (S& value : x) value = static_cast<S>(size * random.normal());
    Quantiles<5>::forward<S>(View<const S, 0>(nullptr), x, y);
    for (int k = 0; k < 5; ++k) {
      crossings += k > 0 && !(y[k] >= y[k - 1]) ? 1 : 0;
      not_finite += std::isfinite(y[k]) ? 0 : 1;
    }
  }
  CHECK(crossings == 0);
  CHECK(not_finite == 0);
}
