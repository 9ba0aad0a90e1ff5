// Losses made from the user's functions. Their gradients through a network are tested in tests/train.
#include "calibrant/loss/composed.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "calibrant/core/math.hpp"

using namespace calibrant;

namespace {

TEST_CASE("a loss of means: the user's functions over numbers, tiles and duals") {
  const auto spread = loss::of_means<2>(
      [](const auto& nu, const auto& y) {
        auto r = nu - y;
        return std::array{r, r * r};
      },
      [](const auto& m) { return sqrt(m[1] - m[0] * m[0]); }, "spread of the residual");
  static_assert(loss::BatchCoupled<std::remove_const_t<decltype(spread)>>);
  CHECK(spread.n_means == 2);
  CHECK(loss::describe(spread) == "spread of the residual");
  const auto one = spread.event(3.0, 1.0);
  CHECK(one[0] == 2.0);
  CHECK(one[1] == 4.0);
  const auto tile = spread.event(Wide<float, 4>(3.0f), Wide<float, 4>(1.0f));
  CHECK(tile[1][63] == 4.0f);
  const auto dual = spread.event(Dual<double, 1>::variable(3.0), Dual<double, 1>(1.0));
  CHECK(dual[0].tangent[0] == 1.0);
  CHECK(dual[1].tangent[0] == 4.0);

  using D = Dual<double, 2>;
  const D value = spread.combine(std::array{D::variable(0.5, 0), D::variable(1.25, 1)});
  CHECK(value.value == doctest::Approx(1.0).epsilon(1e-15));
  CHECK(value.tangent[0] == doctest::Approx(-0.5).epsilon(1e-15));  // -m_0 / spread
  CHECK(value.tangent[1] == doctest::Approx(0.5).epsilon(1e-15));   // 1 / (2 spread)
  CHECK(spread.combine(std::array{0.5, 1.25}) == doctest::Approx(1.0).epsilon(1e-15));
}

TEST_CASE("a loss of the slope: both derivatives from duals") {
  const auto penalty = loss::of_slope<1>([](const auto& nu, const auto& slope, const auto& y) {
    using T = std::decay_t<decltype(slope)>;
    return square(nu - y) + square(max(-slope, T(ScalarOf<T>(0)))) * nu;
  });
  static_assert(loss::UsesSlope<std::remove_const_t<decltype(penalty)>>);
  CHECK(penalty.slope_input == 1);
  CHECK(loss::describe(penalty) == "of_slope");
  using D = Dual<double, 2>;
  const D falling = penalty.event(D::variable(2.0, 0), D::variable(-0.5, 1), D(1.5));
  CHECK(falling.value == 0.25 + 0.25 * 2.0);
  CHECK(falling.tangent[0] == 1.0 + 0.25);
  CHECK(falling.tangent[1] == -2.0);
  const D rising = penalty.event(D::variable(2.0, 0), D::variable(0.5, 1), D(1.5));
  CHECK(rising.value == 0.25);
  CHECK(rising.tangent[1] == 0.0);
  const auto tile = penalty.event(Wide<float, 1>(2.0f), Wide<float, 1>(-0.5f), Wide<float, 1>(1.5f));
  CHECK(tile[15] == 0.75f);
}

}  // namespace
