// Proof, not sampling, that a response rises over a box of truth and features: bounds of dL/dx by interval arithmetic
// through the network and its derivative, on ever smaller boxes where they do not decide.
// Moore, Kearfott, Cloud, Introduction to Interval Analysis (SIAM 2009), chapters 6 and 9; Skelboe's algorithm: the box
// with the smallest bound is divided first.
#pragma once

#include <algorithm>
#include <array>
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
  proven,     ///< what is bounded is above what is wanted in the whole box
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
  double minimum = 0.0;              ///< dL/dx, or each principal minor of a joint dL/dx, must be above it
  std::int64_t max_boxes = 100'000;  ///< boxes looked at; a 3-64-64-1 network takes about 0.3 ms for each

  /// @throws Error on settings out of range.
  CALIBRANT_COLD void validate() const {
    if (!std::isfinite(minimum)) throw Error("CertificateOptions, minimum", "a finite number", std::to_string(minimum));
    if (max_boxes < 1) throw Error("CertificateOptions, max_boxes", "one or more", std::to_string(max_boxes));
  }
};

/// A box of truths (first) and features with bounds of what is bounded in it.
struct CertificateBox {
  std::vector<Interval> sides;
  Interval bounds;
};

struct Certificate {
  std::string claim;    ///< "monotonicity"
  std::string bounded;  ///< "dL/dx"
  Verdict verdict = Verdict::undecided;
  double smallest_bound = 0.0;            ///< what is bounded is at least this, everywhere in the box
  std::int64_t n_boxes = 0;               ///< looked at
  std::vector<double> point;              ///< refuted: truths and features where it is not above what is wanted
  Interval bounds_at_point{0.0};          ///< and its bounds there
  std::vector<CertificateBox> undecided;  ///< undecided: what is left, the smallest lower bound first

  bool proven() const noexcept { return verdict == Verdict::proven; }
  CALIBRANT_COLD void print(std::ostream& out) const {
    out << claim << ' ' << to_string(verdict) << " with " << n_boxes << " boxes; " << bounded
        << " >= " << smallest_bound;
    if (verdict == Verdict::refuted) {
      out << "; " << bounded << " <= " << bounds_at_point.high << " at";
      for (const double value : point) out << ' ' << value;
    }
    if (verdict == Verdict::undecided) out << "; " << undecided.size() << " boxes are left";
    out << '\n';
  }
};

/// A response of trained networks: a model or an ensemble.
template <class Response>
inline constexpr bool is_network = requires(const Response& r) {
  r.members();
}
|| requires(const Response& r) { r.parameters(); };

/// The parameters and transforms of a model as they are, in double: nothing is rounded.
template <class Net>
struct ExactNetwork {
  std::vector<double> parameters;
  std::array<FeatureTransform<double>, static_cast<std::size_t>(Net::n_in)> inputs;
  std::array<OutputTransform<double>, static_cast<std::size_t>(Net::n_out)> outputs;

  template <class Member>
  CALIBRANT_COLD explicit ExactNetwork(const Member& member) {
    for (const auto parameter : member.parameters().span()) parameters.push_back(static_cast<double>(parameter));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& from = member.inputs[i];
      inputs[i] = {from.transform, from.shift, from.scale, from.low, from.high};
    }
    for (std::size_t i = 0; i < outputs.size(); ++i)
      outputs[i] = {member.outputs[i].output, member.outputs[i].shift, member.outputs[i].scale};
  }
  template <class T>
  void forward(const T (&x)[Net::n_in], T (&y)[Net::n_out]) const noexcept {
    Net::template forward<T>(View<const double, Net::n_params>(parameters.data()), View<const T, Net::n_in>(x),
                             View<T, Net::n_out>(y));
  }
};
struct NoNetworks {};
/// Those of a model, or of all members of an ensemble; none of a response from a formula.
template <class Response>
CALIBRANT_COLD auto exact_networks(const Response& response) {
  if constexpr (requires { response.members(); }) {
    std::vector<ExactNetwork<typename Response::Net>> networks;
    for (const auto& member : response.members()) networks.emplace_back(member);
    return networks;
  } else if constexpr (is_network<Response>) {
    return std::vector<ExactNetwork<typename Response::Net>>{ExactNetwork<typename Response::Net>(response)};
  } else {
    return NoNetworks{};
  }
}
/// How wide side i is for the networks, or of its trained range: where to divide.
template <class Response, class Networks>
double side_width(const Response& response, const Networks& networks, const std::vector<Interval>& sides,
                  std::size_t i) noexcept {
  const Interval& side = sides[i];
  if constexpr (is_network<Response>) {
    return networks[0].inputs[i].encode(side).width();
  } else {
    const auto range = i == 0 ? response.truth_range() : response.theta_range(static_cast<int>(i) - 1);
    const Interval whole(range.low, range.high);
    return side.width() > 0.0 && is_finite(whole) ? side.width() / whole.width() : side.width();
  }
}

/// Bounds of dL/dx of a trained model, an ensemble, or a response from a formula, over boxes.
template <class Response>
class SlopeBounds {
 public:
  CALIBRANT_COLD explicit SlopeBounds(const Response& response)
      : response_(&response), networks_(exact_networks(response)) {}

  /// @param sides  of the truth, then of each feature, physical units.
  Interval operator()(const std::vector<Interval>& sides) const noexcept {
    if constexpr (is_network<Response>) {
      Interval sum(0.0);
      for (const auto& network : networks_) sum += slope(network, sides);
      return sum / Interval(static_cast<double>(networks_.size()));
    } else {
      typename Response::template Encoded<Interval> encoded;
      response_->template encode<Interval>(sides.data() + 1, encoded);
      return response_->template response<Interval>(sides[0], encoded).slope;
    }
  }
  double width(const std::vector<Interval>& sides, std::size_t i) const noexcept {
    return side_width(*response_, networks_, sides, i);
  }

 private:
  template <class Net>
  static Interval slope(const ExactNetwork<Net>& network, const std::vector<Interval>& sides) noexcept {
    using D = Dual<Interval, 1>;
    const D truth = D::variable(sides[0]);
    D x[Net::n_in], y[Net::n_out];
    for (std::size_t i = 0; i < network.inputs.size(); ++i)
      x[i] = network.inputs[i].encode(i == 0 ? truth : D(sides[i]));
    network.forward(x, y);
    return network.outputs[0].decode(y[0], truth).tangent[0];
  }

  const Response* response_;
  decltype(exact_networks(std::declval<const Response&>())) networks_;
};

/// A box from ranges. @throws Error that names the function if one of them is empty or infinite.
template <class Ranges>
CALIBRANT_COLD void add_sides(const std::string& where, const std::string& what, const Ranges& ranges,
                              std::vector<Interval>& sides) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const Interval side(ranges[i].low, ranges[i].high);
    if (!(is_finite(side) && side.low <= side.high))
      throw Error(where + ", " + what + " " + std::to_string(i), "a finite range, low <= high",
                  std::to_string(side.low) + " to " + std::to_string(side.high));
    sides.push_back(side);
  }
}

/// Decides whether what `bounds` bounds is above options.minimum in the whole box.
/// @param bounds    vector of sides -> Interval that holds it in that box; width(sides, i): how wide side i counts.
/// @param n_truths  sides that are truths: positive ones span decades.
template <class Bounds>
CALIBRANT_COLD Certificate certify(const Bounds& bounds, std::vector<Interval> sides, std::size_t n_truths,
                                   const CertificateOptions& options) {
  Certificate result;
  result.smallest_bound = std::numeric_limits<double>::infinity();
  std::vector<CertificateBox> open;  // a heap, the smallest bound on top
  const auto later = [](const CertificateBox& a, const CertificateBox& b) { return a.bounds.low > b.bounds.low; };
  /// Closes a box that is decided, keeps another. @return false if what is wanted is refuted.
  const auto look = [&](CertificateBox&& box) {
    box.bounds = bounds(box.sides);
    ++result.n_boxes;
    if (box.bounds.low > options.minimum) {
      result.smallest_bound = std::min(result.smallest_bound, box.bounds.low);
      return true;
    }
    std::vector<Interval> point;
    for (const Interval& side : box.sides) point.emplace_back(side.middle());
    const Interval at_point = bounds(point);
    if (at_point.high <= options.minimum) {
      result.bounds_at_point = at_point;
      for (const Interval& value : point) result.point.push_back(value.low);
      result.smallest_bound = std::min(result.smallest_bound, box.bounds.low);
      return false;
    }
    open.push_back(std::move(box));
    std::push_heap(open.begin(), open.end(), later);
    return true;
  };

  bool holds = look({std::move(sides), Interval(0.0)});
  while (holds && !open.empty() && result.n_boxes + 2 <= options.max_boxes) {
    std::pop_heap(open.begin(), open.end(), later);
    CertificateBox box = std::move(open.back());
    open.pop_back();
    std::size_t widest = 0;
    for (std::size_t i = 1; i < box.sides.size(); ++i)
      if (bounds.width(box.sides, i) > bounds.width(box.sides, widest)) widest = i;
    const Interval side = box.sides[widest];
    // A positive truth spans decades.
    const double middle =
        widest < n_truths && side.low > 0.0 ? std::sqrt(side.low) * std::sqrt(side.high) : side.middle();
    if (!(middle > side.low && middle < side.high)) {  // as small as numbers are
      open.push_back(std::move(box));
      std::push_heap(open.begin(), open.end(), later);
      break;
    }
    CertificateBox upper = box;
    box.sides[widest].high = upper.sides[widest].low = middle;
    holds = look(std::move(box)) && look(std::move(upper));
  }
  for (const CertificateBox& box : open) result.smallest_bound = std::min(result.smallest_bound, box.bounds.low);
  if (!holds) {
    result.verdict = Verdict::refuted;
  } else if (open.empty()) {
    result.verdict = Verdict::proven;
  } else {
    result.verdict = Verdict::undecided;
    std::sort(open.begin(), open.end(),
              [](const CertificateBox& a, const CertificateBox& b) { return a.bounds.low < b.bounds.low; });
    result.undecided = std::move(open);
  }
  return result;
}

/// Decides whether dL/dx > options.minimum for all x in `truth` and all theta in the box `theta` (n_theta ranges,
/// physical units; a range may be a single value).
///
/// The bounds are rigorous for the function that the stored parameters and transforms stand for: all ends are rounded
/// outward. The response as it is computed, in float or double, differs from that function by its rounding.
///
/// The cost grows with the number of boxes, and their number steeply with the features that the slope depends on: boxes
/// of two or three features are decided in seconds, a dozen features only over short ranges.
/// @throws Error for a box that is empty or infinite, of another number of features, or options out of range.
template <class Response>
CALIBRANT_COLD Certificate certify_monotonicity(const Response& response, Range<typename Response::Scalar> truth,
                                                const std::vector<Range<typename Response::Scalar>>& theta,
                                                const CertificateOptions& options = {}) {
  options.validate();
  const std::string where = "certify_monotonicity";
  if (theta.size() != static_cast<std::size_t>(Response::n_theta))
    throw Error(where, std::to_string(Response::n_theta) + " ranges of features", std::to_string(theta.size()));
  std::vector<Interval> sides;
  add_sides(where, "truth", std::array{truth}, sides);
  add_sides(where, "feature", theta, sides);
  Certificate result = certify(SlopeBounds<Response>(response), std::move(sides), 1, options);
  result.claim = "monotonicity";
  result.bounded = "dL/dx";
  return result;
}

/// Over the whole range of truth and features that the response was trained in; features it ignores are left at one
/// value.
template <class Response>
Certificate certify_monotonicity(const Response& response, const CertificateOptions& options = {}) {
  std::vector<Range<typename Response::Scalar>> theta;
  for (int i = 0; i < Response::n_theta; ++i) {
    auto range = response.theta_range(i);
    if (!response.uses_theta(i)) range.high = range.low;
    theta.push_back(range);
  }
  return certify_monotonicity(response, response.truth_range(), theta, options);
}

}  // namespace calibrant::invert
