// Adam against algorithm 1 of arXiv:1412.6980 written out in double, its options, and gradients that no step can take.
#include "calibrant/optim/adam.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "calibrant/core/random.hpp"

using namespace calibrant;

namespace {

/// The paper's algorithm, one number at a time.
struct Reference {
  std::vector<double> p, m, v;
  int t = 0;
  explicit Reference(std::vector<double> start) : p(std::move(start)), m(p.size()), v(p.size()) {}
  void step(const Adam& adam, std::vector<double> g, double factor = 1.0) {
    double norm = 0.0;
    for (const double x : g) norm += x * x;
    norm = std::sqrt(norm);
    if (adam.clip_norm > 0.0 && norm > adam.clip_norm)
      for (double& x : g) x *= adam.clip_norm / norm;
    ++t;
    for (std::size_t i = 0; i < p.size(); ++i) {
      m[i] = adam.beta1 * m[i] + (1.0 - adam.beta1) * g[i];
      v[i] = adam.beta2 * v[i] + (1.0 - adam.beta2) * g[i] * g[i];
      const double m_hat = m[i] / (1.0 - std::pow(adam.beta1, t)), v_hat = v[i] / (1.0 - std::pow(adam.beta2, t));
      p[i] -= factor * adam.learning_rate * (m_hat / (std::sqrt(v_hat) + adam.epsilon) + adam.weight_decay * p[i]);
    }
  }
};

template <class S, int N>
Parameters<S, N> filled(const std::vector<double>& values) {
  Parameters<S, N> result;
  for (int i = 0; i < N; ++i) result[i] = static_cast<S>(values[static_cast<std::size_t>(i)]);
  return result;
}
template <class T>
bool same_bits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

/// 300 steps with gradients of very different sizes; the largest difference to the reference, in units of the learning
/// rate.
template <class S>
double distance_to_reference(const Adam& adam) {
  constexpr int n = 37;  // not a multiple of a register
  Random random(3);
  std::vector<double> start(n);
  for (double& x : start) x = static_cast<double>(static_cast<S>(random.normal()));
  Reference reference(start);
  auto parameters = filled<S, n>(start);
  Adam::State<S, n> state;
  double worst = 0.0;
  for (int t = 1; t <= 300; ++t) {
    std::vector<double> g(n);
    for (std::size_t i = 0; i < n; ++i)
      g[i] = static_cast<double>(
          static_cast<S>(i == 5 ? 0.0 : std::pow(10.0, static_cast<double>(i % 7) - 4.0) * (random.normal() + 0.3)));
    const double factor = t < 100 ? 1.0 : 0.25;
    const double norm = adam.step(state, parameters, filled<S, n>(g), factor);
    double expected = 0.0;
    for (const double x : g) expected += x * x;
    CHECK(norm == doctest::Approx(std::sqrt(expected)).epsilon(1e-5));
    reference.step(adam, g, factor);
    for (int i = 0; i < n; ++i)
      worst = std::max(worst, std::fabs(static_cast<double>(parameters[i]) - reference.p[static_cast<std::size_t>(i)]) /
                                  adam.learning_rate);
  }
  CHECK(state.step == 300);
  for (int i = n; i < parameters.padded_size; ++i) {  // the padding stays zero
    CHECK(parameters.data()[i] == S(0));
    CHECK(state.first.data()[i] == S(0));
    CHECK(state.second.data()[i] == S(0));
  }
  return worst;
}

TEST_CASE("300 steps are those of the paper's algorithm") {
  // Rounding of parameters of size 1 and of directions of size 1, 300 times: 300 (eps / rate + 10 eps) at most.
  const Adam plain{.learning_rate = 0.01};
  CHECK(distance_to_reference<double>(plain) <= 300 * 2.3e-16 * 110);
  CHECK(distance_to_reference<float>(plain) <= 300 * 1.2e-7 * 110);
}

TEST_CASE("so are those with other betas, epsilon, decay and clipping") {
  const Adam all{
      .learning_rate = 0.01, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3, .weight_decay = 0.1, .clip_norm = 30.0};
  CHECK(distance_to_reference<double>(all) <= 300 * 2.3e-16 * 110);
  CHECK(distance_to_reference<float>(all) <= 300 * 1.2e-7 * 110);
  const Adam no_memory{.learning_rate = 0.01, .beta1 = 0.0, .beta2 = 0.0};
  CHECK(distance_to_reference<double>(no_memory) <= 300 * 2.3e-16 * 110);
}

template <class S>
void check_first_steps() {
  // By hand: with a bias-corrected first step m_hat = g and v_hat = g^2, so the step is rate g / (|g| + epsilon).
  const Adam adam{.learning_rate = 0.1, .epsilon = 0.5};
  Parameters<S, 3> p = filled<S, 3>({1.0, -2.0, 3.0});
  Adam::State<S, 3> state;
  const double norm = adam.step(state, p, filled<S, 3>({3.0, -4.0, 0.0}));
  const double eps = 4.0 * static_cast<double>(std::numeric_limits<S>::epsilon());
  CHECK(norm == 5.0);
  CHECK(std::fabs(static_cast<double>(p[0]) - (1.0 - 0.1 * 3.0 / 3.5)) <= eps);
  CHECK(std::fabs(static_cast<double>(p[1]) - (-2.0 + 0.1 * 4.0 / 4.5)) <= eps);
  CHECK(p[2] == S(3));
  CHECK(std::fabs(static_cast<double>(state.first[0]) - 0.3) <= eps);
  CHECK(std::fabs(static_cast<double>(state.second[1]) - 0.016) <= eps);
  // Second step with g = 0: m_hat = 0.9 * 0.3 / 0.19, v_hat = 0.999 * 0.009 / (1 - 0.999^2).
  const double before = static_cast<double>(p[0]);
  adam.step(state, p, Parameters<S, 3>{});
  const double m_hat = 0.27 / 0.19, v_hat = 0.999 * 0.009 / (1.0 - 0.998001);
  CHECK(std::fabs(static_cast<double>(p[0]) - (before - 0.1 * m_hat / (std::sqrt(v_hat) + 0.5))) <= 2.0 * eps);
  CHECK(state.step == 2);
}

TEST_CASE("the first two steps, by hand") {
  check_first_steps<float>();
  check_first_steps<double>();
}

TEST_CASE("decay is decoupled: it moves a parameter whose gradient is zero by rate * decay") {
  const Adam adam{.learning_rate = 0.1, .weight_decay = 0.5};
  auto p = filled<double, 2>({4.0, -8.0});
  Adam::State<double, 2> state;
  adam.step(state, p, Parameters<double, 2>{}, 0.5);
  CHECK(p[0] == doctest::Approx(4.0 * (1.0 - 0.025)).epsilon(1e-15));
  CHECK(p[1] == doctest::Approx(-8.0 * (1.0 - 0.025)).epsilon(1e-15));
  CHECK(state.first[0] == 0.0);  // and leaves no trace in the moments
}

TEST_CASE("clipping scales the gradient down to the norm, and only down") {
  const Adam clipped{.clip_norm = 1.0};
  auto p = filled<double, 2>({0.0, 0.0});
  Adam::State<double, 2> state;
  CHECK(clipped.step(state, p, filled<double, 2>({30.0, 40.0})) == 50.0);  // the norm before clipping
  CHECK(state.first[0] == doctest::Approx(0.1 * 0.6).epsilon(1e-14));
  CHECK(state.first[1] == doctest::Approx(0.1 * 0.8).epsilon(1e-14));
  Adam::State<double, 2> small;
  clipped.step(small, p, filled<double, 2>({0.3, 0.4}));
  CHECK(small.first[0] == doctest::Approx(0.1 * 0.3).epsilon(1e-14));
}

template <class S>
void check_not_finite() {
  constexpr int n = 20;
  const Adam adam{.weight_decay = 0.1, .clip_norm = 1.0};
  std::vector<double> values(n, 0.5);
  auto p = filled<S, n>(values);
  Adam::State<S, n> state;
  adam.step(state, p, filled<S, n>(values));
  const auto p_before = p;
  const auto state_before = state;
  for (const S bad :
       {std::numeric_limits<S>::quiet_NaN(), std::numeric_limits<S>::infinity(), -std::numeric_limits<S>::infinity()})
    for (const int where : {0, 7, n - 1}) {
      auto g = filled<S, n>(values);
      g[where] = bad;
      CHECK(!std::isfinite(adam.step(state, p, g)));
      CHECK(same_bits(p, p_before));
      CHECK(same_bits(state.first, state_before.first));
      CHECK(same_bits(state.second, state_before.second));
      CHECK(state.step == state_before.step);
    }
}

TEST_CASE("a gradient that is not finite changes nothing, and the norm says so") {
  check_not_finite<float>();
  check_not_finite<double>();
}

template <class S>
void check_huge(double huge) {
  // Clipping takes any finite gradient, also where its square overflows.
  const Adam clipped{.learning_rate = 0.1, .clip_norm = 2.0};
  auto p = filled<S, 3>({1.0, 1.0, 1.0});
  Adam::State<S, 3> state;
  const double norm = clipped.step(state, p, filled<S, 3>({3.0 * huge, -4.0 * huge, 0.0}));
  CHECK(norm / huge == doctest::Approx(5.0).epsilon(1e-6));
  CHECK(static_cast<double>(state.first[0]) == doctest::Approx(0.1 * 1.2).epsilon(1e-6));
  CHECK(static_cast<double>(p[0]) == doctest::Approx(0.9).epsilon(1e-6));
  CHECK(static_cast<double>(p[1]) == doctest::Approx(1.1).epsilon(1e-6));
  CHECK(p[2] == S(1));
  // Without it the second moment would become infinite and freeze the parameter for ever: refused.
  const Adam plain{.learning_rate = 0.1};
  const auto p_before = p;
  Adam::State<S, 3> fresh;
  CHECK(!std::isfinite(plain.step(fresh, p, filled<S, 3>({3.0 * huge, 1.0, 0.0}))));
  CHECK(same_bits(p, p_before));
  CHECK(fresh.step == 0);
  CHECK(fresh.second[0] == S(0));
}

TEST_CASE("huge gradients: clipped to the right size, or refused where their square does not fit") {
  check_huge<float>(1e25);
  check_huge<double>(1e200);
  // The sum of squares overflows a float here, no single square does: an ordinary step.
  const Adam adam{.learning_rate = 0.1};
  Parameters<float, 64> p, g;
  for (float& x : g.span()) x = 1e19f;
  Adam::State<float, 64> state;
  CHECK(adam.step(state, p, g) == doctest::Approx(8e19).epsilon(1e-6));
  for (const float x : p.span()) CHECK(x == doctest::Approx(-0.1).epsilon(1e-6));
}

std::string refusal(const Adam& adam) {
  try {
    adam.validate();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("settings out of range are refused by name") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const auto names = [](const std::string& text, const char* name) {
    return text.find(std::string("Adam, ") + name + ":") != std::string::npos;
  };
  for (const double bad : {nan, inf, -1.0}) {
    CAPTURE(bad);
    CHECK(names(refusal({.learning_rate = bad}), "learning_rate"));
    CHECK(names(refusal({.beta1 = bad}), "beta1"));
    CHECK(names(refusal({.beta2 = bad}), "beta2"));
    CHECK(names(refusal({.epsilon = bad}), "epsilon"));
    CHECK(names(refusal({.weight_decay = bad}), "weight_decay"));
    CHECK(names(refusal({.clip_norm = bad}), "clip_norm"));
  }
  CHECK(names(refusal({.learning_rate = 0.0}), "learning_rate"));
  CHECK(names(refusal({.beta1 = 1.0}), "beta1"));
  CHECK(names(refusal({.beta2 = 1.0}), "beta2"));
  CHECK(names(refusal({.epsilon = 0.0}), "epsilon"));
  CHECK(refusal({}).empty());
  CHECK(refusal({.beta1 = 0.0, .beta2 = 0.0, .weight_decay = 0.01, .clip_norm = 1.0}).empty());
}

}  // namespace
