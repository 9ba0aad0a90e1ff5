// A network that looks like a trained response: random, monotone in x, with preprocessing of every kind.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "calibrant/calibration.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/nn.hpp"

namespace jets {

using namespace calibrant;

/// x (GeV), eta, rho (GeV), and a feature that the network ignores.
using Net = Mlp<Inputs<4>, Hidden<16, SiLU>, Hidden<16, Tanh>, Outputs<1>>;

template <class S>
Model<Net, S> response(std::uint64_t seed = 1) {
  Model<Net, S> model;
  model.inputs[0] = {Transform::logarithm, S(5), S(0.8), S(15), S(2000)};
  model.inputs[1] = {Transform::absolute, S(1.2), S(1.5), S(-2.5), S(2.5)};
  model.inputs[2] = {Transform::identity, S(20), S(0.1), S(3), S(45)};
  model.inputs[3] = {Transform::ignored, S(0), S(1), S(0), S(1)};
  model.outputs[0] = {Output::ratio, S(0), S(1)};
  Parameters<S, Net::n_params> p;
  Random random(seed, Stream::initial_weights);
  Net::initialise<S>(p.view(), random);
  // reco / true of about 0.8 that depends on everything, but too weakly to make x reco / true fall.
  constexpr int last = Net::n_params - 17;
  for (int i = 0; i < 16; ++i) p[last + i] *= S(0.2);
  p[last + 16] = S(0.8);
  model.set_parameters(p);
  return model;
}

template <class S>
using Theta = std::array<S, 3>;

/// n jets inside the trained range and a little beyond; every seventh has something wrong with it.
template <class S>
struct Jets {
  std::vector<S> y, theta;  // theta row-major, n x 3

  explicit Jets(std::size_t n, std::uint64_t seed = 2) {
    Random random(seed);
    const auto uniform = [&](double low, double high) { return static_cast<S>(random.uniform(low, high)); };
    const S nan = std::numeric_limits<S>::quiet_NaN(), infinity = std::numeric_limits<S>::infinity();
    for (std::size_t i = 0; i < n; ++i) {
      y.push_back(static_cast<S>(10.0 * std::pow(200.0, random.uniform())));
      theta.insert(theta.end(), {uniform(-2.5, 2.5), uniform(3, 45), i % 3 == 0 ? nan : uniform(0, 1)});
      S* features = theta.data() + 3 * i;
      if (i % 7 == 3) switch (i / 7 % 6) {
          case 0: y[i] = nan; break;
          case 1: y[i] = -infinity; break;
          case 2: features[0] = nan; break;
          case 3: features[1] = infinity; break;
          case 4: features[0] = S(4); break;
          default: features[1] = S(-1); break;
        }
    }
  }
  std::size_t size() const { return y.size(); }
  Theta<S> features(std::size_t i) const { return {theta[3 * i], theta[3 * i + 1], theta[3 * i + 2]}; }
};

template <class S>
bool same_bits(S a, S b) {
  return std::memcmp(&a, &b, sizeof(S)) == 0 || (std::isnan(a) && std::isnan(b));
}

/// Values and statuses of a batch call.
template <class S>
struct Answers {
  std::vector<S> value;
  std::vector<Status> status;
  explicit Answers(std::size_t n) : value(n, S(-1)), status(n, static_cast<Status>(99)) {}

  friend bool operator==(const Answers& a, const Answers& b) {
    bool same = a.value.size() == b.value.size() && a.status == b.status;
    for (std::size_t i = 0; same && i < a.value.size(); ++i) same = same_bits(a.value[i], b.value[i]);
    return same;
  }
};

/// Object by object.
template <class S, class C>
Answers<S> one_by_one(const C& calibration, const Jets<S>& jets) {
  Answers<S> answers(jets.size());
  for (std::size_t i = 0; i < jets.size(); ++i) {
    const auto [value, status] = calibration(jets.y[i], jets.features(i));
    answers.value[i] = value;
    answers.status[i] = status;
  }
  return answers;
}

}  // namespace jets
