// FunctionResponse: a response given by a formula, for toys, closed-form calibrations and tests.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <utility>

#include "calibrant/core/math.hpp"
#include "calibrant/nn/model.hpp"

namespace calibrant::invert {

/// No limits on any feature.
template <int NTheta, class Scalar>
constexpr std::array<Range<Scalar>, static_cast<std::size_t>(NTheta)> everywhere() noexcept {
  std::array<Range<Scalar>, static_cast<std::size_t>(NTheta)> ranges{};
  for (Range<Scalar>& range : ranges)
    range = {-std::numeric_limits<Scalar>::infinity(), std::numeric_limits<Scalar>::infinity()};
  return ranges;
}

/// L(x; theta) from a generic function f(x, theta) -> L, theta a pointer to NTheta values of the type of x's value; its
/// slope comes from duals. Any Response of the library can be replaced by one. Functions that write a b + c as
/// fma(a, b, c) give the same bits for one object and in a batch whatever the compiler.
template <int NTheta, class Scalar_, class Function>
class FunctionResponse {
 public:
  using Scalar = Scalar_;
  static constexpr int n_theta = NTheta;

  FunctionResponse(Function function, Range<Scalar> truth,
                   std::array<Range<Scalar>, static_cast<std::size_t>(NTheta)> theta = everywhere<NTheta, Scalar>())
      : function_(std::move(function)), truth_(truth), theta_(theta) {}

  template <class T>
  using Encoded = EncodedFeatures<T, NTheta>;
  template <class T>
  void encode(const T* theta, Encoded<T>& encoded) const noexcept {
    for (int i = 0; i < NTheta; ++i) encoded.theta[i] = theta[i];
  }
  template <class T>
  ValueSlope<T> response(const T& x, const Encoded<T>& encoded) const noexcept {
    const Dual<T, 1> result = function_(Dual<T, 1>::variable(x), encoded.theta);
    return {result.value, result.tangent[0]};
  }
  template <class T>
  T response_value(const T& x, const Encoded<T>& encoded) const noexcept {
    return function_(x, encoded.theta);
  }
  Range<Scalar> truth_range() const noexcept { return truth_; }
  Range<Scalar> theta_range(int i) const noexcept { return theta_[static_cast<std::size_t>(i)]; }
  bool uses_theta(int) const noexcept { return true; }

 private:
  Function function_;
  Range<Scalar> truth_;
  std::array<Range<Scalar>, static_cast<std::size_t>(NTheta)> theta_;
};

/// function_response<1>(f, {10, 500}, {{{-2.5, 2.5}}}): x from 10 to 500, theta_0 from -2.5 to 2.5 (without limits if
/// not given).
template <int NTheta, class Scalar = float, class Function>
FunctionResponse<NTheta, Scalar, Function> function_response(
    Function function, Range<Scalar> truth,
    std::array<Range<Scalar>, static_cast<std::size_t>(NTheta)> theta = everywhere<NTheta, Scalar>()) {
  return {std::move(function), truth, theta};
}

}  // namespace calibrant::invert
