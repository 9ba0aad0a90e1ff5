// Can a calibration extrapolate from the edges of its range, at every theta that will occur?
#pragma once

#include <cstddef>
#include <string>

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/core/matrix_view.hpp"

namespace calibrant {

/// Looks at both ends of solved_range() for each row of theta (n x n_theta, any MatrixLike; real objects, not corners
/// of a box): the response must rise there and the extrapolation must have an answer next to it, so LinearRatio needs
/// d(L/x)/dx <= (L/x)/x at the lower end. Calls would answer Status::not_invertible for what this finds.
/// @throws Error with the first row that does not, its theta, L and dL/dx; for a matrix of another width, and NaN or
/// infinity in theta. Extrapolations that reject need a rising response only.
template <class C, MatrixLike Theta>
CALIBRANT_COLD void check_edges(const C& calibration, const Theta& theta) {
  using S = typename C::Scalar;
  using Sides = extrapolate::SidesOf<typename C::Extrapolation>;
  const MatrixView<S> rows = matrix_view(theta);
  if (rows.n_columns != C::n_theta)
    throw Error("check_edges", "theta of " + std::to_string(C::n_theta) + " column(s)", std::to_string(rows.n_columns));
  const auto look = [&]<class Policy>(const Policy*, std::ptrdiff_t row, const auto& encoded, bool is_lower) {
    const S x = is_lower ? calibration.solved_range().low : calibration.solved_range().high;
    const ValueSlope<S> at = calibration.response().response(x, encoded);
    const auto refuse = [&](const std::string& expected) {
      std::string where = "check_edges, x = " + std::to_string(x);
      if (C::n_theta > 0) where += ", row " + std::to_string(row) + " with theta";
      for (int i = 0; i < C::n_theta; ++i) where += " " + std::to_string(rows(row, i));
      throw Error(where, expected, "L = " + std::to_string(at.value) + ", dL/dx = " + std::to_string(at.slope));
    };
    if (!(at.slope > S(0)) || !is_finite(at.value) || !is_finite(at.slope)) refuse("a response that rises");
    const invert::Root<S> edge{x, at.value, at.slope, false, is_lower, !is_lower, false};
    if (Policy::rejects || is_finite(calibration.extrapolation().apply(at.value, edge))) return;
    if constexpr (requires { Policy::needs; })
      refuse(std::string("for ") + Policy::name + ", " + Policy::needs);
    else
      refuse(std::string("an answer of ") + Policy::name);
  };
  for (std::ptrdiff_t row = 0; row < rows.n_rows; ++row) {
    S values[C::n_theta > 0 ? C::n_theta : 1] = {};
    for (int i = 0; i < C::n_theta; ++i) {
      values[i] = rows(row, i);
      if (calibration.uses_theta(i) && !is_finite(values[i]))
        throw Error("check_edges, row " + std::to_string(row) + ", feature " + std::to_string(i), "a finite number",
                    std::to_string(values[i]));
    }
    typename C::Response::template Encoded<S> encoded;
    calibration.response().encode(values, encoded);
    look(static_cast<const typename Sides::Below*>(nullptr), row, encoded, true);
    look(static_cast<const typename Sides::Above*>(nullptr), row, encoded, false);
  }
}

/// For a response without features.
template <class C>
requires(C::n_theta == 0) void check_edges(const C& calibration) {
  check_edges(calibration, MatrixView<typename C::Scalar>{nullptr, 1, 0, 0, 0});
}

}  // namespace calibrant
