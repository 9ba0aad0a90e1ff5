// Sequences to test: three steps of small networks, with three features of which one is never used.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/calibration.hpp"
#include "calibrant/invert.hpp"
#include "calibrant/nn.hpp"
#include "jet_response.hpp"

namespace steps {

using namespace calibrant;

template <int n_theta>
using Net = Mlp<Inputs<1 + n_theta>, Hidden<8, SiLU>, Outputs<1>>;

/// A random response of x (15 to 2000 GeV) and features whose names say their range: eta (-2.5 to 2.5), rho (3 to 45)
/// and width (0 to 1).
template <class S, int n_theta>
Model<Net<n_theta>, S> response(const std::vector<std::string>& features, std::uint64_t seed) {
  Model<Net<n_theta>, S> model;
  model.description.features = {"true_pt"};
  model.inputs[0] = {Transform::logarithm, S(5), S(0.8), S(15), S(2000)};
  for (std::size_t i = 0; i < features.size(); ++i) {
    model.description.features.push_back(features[i]);
    model.inputs[i + 1] = features[i] == "eta"
                              ? FeatureTransform<S>{Transform::absolute, S(1.2), S(1.5), S(-2.5), S(2.5)}
                          : features[i] == "rho" ? FeatureTransform<S>{Transform::identity, S(20), S(0.1), S(3), S(45)}
                                                 : FeatureTransform<S>{Transform::identity, S(0.5), S(3), S(0), S(1)};
  }
  model.outputs[0] = {Output::ratio, S(0), S(1)};
  using N = Net<n_theta>;
  Parameters<S, N::n_params> p;
  Random random(seed, Stream::initial_weights);
  N::template initialise<S>(p.view(), random);
  constexpr int last = N::n_params - 9;  // 8 weights, 1 bias: reco / true of about 0.9, monotone
  for (int i = 0; i < 8; ++i) p[last + i] *= S(0.2);
  p[last + 8] = S(0.9);
  model.set_parameters(p);
  return model;
}

template <class S, int n_theta>
using StepCalibration = Calibration<Model<Net<n_theta>, S>>;
template <class S>
using Residuals = ResidualCalibration<Model<Net<1>, S>>;
/// eta; then rho and eta; then a residual correction with rho. The third feature of a call, width, is not used.
template <class S>
using Three = Sequence<Features<3>, StepCalibration<S, 1>, StepCalibration<S, 2>, Residuals<S>>;

template <class S>
StepCalibration<S, 1> by_eta() {
  return StepCalibration<S, 1>(response<S, 1>({"eta"}, 1));
}
template <class S>
StepCalibration<S, 2> by_rho_and_eta() {
  return StepCalibration<S, 2>(response<S, 2>({"rho", "eta"}, 2));
}
template <class S>
Residuals<S> residual() {
  return Residuals<S>(response<S, 1>({"rho"}, 3));
}
template <class S>
Three<S> three() {
  return Three<S>({"eta", "rho", "width"}, by_eta<S>(), by_rho_and_eta<S>(), residual<S>());
}

}  // namespace steps
