// A rectified layer and its readout trained as one: the numbers of the two layers one after the other.
#include "calibrant/nn/rectified_readout.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "calibrant/nn/mlp.hpp"

using namespace calibrant;

namespace {

template <class Net, class T>
constexpr bool is_fused = requires(typename Net::template Workspace<T> w) {
  w.positive;
};

using Paper = Mlp<Inputs<2>, Hidden<50, PReLU>, Outputs<1>>;
static_assert(is_fused<Paper, Wide<float, 4>> && is_fused<Paper, Wide<double, 4>>);
static_assert(is_fused<Mlp<Inputs<8>, Hidden<3, ReLU>, Outputs<1>>, Wide<float, 1>>);
// Where two layers are as good or there is more than one kink, output or layer.
static_assert(!is_fused<Paper, float> && !is_fused<Paper, Dual<Wide<float, 4>, 1>>);
static_assert(!is_fused<Mlp<Inputs<9>, Hidden<50, PReLU>, Outputs<1>>, Wide<float, 4>>);
static_assert(!is_fused<Mlp<Inputs<2>, Hidden<50, Tanh>, Outputs<1>>, Wide<float, 4>>);
static_assert(!is_fused<Mlp<Inputs<2>, Hidden<50, PReLU>, Outputs<2>>, Wide<float, 4>>);
static_assert(!is_fused<Mlp<Inputs<2>, Hidden<50, PReLU>, Outputs<1, Softplus>>, Wide<float, 4>>);
static_assert(!is_fused<Mlp<Inputs<2>, Hidden<50, PReLU>, Hidden<5, PReLU>, Outputs<1>>, Wide<float, 4>>);

template <class Net, class T>
struct Result {
  T y[1], dx[Net::n_in];
  std::vector<double> gradient;
};

/// Two tiles into one accumulator.
template <class Net, class T>
Result<Net, T> run(const Parameters<ScalarOf<T>, Net::n_params>& p, const T* x, const T* dy, bool input_gradient) {
  using S = ScalarOf<T>;
  Result<Net, T> result;
  const auto workspace = std::make_unique<typename Net::template Workspace<T>>();
  const auto dp = std::make_unique<typename Net::template Accumulator<T>>();
  dp->clear();
  for (int tile = 0; tile < 2; ++tile) {
    const View<const T, Net::n_in> here(x + tile * Net::n_in);
    workspace->start({});
    Net::template forward<T>(p.view(), here, View<T, 1>(result.y), *workspace);
    if (input_gradient)
      Net::template pullback<T>(p.view(), here, View<const T, 1>(result.y), *workspace, View<const T, 1>(dy + tile),
                                *dp, View<T, Net::n_in>(result.dx));
    else
      Net::template pullback<T>(p.view(), here, View<const T, 1>(result.y), *workspace, View<const T, 1>(dy + tile),
                                *dp, NoInputGradient{});
  }
  std::vector<S> gradient(Net::n_params, S(1));  // collect adds
  dp->collect(p.view(), gradient.data());
  for (const S g : gradient) result.gradient.push_back(static_cast<double>(g) - 1.0);
  return result;
}

template <int In, int Units, class Activation, class T>
void check() {
  using S = ScalarOf<T>;
  using Together = Sequential<Dense<In, Units, Activation>, Dense<Units, 1>>;
  using Separately = Sequential<Sequential<Dense<In, Units, Activation>>, Dense<Units, 1>>;
  static_assert(is_fused<Together, T> && !is_fused<Separately, T>);
  CAPTURE(In);
  CAPTURE(Units);
  CAPTURE(Activation::name);
  Parameters<S, Together::n_params> p;
  Random random(7);
  Together::template initialise<S>(p.view(), random);
  for (S& value : p.span()) value += static_cast<S>(random.uniform(-0.2, 0.2));
  T x[2 * In], dy[2];
  for (int i = 0; i < 2 * In * stride<T>; ++i) scalars(x)[i] = static_cast<S>(random.normal());
  for (int i = 0; i < 2 * stride<T>; ++i) scalars(dy)[i] = static_cast<S>(random.normal());

  const auto expected = run<Separately, T>(p, x, dy, true);
  const auto found = run<Together, T>(p, x, dy, true);
  const auto without = run<Together, T>(p, x, dy, false);
  int different = 0;
  for (int s = 0; s < T::n_samples; ++s) {
    different += found.y[0][s] != expected.y[0][s];
    for (int k = 0; k < In; ++k) different += found.dx[k][s] != expected.dx[k][s];
  }
  CHECK(different == 0);
  CHECK(without.gradient == found.gradient);
  // Each is a sum of at most 2 n_samples terms below about 30.
  const double tolerance = 30.0 * 2 * T::n_samples * static_cast<double>(std::numeric_limits<S>::epsilon());
  double worst = 0.0;
  for (std::size_t i = 0; i < found.gradient.size(); ++i)
    worst = std::max(worst, std::fabs(found.gradient[i] - expected.gradient[i]));
  CHECK(worst <= tolerance);
}

}  // namespace

TEST_CASE("the bits of forward and dL/dx, and the gradient, of two layers") {
  check<2, 50, PReLU, Wide<double, 4>>();
  check<2, 50, PReLU, Wide<float, 4>>();
  check<2, 50, PReLU, Wide<float, 2>>();
  check<1, 1, ReLU, Wide<double, 1>>();
  check<3, 16, LeakyReLU, Wide<double, 4>>();
  check<4, 33, ReLU, Wide<double, 4>>();
  check<8, 7, PReLU, Wide<float, 4>>();
  check<7, 100, ReLU, Wide<float, 4>>();
}

TEST_CASE("a unit that is never above its kink has no gradient behind a ReLU") {
  using Net = Mlp<Inputs<2>, Hidden<3, ReLU>, Outputs<1>>;
  using T = Wide<float, 4>;
  Parameters<float, Net::n_params> p;
  Random random(1);
  Net::initialise<float>(p.view(), random);
  p[6 + 1] = -1000.0f;  // the bias of unit 1
  T x[4], dy[2];
  for (int i = 0; i < 4 * stride<T>; ++i) scalars(x)[i] = static_cast<float>(random.normal());
  for (int i = 0; i < 2 * stride<T>; ++i) scalars(dy)[i] = static_cast<float>(random.normal());
  const auto result = run<Net, T>(p, x, dy, false);
  for (const std::size_t i : {2u, 3u, 7u, 10u}) CHECK(result.gradient[i] == 0.0);
  CHECK(result.gradient[0] != 0.0);
}

TEST_CASE("a cotangent or input that is not finite is seen in the gradient") {
  using Net = Mlp<Inputs<2>, Hidden<3, PReLU>, Outputs<1>>;
  using T = Wide<float, 4>;
  for (const bool bad_input : {true, false}) {
    Parameters<float, Net::n_params> p;
    Random random(1);
    Net::initialise<float>(p.view(), random);
    T x[4], dy[2];
    for (T& value : x) value = T(0.5f);
    for (T& value : dy) value = T(1.0f);
    scalars(bad_input ? x : dy)[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(run<Net, T>(p, x, dy, false).gradient[0]));
  }
}
