// Responses of two truths, energy-like and mass-like, with known inverses; a network that looks like one; answers.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "calibrant/calibration/joint.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/invert/joint_function_response.hpp"
#include "jet_response.hpp"

namespace joint {

using namespace calibrant;
using jets::same_bits;

/// y_0 = 0.8 x_0 + 0.1 x_1 + theta, y_1 = -0.05 x_0 + 0.7 x_1; x_0 from 10 to 100, x_1 from 5 to 50, theta within +-5.
template <class S>
auto linear() {
  return invert::joint_function_response<2, 1, S>(
      []<class D>(View<const D, 3> in, View<D, 2> out) {
        out[0] = fma(D(S(0.8)), in[0], fma(D(S(0.1)), in[1], in[2]));
        out[1] = fma(D(S(-0.05)), in[0], D(S(0.7)) * in[1]);
      },
      {{{S(10), S(100)}, {S(5), S(50)}}}, {{{S(-5), S(5)}}});
}
inline std::array<double, 2> linear_inverse(double y0, double y1, double theta) {
  const double a = y0 - theta, determinant = 0.8 * 0.7 + 0.05 * 0.1;
  return {(0.7 * a - 0.1 * y1) / determinant, (0.8 * y1 + 0.05 * a) / determinant};
}

/// x_0 (pT, 20 to 2000), x_1 (m, 2 to 400), eta, and a feature that the network ignores; ratios that depend on all.
using Net = Mlp<Inputs<4>, Hidden<16, SiLU>, Hidden<16, Tanh>, Outputs<2>>;

template <class S>
Model<Net, S> response(std::uint64_t seed = 1) {
  Model<Net, S> model;
  model.inputs[0] = {Transform::logarithm, S(5), S(0.8), S(20), S(2000)};
  model.inputs[1] = {Transform::logarithm, S(3), S(0.8), S(2), S(400)};
  model.inputs[2] = {Transform::absolute, S(1.2), S(1.5), S(-2.5), S(2.5)};
  model.inputs[3] = {Transform::ignored, S(0), S(1), S(0), S(1)};
  model.outputs[0] = model.outputs[1] = {Output::paired_ratio, S(0), S(1)};
  Parameters<S, Net::n_params> p;
  Random random(seed, Stream::initial_weights);
  Net::initialise<S>(p.view(), random);
  // Ratios of about 0.8 and 0.9 that depend on everything, but too weakly to make the responses fall.
  constexpr int last = Net::n_params - 34;
  for (int i = 0; i < 32; ++i) p[last + i] *= S(0.2);
  p[last + 32] = S(0.8);
  p[last + 33] = S(0.9);
  model.set_parameters(p);
  return model;
}

/// n objects inside the trained ranges and a little beyond; every seventh has something wrong with it.
template <class S>
struct Objects {
  std::vector<S> y, theta;  // row-major, n x 2 each

  explicit Objects(std::size_t n, std::uint64_t seed = 2) {
    Random random(seed);
    const auto uniform = [&](double low, double high) { return static_cast<S>(random.uniform(low, high)); };
    const S nan = std::numeric_limits<S>::quiet_NaN(), infinity = std::numeric_limits<S>::infinity();
    for (std::size_t i = 0; i < n; ++i) {
      y.push_back(static_cast<S>(12.0 * std::pow(200.0, random.uniform())));
      y.push_back(static_cast<S>(1.5 * std::pow(300.0, random.uniform())));
      theta.insert(theta.end(), {uniform(-2.5, 2.5), i % 3 == 0 ? nan : uniform(0, 1)});
      if (i % 7 == 3) switch (i / 7 % 5) {
          case 0: y[2 * i] = nan; break;
          case 1: y[2 * i + 1] = -infinity; break;
          case 2: theta[2 * i] = nan; break;
          case 3: theta[2 * i] = infinity; break;
          default: theta[2 * i] = S(4); break;
        }
    }
  }
  std::size_t size() const { return y.size() / 2; }
  std::array<S, 2> measured(std::size_t i) const { return {y[2 * i], y[2 * i + 1]}; }
  std::array<S, 2> features(std::size_t i) const { return {theta[2 * i], theta[2 * i + 1]}; }
};

/// Values and statuses of a batch call.
template <class S>
struct Answers {
  std::vector<S> values;
  std::vector<Status> status;
  explicit Answers(std::size_t n) : values(2 * n, S(-1)), status(n, static_cast<Status>(99)) {}

  friend bool operator==(const Answers& a, const Answers& b) {
    bool same = a.values.size() == b.values.size() && a.status == b.status;
    for (std::size_t i = 0; same && i < a.values.size(); ++i) same = same_bits(a.values[i], b.values[i]);
    return same;
  }
};

/// Object by object.
template <class S, class C>
Answers<S> one_by_one(const C& calibration, const Objects<S>& objects) {
  Answers<S> answers(objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const auto [values, status] = calibration(objects.measured(i), objects.features(i));
    for (std::size_t k = 0; k < 2; ++k) answers.values[2 * i + k] = values[k];
    answers.status[i] = status;
  }
  return answers;
}

}  // namespace joint
