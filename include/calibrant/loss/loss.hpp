// What a loss is to the trainer, and how its gradient is found: from a hand-written slope where one exists, from duals
// otherwise.
#pragma once

#include <array>
#include <concepts>
#include <string>

#include "calibrant/core/math.hpp"
#include "calibrant/core/view.hpp"
#include "calibrant/error.hpp"

namespace calibrant::loss {

/// Value of a loss for one event (or a tile of them) and its derivative with respect to the prediction.
template <class T>
struct ValueAndSlope {
  T value;
  T slope;
};

// A scalar loss is any object callable as loss(prediction, target) -> loss per event, generic over the scalar type; a
// lambda will do:  [](const auto& nu, const auto& y) { return square(nu - y); }
// For several outputs it is applied to each (prediction, target) pair and summed. Optional members:
//   slope(prediction, target) -> ValueAndSlope   hand-written derivative, used instead of duals
//   validate()                                   throws Error on bad settings; called before training
//   describe()                                   name and settings, stored in the model file
// A vector loss is callable as loss(View<const T, n_out>, View<const T, n_targets>) and names its `n_targets`.

template <class L>
concept Scalar = std::invocable<const L&, const double&, const double&>;

template <class L, class T>
concept HasSlope = requires(const L& loss, const T& value) {
  { loss.slope(value, value) } -> std::same_as<ValueAndSlope<T>>;
};

/// A loss of (prediction, slope, target) that contains dL/dx; see loss::OfSlope.
template <class L>
concept UsesSlope = requires {
  L::slope_input;
};

/// A loss of means over the batch; see loss::OfMeans.
template <class L>
concept BatchCoupled = requires {
  L::n_means;
};

/// Number of targets per event that a loss wants from a net with n_out outputs.
template <class L, int n_out>
constexpr int n_targets() {
  if constexpr (requires { L::n_targets; })
    return L::n_targets;
  else
    return n_out;
}

template <class L>
void validate(const L& loss) {
  if constexpr (requires { loss.validate(); }) loss.validate();
}
template <class L>
std::string describe(const L& loss) {
  if constexpr (requires { loss.describe(); })
    return loss.describe();
  else
    return "user-defined";
}

/// Loss of one event (a tile of them) and, in `slopes`, its derivative with respect to each output.
template <class L, class T, int n_out, int n_target>
CALIBRANT_INLINE T value_and_slopes(const L& loss, View<const T, n_out> prediction, View<const T, n_target> target,
                                    View<T, n_out> slopes) {
  if constexpr (Scalar<L>) {
    static_assert(n_out == n_target, "a scalar loss needs one target for each output");
    T sum = T(ScalarOf<T>(0));
    for (int i = 0; i < n_out; ++i) {
      if constexpr (HasSlope<L, T>) {
        const auto both = loss.slope(prediction[i], target[i]);
        slopes[i] = both.slope;
        sum = i == 0 ? both.value : sum + both.value;
      } else {
        const Dual<T, 1> both = loss(Dual<T, 1>::variable(prediction[i]), Dual<T, 1>(target[i]));
        slopes[i] = both.tangent[0];
        sum = i == 0 ? both.value : sum + both.value;
      }
    }
    return sum;
  } else if constexpr (requires { loss.slopes(prediction, target, slopes); }) {
    return loss.slopes(prediction, target, slopes);
  } else {
    using D = Dual<T, n_out>;
    std::array<D, n_out> variables;
    std::array<D, n_target> constants;
    for (int i = 0; i < n_out; ++i) variables[static_cast<unsigned>(i)] = D::variable(prediction[i], i);
    for (int i = 0; i < n_target; ++i) constants[static_cast<unsigned>(i)] = D(target[i]);
    const D both = loss(View<const D, n_out>(variables.data()), View<const D, n_target>(constants.data()));
    for (int i = 0; i < n_out; ++i) slopes[i] = both.tangent[i];
    return both.value;
  }
}

/// Loss without derivatives.
template <class L, class T, int n_out, int n_target>
CALIBRANT_INLINE T value(const L& loss, View<const T, n_out> prediction, View<const T, n_target> target) {
  if constexpr (Scalar<L>) {
    T sum = loss(prediction[0], target[0]);
    for (int i = 1; i < n_out; ++i) sum = sum + loss(prediction[i], target[i]);
    return sum;
  } else {
    return loss(prediction, target);
  }
}

/// A number as it appears in `describe`.
inline std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

inline void require_positive(double value, const char* name) {
  if (!(value > 0.0) || !(value <= std::numeric_limits<double>::max()))
    throw Error(name, "a positive, finite number", number(value));
}
inline void require_not_negative(double value, const char* name) {
  if (!(value >= 0.0) || !(value <= std::numeric_limits<double>::max()))
    throw Error(name, "zero or a positive, finite number", number(value));
}

}  // namespace calibrant::loss
