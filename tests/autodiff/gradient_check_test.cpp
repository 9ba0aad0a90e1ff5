// The gradient check itself: it passes right modules and fails each kind of wrong one, wherever the mistake is.
#include "calibrant/autodiff/gradient_check.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "calibrant/nn/elementwise.hpp"
#include "calibrant/nn/mlp.hpp"

using namespace calibrant;

namespace {

enum class Mistake {
  none,
  parameter_sign,  // dL/dp negated for one parameter
  input_factor,    // dL/dx one percent off
  input_added,     // dL/dx added to what was there, for one input
  slope,           // the slope that forward pushes and pullback uses is one percent off: consistent, and wrong
  curvature,       // first order right, second order without the curvature
  dual_parameter,  // the pullback over duals forgets x_dot
};

/// A module of a user: y_o = sin-like bump of (w_o x_o), three features, with a mistake of choice. The bump is
/// z exp(-z^2/2).
template <Mistake mistake>
struct Bump {
  static constexpr int n_in = 3, n_out = 3, n_params = 3;
  static std::string describe() { return "bump"; }
  template <class S>
  static void initialise(View<S, 3> p, Random& random) {
    for (S& w : p) w = static_cast<S>(random.uniform(0.5, 1.5));
  }
  template <class T>
  using Workspace = NoWorkspace<T>;
  template <class T>
  struct Accumulator {
    LaneSum<T> weight[3];
    void clear() noexcept { *this = Accumulator{}; }
    void collect(View<const ScalarOf<T>, 3>, ScalarOf<T>* gradient) const noexcept {
      for (int i = 0; i < 3; ++i) gradient[i] += weight[i].total();
    }
  };
  template <class T>
  static T value(const T& z) noexcept {
    if constexpr (mistake == Mistake::slope && is_dual<T>)
      return T::chain(z, value(z.value), slope(z.value));
    else
      return z * exp(z * z * T(ScalarOf<T>(-0.5)));
  }
  template <class T>
  static T slope(const T& z) noexcept {
    using S = ScalarOf<T>;
    if constexpr (mistake == Mistake::curvature && is_dual<T>) return T(slope(z.value));
    const T result = (T(S(1)) - z * z) * exp(z * z * T(S(-0.5)));
    if constexpr (mistake == Mistake::slope) return result * T(S(1.01));
    return result;
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, 3> p, View<const T, 3> x, View<T, 3> y) noexcept {
    for (int i = 0; i < 3; ++i) y[i] = value(T(T(p[i]) * x[i]));
  }
  template <class T>
  static void forward(View<const ScalarOf<T>, 3> p, View<const T, 3> x, View<T, 3> y, NoWorkspace<T>&) noexcept {
    forward<T>(p, x, y);
  }
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, 3> p, View<const T, 3> x, View<const T, 3>, NoWorkspace<T>&,
                       View<const T, 3> dy, Accumulator<T>& dp, Dx dx) noexcept {
    using S = ScalarOf<T>;
    for (int i = 0; i < 3; ++i) {
      const T dz = dy[i] * slope(T(T(p[i]) * x[i]));
      if constexpr (mistake == Mistake::dual_parameter && is_dual<T>)
        dp.weight[i].add_parameter_part(dz, T(x[i].value));
      else
        dp.weight[i].add_parameter_part(mistake == Mistake::parameter_sign && i == 2 ? -dz : dz, x[i]);
      if constexpr (wants_input_gradient<Dx>) {
        T result = dz * T(p[i]);
        if constexpr (mistake == Mistake::input_factor)
          if (i == 1) result = result * T(S(1.01));
        if constexpr (mistake == Mistake::input_added)
          if (i == 0) result = result + dx[i];
        dx[i] = result;
      }
    }
  }
};

GradientReport report_of(const auto& module, std::uint64_t seed) {
  GradientCheckOptions options;
  options.seed = seed;
  return check_gradient<std::remove_cvref_t<decltype(module)>>(options);
}

}  // namespace

TEST_CASE("right modules pass, and the errors are far below the limits") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const GradientReport report = report_of(Bump<Mistake::none>{}, seed);
    CHECK(report.passed());
    CHECK(report.parameters.checked == 3);
    CHECK(report.inputs.checked == 3);
    CHECK(report.parameters.error < 1e-8);
    CHECK(report.mixed_parameters.error < 1e-6);
    CHECK(report.duality < 1e-15);
  }
}

TEST_CASE("each mistake is found, in the part where it is") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto sign = report_of(Bump<Mistake::parameter_sign>{}, seed);
    CHECK(!sign.passed());
    CHECK(sign.parameters.error > 1.9);
    CHECK(sign.parameters.index == 2);
    CHECK(sign.parameters.computed == doctest::Approx(-sign.parameters.differenced).epsilon(1e-6));
    CHECK(sign.inputs.error <= sign.tolerance);

    const auto factor = report_of(Bump<Mistake::input_factor>{}, seed);
    CHECK(!factor.passed());
    CHECK(factor.inputs.index == 1);
    CHECK(factor.inputs.error == doctest::Approx(0.01 / 1.01).epsilon(0.01));
    CHECK(factor.parameters.error <= factor.tolerance);
    CHECK(factor.duality > GradientReport::duality_tolerance);

    const auto added = report_of(Bump<Mistake::input_added>{}, seed);
    CHECK(!added.passed());
    CHECK(std::isnan(added.inputs.error));

    const auto slope = report_of(Bump<Mistake::slope>{}, seed);
    CHECK(!slope.passed());
    CHECK(slope.parameters.error == doctest::Approx(0.01 / 1.01).epsilon(0.01));
    CHECK(slope.mixed_parameters.error > slope.mixed_tolerance);
    CHECK(slope.duality <= GradientReport::duality_tolerance);  // forward and reverse agree: duality cannot see it

    const auto curvature = report_of(Bump<Mistake::curvature>{}, seed);
    CHECK(!curvature.passed());
    CHECK(curvature.parameters.error <= curvature.tolerance);
    CHECK(curvature.mixed_inputs.error > curvature.mixed_tolerance);

    const auto dual = report_of(Bump<Mistake::dual_parameter>{}, seed);
    CHECK(!dual.passed());
    CHECK(dual.parameters.error <= dual.tolerance);
    CHECK(dual.mixed_inputs.error <= dual.mixed_tolerance);
    CHECK(dual.mixed_parameters.error > dual.mixed_tolerance);
  }
}

TEST_CASE("kinks within a step are left out and counted; a check of nothing but kinks does not pass") {
  using M = Activate<4, ReLU>;
  const double far[] = {1.0, -1.0, 0.5, -2.0}, near[] = {1e-5, -1e-5, 2e-5, 1.0};
  const GradientReport good = check_gradient<M>(View<const double, 0>(nullptr), far);
  CHECK(good.passed());
  CHECK(good.inputs.kinks == 0);
  const GradientReport bad = check_gradient<M>(View<const double, 0>(nullptr), near);
  CHECK(bad.inputs.kinks == 3);
  CHECK(bad.inputs.checked == 1);
  CHECK(bad.inputs.error <= bad.tolerance);
  CHECK(!bad.passed());
}

TEST_CASE("of many parameters a sample is checked, spread over all") {
  using M = Mlp<Inputs<4>, Hidden<12, Tanh>, Outputs<2>>;
  GradientCheckOptions options;
  options.max_components = 10;
  const GradientReport report = check_gradient<M>(options);
  CHECK(report.passed());
  CHECK(report.parameters.checked == 10);
  CHECK(report.mixed_parameters.checked + report.mixed_parameters.kinks == 10);
  CHECK(report.inputs.checked == 4);
}

TEST_CASE("directions can be given; wrong sizes are refused") {
  using M = Bump<Mistake::none>;
  const double p[] = {1.0, 1.0, 1.0}, x[] = {0.3, 0.4, 0.5}, u[] = {0.0, 1.0, 0.0}, v[] = {0.0, 1.0, 0.0};
  GradientCheckOptions options;
  options.output_direction = u;
  options.input_direction = v;
  const GradientReport report = check_gradient<M>(p, x, options);
  CHECK(report.passed());
  CHECK(report.inputs.index == 1);  // the only derivative that is not zero, exactly
  const double slope = (1 - 0.4 * 0.4) * std::exp(-0.08);
  CHECK(report.inputs.computed == doctest::Approx(slope).epsilon(1e-14));

  const double wrong[] = {1.0, 2.0};
  options.output_direction = wrong;
  CHECK_THROWS_WITH_AS(check_gradient<M>(p, x, options),
                       "check_gradient, output_direction: expected 3 numbers, found 2", Error);
}

TEST_CASE("random masks are the same in each evaluation") {
  GradientCheckOptions options;
  options.context.seed = 3;
  options.context.step = 8;
  CHECK(check_gradient<Sequential<Dense<5, 8, Tanh>, Dropout<8, std::ratio<1, 2>>, Dense<8, 2>>>(options).passed());
}

TEST_CASE("the report prints what failed, where, and by how much") {
  std::ostringstream good, bad;
  report_of(Bump<Mistake::none>{}, 1).print(good);
  bad << report_of(Bump<Mistake::parameter_sign>{}, 1);
  CHECK(good.str().find("gradient check of bump: passed") == 0);
  CHECK(bad.str().find("gradient check of bump: FAILED") == 0);
  CHECK(bad.str().find("at 2: ") != std::string::npos);
}
