// A small model, an ensemble and a calibration to save, and what an Error says.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/calibration.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/error.hpp"
#include "calibrant/nn.hpp"

namespace saved {

using namespace calibrant;

using Net = Mlp<Inputs<3>, Hidden<4, Tanh>, Outputs<2>>;

/// A model whose every part differs from its default. Output 0 rises with input 0.
template <class S>
Model<Net, S> some_model(std::uint64_t seed = 1) {
  Model<Net, S> model;
  model.inputs[0] = {Transform::logarithm, S(4.1), S(0.7), S(20), S(1000.1)};
  model.inputs[1] = {Transform::absolute, S(1.3), S(1.1), S(-2.4), S(2.4)};
  model.inputs[2] = {Transform::ignored, S(0.3), S(3), S(-1), S(7)};
  model.outputs[0] = {Output::ratio, S(0), S(1)};
  model.outputs[1] = {Output::standardised, S(12.7), S(1.0 / 3.0)};
  Parameters<S, Net::n_params> p;
  Random random(seed, Stream::initial_weights);
  Net::initialise<S>(p.view(), random);
  constexpr int last = Net::n_params - 10;  // 2 x 4 weights, 2 biases
  for (int i = 0; i < 8; ++i) p[last + i] *= S(0.2);
  p[last + 8] = S(0.8);
  model.set_parameters(p);
  auto& description = model.description;
  description.features = {"true_pt", "reco_eta", "\xCF\x81 \"quoted\\\""};
  description.feature_units = {"GeV", "", "GeV"};
  description.targets = {"reco_pt", "width"};
  description.target_units = {"GeV", "1"};
  description.training = {"absolute", 0xFFFF'FFFF'FFFF'FFFFull, 1'000'000'000'000, 1234, 2, true, {}};
  for (int e = 1; e <= 3; ++e)
    description.training.epochs.push_back(
        {e, 1.0 / (e * 3.0 + static_cast<double>(seed)), e == 2 ? std::nan("") : 0.1 * e, 1e-3 / e});
  return model;
}
template <class S>
Ensemble<Model<Net, S>> some_ensemble() {
  std::vector<Model<Net, S>> members;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    members.push_back(some_model<S>(seed));
    members.back().description.training.seed = seed;
    members.back().description.training.epochs.resize(seed);
  }
  return Ensemble(std::move(members));
}

inline bool says(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

using M = Model<Net>;
using C = Calibration<M>;

}  // namespace saved
