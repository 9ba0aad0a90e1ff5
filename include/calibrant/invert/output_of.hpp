// Responses made of the outputs of a model that has several: one quantile of many, the distance between two.
#pragma once

#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "calibrant/nn/model.hpp"

namespace calibrant::invert {

/// Output Index of a model or an ensemble as a response; Model itself is the response of its output 0. With the head
/// Quantiles<K>, Calibration<OutputOf<Model, k>> inverts quantile k at given theta.
template <class Model_, int Index>
class OutputOf {
 public:
  using Scalar = typename Model_::Scalar;
  static constexpr int n_theta = Model_::n_theta;
  static_assert(Index >= 0 && Index < Model_::n_out, "OutputOf: an output that the model has");

  explicit OutputOf(Model_ model) : model_(std::move(model)) {}

  const Model_& model() const noexcept { return model_; }

  /// What the model file calls it, and is made of.
  static std::string kind() { return "output " + std::to_string(Index); }
  static constexpr std::array<const char*, 1> part_names{"model"};
  auto parts() const noexcept { return std::tie(model_); }

  const Description& description() const noexcept {
    if constexpr (requires { model_.description(); })
      return model_.description();
    else
      return model_.description;
  }
  /// @throws Error as Model::validate, or if the output is a ratio to another feature than the truth.
  CALIBRANT_COLD void validate() const {
    model_.validate();
    const auto& output = [&]() -> const auto& {
      if constexpr (requires { model_.members(); })
        return model_.members()[0].outputs[Index];
      else
        return model_.outputs[Index];
    }
    ();
    if (output.reference(Index) != 0)
      throw Error("OutputOf, output " + std::to_string(Index), "no ratio to another feature than the first",
                  std::string(to_string(output.output)));
  }

  template <class T>
  using Encoded = typename Model_::template Encoded<T>;
  template <class T>
  void encode(const T* theta, Encoded<T>& encoded) const noexcept {
    model_.encode(theta, encoded);
  }
  template <class T>
  ValueSlope<T> response(const T& x, const Encoded<T>& encoded) const noexcept {
    return model_.template response<Index>(x, encoded);
  }
  template <class T>
  T response_value(const T& x, const Encoded<T>& encoded) const noexcept {
    return model_.template response_value<Index>(x, encoded);
  }
  Range<Scalar> truth_range() const noexcept { return model_.truth_range(); }
  Range<Scalar> theta_range(int i) const noexcept { return model_.theta_range(i); }
  bool uses_theta(int i) const noexcept { return model_.uses_theta(i); }

 private:
  Model_ model_;
};

/// output_of<2>(model).
template <int Index, class Model_>
OutputOf<Model_, Index> output_of(Model_ model) {
  return OutputOf<Model_, Index>(std::move(model));
}

/// Half the distance of two responses of the same features: of the 16 % and the 84 % quantile, the resolution sigma_y
/// as the experiments quote it.
template <class Low, class High>
class HalfWidth {
 public:
  using Scalar = typename Low::Scalar;
  static constexpr int n_theta = Low::n_theta;
  static_assert(High::n_theta == n_theta, "HalfWidth: responses of the same features");

  HalfWidth(Low low, High high) : low_(std::move(low)), high_(std::move(high)) {}

  /// What the model file calls it, and is made of.
  static std::string kind() { return "half_width"; }
  static constexpr std::array<const char*, 2> part_names{"low", "high"};
  auto parts() const noexcept { return std::tie(low_, high_); }
  /// @throws Error as the two.
  CALIBRANT_COLD void validate() const {
    if constexpr (requires { low_.validate(); }) low_.validate();
    if constexpr (requires { high_.validate(); }) high_.validate();
  }

  template <class T>
  struct Encoded {
    typename Low::template Encoded<T> low;
    typename High::template Encoded<T> high;
  };
  template <class T>
  void encode(const T* theta, Encoded<T>& encoded) const noexcept {
    low_.encode(theta, encoded.low);
    high_.encode(theta, encoded.high);
  }
  template <class T>
  ValueSlope<T> response(const T& x, const Encoded<T>& encoded) const noexcept {
    const ValueSlope<T> low = low_.response(x, encoded.low), high = high_.response(x, encoded.high);
    const T half(ScalarOf<T>(0.5));
    return {half * (high.value - low.value), half * (high.slope - low.slope)};
  }
  template <class T>
  T response_value(const T& x, const Encoded<T>& encoded) const noexcept {
    return T(ScalarOf<T>(0.5)) * (high_.response_value(x, encoded.high) - low_.response_value(x, encoded.low));
  }
  Range<Scalar> truth_range() const noexcept { return low_.truth_range(); }
  Range<Scalar> theta_range(int i) const noexcept { return low_.theta_range(i); }
  bool uses_theta(int i) const noexcept { return low_.uses_theta(i) || high_.uses_theta(i); }

 private:
  Low low_;
  High high_;
};

}  // namespace calibrant::invert
