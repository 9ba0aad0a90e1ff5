// The networks of prior_dependence: responses, direct regressions, densities of x at given y, and responses of what
// regressions answer.
#pragma once

#include <cstdint>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/train/options.hpp"
#include "detector.hpp"
#include "exact.hpp"
#include "settings.hpp"

template <int n_inputs, int n_outputs>
using Network = calibrant::Mlp<calibrant::Inputs<n_inputs>, calibrant::Hidden<32>, calibrant::Hidden<32>,
                               calibrant::Outputs<n_outputs>>;
template <int n_inputs, int n_outputs = 1>
using Net = calibrant::Model<Network<n_inputs, n_outputs>>;
using Response = Net<1>;

/// Regressions are trained from five sigma below the response to x_low to five above that to x_high.
double lowest_y(const Detector& detector);
double highest_y(const Detector& detector);

/// A network of y, with the detector that it was trained for.
struct Regression {
  Detector detector;
  Net<3> net;

  std::vector<double> operator()(const std::vector<double>& y) const;
};

/// The density of x at given y: the exponential of a polynomial, whose coefficients a network finds at y, in a window
/// of a few sd(y) about M(y).
struct Density {
  static constexpr int degree = 7;
  Regression mean, variance;
  Net<3, degree> coefficients;

  /// The most probable x of the spectrum: the maximum a posteriori.
  double mode(double y) const;
};

/// Trains one network after the other, each with events and initial weights of its own.
class Teacher {
 public:
  explicit Teacher(const Settings& settings) : settings_(settings) {}

  /// f(x) = E[Y | x] for x from low to high.
  Response response(const Detector& detector, double low, double high);

  /// M(y) = E[x | y] for the spectrum of `posterior`.
  Regression regression(const Detector& detector, const Posterior& posterior);

  /// E[(x - M(y))^2 | y], the variance of x at given y.
  Regression variance(const Regression& m, const Posterior& posterior);

  Density density(const Regression& m, const Regression& variance, const Posterior& posterior);

  /// E[M(Y) | x] for x from low to high, 0 < low.
  Response response_of(const Regression& m, double low, double high);

  int n_trained() const noexcept { return n_trained_; }

 private:
  /// Events at one place: x at given y, or y at given x.
  struct Group {
    double at;
    std::vector<double> values;
  };
  std::vector<Group> groups_at_y(const Detector& detector, const Posterior& posterior);
  std::vector<Group> groups_at_x(const Detector& detector, double low, double high);
  calibrant::FitOptions plan() const;
  /// @param events  inputs, targets and weight of each.
  template <int n_inputs, int n_outputs = 1, class Loss = calibrant::loss::Squared>
  Net<n_inputs, n_outputs> fit(std::vector<float> events, calibrant::Transform transform, calibrant::FitOptions plan,
                               const Loss& loss = {});
  calibrant::Random random() const noexcept {
    return calibrant::Random(settings_.seed, calibrant::Stream::toy, static_cast<std::uint32_t>(n_trained_));
  }

  Settings settings_;
  int n_trained_ = 0;
};

/// The network's answers, many at once.
std::vector<double> evaluate(const Response& net, const std::vector<double>& x);
