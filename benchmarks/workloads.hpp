// The networks and data that the benchmark programs share, with the arithmetic that counts: products and sums of the
// dense layers; activations, loss and optimizer are not counted.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/io/table.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/train/dataset.hpp"

namespace calibrant_bench {

using Narrow = calibrant::Mlp<calibrant::Inputs<2>, calibrant::Hidden<50, calibrant::PReLU>, calibrant::Outputs<1>>;
using Wide = calibrant::Mlp<calibrant::Inputs<15>, calibrant::Hidden<64>, calibrant::Hidden<128>, calibrant::Hidden<64>,
                            calibrant::Outputs<1>>;
using Jets = calibrant::Mlp<calibrant::Inputs<11>, calibrant::Hidden<64>, calibrant::Hidden<64>, calibrant::Hidden<64>,
                            calibrant::Outputs<1>>;
using Inversion = calibrant::Mlp<calibrant::Inputs<3>, calibrant::Hidden<64, calibrant::Tanh>,
                                 calibrant::Hidden<64, calibrant::Tanh>, calibrant::Outputs<1>>;

/// Multiply-adds of one forward pass, counted as two operations each.
template <class Net>
constexpr double forward_flops() {
  double sum = 0;
  for (unsigned i = 0; i < Net::depth; ++i) sum += 2.0 * Net::inputs[i] * Net::outputs[i];
  return sum;
}
/// Forward, gradient of the weights, gradient of the inputs (not of the first layer's).
template <class Net>
constexpr double training_flops() {
  return 3.0 * forward_flops<Net>() - 2.0 * Net::inputs[0] * Net::outputs[0];
}

/// A network with its initial weights.
template <class Net>
calibrant::Model<Net> untrained() {
  calibrant::Model<Net> model;
  calibrant::Random random(1);
  calibrant::Parameters<float, Net::n_params> parameters;
  Net::template initialise<float>(parameters.view(), random);
  model.set_parameters(parameters);
  return model;
}

/// n rows of n_features standard normal numbers and a smooth noisy target.
inline calibrant::Table made_up(std::int64_t n, int n_features) {
  calibrant::Random random(1);
  std::vector<std::string> names;
  for (int i = 0; i < n_features; ++i) names.push_back("x" + std::to_string(i));
  names.push_back("y");
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(n) * names.size());
  for (std::int64_t row = 0; row < n; ++row) {
    float first = 0;
    for (int i = 0; i < n_features; ++i) {
      values.push_back(static_cast<float>(random.normal()));
      if (i == 0) first = values.back();
    }
    values.push_back(std::sin(first) + 0.1f * static_cast<float>(random.normal()));
  }
  return calibrant::Table(std::move(names), std::move(values), "made-up events");
}

inline std::vector<calibrant::Feature> all_features(int n) {
  std::vector<calibrant::Feature> features;
  for (int i = 0; i < n; ++i) features.emplace_back("x" + std::to_string(i));
  return features;
}

}  // namespace calibrant_bench
