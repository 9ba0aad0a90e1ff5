// Losses made from the user's own functions: of means over the batch, and of the slope dL/dx.
#pragma once

#include <utility>

#include "calibrant/loss/loss.hpp"

namespace calibrant::loss {

/// A batch-coupled loss: combine(m_1 .. m_K), m_k the weighted mean over the batch of the k-th of event(prediction,
/// target). Example, the spread of the residual:
///   of_means<2>([](const auto& nu, const auto& y) { auto r = nu - y; return std::array{r, r * r}; },
///               [](const auto& m) { return sqrt(m[1] - m[0] * m[0]); })
/// Both functions are generic; their derivatives come from duals. Subtract a known centre in `event` when the means are
/// large against their differences: sums of squares cancel.
template <int K, class Event, class Combine>
struct OfMeans {
  static constexpr int n_means = K;
  Event event;
  Combine combine;
  std::string name = "of_means";
  std::string describe() const { return name; }
};
template <int K, class Event, class Combine>
OfMeans<K, Event, Combine> of_means(Event event, Combine combine, std::string name = "of_means") {
  return {std::move(event), std::move(combine), std::move(name)};
}

/// A loss that contains the slope of the network: event(prediction, slope, target), with slope = d(output) / d(input
/// `Input`), both as the network sees them (transformed, one output). Gradients run the pullback on (value, tangent)
/// pairs. Example, a penalty where the response falls:
///   of_slope<0>([](const auto& nu, const auto& slope, const auto& y) {
///     return abs(nu - y) + square(max(-slope, decltype(slope)(0)))...
/// Activations without curvature (ReLU, LeakyReLU, PReLU) train the slope only through the weights behind each kink.
template <int Input, class Event>
struct OfSlope {
  static constexpr int slope_input = Input;
  Event event;
  std::string name = "of_slope";
  std::string describe() const { return name; }
};
template <int Input, class Event>
OfSlope<Input, Event> of_slope(Event event, std::string name = "of_slope") {
  return {std::move(event), std::move(name)};
}

}  // namespace calibrant::loss
