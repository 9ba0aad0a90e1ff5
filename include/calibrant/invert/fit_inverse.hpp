// Training of a learned inverse: pairs of (L(x; theta), theta) and x, made from the response itself.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/invert/learned.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/train/trainer.hpp"

namespace calibrant {

/// Where the pairs that a learned inverse is trained on come from.
struct InverseSampling {
  enum class Truth : unsigned char { automatic, uniform, logarithmic };  ///< automatic: logarithmic where x > 0
  std::int64_t n_samples = 200'000;
  std::uint64_t seed = 1;
  Truth truth = Truth::automatic;  ///< how x is drawn in the range of truth
  /// Share of the range (of its logarithm) by which it is widened at both ends: networks are worst at the edges of what
  /// they saw.
  double beyond = 0.03;
  /// Share of the pairs whose features are drawn uniformly from their ranges (if those have ends) even where real ones
  /// are given: in the tails of those, which few objects reach, the network must answer too.
  double uniform_theta = 0.25;

  /// @throws Error on settings out of range.
  CALIBRANT_COLD void validate() const {
    if (n_samples < 2) throw Error("InverseSampling, n_samples", "two or more", std::to_string(n_samples));
    if (!(beyond >= 0.0 && beyond < 0.5))
      throw Error("InverseSampling, beyond", "a number from 0 to 0.5", std::to_string(beyond));
    if (!(uniform_theta >= 0.0 && uniform_theta <= 1.0))
      throw Error("InverseSampling, uniform_theta", "a number from 0 to 1", std::to_string(uniform_theta));
  }
};

/// Trains a network Net of (y, theta) as the inverse of a response, to be used as the inversion of a Calibration:
///   auto inverse = fit_inverse<Net>(response, theta, {}, {.epochs = 40, .batch_size = 512});
///   inverse.steps = 1;
///   Calibration calibration(response, inverse);
///
/// @param theta    rows of n_theta features of real objects, which are drawn from at random (real features are
///                 correlated) for all pairs but the share of uniform ones; if empty, each feature of every pair is
///                 drawn uniformly from the range it was trained in.
/// @param options  as of fit; the output is chosen here: x / y where all x and y are positive, else x standardised.
/// @throws Error as fit; for theta that is not n x n_theta or not finite; if x is to be drawn logarithmically from a
/// range that is not positive; if a range is not finite.
template <class Net, class Response>
CALIBRANT_COLD invert::Learned<Net, typename Response::Scalar> fit_inverse(
    const Response& response, std::span<const typename Response::Scalar> theta, const InverseSampling& sampling,
    FitOptions options) {
  using S = typename Response::Scalar;
  using Truth = InverseSampling::Truth;
  constexpr int n_theta = Response::n_theta;
  static_assert(Net::n_in == n_theta + 1 && Net::n_out == 1,
                "fit_inverse: a network of the measured value and all features of the response, with one output");
  sampling.validate();
  const auto range = response.truth_range();
  const std::string where = "fit_inverse";
  require_width(range, where, "a response with a finite range of truth, low < high");
  if (sampling.truth == Truth::logarithmic && !(range.low > S(0)))
    throw Error(where + ", logarithmic sampling", "a range of truth above zero",
                std::to_string(range.low) + " to " + std::to_string(range.high));
  const std::size_t n_rows = n_theta == 0 ? 0 : theta.size() / static_cast<std::size_t>(n_theta > 0 ? n_theta : 1);
  if (n_rows * static_cast<std::size_t>(n_theta) != theta.size())
    throw Error(where + ", theta", "rows of " + std::to_string(n_theta) + " values",
                std::to_string(theta.size()) + " values");

  const bool logarithmic =
      sampling.truth == Truth::logarithmic || (sampling.truth == Truth::automatic && range.low > S(0));
  const double low = logarithmic ? std::log(static_cast<double>(range.low)) : static_cast<double>(range.low),
               high = logarithmic ? std::log(static_cast<double>(range.high)) : static_cast<double>(range.high),
               more = sampling.beyond * (high - low);
  std::vector<S> values;
  values.reserve(static_cast<std::size_t>(sampling.n_samples) * static_cast<std::size_t>(n_theta + 2));
  bool positive = range.low > S(0);
  bool has_ends = true;  // every range that features could be drawn from
  for (int k = 0; k < n_theta; ++k) {
    const auto limits = response.theta_range(k);
    has_ends = has_ends && (!response.uses_theta(k) || (is_finite(limits.low) && is_finite(limits.high)));
  }
  Random random(sampling.seed, Stream::toy);
  for (std::int64_t i = 0; i < sampling.n_samples; ++i) {
    const double drawn = random.uniform(low - more, high + more);
    const S x = static_cast<S>(logarithmic ? std::exp(drawn) : drawn);
    S features[n_theta > 0 ? n_theta : 1] = {};
    const bool is_real = n_rows > 0 && !(has_ends && random.uniform() < sampling.uniform_theta);
    const std::size_t row =
        is_real ? std::min(n_rows - 1, static_cast<std::size_t>(random.uniform() * static_cast<double>(n_rows))) : 0;
    for (int k = 0; k < n_theta; ++k) {
      const auto limits = response.theta_range(k);
      S& feature = features[k];
      if (!response.uses_theta(k)) continue;
      feature = is_real ? theta[row * static_cast<std::size_t>(n_theta) + static_cast<std::size_t>(k)]
                        : static_cast<S>(random.uniform(limits.low, limits.high));
      if (!is_finite(feature))
        throw Error(where + ", feature " + std::to_string(k), "a finite number",
                    is_real ? "another in row " + std::to_string(row) : "a range without end");
      // A calibration moves features to their range before it inverts.
      feature = feature < limits.low ? limits.low : feature > limits.high ? limits.high : feature;
    }
    typename Response::template Encoded<S> encoded;
    response.encode(features, encoded);
    const S y = response.response_value(x, encoded);
    if (!is_finite(y)) continue;  // beyond the trained range a response may be anything
    positive = positive && y > S(0);
    values.push_back(y);
    values.insert(values.end(), features, features + n_theta);
    values.push_back(x);
  }
  std::vector<std::string> names{"y"};
  std::vector<Feature> features{{"y", positive ? Transform::logarithm : Transform::identity}};
  for (int k = 0; k < n_theta; ++k) {
    names.push_back("theta_" + std::to_string(k));
    Transform transform = response.uses_theta(k) ? Transform::identity : Transform::ignored;
    const auto copy = [&](const auto& model) { transform = model.inputs[static_cast<std::size_t>(k + 1)].transform; };
    if constexpr (requires { response.members(); })
      copy(response.members()[0]);
    else if constexpr (requires { response.inputs; })
      copy(response);
    features.emplace_back(names.back(), transform);
  }
  names.emplace_back("x");
  const BasicDataset<S> data(BasicTable<S>(std::move(names), std::move(values), "pairs of response and truth"),
                             std::move(features), "x");
  options.output = positive ? Output::ratio : Output::standardised;
  invert::Learned<Net, S> result;
  result.model = fit<Net>(data, loss::Squared{}, options);
  result.response_hash = invert::fingerprint(response);
  if (result.response_hash == 0) result.response_hash = 1;  // trained, for a response that has no fingerprint
  return result;
}

}  // namespace calibrant
