// Dual: derivatives of every operation and function against differences, the algebra, nesting, ties, lanes.
#include "calibrant/core/dual.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <type_traits>

#include "calibrant/core/math.hpp"
#include "calibrant/core/random.hpp"

using namespace calibrant;

using D = Dual<double, 1>;
using D2 = Dual<double, 2>;
using Nested = Dual<Dual<double, 1>, 1>;

static_assert(std::is_trivially_copyable_v<D> && sizeof(D) == 16 && sizeof(Dual<float, 3>) == 16);
static_assert(std::is_same_v<ScalarOf<Dual<Wide<float, 4>, 2>>, float> && std::is_same_v<ScalarOf<Nested>, double>);
static_assert(std::is_same_v<ValueOf<Dual<Wide<float, 4>, 2>>, Wide<float, 4>> &&
              std::is_same_v<ValueOf<double>, double>);
static_assert(is_dual<D> && !is_dual<double> && is_wide<Dual<Wide<float, 4>, 1>> && !is_wide<D>);
static_assert(ScalarTraits<Dual<Wide<double, 2>, 3>>::n_samples == 16 &&
              ScalarTraits<Dual<Wide<double, 2>, 3>>::n_components == 4);

namespace {

D variable(double value) { return D::variable(value); }

/// f' at x by central differences at two steps, extrapolated to step zero (Richardson).
template <class F>
double differences(F f, double x) {
  const auto quotient = [&](double h) { return (f(x + h) - f(x - h)) / ((x + h) - (x - h)); };
  const double h = 1e-3 * std::fmax(1.0, std::fabs(x));
  return (4.0 * quotient(h / 2) - quotient(h)) / 3.0;
}

/// Value and derivative of a generic f at x.
template <class F>
void check_derivative(F f, double x) {
  const D found = f(variable(x));
  const double value = f(x);
  INFO("x = ", x);
  CHECK(found.value == value);
  // Rounding of f over the step, 1e-16 / 1e-3, and fifth derivatives of order one times step^4.
  CHECK(found.tangent[0] == doctest::Approx(differences(f, x)).epsilon(2e-11).scale(1.0 + std::fabs(value)));
}

}  // namespace

#define FUNCTION(EXPRESSION) [](auto x) { return EXPRESSION; }

TEST_CASE("elementary functions") {
  for (const double at : {-3.1, -1.2, -0.3, 0.2, 0.9, 2.6}) {
    check_derivative(FUNCTION(calibrant::exp(x)), at);
    check_derivative(FUNCTION(calibrant::expm1(x)), at);
    check_derivative(FUNCTION(calibrant::tanh(x)), at);
    check_derivative(FUNCTION(calibrant::sigmoid(x)), at);
    check_derivative(FUNCTION(calibrant::softplus(x)), at);
    check_derivative(FUNCTION(calibrant::abs(x)), at);
    check_derivative(FUNCTION(calibrant::square(x)), at);
    check_derivative(FUNCTION(-x), at);
  }
  for (const double at : {0.3, 0.9, 1.0, 2.6, 40.0}) {
    check_derivative(FUNCTION(calibrant::log(x)), at);
    check_derivative(FUNCTION(calibrant::sqrt(x)), at);
    check_derivative(FUNCTION(calibrant::log1p(x)), at);
    check_derivative(FUNCTION(calibrant::log1p(x * -0.02)), at);
  }
}

TEST_CASE("arithmetic, alone and composed") {
  for (const double at : {-2.2, -0.4, 0.7, 3.0}) {
    check_derivative(FUNCTION(x + x * x), at);
    check_derivative(FUNCTION(x - x * x * x), at);
    check_derivative(FUNCTION((x + 1.0) / (x * x + 2.0)), at);
    check_derivative(FUNCTION(calibrant::fma(x, x, x)), at);
    check_derivative(FUNCTION(calibrant::fma(2.5, x, x * x)), at);
    check_derivative(FUNCTION(calibrant::exp(-x * x) * calibrant::tanh(x) / (x * x + 1.0)), at);
  }
}

TEST_CASE("compound assignments do what the operators do") {
  const D a = variable(1.5), b(D::chain(variable(2.0), 0.7, 0.3));
  D sum = a, difference = a, product = a;
  sum += b;
  difference -= b;
  product *= b;
  CHECK((sum.value == (a + b).value && sum.tangent[0] == (a + b).tangent[0]));
  CHECK((difference.value == (a - b).value && difference.tangent[0] == (a - b).tangent[0]));
  CHECK((product.value == (a * b).value && product.tangent[0] == (a * b).tangent[0]));
}

TEST_CASE("several tangents are several directions; constants have none") {
  const D2 x = D2::variable(2.0, 0), y = D2::variable(5.0, 1);
  const D2 f = x * x * y + y / x - D2(3.0);
  CHECK(f.value == 20.0 + 2.5 - 3.0);
  CHECK(f.tangent[0] == doctest::Approx(2 * 2.0 * 5.0 - 5.0 / 4.0).epsilon(1e-15));
  CHECK(f.tangent[1] == doctest::Approx(4.0 + 0.5).epsilon(1e-15));
  CHECK(D2(4.0).tangent[0] == 0.0);
  CHECK(D2(4.0).tangent[1] == 0.0);
}

TEST_CASE("a plain weight is a constant") {
  const D x(D::chain(variable(1.0), 1.7, 0.9)), c(D::chain(variable(1.0), -0.4, 2.1));
  const D cheap = calibrant::fma(3.0, x, c), general = calibrant::fma(D(3.0), x, c);
  CHECK(cheap.value == general.value);
  CHECK(cheap.tangent[0] == general.tangent[0]);
}

TEST_CASE("comparisons look at values only") {
  const D a = variable(1.0), b(1.0), c = variable(2.0);
  CHECK(!(a < b));
  CHECK(a <= b);
  CHECK(a >= b);
  CHECK(!(a > b));
  CHECK(a < c);
  CHECK(c > a);
}

TEST_CASE("ties: abs has slope 0 at 0, min and max take the second, select its branch with its tangent") {
  CHECK(calibrant::abs(variable(0.0)).tangent[0] == 0.0);
  CHECK(calibrant::abs(variable(-0.0)).tangent[0] == 0.0);
  CHECK(calibrant::abs(variable(-2.0)).tangent[0] == -1.0);
  const D moving = variable(1.0), constant(1.0);
  CHECK(calibrant::min(moving, constant).tangent[0] == 0.0);
  CHECK(calibrant::min(constant, moving).tangent[0] == 1.0);
  CHECK(calibrant::max(moving, constant).tangent[0] == 0.0);
  CHECK(calibrant::max(constant, moving).tangent[0] == 1.0);
  CHECK(calibrant::select(true, moving, constant).tangent[0] == 1.0);
  CHECK(calibrant::select(false, moving, constant).tangent[0] == 0.0);
  CHECK(calibrant::sign(variable(-3.0)).value == -1.0);
  CHECK(calibrant::sign(variable(-3.0)).tangent[0] == 0.0);
}

TEST_CASE("finite means value and tangents") {
  CHECK(is_finite(variable(1.0)));
  CHECK(!is_finite(D(std::nan(""))));
  D x(1.0);
  x.tangent[0] = INFINITY;
  CHECK(!is_finite(x));
}

TEST_CASE("value_of strips tangents and leaves plain numbers alone") {
  CHECK(value_of(variable(3.5)) == 3.5);
  CHECK(value_of(3.5) == 3.5);
}

TEST_CASE("nested duals: second derivatives") {
  const auto second = [](auto f, double x) {
    Nested z(D::variable(x));
    z.tangent[0] = D(1.0);
    return f(z).tangent[0].tangent[0];
  };
  for (const double at : {0.3, 1.1, 2.7}) {
    const double t = std::tanh(at), s = 1.0 / (1.0 + std::exp(-at));
    CHECK(second(FUNCTION(x * x * x), at) == doctest::Approx(6.0 * at).epsilon(1e-14));
    CHECK(second(FUNCTION(exp(x)), at) == doctest::Approx(std::exp(at)).epsilon(1e-14));
    CHECK(second(FUNCTION(expm1(x)), at) == doctest::Approx(std::exp(at)).epsilon(1e-14));
    CHECK(second(FUNCTION(log(x)), at) == doctest::Approx(-1.0 / (at * at)).epsilon(1e-14));
    CHECK(second(FUNCTION(log1p(x)), at) == doctest::Approx(-1.0 / ((1 + at) * (1 + at))).epsilon(1e-14));
    CHECK(second(FUNCTION(sqrt(x)), at) == doctest::Approx(-0.25 * std::pow(at, -1.5)).epsilon(1e-14));
    CHECK(second(FUNCTION(tanh(x)), at) == doctest::Approx(-2.0 * t * (1 - t * t)).epsilon(1e-12));
    CHECK(second(FUNCTION(sigmoid(x)), at) == doctest::Approx(s * (1 - s) * (1 - 2 * s)).epsilon(1e-12));
    CHECK(second(FUNCTION(softplus(x)), at) == doctest::Approx(s * (1 - s)).epsilon(1e-12));
    CHECK(second(FUNCTION(x / (x * x + x)), at) == doctest::Approx(2.0 / std::pow(1 + at, 3)).epsilon(1e-13));
    CHECK(second(FUNCTION(fma(x, x, x)), at) == doctest::Approx(2.0).epsilon(1e-14));
    CHECK(second(FUNCTION(abs(x)), at) == 0.0);
  }
}

TEST_CASE("identities of the algebra, in value, first and second derivative") {
  const auto check_same = [](const Nested& a, const Nested& b) {
    const auto close = [](double u, double v) { CHECK(u == doctest::Approx(v).epsilon(1e-13).scale(1.0)); };
    close(a.value.value, b.value.value);
    close(a.value.tangent[0], b.value.tangent[0]);
    close(a.tangent[0].value, b.tangent[0].value);
    close(a.tangent[0].tangent[0], b.tangent[0].tangent[0]);
  };
  Random random(1);
  const auto draw = [&] {
    Nested z;
    z.value.value = random.uniform(0.5, 2.0);
    z.value.tangent[0] = random.normal();
    z.tangent[0].value = random.normal();
    z.tangent[0].tangent[0] = random.normal();
    return z;
  };
  for (int i = 0; i < 20; ++i) {
    const Nested a = draw(), b = draw(), c = draw();
    check_same(a * b, b * a);
    check_same((a + b) * c, a * c + b * c);
    check_same(a * b / b, a);
    check_same(a - b, -(b - a));
    check_same(exp(a + b), exp(a) * exp(b));
    check_same(log(a * b), log(a) + log(b));
    check_same(exp(log(a)), a);
    check_same(expm1(log1p(a)), a);
    check_same(square(sqrt(a)), a);
    check_same(tanh(a), Nested(1.0) - Nested(2.0) / (exp(a + a) + Nested(1.0)));
    check_same(sigmoid(a), Nested(1.0) - sigmoid(-a));
    check_same(softplus(a), softplus(-a) + a);
  }
}

namespace {

/// Values and tangents of f in all lanes have the bits of Dual<S, 1>.
template <class S, int P, class F>
int different_lanes(F f) {
  using W = Wide<S, P>;
  using L = Dual<S, 1>;
  S a[W::n_samples], a_dot[W::n_samples], b[W::n_samples], b_dot[W::n_samples];
  Random random(3);
  for (int l = 0; l < W::n_samples; ++l) {
    a[l] = static_cast<S>(std::exp(random.normal()));
    a_dot[l] = static_cast<S>(random.normal());
    b[l] = static_cast<S>(std::exp(random.normal()));
    b_dot[l] = static_cast<S>(random.normal());
  }
  Dual<W, 1> x(W::load(a)), y(W::load(b));
  x.tangent[0] = W::load(a_dot);
  y.tangent[0] = W::load(b_dot);
  const Dual<W, 1> wide = f(x, y);
  int result = 0;
  for (int l = 0; l < W::n_samples; ++l) {
    L u(a[l]), v(b[l]);
    u.tangent[0] = a_dot[l];
    v.tangent[0] = b_dot[l];
    const L expected = f(u, v);
    const S value = wide.value[l], tangent = wide.tangent[0][l];
    result += std::memcmp(&value, &expected.value, sizeof(S)) == 0 ? 0 : 1;
    result += std::memcmp(&tangent, &expected.tangent[0], sizeof(S)) == 0 ? 0 : 1;
  }
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("duals of Wide: each lane has the bits of a dual of a scalar", S, float, double) {
  constexpr int P = sizeof(S) == 4 ? 4 : 2;
  const auto check = [](auto f) { CHECK(different_lanes<S, P>(f) == 0); };
  check([](auto x, auto y) { return x + y; });
  check([](auto x, auto y) { return x - y; });
  check([](auto x, auto y) { return x * y; });
  check([](auto x, auto y) { return x / y; });
  check([](auto x, auto y) { return fma(x, y, x); });
  check([](auto x, auto y) { return fma(S(1.5), x, y); });
  check([](auto x, auto) { return -x; });
  check([](auto x, auto) { return exp(x); });
  check([](auto x, auto) { return expm1(-x); });
  check([](auto x, auto) { return log(x); });
  check([](auto x, auto) { return log1p(x); });
  check([](auto x, auto y) { return tanh(x - y); });
  check([](auto x, auto) { return sqrt(x); });
  check([](auto x, auto y) { return abs(x - y); });
  check([](auto x, auto y) { return sigmoid(x - y); });
  check([](auto x, auto y) { return softplus(x - y); });
  check([](auto x, auto y) { return min(x, y); });
  check([](auto x, auto y) { return max(x, y); });
  check([](auto x, auto y) { return select(x > y, x * y, y / x); });
}
