// JointFunctionResponse: responses of several truths given by a formula, for toys and tests.
#pragma once

#include <array>
#include <utility>

#include "calibrant/invert/function_response.hpp"
#include "calibrant/invert/joint_newton.hpp"

namespace calibrant::invert {

/// L_1..L_n (x_1..x_n; theta) from a generic function f(in, out): in is a View of the n truths and NTheta features, out
/// one of n responses, all of one scalar type (a number or a dual of one). Any JointResponse of the library can be
/// replaced by one. For the same bits everywhere write a b + c as fma(a, b, c), as for a FunctionResponse.
template <int N, int NTheta, class Scalar_, class Function>
class JointFunctionResponse {
 public:
  using Scalar = Scalar_;
  static constexpr int n_out = N, n_theta = N - 1 + NTheta;  ///< inputs after the first, as in a Model

  JointFunctionResponse(Function function, const Box<Scalar, N>& truth, const Box<Scalar, NTheta>& theta)
      : function_(std::move(function)), truth_(truth), theta_(theta) {}

  template <class T>
  void evaluate(View<const T, N + NTheta> in, View<T, N> out) const noexcept {
    function_(in, out);
  }
  Range<Scalar> truth_range() const noexcept { return truth_[0]; }
  Range<Scalar> theta_range(int i) const noexcept {
    return i < N - 1 ? truth_[static_cast<std::size_t>(i + 1)] : theta_[static_cast<std::size_t>(i + 1 - N)];
  }
  bool uses_theta(int) const noexcept { return true; }

 private:
  Function function_;
  Box<Scalar, N> truth_;
  Box<Scalar, NTheta> theta_;
};

/// joint_function_response<2, 1>(f, {{{20, 2000}, {5, 300}}}, {{{-2.5, 2.5}}}): two truths with their ranges, one
/// feature (without limits if not given).
template <int N, int NTheta, class Scalar = float, class Function>
JointFunctionResponse<N, NTheta, Scalar, Function> joint_function_response(
    Function function, const Box<Scalar, N>& truth, const Box<Scalar, NTheta>& theta = everywhere<NTheta, Scalar>()) {
  return {std::move(function), truth, theta};
}

}  // namespace calibrant::invert
