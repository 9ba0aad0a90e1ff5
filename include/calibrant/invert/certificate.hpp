// Proof, not sampling, that a response rises over a box of truth and features: bounds of dL/dx by interval arithmetic
// through the network and its derivative, on ever smaller boxes where they do not decide.
// Moore, Kearfott, Cloud, Introduction to Interval Analysis (SIAM 2009), chapters 6 and 9; Skelboe's algorithm: the box
// with the smallest bound is divided first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calibrant/core/interval.hpp"
#include "calibrant/error.hpp"
#include "calibrant/nn/model.hpp"

namespace calibrant::invert {

enum class Verdict : unsigned char {
  proven,     ///< dL/dx is above the wanted slope in the whole box
  refuted,    ///< there is a point where it is not
  undecided,  ///< the work allowed did not decide
};
constexpr std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::proven: return "proven";
    case Verdict::refuted: return "refuted";
    case Verdict::undecided: return "undecided";
  }
  return "unknown";
}

struct CertificateOptions {
  double minimum_slope = 0.0;        ///< dL/dx must be above it
  std::int64_t max_boxes = 100'000;  ///< boxes looked at; a 3-64-64-1 network takes about 0.3 ms for each

  /// @throws Error on settings out of range.
  CALIBRANT_COLD void validate() const {
    if (!std::isfinite(minimum_slope))
      throw Error("certify_monotonicity, minimum_slope", "a finite number", std::to_string(minimum_slope));
    if (max_boxes < 1) throw Error("certify_monotonicity, max_boxes", "one or more", std::to_string(max_boxes));
  }
};

/// A box of truth (first) and features with the bounds of dL/dx in it.
struct SlopeBox {
  std::vector<Interval> sides;
  Interval slope;
};

struct MonotonicityCertificate {
  Verdict verdict = Verdict::undecided;
  double smallest_bound = 0.0;      ///< dL/dx is at least this, everywhere in the box
  std::int64_t n_boxes = 0;         ///< looked at
  std::vector<double> point;        ///< refuted: truth and features where dL/dx is not above the wanted slope
  Interval slope_at_point{0.0};     ///< and the bounds of dL/dx there
  std::vector<SlopeBox> undecided;  ///< undecided: what is left, the smallest lower bound first

  bool proven() const noexcept { return verdict == Verdict::proven; }
  CALIBRANT_COLD void print(std::ostream& out) const {
    out << "monotonicity " << to_string(verdict) << " with " << n_boxes << " boxes; dL/dx >= " << smallest_bound;
    if (verdict == Verdict::refuted) {
      out << "; dL/dx <= " << slope_at_point.high << " at";
      for (const double value : point) out << ' ' << value;
    }
    if (verdict == Verdict::undecided) out << "; " << undecided.size() << " boxes are left";
    out << '\n';
  }
};

/// Bounds of dL/dx of a trained model, an ensemble, or a response from a formula, over boxes.
template <class Response>
class SlopeBounds {
 public:
  static constexpr int n_theta = Response::n_theta, n_sides = n_theta + 1;

  CALIBRANT_COLD explicit SlopeBounds(const Response& response) : response_(&response) {
    if constexpr (requires { response.members(); })
      for (const auto& member : response.members()) add(member);
    else if constexpr (requires { response.parameters(); })
      add(response);
  }

  /// @param sides  of the truth, then of each feature, physical units.
  Interval operator()(const std::vector<Interval>& sides) const noexcept {
    if constexpr (is_network) {
      Interval sum(0.0);
      for (const Network& network : networks_) sum += network.slope(sides);
      return sum / Interval(static_cast<double>(networks_.size()));
    } else {
      typename Response::template Encoded<Interval> encoded;
      response_->template encode<Interval>(sides.data() + 1, encoded);
      return response_->template response<Interval>(sides[0], encoded).slope;
    }
  }
  /// How wide a side is for the network: where to divide.
  double width(const std::vector<Interval>& sides, int i) const noexcept {
    const Interval& side = sides[static_cast<std::size_t>(i)];
    if constexpr (is_network) {
      return networks_[0].inputs[static_cast<std::size_t>(i)].encode(side).width();
    } else {
      const Interval whole = i == 0 ? Interval(response_->truth_range().low, response_->truth_range().high)
                                    : Interval(response_->theta_range(i - 1).low, response_->theta_range(i - 1).high);
      return side.width() > 0.0 && is_finite(whole) ? side.width() / whole.width() : side.width();
    }
  }

 private:
  static constexpr bool is_network = requires(const Response& r) { r.members(); }
  || requires(const Response& r) { r.parameters(); };

  template <class R>
  struct NetOf {
    struct Type {
      static constexpr int n_in = 1, n_out = 1, n_params = 0;
    };
  };
  template <class R>
  requires requires { typename R::Net; }
  struct NetOf<R> {
    using Type = typename R::Net;
  };
  using Net = typename NetOf<Response>::Type;

  /// The parameters and transforms of the model as they are, in double: nothing is rounded.
  struct Network {
    std::vector<double> parameters;
    std::array<FeatureTransform<double>, static_cast<std::size_t>(Net::n_in)> inputs;
    OutputTransform<double> output;

    Interval slope(const std::vector<Interval>& sides) const noexcept {
      using D = Dual<Interval, 1>;
      const D truth = D::variable(sides[0]);
      D x[Net::n_in], y[Net::n_out];
      for (std::size_t i = 0; i < inputs.size(); ++i) x[i] = inputs[i].encode(i == 0 ? truth : D(sides[i]));
      Net::template forward<D>(View<const double, Net::n_params>(parameters.data()), View<const D, Net::n_in>(x),
                               View<D, Net::n_out>(y));
      return output.decode(y[0], truth).tangent[0];
    }
  };

  template <class Member>
  CALIBRANT_COLD void add(const Member& member) {
    Network network;
    for (const auto parameter : member.parameters().span())
      network.parameters.push_back(static_cast<double>(parameter));
    for (std::size_t i = 0; i < network.inputs.size(); ++i) {
      const auto& from = member.inputs[i];
      network.inputs[i] = {from.transform, from.shift, from.scale, from.low, from.high};
    }
    network.output = {member.outputs[0].output, member.outputs[0].shift, member.outputs[0].scale};
    networks_.push_back(std::move(network));
  }

  const Response* response_;
  std::vector<Network> networks_;
};

/// Decides whether dL/dx > options.minimum_slope for all x in `truth` and all theta in the box `theta` (n_theta ranges,
/// physical units; a range may be a single value).
///
/// The bounds are rigorous for the function that the stored parameters and transforms stand for: all ends are rounded
/// outward. The response as it is computed, in float or double, differs from that function by its rounding.
///
/// The cost grows with the number of boxes, and their number steeply with the features that the slope depends on: boxes
/// of two or three features are decided in seconds, a dozen features only over short ranges.
/// @throws Error for a box that is empty or infinite, of another number of features, or options out of range.
template <class Response>
CALIBRANT_COLD MonotonicityCertificate certify_monotonicity(const Response& response,
                                                            Range<typename Response::Scalar> truth,
                                                            const std::vector<Range<typename Response::Scalar>>& theta,
                                                            const CertificateOptions& options = {}) {
  options.validate();
  if (theta.size() != static_cast<std::size_t>(Response::n_theta))
    throw Error("certify_monotonicity", std::to_string(Response::n_theta) + " ranges of features",
                std::to_string(theta.size()));
  SlopeBox whole;
  whole.sides.emplace_back(truth.low, truth.high);
  for (const auto& range : theta) whole.sides.emplace_back(range.low, range.high);
  for (std::size_t i = 0; i < whole.sides.size(); ++i)
    if (!(is_finite(whole.sides[i]) && whole.sides[i].low <= whole.sides[i].high))
      throw Error("certify_monotonicity, " + (i == 0 ? std::string("truth") : "feature " + std::to_string(i - 1)),
                  "a finite range, low <= high",
                  std::to_string(whole.sides[i].low) + " to " + std::to_string(whole.sides[i].high));

  const SlopeBounds<Response> bounds(response);
  MonotonicityCertificate result;
  result.smallest_bound = std::numeric_limits<double>::infinity();
  std::vector<SlopeBox> open;  // a heap, the smallest bound on top
  const auto later = [](const SlopeBox& a, const SlopeBox& b) { return a.slope.low > b.slope.low; };
  /// Closes a box that is decided, keeps another. @return false if the wanted slope is refuted.
  const auto look = [&](SlopeBox&& box) {
    box.slope = bounds(box.sides);
    ++result.n_boxes;
    if (box.slope.low > options.minimum_slope) {
      result.smallest_bound = std::min(result.smallest_bound, box.slope.low);
      return true;
    }
    std::vector<Interval> point;
    for (const Interval& side : box.sides) point.emplace_back(side.middle());
    const Interval at_point = bounds(point);
    if (at_point.high <= options.minimum_slope) {
      result.slope_at_point = at_point;
      for (const Interval& value : point) result.point.push_back(value.low);
      result.smallest_bound = std::min(result.smallest_bound, box.slope.low);
      return false;
    }
    open.push_back(std::move(box));
    std::push_heap(open.begin(), open.end(), later);
    return true;
  };

  bool holds = look(std::move(whole));
  while (holds && !open.empty() && result.n_boxes + 2 <= options.max_boxes) {
    std::pop_heap(open.begin(), open.end(), later);
    SlopeBox box = std::move(open.back());
    open.pop_back();
    std::size_t widest = 0;
    for (std::size_t i = 1; i < box.sides.size(); ++i)
      if (bounds.width(box.sides, static_cast<int>(i)) > bounds.width(box.sides, static_cast<int>(widest))) widest = i;
    const Interval side = box.sides[widest];
    // A positive truth spans decades.
    const double middle = widest == 0 && side.low > 0.0 ? std::sqrt(side.low) * std::sqrt(side.high) : side.middle();
    if (!(middle > side.low && middle < side.high)) {  // as small as numbers are
      open.push_back(std::move(box));
      std::push_heap(open.begin(), open.end(), later);
      break;
    }
    SlopeBox upper = box;
    box.sides[widest].high = upper.sides[widest].low = middle;
    holds = look(std::move(box)) && look(std::move(upper));
  }
  for (const SlopeBox& box : open) result.smallest_bound = std::min(result.smallest_bound, box.slope.low);
  if (!holds) {
    result.verdict = Verdict::refuted;
  } else if (open.empty()) {
    result.verdict = Verdict::proven;
  } else {
    result.verdict = Verdict::undecided;
    std::sort(open.begin(), open.end(), [](const SlopeBox& a, const SlopeBox& b) { return a.slope.low < b.slope.low; });
    result.undecided = std::move(open);
  }
  return result;
}

/// Over the whole range of truth and features that the response was trained in; features it ignores are left at one
/// value.
template <class Response>
MonotonicityCertificate certify_monotonicity(const Response& response, const CertificateOptions& options = {}) {
  std::vector<Range<typename Response::Scalar>> theta;
  for (int i = 0; i < Response::n_theta; ++i) {
    auto range = response.theta_range(i);
    if (!response.uses_theta(i)) range.high = range.low;
    theta.push_back(range);
  }
  return certify_monotonicity(response, response.truth_range(), theta, options);
}

}  // namespace calibrant::invert
