// The pieces that modules are made of: strides, lane sums, the dual's part of a gradient, packs.
#include "calibrant/nn/module.hpp"

#include <doctest/doctest.h>

#include <type_traits>

using namespace calibrant;

static_assert(stride<float> == 1 && stride<Wide<float, 4>> == 64 && stride<Wide<double, 2>> == 16);
static_assert(stride<Dual<double, 1>> == 2 && stride<Dual<Wide<float, 4>, 1>> == 128);
static_assert(n_blocks<float>(1) == 1 && n_blocks<float>(16) == 1 && n_blocks<float>(17) == 2 &&
              n_blocks<double>(17) == 3);
static_assert(wants_input_gradient<View<float, 3>> && !wants_input_gradient<NoInputGradient>);

TEST_CASE("a dual's dL/dp is the tangent of dy x when dy carries dL/dy_dot and dL/dy") {
  Dual<double, 1> dy(3.0), x(5.0);
  dy.tangent[0] = 7.0;
  x.tangent[0] = 11.0;
  CHECK(parameter_part(dy, x) == 3.0 * 11.0 + 7.0 * 5.0);
  CHECK(parameter_part(dy) == 7.0);
  CHECK(parameter_part(3.0, 5.0) == 15.0);
}

TEST_CASE_TEMPLATE("lane sums add up, registers in order, then halves", T, Wide<float, 4>, Wide<double, 2>,
                   Wide<float, 1>) {
  using S = ScalarOf<T>;
  constexpr int L = lanes<S>;
  S numbers[T::n_samples];
  for (int i = 0; i < T::n_samples; ++i) numbers[i] = static_cast<S>(1.0 / (i + 3.0));
  const T wide = T::load(numbers);
  LaneSum<T> sum;
  sum.add(wide);
  sum.add(wide);
  S expected[L] = {};
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < T::n_samples; ++i) expected[i % L] += numbers[i];
  for (int half = L / 2; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) expected[l] += expected[l + half];
  CHECK(sum.total() == expected[0]);

  LaneSum<T> squares;
  squares.add_product(wide, wide);
  S fused[L] = {};
  for (int i = 0; i < T::n_samples; ++i) fused[i % L] = calibrant::fma(numbers[i], numbers[i], fused[i % L]);
  for (int half = L / 2; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) fused[l] += fused[l + half];
  CHECK(squares.total() == fused[0]);
}

TEST_CASE("lane sums of scalars and duals") {
  LaneSum<double> plain;
  plain.add(1.5);
  plain.add_product(2.0, 3.0);
  CHECK(plain.total() == 7.5);

  Dual<double, 1> dy(3.0), x(5.0);
  dy.tangent[0] = 7.0;
  x.tangent[0] = 11.0;
  LaneSum<Dual<double, 1>> dual;
  dual.add_parameter_part(dy, x);
  dual.add_parameter_part(dy, x);
  CHECK(dual.total() == 2.0 * (3.0 * 11.0 + 7.0 * 5.0));

  LaneSum<Dual<Wide<float, 2>, 1>> wide;
  Dual<Wide<float, 2>, 1> wide_dy(Wide<float, 2>(3.0f)), wide_x(Wide<float, 2>(5.0f));
  wide_dy.tangent[0] = Wide<float, 2>(7.0f);
  wide_x.tangent[0] = Wide<float, 2>(11.0f);
  wide.add_parameter_part(wide_dy, wide_x);
  CHECK(wide.total() == 32.0f * (3.0f * 11.0f + 7.0f * 5.0f));
}

TEST_CASE("packs hold values by position, also of one type") {
  Pack<int, double, int> pack;
  at<0>(pack) = 1;
  at<1>(pack) = 2.5;
  at<2>(pack) = 3;
  const auto& constant = pack;
  CHECK(at<0>(constant) == 1);
  CHECK(at<1>(constant) == 2.5);
  CHECK(at<2>(constant) == 3);
  using Tags = Pack<TypeTag<int>, TypeTag<double>>;
  static_assert(std::is_same_v<decltype(type_at<1>(static_cast<Tags*>(nullptr)))::Type, double>);
}

TEST_CASE("memory of a tile element as scalars: value, then tangents") {
  Dual<Wide<double, 1>, 1> element(Wide<double, 1>(2.0));
  element.tangent[0] = Wide<double, 1>(3.0);
  for (int i = 0; i < 8; ++i) {
    CHECK(scalars(&element)[i] == 2.0);
    CHECK(scalars(&element)[8 + i] == 3.0);
  }
}
