#include "train.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <string>
#include <utility>

#include "calibrant/core/math.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/train/trainer.hpp"

namespace cal = calibrant;

namespace {

// Regressions are trained from this many sigma below the response to x_low to as many above that to x_high.
constexpr double reach = 5.0;

double lowest_y(const Detector& detector) { return detector.f(x_low) - reach * detector.sigma(x_low); }
double highest_y(const Detector& detector) { return detector.f(x_high) + reach * detector.sigma(x_high); }

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
  for (std::size_t i = 0; i < n; ++i) uniform.push_back((static_cast<double>(i) + numbers.uniform()) / static_cast<double>(n));
  return uniform;
}

template <std::size_t n>
void append(std::vector<float>& events, const std::array<double, n>& inputs, double target, double weight = 1.0) {
  events.insert(events.end(), inputs.begin(), inputs.end());
  events.insert(events.end(), {static_cast<float>(target), static_cast<float>(weight)});
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

template <int n_inputs>
std::vector<double> answers(const Net<n_inputs>& net, const std::vector<float>& inputs) {
  std::vector<float> results(inputs.size() / n_inputs);
  net.evaluate_batch(std::span<const float>(inputs), results);
  return {results.begin(), results.end()};
}

/// Where the density of x is learned at some y. What lies outside is never most probable.
struct Window {
  double centre, scale, low, high;

  Window(double mean, double variance) : centre(mean), scale(std::sqrt(std::max(0.25, variance))) {
    constexpr double half_width = 4.0;
    low = std::clamp(centre - half_width * scale, x_low, x_high - scale);
    high = std::clamp(centre + half_width * scale, x_low + scale, x_high);
  }
};

std::array<double, 4> inputs_at(const Detector& detector, double y, const Window& window, double x) {
  const auto at_y = inputs_at(detector, y);
  return {(x - window.centre) / window.scale, at_y[0], at_y[1], at_y[2]};
}

/// Tells events (target 1) from others (target 0): its minimiser is the logarithm of the ratio of their densities.
struct Logistic {
  template <class T>
  T operator()(const T& prediction, const T& target) const {
    return softplus(prediction) - target * prediction;
  }
  template <class T>
  cal::loss::ValueAndSlope<T> slope(const T& prediction, const T& target) const {
    return {(*this)(prediction, target), sigmoid(prediction) - target};
  }
  std::string describe() const { return "logistic"; }
};

}  // namespace

std::vector<double> evaluate(const Response& net, const std::vector<double>& x) {
  return answers<1>(net, {x.begin(), x.end()});
}

std::vector<double> Regression::operator()(const std::vector<double>& y) const {
  std::vector<float> inputs;
  for (const double one : y)
    for (const double input : inputs_at(detector, one)) inputs.push_back(static_cast<float>(input));
  return answers<3>(net, inputs);
}

double LogDensity::mode(double y) const {
  const Window window(mean({y})[0], variance({y})[0]);
  constexpr int n = 100;
  const double step = (window.high - window.low) / n;
  std::vector<float> inputs;
  for (int i = 0; i <= n; ++i)
    for (const double input : inputs_at(mean.detector, y, window, window.low + step * i))
      inputs.push_back(static_cast<float>(input));
  const std::vector<double> log_density = answers<4>(net, inputs);
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

template <int n_inputs, class Loss>
Net<n_inputs> Teacher::fit(std::vector<float> events, cal::Transform transform, const Loss& loss,
                           cal::FitOptions plan) {
  plan.seed = settings_.seed + static_cast<std::uint64_t>(n_trained_++);
  std::vector<std::string> columns;
  std::vector<cal::Feature> features;
  for (int i = 0; i < n_inputs; ++i) {
    columns.push_back("input " + std::to_string(i + 1));
    features.emplace_back(columns.back(), transform);
  }
  columns.insert(columns.end(), {"target", "weight"});
  const cal::Table table(columns, std::move(events), "the toy");
  return cal::fit<Network<n_inputs>>(cal::Dataset(table, features, "target", {.weight = "weight"}), loss, plan);
}

std::vector<Teacher::Group> Teacher::groups_at_x(const Detector& detector, double low, double high) {
  cal::Random numbers = random();
  std::vector<Group> groups;
  for (const double uniform : strata(settings_.n_groups(), numbers)) {
    Group group{truth_between(low, high, uniform), {}};
    const double f = detector.f(group.at), sigma = detector.sigma(group.at);
    for (std::size_t i = 0; i < Settings::group_size; ++i) group.values.push_back(f + sigma * numbers.normal());
    groups.push_back(std::move(group));
  }
  return groups;
}

Response Teacher::response(const Detector& detector, double low, double high) {
  cal::FitOptions options = plan();
  const bool positive = low > 0.0;
  options.output = positive ? cal::Output::ratio : cal::Output::standardised;
  std::vector<float> events;
  for (const Group& group : groups_at_x(detector, low, high)) {
    // A weight that depends on the truth alone changes nothing but the noise of what is learned, y / x or y.
    const double noise = detector.sigma(group.at) / (positive ? group.at : 100.0);
    append<1>(events, {group.at}, mean(group.values), 0.01 / (noise * noise));
  }
  return fit<1>(std::move(events), positive ? cal::Transform::logarithm : cal::Transform::identity,
                cal::loss::Squared{}, options);
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
    append(events, inputs_at(detector, group.at), mean(group.values), weight_at(group.at));
  return {detector, fit<3>(std::move(events), cal::Transform::identity, cal::loss::Squared{}, plan())};
}

Regression Teacher::variance(const Regression& m, const Posterior& posterior) {
  std::vector<float> events;
  for (const Group& group : groups_at_y(m.detector, posterior)) {
    const double at_y = m({group.at})[0];
    std::vector<double> squares;
    for (const double x : group.values) squares.push_back((x - at_y) * (x - at_y));
    append(events, inputs_at(m.detector, group.at), mean(squares), weight_at(group.at));
  }
  return {m.detector, fit<3>(std::move(events), cal::Transform::identity, cal::loss::Squared{}, plan())};
}

LogDensity Teacher::log_density(const Regression& m, const Regression& variance, const Posterior& posterior) {
  cal::Random numbers(settings_.seed, cal::Stream::toy, 1'000'000u + static_cast<std::uint32_t>(n_trained_));
  std::vector<float> events;
  for (const Group& group : groups_at_y(m.detector, posterior)) {
    const Window window(m({group.at})[0], variance({group.at})[0]);
    for (const double x : group.values)
      if (x > window.low && x < window.high) append(events, inputs_at(m.detector, group.at, window, x), 1.0);
    for (const double uniform : strata(group.values.size(), numbers))
      append(events, inputs_at(m.detector, group.at, window, window.low + (window.high - window.low) * uniform), 0.0);
  }
  cal::FitOptions options = plan();
  options.output = cal::Output::identity;
  options.epochs = std::max(1, settings_.epochs / 50);
  options.batch_size = 256;
  return {m, variance, fit<4>(std::move(events), cal::Transform::identity, Logistic{}, options)};
}

Response Teacher::response_of(const Regression& m, double low, double high) {
  std::vector<float> events;
  for (const Group& group : groups_at_x(m.detector, low, high))
    append<1>(events, {group.at}, mean(m(group.values)), 30.0 / group.at);
  return fit<1>(std::move(events), cal::Transform::logarithm, cal::loss::Squared{}, plan());
}
