// Activations: values against their formulas, slopes and curvatures against differences, behaviour far out and at NaN.
#include "calibrant/nn/activation.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

#include "calibrant/nn/elementwise.hpp"
#include "module_checks.hpp"

using namespace calibrant;

namespace {
long double reference(Identity, long double z, long double) { return z; }
long double reference(ReLU, long double z, long double) { return z > 0 ? z : 0; }
long double reference(LeakyReLU, long double z, long double) { return z > 0 ? z : 0.01L * z; }
long double reference(PReLU, long double z, long double a) { return z > 0 ? z : a * z; }
long double reference(Tanh, long double z, long double) { return std::tanh(z); }
long double reference(Sigmoid, long double z, long double) { return 1 / (1 + std::exp(-z)); }
long double reference(Softplus, long double z, long double) {
  return std::log1p(std::exp(-std::fabs(z))) + (z > 0 ? z : 0);
}
long double reference(SiLU, long double z, long double) { return z / (1 + std::exp(-z)); }
long double reference(ELU, long double z, long double) { return z > 0 ? z : std::expm1(z); }

template <class S>
constexpr double epsilon = static_cast<double>(std::numeric_limits<S>::epsilon());
}  // namespace

#define ALL_ACTIVATIONS Identity, ReLU, LeakyReLU, PReLU, Tanh, Sigmoid, Softplus, SiLU, ELU

TEST_CASE_TEMPLATE("values against the formula", A, ALL_ACTIVATIONS) {
  const auto compare = []<class S>(S) {
    double worst = 0.0;
    for (int i = -400; i <= 400; ++i) {
      const S z = static_cast<S>(i) / S(20), a = S(0.125);
      const long double expected = reference(A{}, z, a);
      const double error = static_cast<double>(std::fabs(A::apply(z, a).value - expected) / std::fabs(expected));
      if (expected != 0) worst = std::max(worst, error);
    }
    // A few roundings of the elementary functions; core/math_test.cpp has their own bounds.
    CHECK(worst <= 6 * epsilon<S>);
  };
  compare(1.0f);
  compare(1.0);
}

TEST_CASE_TEMPLATE("slope and curvature against differences", A, ALL_ACTIVATIONS) {
  using M = Activate<1, A>;
  for (int i = -12; i <= 12; ++i) {
    const double x[] = {0.5 * i + 0.2}, p[] = {0.125};
    const auto report = check_gradient<M>(View<const double, M::n_params>(p), View<const double, 1>(x));
    CHECK_MESSAGE(report.passed(), "z = ", x[0]);
  }
}

TEST_CASE_TEMPLATE("finite far out, over every scalar", A, ALL_ACTIVATIONS) {
  const auto far = []<class T>(T) {
    using S = ScalarOf<T>;
    for (const double size : {0.0, 1e-38, 1e-30, 1e-8, 1.0, 20.0, 87.0, 88.5, 89.0, 104.0, 709.5, 746.0, 1e4, 1e30})
      for (const double sign : {-1.0, 1.0}) {
        const T z(static_cast<S>(sign * size));
        T in = z;
        if constexpr (is_dual<T>) in = T::variable(z.value);
        const auto activated = A::apply(in, S(0.25));
        const T slope = A::slope(activated.value, activated.saved, S(0.25));
        const T direct = activate<A>(in, S(0.25));
        INFO("z = ", sign * size);
        CHECK(!any(!is_finite(activated.value)));
        CHECK(!any(!is_finite(slope)));
        CHECK(!any(!is_finite(direct)));
      }
  };
  far(1.0f);
  far(1.0);
  far(Dual<float, 1>(1.0f));
  far(Dual<double, 1>(1.0));
  far(Wide<float, 1>(1.0f));
  far(Dual<Wide<float, 1>, 1>(1.0f));
}

TEST_CASE_TEMPLATE("NaN in, NaN out: a broken network must not look healthy", A, ALL_ACTIVATIONS) {
  CHECK(std::isnan(A::apply(std::numeric_limits<float>::quiet_NaN(), 0.25f).value));
  CHECK(std::isnan(A::apply(std::numeric_limits<double>::quiet_NaN(), 0.25).value));
  CHECK(std::isnan(A::apply(Wide<float, 1>(std::numeric_limits<float>::quiet_NaN()), 0.25f).value[0]));
}

TEST_CASE("at their kinks, rectifiers take the left slope") {
  CHECK(ReLU::slope(0.0, 0.0, 0.0) == 0.0);
  CHECK(LeakyReLU::slope(0.0, 0.0, 0.0) == 0.01);
  CHECK(PReLU::slope(0.0, 0.0, 0.3) == 0.3);
  CHECK(PReLU::parameter_slope(-2.0) == -2.0);
  CHECK(PReLU::parameter_slope(2.0) == 0.0);
}

TEST_CASE("He for rectifiers and their smooth kin, Glorot for the others") {
  CHECK(ReLU::initialiser == Initialiser::he);
  CHECK(SiLU::initialiser == Initialiser::he);
  CHECK(Tanh::initialiser == Initialiser::glorot);
  CHECK(Identity::initialiser == Initialiser::glorot);
}
