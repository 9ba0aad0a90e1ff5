#include "train.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numbers>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "calibrant/core/math.hpp"
#include "calibrant/train/trainer.hpp"
#include "calibrant/validate/quadrature.hpp"

namespace cal = calibrant;

namespace {

/// y as seen from the response to an end of the spectrum: M bends there, within a few sigma.
double seen_from(double x, const Detector& detector, double y) {
  return std::asinh((y - detector.f(x)) / (3.0 * detector.sigma(x)));
}

/// What a regression's network sees of y.
std::array<double, 3> inputs_at(const Detector& detector, double y) {
  return {seen_from(x_low, detector, y), seen_from(x_high, detector, y), y};
}

/// About 1 / M(y)^2, the weight of an event in a regression: what counts is the relative error, and with equal weights
/// the loss is that of large x. It depends on y alone, so E[x | y] stays what it is.
double weight_at(double y) {
  const double scale = (x_low + std::max(0.0, y)) / 30.0;
  return 1.0 / (scale * scale);
}

/// Of a uniform number. Positive x: denser towards the ends, whose slopes extrapolations need (the arcsine law of ln
/// x).
double truth_between(double low, double high, double uniform) {
  if (low <= 0.0) return low + (high - low) * uniform;
  const double root = std::sin(0.5 * std::numbers::pi * uniform);
  return low * std::pow(high / low, root * root);
}

/// One random number in each of n equal parts of (0, 1): each is uniform, their mean has hardly any noise.
std::vector<double> strata(std::size_t n, cal::Random& numbers) {
  std::vector<double> uniform;
  for (std::size_t i = 0; i < n; ++i)
    uniform.push_back((static_cast<double>(i) + numbers.uniform()) / static_cast<double>(n));
  return uniform;
}

void append(std::vector<float>& events, const auto&... parts) {
  (events.insert(events.end(), parts.begin(), parts.end()), ...);
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

template <class Model>
std::vector<double> answers(const Model& net, const std::vector<float>& inputs) {
  std::vector<float> results(inputs.size() / Model::n_in * Model::n_out);
  net.evaluate_batch(std::span<const float>(inputs), results);
  return {results.begin(), results.end()};
}

/// Where the density of x is learned at some y. What lies outside is never most probable.
struct Window {
  double low, high;

  Window(double mean, double variance) {
    const double sd = std::sqrt(std::max(0.25, variance)), half_width = 3.5 * sd;
    low = std::clamp(mean - half_width, x_low, x_high - sd);
    high = std::clamp(mean + half_width, x_low + sd, x_high);
  }
  bool has(double x) const noexcept { return x > low && x < high; }
  /// From -1 to 1.
  double position(double x) const noexcept { return (2.0 * x - low - high) / (high - low); }
};

/// Legendre's polynomials from the first degree on.
std::array<double, Density::degree> legendre(double v) noexcept {
  std::array<double, Density::degree> p{};
  double before = 1.0, last = v;
  for (int k = 0; k < Density::degree; ++k) {
    p[static_cast<std::size_t>(k)] = last;
    const double next = ((2 * k + 3) * v * last - (k + 1) * before) / (k + 2);
    before = std::exchange(last, next);
  }
  return p;
}

/// - ln of the density of v in (-1, 1), exp(sum of c_k P_k(v)) over its integral. The target is (P_1(v), ...) of an
/// event, or its mean over several: the loss is linear in it.
struct PolynomialLikelihood {
  static constexpr int n_targets = Density::degree;

  PolynomialLikelihood() {
    namespace quadrature = cal::quadrature;
    for (std::size_t i = 0; i < quadrature::gauss_legendre_nodes.size(); ++i)
      for (const double sign : {-1.0, 1.0})
        nodes.push_back({quadrature::gauss_legendre_weights[i], legendre(sign * quadrature::gauss_legendre_nodes[i])});
  }
  template <class T>
  T operator()(cal::View<const T, n_targets> c, cal::View<const T, n_targets> target) const {
    std::array<T, n_targets> slopes;
    return this->slopes(c, target, cal::View<T, n_targets>(slopes.data()));
  }
  template <class T>
  T slopes(cal::View<const T, n_targets> c, cal::View<const T, n_targets> target,
           cal::View<T, n_targets> slopes) const {
    using S = cal::ScalarOf<T>;
    const auto polynomial = [&](const Node& node, int k) {
      return T(static_cast<S>(node.polynomials[static_cast<std::size_t>(k)]));
    };
    T integral = T(S(0)), sum = T(S(0));
    for (int k = 0; k < n_targets; ++k) slopes[k] = T(S(0));
    for (const Node& node : nodes) {
      T exponent = T(S(0));
      for (int k = 0; k < n_targets; ++k) exponent = fma(c[k], polynomial(node, k), exponent);
      const T density = exp(exponent) * T(static_cast<S>(node.weight));
      integral = integral + density;
      for (int k = 0; k < n_targets; ++k) slopes[k] = fma(density, polynomial(node, k), T(slopes[k]));
    }
    for (int k = 0; k < n_targets; ++k) {
      sum = fma(c[k], target[k], sum);
      slopes[k] = slopes[k] / integral - target[k];
    }
    return log(integral) - sum;
  }
  std::string describe() const { return "polynomial_likelihood"; }

  struct Node {
    double weight;
    std::array<double, n_targets> polynomials;
  };
  std::vector<Node> nodes;
};

}  // namespace

double lowest_y(const Detector& detector) { return detector.f(x_low) - 5.0 * detector.sigma(x_low); }
double highest_y(const Detector& detector) { return detector.f(x_high) + 5.0 * detector.sigma(x_high); }

std::vector<double> evaluate(const Response& net, const std::vector<double>& x) {
  return answers(net, {x.begin(), x.end()});
}

std::vector<double> Regression::operator()(const std::vector<double>& y) const {
  std::vector<float> inputs;
  for (const double one : y) append(inputs, inputs_at(detector, one));
  return answers(net, inputs);
}

double Density::mode(double y) const {
  std::vector<float> inputs;
  append(inputs, inputs_at(mean.detector, y));
  const std::vector<double> c = answers(coefficients, inputs);
  constexpr int n = 200;
  std::array<double, n + 1> log_density;
  for (int i = 0; i <= n; ++i) {
    const auto p = legendre(-1.0 + 2.0 * i / n);
    log_density[static_cast<std::size_t>(i)] = std::inner_product(c.begin(), c.end(), p.begin(), 0.0);
  }
  const Window window(mean({y})[0], variance({y})[0]);
  const double step = (window.high - window.low) / n;
  const auto best = std::max_element(log_density.begin(), log_density.end());
  const double x = window.low + step * static_cast<double>(best - log_density.begin());
  if (best == log_density.begin() || best + 1 == log_density.end()) return x;
  // Between the points by a parabola.
  return x + 0.5 * step * (best[-1] - best[1]) / (best[-1] - 2.0 * best[0] + best[1]);
}

cal::FitOptions Teacher::plan() const {
  cal::FitOptions plan;
  plan.epochs = settings_.epochs;
  plan.batch_size = 64;  // many steps: what limits a regression is its bends, not the noise
  plan.adam.learning_rate = 0.02;
  plan.schedule = cal::schedule::Cosine{};
  plan.validation_fraction = 0.0;  // what is learned is compared with the exact curves
  plan.threads = settings_.threads;
  return plan;
}

template <int n_inputs, int n_outputs, class Loss>
Net<n_inputs, n_outputs> Teacher::fit(std::vector<float> events, cal::Transform transform, cal::FitOptions plan,
                                      const Loss& loss) {
  plan.seed = settings_.seed + static_cast<std::uint64_t>(n_trained_++);
  std::vector<cal::Feature> features;
  std::vector<std::string> columns, targets;
  for (int i = 1; i <= n_inputs; ++i) {
    columns.push_back("input " + std::to_string(i));
    features.emplace_back(columns.back(), transform);
  }
  for (int i = 1; i <= n_outputs; ++i) {
    targets.push_back("target " + std::to_string(i));
    columns.push_back(targets.back());
  }
  columns.emplace_back("weight");
  const cal::Table table(columns, std::move(events), "the toy");
  return cal::fit<Network<n_inputs, n_outputs>>(cal::Dataset(table, features, targets, {.weight = "weight"}), loss,
                                                plan);
}

std::vector<Teacher::Group> Teacher::groups_at_x(const Detector& detector, double low, double high) {
  static const Tabulated standard_normal(-8.0, 8.0, 0.002,
                                         [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); });
  cal::Random numbers = random();
  std::vector<Group> groups;
  for (const double uniform : strata(settings_.n_groups(), numbers)) {
    Group group{truth_between(low, high, uniform), strata(Settings::group_size, numbers)};
    const double f = detector.f(group.at), sigma = detector.sigma(group.at);
    for (double& value : group.values) value = f + sigma * standard_normal.inverse(value);
    groups.push_back(std::move(group));
  }
  return groups;
}

Response Teacher::response(const Detector& detector, double low, double high) {
  cal::FitOptions options = plan();
  options.adam.learning_rate = 0.005;  // nearly straight: what matters is its slope at the ends
  const bool positive = low > 0.0;
  options.output = positive ? cal::Output::ratio : cal::Output::standardised;
  std::vector<float> events;
  for (const Group& group : groups_at_x(detector, low, high)) {
    // A weight that depends on the truth alone changes nothing but the noise of what is learned, y / x or y.
    const double noise = detector.sigma(group.at) / (positive ? group.at : 100.0);
    append(events, std::array{group.at, mean(group.values), 0.01 / (noise * noise)});
  }
  return fit<1>(std::move(events), positive ? cal::Transform::logarithm : cal::Transform::identity, options);
}

std::vector<Teacher::Group> Teacher::groups_at_y(const Detector& detector, const Posterior& posterior) {
  // One of 670 events of x^-5 is above 100 GeV: a regression would see little else than the lower edge. But E[x | y]
  // stays what it is if each event of p(x) p(y | x) gets a weight, or is kept with a probability, that depends on y
  // alone: here the one that makes the spectrum of y flat as the network sees it, so that M is learned equally well
  // everywhere. Events like that are drawn the other way round: first y, then x at that y.
  cal::Random numbers = random();
  const auto seen = [&](double y) { return seen_from(x_low, detector, y) + seen_from(x_high, detector, y); };
  const Tabulated all(lowest_y(detector), highest_y(detector), 0.1, seen);
  const double least = seen(lowest_y(detector)), most = seen(highest_y(detector));
  std::vector<Group> groups;
  for (const double uniform : strata(settings_.n_groups(), numbers)) {
    Group group{all.inverse(least + (most - least) * uniform), strata(Settings::group_size, numbers)};
    posterior.draw(group.at, group.values);
    groups.push_back(std::move(group));
  }
  return groups;
}

Regression Teacher::regression(const Detector& detector, const Posterior& posterior) {
  std::vector<float> events;
  for (const Group& group : groups_at_y(detector, posterior))
    append(events, inputs_at(detector, group.at), std::array{mean(group.values), weight_at(group.at)});
  return {detector, fit<3>(std::move(events), cal::Transform::identity, plan())};
}

Regression Teacher::variance(const Regression& m, const Posterior& posterior) {
  std::vector<float> events;
  for (const Group& group : groups_at_y(m.detector, posterior)) {
    const double at_y = m({group.at})[0];
    std::vector<double> squares;
    for (const double x : group.values) squares.push_back((x - at_y) * (x - at_y));
    append(events, inputs_at(m.detector, group.at), std::array{mean(squares), weight_at(group.at)});
  }
  return {m.detector, fit<3>(std::move(events), cal::Transform::identity, plan())};
}

Density Teacher::density(const Regression& m, const Regression& variance, const Posterior& posterior) {
  std::vector<float> events;
  for (const Group& group : groups_at_y(m.detector, posterior)) {
    const Window window(m({group.at})[0], variance({group.at})[0]);
    std::array<double, Density::degree> sum{};
    double n = 0.0;
    for (const double x : group.values) {
      if (!window.has(x)) continue;
      const auto p = legendre(window.position(x));
      std::transform(p.begin(), p.end(), sum.begin(), sum.begin(), std::plus{});
      ++n;
    }
    if (n == 0.0) continue;
    for (double& one : sum) one /= n;
    append(events, inputs_at(m.detector, group.at), sum, std::array{1.0});
  }
  cal::FitOptions options = plan();
  options.output = cal::Output::identity;
  return {m, variance,
          fit<3, Density::degree>(std::move(events), cal::Transform::identity, options, PolynomialLikelihood{})};
}

Response Teacher::response_of(const Regression& m, double low, double high) {
  std::vector<float> events;
  for (const Group& group : groups_at_x(m.detector, low, high))
    append(events, std::array{group.at, mean(m(group.values)), 30.0 / group.at});
  return fit<1>(std::move(events), cal::Transform::logarithm, plan());
}
