// Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1), with decoupled weight decay (Loshchilov and Hutter,
// arXiv:1711.05101) and clipping of the gradient's norm (Pascanu et al., arXiv:1211.5063) as options.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "calibrant/core/denormals.hpp"
#include "calibrant/core/math.hpp"
#include "calibrant/core/parameters.hpp"
#include "calibrant/error.hpp"

namespace calibrant {

/// Settings of Adam. With the defaults a step is exactly algorithm 1 of the paper, bias-corrected.
struct Adam {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  ///< decoupled (AdamW): parameters shrink by learning_rate * weight_decay a step
  double clip_norm = 0.0;     ///< gradients with a larger Euclidean norm are scaled down to it; 0: never

  /// @throws Error on settings out of range.
  CALIBRANT_COLD void validate() const {
    const auto require = [](bool good, const char* name, const char* expected, double found) {
      if (!good) throw Error(std::string("Adam, ") + name, expected, std::to_string(found));
    };
    require(learning_rate > 0.0 && std::isfinite(learning_rate), "learning_rate", "a positive number", learning_rate);
    require(beta1 >= 0.0 && beta1 < 1.0, "beta1", "a number in [0, 1)", beta1);
    require(beta2 >= 0.0 && beta2 < 1.0, "beta2", "a number in [0, 1)", beta2);
    require(epsilon > 0.0 && std::isfinite(epsilon), "epsilon", "a positive number", epsilon);
    require(weight_decay >= 0.0 && std::isfinite(weight_decay), "weight_decay", "zero or a positive number",
            weight_decay);
    require(clip_norm >= 0.0 && std::isfinite(clip_norm), "clip_norm", "zero or a positive number", clip_norm);
  }

  /// First and second moments and the number of steps done: all that a checkpoint needs.
  template <class Scalar, int N>
  struct State {
    Parameters<Scalar, N> first, second;
    std::uint64_t step = 0;
  };

  /// One step: parameters -= schedule_factor * learning_rate * m_hat / (sqrt(v_hat) + epsilon).
  /// @return Euclidean norm of the gradient before clipping; not finite if the gradient is not, or if its square cannot
  /// be kept in the second moment (nothing is then changed).
  template <class Scalar, int N>
  double step(State<Scalar, N>& state, Parameters<Scalar, N>& parameters, const Parameters<Scalar, N>& gradient,
              double schedule_factor = 1.0) const noexcept {
    // The moments of a parameter whose gradient stays zero decay to denormals and, as 0.9 of the smallest one rounds to
    // itself, would stay there.
    const FlushDenormals flush;
    using V = Wide<Scalar, 1>;
    constexpr int size = Parameters<Scalar, N>::padded_size;
    V squares(Scalar(0));
    for (int i = 0; i < size; i += lanes<Scalar>) {
      const V g = V::load(gradient.data() + i);
      squares = fma(g, g, squares);
    }
    double norm = std::sqrt(static_cast<double>(sum_lanes(squares)));
    if (!std::isfinite(norm)) {  // the square of a large gradient overflows; its norm need not
      double largest = 0.0, sum = 0.0;
      for (int i = 0; i < N; ++i) {
        const double magnitude = std::fabs(static_cast<double>(gradient[i]));
        if (!(magnitude <= largest)) largest = magnitude;
      }
      for (int i = 0; i < N; ++i) {
        const double ratio = static_cast<double>(gradient[i]) / largest;
        sum += ratio * ratio;
      }
      norm = largest * std::sqrt(sum);
      if (!std::isfinite(norm)) return norm;
      // An infinite second moment would stop its parameter for ever.
      const bool clipped = clip_norm > 0.0 && norm > clip_norm;
      if (!clipped && !(largest * largest <= static_cast<double>(std::numeric_limits<Scalar>::max())))
        return std::numeric_limits<double>::infinity();
    }
    ++state.step;
    const double t = static_cast<double>(state.step);
    const double rate = learning_rate * schedule_factor;
    const V clip(static_cast<Scalar>(clip_norm > 0.0 && norm > clip_norm ? clip_norm / norm : 1.0));
    const V b1(static_cast<Scalar>(beta1)), c1(static_cast<Scalar>(1.0 - beta1));
    const V b2(static_cast<Scalar>(beta2)), c2(static_cast<Scalar>(1.0 - beta2));
    const V scale(static_cast<Scalar>(-rate / (1.0 - std::pow(beta1, t))));
    const V correction(static_cast<Scalar>(1.0 / (1.0 - std::pow(beta2, t))));
    const V eps(static_cast<Scalar>(epsilon)), keep(static_cast<Scalar>(1.0 - rate * weight_decay));
    for (int i = 0; i < size; i += lanes<Scalar>) {
      const V g = V::load(gradient.data() + i) * clip;
      const V m = fma(b1, V::load(state.first.data() + i), c1 * g);
      const V v = fma(b2, V::load(state.second.data() + i), c2 * g * g);
      m.store(state.first.data() + i);
      v.store(state.second.data() + i);
      const V direction = m / (sqrt(v * correction) + eps);
      fma(scale, direction, V::load(parameters.data() + i) * keep).store(parameters.data() + i);
    }
    return norm;
  }
};

}  // namespace calibrant
