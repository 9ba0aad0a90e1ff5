// Input and output transforms: preprocessing is part of the model, what a caller passes is physical quantities.
#pragma once

#include <string_view>

#include "calibrant/core/math.hpp"

namespace calibrant {

/// What happens to a feature before it is standardised.
enum class Transform : unsigned char {
  identity,
  absolute,   ///< |x|, for example eta of a symmetric detector
  logarithm,  ///< ln x; x must be positive
  ignored,    ///< the feature stays in the model's type but the network sees 0
};
constexpr std::string_view to_string(Transform transform) noexcept {
  switch (transform) {
    case Transform::identity: return "identity";
    case Transform::absolute: return "absolute";
    case Transform::logarithm: return "logarithm";
    case Transform::ignored: return "ignored";
  }
  return "unknown";
}

/// One feature's way into the network: (transform(x) - shift) * scale, shift and scale fitted on data to mean 0 and
/// standard deviation 1.
template <class Scalar>
struct FeatureTransform {
  Transform transform = Transform::identity;
  Scalar shift = 0;
  Scalar scale = 1;
  Scalar low = 0;   ///< smallest value in training, physical unit
  Scalar high = 0;  ///< largest value in training, physical unit

  /// To mean 0 and standard deviation 1. @pre deviation > 0
  void standardise(double mean, double deviation) noexcept {
    shift = static_cast<Scalar>(mean);
    scale = static_cast<Scalar>(1.0 / deviation);
  }

  template <class T>
  CALIBRANT_INLINE T encode(const T& x) const noexcept {
    switch (transform) {
      case Transform::identity: return (x - T(shift)) * T(scale);
      case Transform::absolute: return (abs(x) - T(shift)) * T(scale);
      case Transform::logarithm: return (log(x) - T(shift)) * T(scale);
      case Transform::ignored: break;
    }
    return T(Scalar(0));
  }
  friend bool operator==(const FeatureTransform&, const FeatureTransform&) = default;
};

/// What the network's output stands for.
enum class Output : unsigned char {
  identity,      ///< the target itself
  standardised,  ///< (target - shift) / scale
  ratio,         ///< target / feature 0: the response reco / true when feature 0 is the truth
  paired_ratio,  ///< target i / feature i: reco / true of each when the first features are the truths of all targets
};
constexpr std::string_view to_string(Output output) noexcept {
  switch (output) {
    case Output::identity: return "identity";
    case Output::standardised: return "standardised";
    case Output::ratio: return "ratio";
    case Output::paired_ratio: return "paired_ratio";
  }
  return "unknown";
}

/// From network output to target and back; `reference` is the feature that a ratio is to, in its physical unit.
template <class Scalar>
struct OutputTransform {
  Output output = Output::identity;
  Scalar shift = 0;
  Scalar scale = 1;

  /// Target in its physical unit from the network's output.
  template <class T>
  CALIBRANT_INLINE T decode(const T& raw, const T& reference) const noexcept {
    switch (output) {
      case Output::identity: break;
      case Output::standardised: return fma(T(scale), raw, T(shift));
      case Output::ratio:
      case Output::paired_ratio: return raw * reference;
    }
    return raw;
  }
  /// What the network is trained on.
  template <class T>
  CALIBRANT_INLINE T encode(const T& target, const T& reference) const noexcept {
    switch (output) {
      case Output::identity: break;
      case Output::standardised: return (target - T(shift)) / T(scale);
      case Output::ratio:
      case Output::paired_ratio: return target / reference;
    }
    return target;
  }
  /// Number of that feature for output i.
  int reference(int i) const noexcept { return output == Output::paired_ratio ? i : 0; }
  friend bool operator==(const OutputTransform&, const OutputTransform&) = default;
};

}  // namespace calibrant
