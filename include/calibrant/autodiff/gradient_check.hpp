// The gradient check: every derivative that a module gives against differences of its forward pass, in double.
// Also for modules of your own. Second order is compared with differences of the forward pass too: a wrong slope agrees
// perfectly with differences of its own wrong gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "calibrant/concepts.hpp"
#include "calibrant/error.hpp"

namespace calibrant {

struct GradientCheckOptions {
  std::uint64_t seed = 1;         ///< of the directions and of what else is drawn
  double tolerance = 1e-6;        ///< relative, of first derivatives
  double mixed_tolerance = 1e-5;  ///< relative, of derivatives of derivatives
  double step = 3e-4;             ///< of central differences, times max(1, |value|)
  double mixed_step = 1e-3;       ///< the same for mixed differences
  int max_components = 4000;      ///< parameters, and inputs, checked at most: of more, a sample spread over all
  TileContext context{};          ///< for modules that draw random masks: the masks are the same in each evaluation
  /// u (n_out) and v (n_in); drawn from the seed if empty.
  std::span<const double> output_direction{}, input_direction{};
};

/// What check_gradient found. Errors are relative to the larger of the component, a thousandth of the largest component
/// of the same gradient, and what rounding of the forward pass lets differences resolve.
struct GradientReport {
  struct Part {
    double error = 0.0;        ///< the largest
    int index = -1;            ///< of the component with that error
    double computed = 0.0;     ///< that component from the pullback
    double differenced = 0.0;  ///< and from differences
    int checked = 0;           ///< components compared
    int kinks = 0;             ///< components left out: two steps disagree, so the forward pass has a kink between them
  };
  std::string module;
  Part parameters;        ///< d(u.y)/dp
  Part inputs;            ///< d(u.y)/dx
  Part mixed_parameters;  ///< d(u.y + u.J v)/dp, J = dy/dx: the pullback over duals
  Part mixed_inputs;      ///< d(u.y + u.J v)/dx
  double duality = 0.0;   ///< |<u, J v> - <J^T u, v>| relative to the sum of the moduli of their terms
  double tolerance = 0.0, mixed_tolerance = 0.0;
  static constexpr double duality_tolerance = 1e-12;

  /// All errors within tolerance (NaN is not), and no more than one component in ten at a kink.
  bool passed() const noexcept {
    const auto good = [](const Part& part, double limit) {
      return part.error <= limit && 9 * part.kinks <= part.checked;
    };
    return good(parameters, tolerance) && good(inputs, tolerance) && good(mixed_parameters, mixed_tolerance) &&
           good(mixed_inputs, mixed_tolerance) && duality <= duality_tolerance;
  }

  /// One line per derivative.
  void print(std::ostream& out) const {
    out << "gradient check of " << module << ": " << (passed() ? "passed" : "FAILED") << '\n';
    const auto line = [&](const char* name, const Part& part, double limit) {
      out << "  " << name << ": " << part.checked << " components, largest relative error " << part.error << " (limit "
          << limit << ")";
      if (part.index >= 0) out << " at " << part.index << ": " << part.computed << ", differences " << part.differenced;
      if (part.kinks > 0) out << "; " << part.kinks << " left out at kinks";
      out << '\n';
    };
    line("d(u.y)/dp         ", parameters, tolerance);
    line("d(u.y)/dx         ", inputs, tolerance);
    line("d(u.y + u.J v)/dp ", mixed_parameters, mixed_tolerance);
    line("d(u.y + u.J v)/dx ", mixed_inputs, mixed_tolerance);
    out << "  <u, J v> = <J^T u, v>: relative error " << duality << " (limit " << duality_tolerance << ")\n";
  }
};

inline std::ostream& operator<<(std::ostream& out, const GradientReport& report) {
  report.print(out);
  return out;
}

namespace gradient_check {

/// Central differences of a functional of (p, x) at two steps, extrapolated to step zero (Richardson).
struct Differences {
  std::function<double()> functional;  ///< at p and x as they are now
  std::vector<double> p, x, v;
  double magnitude = 0.0;  ///< sum of the moduli of the functional's terms: its rounding is in units of this
  double step = 0.0, mixed_step = 0.0;

  struct Quotient {
    double value, at_step, at_half;
  };

  template <class F>
  static Quotient extrapolated(F quotient, double h) {
    const double at_step = quotient(h), at_half = quotient(h / 2);
    return {(4.0 * at_half - at_step) / 3.0, at_step, at_half};
  }
  static double central(double& component, double h, const std::function<double()>& f) {
    const double centre = component, plus = centre + h, minus = centre - h;
    component = plus;
    const double upper = f();
    component = minus;
    const double lower = f();
    component = centre;
    return (upper - lower) / (plus - minus);
  }
  /// The functional's derivative along v in x.
  double along(double h) {
    const std::vector<double> centre = x;
    const auto at = [&](double shift) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = centre[i] + shift * v[i];
      return functional();
    };
    const double upper = at(h), lower = at(-h);
    x = centre;
    return (upper - lower) / (2.0 * h);
  }
  Quotient first(double& component) {
    return extrapolated([&](double h) { return central(component, h, functional); },
                        step * std::max(1.0, std::fabs(component)));
  }
  Quotient mixed(double& component) {
    const double size = std::max(1.0, std::fabs(component));
    return extrapolated([&](double h) { return central(component, h * size, [&] { return along(h); }); }, mixed_step);
  }

  /// The first `computed` are derivatives of the functional; the second, of it plus its derivative along v.
  void compare(std::vector<double>& variables, const std::vector<double>& computed,
               const std::vector<double>& mixed_computed, const GradientCheckOptions& options, Random& random,
               GradientReport::Part& part, GradientReport::Part& mixed_part) {
    const std::size_t n = variables.size();
    const std::size_t checked = std::min(n, static_cast<std::size_t>(std::max(options.max_components, 1)));
    std::vector<std::size_t> index(checked);
    std::vector<Quotient> quotients(checked), mixed_quotients(checked);
    for (std::size_t i = 0; i < checked; ++i) {
      // One component from each of `checked` strata.
      const double position = checked == n ? static_cast<double>(i)
                                           : (static_cast<double>(i) + random.uniform()) * static_cast<double>(n) /
                                                 static_cast<double>(checked);
      index[i] = std::min(static_cast<std::size_t>(position), n - 1);
      quotients[i] = first(variables[index[i]]);
      const Quotient slope = mixed(variables[index[i]]);
      mixed_quotients[i] = {quotients[i].value + slope.value, quotients[i].at_step + slope.at_step,
                            quotients[i].at_half + slope.at_half};
    }
    const double rounding = 10.0 * std::numeric_limits<double>::epsilon() * magnitude;
    judge(index, quotients, computed, options.tolerance, 10.0, rounding / step, part);
    judge(index, mixed_quotients, mixed_computed, options.mixed_tolerance, 100.0, rounding / (mixed_step * mixed_step),
          mixed_part);
  }

 private:
  static void judge(const std::vector<std::size_t>& index, const std::vector<Quotient>& quotients,
                    const std::vector<double>& computed, double tolerance, double agreement, double noise,
                    GradientReport::Part& part) {
    double floor = noise / tolerance;
    for (const Quotient& quotient : quotients) floor = std::max(floor, 1e-3 * std::fabs(quotient.value));
    for (std::size_t i = 0; i < index.size(); ++i) {
      const double found = computed[index[i]], expected = quotients[i].value;
      const double scale = std::max({std::fabs(found), std::fabs(expected), floor});
      // The extrapolation removes what the two steps differ by, up to much less, unless the function has a kink.
      if (std::fabs(quotients[i].at_step - quotients[i].at_half) > agreement * tolerance * scale) {
        ++part.kinks;
        continue;
      }
      ++part.checked;
      const double difference = std::fabs(found - expected);
      const double error = difference == 0.0 ? 0.0 : difference / scale;
      if (error <= part.error && part.index >= 0) continue;  // so that NaN is kept
      part.error = error;
      part.index = static_cast<int>(index[i]);
      part.computed = found;
      part.differenced = expected;
      if (std::isnan(error)) return;
    }
  }
};

}  // namespace gradient_check

/// Compares pullback and pushforward of M at (p, x) with central differences of u.y and of u.y + u.J v, for random u
/// and v.
///
/// @param p  (n_params), x (n_in).
/// @throws Error if a direction in the options has the wrong size.
/// Cost: 12 forward passes for each component checked.
template <class M>
GradientReport check_gradient(View<const double, M::n_params> p, View<const double, M::n_in> x,
                              const GradientCheckOptions& options = {}) {
  using D = Dual<double, 1>;
  static_assert(Module<M, double, D>, "check_gradient: a module over double and Dual<double, 1>, see concepts.hpp");
  constexpr int n_in = M::n_in, n_out = M::n_out, n_params = M::n_params;
  constexpr auto size = [](int n) { return static_cast<std::size_t>(n); };

  Random random(options.seed);
  // Components of a drawn direction lie away from zero: no output and no input goes unnoticed.
  const auto direction = [&](std::span<const double> given, std::size_t n, const char* name) {
    if (!given.empty() && given.size() != n)
      throw Error(std::string("check_gradient, ") + name, std::to_string(n) + " numbers", std::to_string(given.size()));
    std::vector<double> result(given.begin(), given.end());
    while (result.size() < n) result.push_back(random.uniform(0.5, 1.5) * (random.below(2) == 0 ? -1.0 : 1.0));
    return result;
  };
  const std::vector<double> u = direction(options.output_direction, size(n_out), "output_direction");

  gradient_check::Differences differences;
  differences.p.assign(p.begin(), p.end());
  differences.x.assign(x.begin(), x.end());
  differences.v = direction(options.input_direction, size(n_in), "input_direction");
  differences.step = options.step;
  differences.mixed_step = options.mixed_step;

  // First order. Whatever dx holds must be overwritten.
  typename M::template Workspace<double> workspace;
  workspace.start(options.context);
  std::vector<double> y(size(n_out)), dx(size(n_in), std::numeric_limits<double>::quiet_NaN()), dp(size(n_params));
  M::template forward<double>(p, x, View<double, n_out>(y.data()), workspace);
  typename M::template Accumulator<double> sums;
  sums.clear();
  M::template pullback<double>(p, x, View<const double, n_out>(y.data()), workspace,
                               View<const double, n_out>(u.data()), sums, View<double, n_in>(dx.data()));
  sums.collect(p, dp.data());
  for (std::size_t o = 0; o < u.size(); ++o) differences.magnitude += std::fabs(u[o] * y[o]);

  // Second order: L = u.y + u.y_dot.
  typename M::template Workspace<D> dual_workspace;
  dual_workspace.start(options.context);
  std::vector<D> dual_x(size(n_in)), dual_y(size(n_out)), dual_dy(size(n_out)), dual_dx(size(n_in));
  for (std::size_t i = 0; i < dual_x.size(); ++i) {
    dual_x[i].value = differences.x[i];
    dual_x[i].tangent[0] = differences.v[i];
  }
  for (std::size_t o = 0; o < u.size(); ++o) dual_dy[o].value = dual_dy[o].tangent[0] = u[o];
  M::template forward<D>(p, View<const D, n_in>(dual_x.data()), View<D, n_out>(dual_y.data()), dual_workspace);
  typename M::template Accumulator<D> dual_sums;
  dual_sums.clear();
  M::template pullback<D>(p, View<const D, n_in>(dual_x.data()), View<const D, n_out>(dual_y.data()), dual_workspace,
                          View<const D, n_out>(dual_dy.data()), dual_sums, View<D, n_in>(dual_dx.data()));
  std::vector<double> mixed_dp(size(n_params)), mixed_dx(size(n_in));
  dual_sums.collect(p, mixed_dp.data());
  for (std::size_t i = 0; i < mixed_dx.size(); ++i) mixed_dx[i] = dual_dx[i].tangent[0];

  GradientReport report;
  report.module = M::describe();
  report.tolerance = options.tolerance;
  report.mixed_tolerance = options.mixed_tolerance;
  // <u, J v> - <J^T u, v>, and dL/dx_dot of the second order, which is J^T u once more.
  double pushed = 0.0, pulled = 0.0, again = 0.0, moduli = 0.0;
  for (std::size_t o = 0; o < u.size(); ++o) {
    pushed += u[o] * dual_y[o].tangent[0];
    moduli += std::fabs(u[o] * dual_y[o].tangent[0]);
  }
  for (std::size_t i = 0; i < dx.size(); ++i) {
    pulled += dx[i] * differences.v[i];
    again += dual_dx[i].value * differences.v[i];
    moduli += std::fabs(dx[i] * differences.v[i]);
  }
  const double gap = std::max(std::fabs(pushed - pulled), std::fabs(again - pulled));
  report.duality = gap == 0.0 ? 0.0 : gap / moduli;
  if (std::isnan(pushed + pulled + again)) report.duality = std::numeric_limits<double>::quiet_NaN();

  differences.functional = [&] {
    M::template forward<double>(View<const double, n_params>(differences.p.data()),
                                View<const double, n_in>(differences.x.data()), View<double, n_out>(y.data()),
                                workspace);
    double sum = 0.0;
    for (std::size_t o = 0; o < u.size(); ++o) sum += u[o] * y[o];
    return sum;
  };
  differences.compare(differences.p, dp, mixed_dp, options, random, report.parameters, report.mixed_parameters);
  differences.compare(differences.x, dx, mixed_dx, options, random, report.inputs, report.mixed_inputs);
  return report;
}

/// The same at parameters from M::initialise and standard normal inputs, drawn from the seed.
template <class M>
GradientReport check_gradient(const GradientCheckOptions& options = {}) {
  Random random(options.seed, Stream::initial_weights);
  std::vector<double> p(static_cast<std::size_t>(M::n_params)), x(static_cast<std::size_t>(M::n_in));
  M::template initialise<double>(View<double, M::n_params>(p.data()), random);
  for (double& value : x) value = random.normal();
  return check_gradient<M>(View<const double, M::n_params>(p.data()), View<const double, M::n_in>(x.data()), options);
}

}  // namespace calibrant
