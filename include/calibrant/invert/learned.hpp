// A learned inverse: a network that answers x for (y, theta), alone or as the start of Newton's method. It is trained
// on (L(x; theta), theta) -> x, where L has one value for each x: no spectrum of x enters (ATL-PHYS-PUB-2018-013).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>

#include "calibrant/error.hpp"
#include "calibrant/invert/newton.hpp"
#include "calibrant/nn/model.hpp"

namespace calibrant::invert {

/// A number that tells responses apart: parameters and transforms of a model, of an ensemble's members, or of the parts
/// of an OutputOf or a HalfWidth with what it is, by FNV-1a (Fowler, Noll, Vo). 0 for a response of another kind.
template <class Response>
CALIBRANT_COLD std::uint64_t fingerprint(const Response& response) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ull;
  const auto add = [&hash](auto number) {
    auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(number));
    for (int byte = 0; byte < 8; ++byte, bits >>= 8) hash = (hash ^ (bits & 0xFF)) * 0x100000001B3ull;
  };
  const auto add_model = [&add](const auto& model) {
    for (const auto parameter : model.parameters().span()) add(parameter);
    for (const auto& input : model.inputs) {
      add(static_cast<int>(input.transform));
      for (const auto number : {input.shift, input.scale, input.low, input.high}) add(number);
    }
    for (const auto& output : model.outputs) {
      add(static_cast<int>(output.output));
      for (const auto number : {output.shift, output.scale}) add(number);
    }
  };
  if constexpr (requires { response.members(); }) {
    for (const auto& member : response.members()) add_model(member);
    return hash;
  } else if constexpr (requires { response.parameters(); }) {
    add_model(response);
    return hash;
  } else if constexpr (requires { response.parts(); }) {
    for (const char letter : Response::kind()) add(letter);
    bool known = true;
    std::apply(
        [&](const auto&... part) {
          for (const std::uint64_t one : {fingerprint(part)...}) {
            known = known && one != 0;
            add(one >> 32);
            add(one & 0xFFFFFFFFull);
          }
        },
        response.parts());
    return known ? hash : 0;
  } else {
    return 0;
  }
}

/// Solves L(x; theta) = y by a network x(y, theta), fit_inverse trains it. With `steps` = 0 the answer is the
/// network's; with 1 or 2 so many Newton steps on the response polish it.
///
/// Objects that this does not decide are solved by Newton's method with its bracket: those near an edge of the range or
/// beyond it, and those whose last step was so large that its square is above `accuracy`. So y outside the response is
/// seen as by Newton, and a polished answer is about as exact as `accuracy` says wherever L is no more curved than
/// |L'' x / 2 L'| = 1. The network alone does not look at the response: it is as exact as it was trained, and gives an
/// answer where the response does not rise, too.
template <class Net_, class Scalar_ = float>
struct Learned {
  using Net = Net_;
  using Scalar = Scalar_;
  static constexpr const char* name = "learned";
  static constexpr int n_theta = Net::n_in - 1;
  static_assert(Net::n_out == 1, "Learned: a network with one output, x");

  Model<Net, Scalar> model{};       ///< (y, theta) -> x
  int steps = 0;                    ///< Newton steps after the network's answer: 0, 1 or 2
  double accuracy = 1e-5;           ///< relative, of a polished answer
  double margin = 0.005;            ///< relative to x: answers nearer to an edge of the range are Newton's
  Newton newton{};                  ///< for what is left
  std::uint64_t response_hash = 0;  ///< fingerprint of the response it was trained for; 0: unknown

  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("steps", self.steps);
    visit("accuracy", self.accuracy);
    visit("margin", self.margin);
    visit("response", self.response_hash);
    Newton::each_setting(self.newton, visit);
  }
  void validate() const {
    if (steps < 0 || steps > 2) throw Error("Learned, steps", "0, 1 or 2", std::to_string(steps));
    if (!(accuracy > 0.0 && accuracy < 1.0))
      throw Error("Learned, accuracy", "a number between 0 and 1", std::to_string(accuracy));
    if (!(margin >= 0.0 && margin < 1.0))
      throw Error("Learned, margin", "a number from 0, below 1", std::to_string(margin));
    newton.validate();
    model.validate();
  }
  /// @throws Error if it was trained for another response.
  template <class Response>
  void match(const Response& response) const {
    static_assert(Response::n_theta == n_theta, "Learned: a network of y and the features of the response");
    if (response_hash == 0) throw Error("Learned", "an inverse that fit_inverse trained", "one that is not trained");
    const std::uint64_t found = fingerprint(response);
    if (found != 0 && found != response_hash)
      throw Error("Learned", "an inverse that was trained for this response", "one for another response");
  }

  /// @param theta  n_theta features, physical units.
  template <class T, class Evaluate>
  Root<T> solve(const Evaluate& evaluate, const T& y, const Range<ScalarOf<T>>& range, const T* theta) const noexcept {
    using S = ScalarOf<T>;
    using Mask = typename ScalarTraits<T>::Mask;
    T features[Net::n_in], answer[1];
    features[0] = y;
    for (int i = 0; i < n_theta; ++i) features[i + 1] = theta[i];
    model.template evaluate<T>(View<const T, Net::n_in>(features), View<T, 1>(answer));
    const T low(range.low), high(range.high);
    // In this order a start that is NaN becomes an edge.
    const T start = max(min(answer[0], high), low);
    T x = answer[0], slope(std::numeric_limits<S>::quiet_NaN());
    Mask good = is_finite(x);
    for (int step = 0; step < steps; ++step) {
      const T at = step == 0 ? start : max(min(x, high), low);
      const ValueSlope<T> here = evaluate(at);
      const T move = (y - here.value) / here.slope;
      x = at + move;
      slope = here.slope;
      // The error after a step is |L'' / 2 L'| times its square.
      good = here.slope > T(S(0)) && is_finite(x) && move * move <= T(static_cast<S>(accuracy)) * x * x;
    }
    const T room = T(static_cast<S>(margin)) * abs(x);
    good = good && x - low > room && high - x > room;
    const Mask none = all_lanes<T>(false);
    Root<T> root{x, y, slope, good, none, none, none};
    if (any(!good)) {
      const Root<T> other = newton.solve(evaluate, y, range, start);
      root.x = select(good, x, other.x);
      root.response = select(good, y, other.response);
      root.slope = select(good, slope, other.slope);
      root.solved = good || other.solved;
      root.below = !good && other.below;
      root.above = !good && other.above;
      root.failed = !good && other.failed;
    }
    return root;
  }
};

}  // namespace calibrant::invert
