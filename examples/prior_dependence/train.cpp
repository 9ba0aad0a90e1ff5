#include "train.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <utility>

#include "calibrant/loss/point.hpp"
#include "calibrant/train/trainer.hpp"

namespace cal = calibrant;

namespace {

// Regressions are trained from this many sigma below the response to x_low to as many above that to x_high.
constexpr double reach = 5.0;

double lowest_y(const Detector& detector) { return detector.f(x_low) - reach * detector.sigma(x_low); }
double highest_y(const Detector& detector) { return detector.f(x_high) + reach * detector.sigma(x_high); }

/// What a regression's network sees of y: stretched about the responses to both ends of the spectrum, where M bends
/// within a few sigma.
double stretched(const Detector& detector, double y) {
  const auto about = [&](double x) { return std::asinh((y - detector.f(x)) / (3.0 * detector.sigma(x))); };
  return about(x_low) + about(x_high);
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

void append(std::vector<float>& events, double input, double target, double weight = 1.0) {
  events.insert(events.end(), {static_cast<float>(input), static_cast<float>(target), static_cast<float>(weight)});
}

}  // namespace

std::vector<double> evaluate(const Net& net, const std::vector<double>& input) {
  const std::vector<float> features(input.begin(), input.end());
  std::vector<float> results(features.size());
  net.evaluate_batch(std::span<const float>(features), results);
  return {results.begin(), results.end()};
}

std::vector<double> Regression::operator()(const std::vector<double>& y) const {
  std::vector<double> input;
  for (const double one : y) input.push_back(stretched(detector, one));
  return evaluate(net, input);
}

cal::FitOptions Teacher::regression_plan() const {
  cal::FitOptions plan;
  plan.epochs = settings_.epochs;
  plan.batch_size = 64;  // many steps: what limits a regression is its bends, not the noise
  plan.adam.learning_rate = 0.02;
  plan.schedule = cal::schedule::Cosine{};
  plan.validation_fraction = 0.0;  // what is learned is compared with the exact curves
  plan.threads = settings_.threads;
  return plan;
}

Net Teacher::fit(std::vector<float> events, cal::Transform transform, cal::FitOptions plan) {
  plan.seed = settings_.seed + static_cast<std::uint64_t>(n_trained_++);
  const cal::Table table({"input", "target", "weight"}, std::move(events), "the toy");
  return cal::fit<Network>(cal::Dataset(table, {{"input", transform}}, "target", {.weight = "weight"}),
                           cal::loss::Squared{}, plan);
}

Net Teacher::response(const Detector& detector, double low, double high) {
  cal::FitOptions plan = regression_plan();
  // More events, seen less often: the noise of Y is what limits the slope at the ends.
  const std::int64_t n = 4 * settings_.events;
  plan.epochs = std::max(1, settings_.epochs / 10);
  plan.batch_size = 256;
  const bool positive = low > 0.0;
  plan.output = positive ? cal::Output::ratio : cal::Output::standardised;
  cal::Random numbers = random();
  std::vector<float> events;
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = truth_between(low, high, numbers.uniform());
    const double sigma = detector.sigma(x), y = detector.f(x) + sigma * numbers.normal();
    // A weight that depends on the truth alone changes nothing but the noise of what is learned, y / x or y.
    const double noise = sigma / (positive ? x : 100.0);
    append(events, x, y, 0.01 / (noise * noise));
  }
  return fit(std::move(events), positive ? cal::Transform::logarithm : cal::Transform::identity, plan);
}

Teacher::Events Teacher::draw_at_all_y(const Detector& detector, const Posterior& posterior) {
  // One of 670 events of x^-5 is above 100 GeV: a regression would see little else than the lower edge. But E[x | y]
  // stays what it is if each event of p(x) p(y | x) gets a weight, or is kept with a probability, that depends on y
  // alone: here the one that makes the spectrum of the network's input flat, so that M is learned equally well
  // everywhere. Events like that are drawn the other way round: first y, then x at that y.
  cal::Random numbers = random();
  const Tabulated input(lowest_y(detector), highest_y(detector), 0.1, [&](double y) { return stretched(detector, y); });
  const double least = stretched(detector, lowest_y(detector)), most = stretched(detector, highest_y(detector));
  constexpr std::int64_t n_at_y = 100;  // share a y, as the density of x is tabulated for each
  Events events;
  std::vector<double> x;
  for (std::int64_t done = 0; done < settings_.events; done += n_at_y) {
    const double y = input.inverse(numbers.uniform(least, most));
    x.resize(static_cast<std::size_t>(std::min(n_at_y, settings_.events - done)));
    for (double& one : x) one = numbers.uniform();
    posterior.draw(y, x);
    events.x.insert(events.x.end(), x.begin(), x.end());
    events.y.insert(events.y.end(), x.size(), y);
  }
  return events;
}

Regression Teacher::regression(const Detector& detector, const Posterior& posterior) {
  const Events drawn = draw_at_all_y(detector, posterior);
  std::vector<float> events;
  for (std::size_t i = 0; i < drawn.x.size(); ++i)
    append(events, stretched(detector, drawn.y[i]), drawn.x[i], weight_at(drawn.y[i]));
  return {detector, fit(std::move(events), cal::Transform::identity, regression_plan())};
}

Regression Teacher::variance(const Regression& m, const Posterior& posterior) {
  const Events drawn = draw_at_all_y(m.detector, posterior);
  const std::vector<double> mean = m(drawn.y);
  std::vector<float> events;
  for (std::size_t i = 0; i < drawn.x.size(); ++i) {
    const double residual = drawn.x[i] - mean[i];
    append(events, stretched(m.detector, drawn.y[i]), residual * residual, weight_at(drawn.y[i]));
  }
  return {m.detector, fit(std::move(events), cal::Transform::identity, regression_plan())};
}

Net Teacher::response_of(const Regression& m, double low, double high) {
  cal::Random numbers = random();
  std::vector<double> x, y;
  for (std::int64_t i = 0; i < settings_.events; ++i) {
    x.push_back(truth_between(low, high, numbers.uniform()));
    y.push_back(m.detector.f(x.back()) + m.detector.sigma(x.back()) * numbers.normal());
  }
  const std::vector<double> estimate = m(y);
  std::vector<float> events;
  for (std::size_t i = 0; i < x.size(); ++i) append(events, x[i], estimate[i], 30.0 / x[i]);
  return fit(std::move(events), cal::Transform::logarithm, regression_plan());
}
