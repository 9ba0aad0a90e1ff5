// The networks of prior_dependence: responses, direct regressions, and responses of what those answer.
#pragma once

#include <cstdint>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/train/options.hpp"
#include "detector.hpp"
#include "exact.hpp"
#include "settings.hpp"

using Network =
    calibrant::Mlp<calibrant::Inputs<1>, calibrant::Hidden<32>, calibrant::Hidden<32>, calibrant::Outputs<1>>;
using Net = calibrant::Model<Network>;

/// A network of y, with the detector that it was trained for.
struct Regression {
  Detector detector;
  Net net;

  std::vector<double> operator()(const std::vector<double>& y) const;
};

/// Trains one network after the other, each with events and initial weights of its own; all with the squared loss, so
/// that they learn means.
class Teacher {
 public:
  explicit Teacher(const Settings& settings) : settings_(settings) {}

  /// f(x) = E[Y | x] for x from low to high.
  Net response(const Detector& detector, double low, double high);

  /// M(y) = E[x | y] for the spectrum of `posterior`.
  Regression regression(const Detector& detector, const Posterior& posterior);

  /// E[(x - M(y))^2 | y], the variance of x at given y.
  Regression variance(const Regression& m, const Posterior& posterior);

  /// E[M(Y) | x] for x from low to high, 0 < low.
  Net response_of(const Regression& m, double low, double high);

  int n_trained() const noexcept { return n_trained_; }

 private:
  struct Events {
    std::vector<double> x, y;
  };
  Events draw_at_all_y(const Detector& detector, const Posterior& posterior);
  calibrant::FitOptions regression_plan() const;
  /// @param events  input, target and weight of each.
  Net fit(std::vector<float> events, calibrant::Transform transform, calibrant::FitOptions plan);
  calibrant::Random random() const noexcept {
    return calibrant::Random(settings_.seed, calibrant::Stream::toy, static_cast<std::uint32_t>(n_trained_));
  }

  Settings settings_;
  int n_trained_ = 0;
};

/// The network's answers, many at once.
std::vector<double> evaluate(const Net& net, const std::vector<double>& input);
