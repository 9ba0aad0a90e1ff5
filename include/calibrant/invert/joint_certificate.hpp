// Proof, not sampling, that a response of several truths is one-to-one over a box of truths and features: all principal
// minors of its Jacobian are positive (Gale and Nikaido, Math. Ann. 159 (1965) 81), by interval arithmetic as in
// certificate.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/core/dual.hpp"
#include "calibrant/invert/certificate.hpp"
#include "calibrant/invert/joint_newton.hpp"

namespace calibrant::invert {

/// Bounds of the smallest principal minor of dL_i / dx_j of a trained model, an ensemble, or a response from a formula,
/// over boxes.
///
/// The minors of D^-1 J D are those of J, for any diagonal D. With the truths themselves in D (where the network takes
/// their logarithms) the matrix is that of d ln L_i / d ln x_j, up to the ratios L_i / x_i: an L_i = x_i R_i(ln x) has
/// no x in it any more, and its bounds over a wide box are those of R and its derivatives.
template <class Response>
class MinorBounds {
 public:
  static constexpr int n = Response::n_out, n_sides = Response::n_theta + 1;

  CALIBRANT_COLD explicit MinorBounds(const Response& response)
      : response_(&response), networks_(exact_networks(response)) {}

  /// @param sides  of the n truths, then of each feature, physical units.
  Interval operator()(const std::vector<Interval>& sides) const noexcept {
    Interval matrix[n][n];
    for (auto& row : matrix)
      for (Interval& entry : row) entry = Interval(0.0);
    if constexpr (is_network<Response>) {
      for (const auto& network : networks_) add(network, sides, matrix);
      for (auto& row : matrix)
        for (Interval& entry : row) entry = entry / Interval(static_cast<double>(networks_.size()));
    } else {
      using D = Dual<Interval, n>;
      D x[n_sides], y[n];
      for (int i = 0; i < n_sides; ++i) {
        const Interval& side = sides[static_cast<std::size_t>(i)];
        x[i] = i < n ? D::variable(side, i) : D(side);
      }
      response_->template evaluate<D>(View<const D, n_sides>(x), View<D, n>(y));
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j) matrix[i][j] = y[i].tangent[j];
    }
    Interval smallest = matrix[0][0];
    for (unsigned chosen = 2; chosen < 1u << n; ++chosen) {
      Interval part[n][n];  // the other rows and columns are those of the identity
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j)
          part[i][j] = (chosen >> i & chosen >> j & 1u) != 0 ? matrix[i][j] : Interval(i == j ? 1.0 : 0.0);
      smallest = min(smallest, determinant(part));
    }
    return smallest;
  }
  double width(const std::vector<Interval>& sides, std::size_t i) const noexcept {
    return side_width(*response_, networks_, sides, i);
  }

 private:
  /// Adds D^-1 J D of a network.
  template <class Net>
  static void add(const ExactNetwork<Net>& network, const std::vector<Interval>& sides,
                  Interval (&matrix)[n][n]) noexcept {
    using D = Dual<Interval, n>;
    const auto is_logarithmic = [&](std::size_t i) { return network.inputs[i].transform == Transform::logarithm; };
    D truth[n], x[Net::n_in], y[Net::n_out];
    for (std::size_t i = 0; i < static_cast<std::size_t>(Net::n_in); ++i) {
      const auto& input = network.inputs[i];
      if (i >= static_cast<std::size_t>(n)) {
        x[i] = D(input.encode(sides[i]));
        continue;
      }
      truth[i] = D::variable(sides[i], static_cast<int>(i));
      if (is_logarithmic(i)) {
        truth[i].tangent[i] = sides[i];  // by ln x
        x[i] = D(input.encode(sides[i]));
        x[i].tangent[i] = Interval(input.scale);
      } else {
        x[i] = input.encode(truth[i]);
      }
    }
    network.forward(x, y);
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      const auto& output = network.outputs[i];
      const auto reference = static_cast<std::size_t>(output.reference(static_cast<int>(i)));
      const bool is_own_ratio = reference == i && is_logarithmic(i) &&
                                (output.output == Output::ratio || output.output == Output::paired_ratio);
      const D decoded = output.decode(y[i], truth[reference]);
      for (std::size_t j = 0; j < static_cast<std::size_t>(n); ++j) {
        if (is_own_ratio)
          matrix[i][j] += i == j ? y[i].tangent[j] + y[i].value : y[i].tangent[j];
        else
          matrix[i][j] += is_logarithmic(i) ? decoded.tangent[j] / sides[i] : decoded.tangent[j];
      }
    }
  }

  /// By its first row.
  template <int n_rows>
  static Interval determinant(const Interval (&a)[n_rows][n_rows]) noexcept {
    if constexpr (n_rows == 1) {
      return a[0][0];
    } else {
      Interval sum(0.0);
      for (int k = 0; k < n_rows; ++k) {
        Interval below[n_rows - 1][n_rows - 1];
        for (int i = 1; i < n_rows; ++i)
          for (int j = 1; j < n_rows; ++j) below[i - 1][j - 1] = a[i][j <= k ? j - 1 : j];
        const Interval term = a[0][k] * determinant(below);
        sum = k % 2 == 0 ? sum + term : sum - term;
      }
      return sum;
    }
  }

  const Response* response_;
  decltype(exact_networks(std::declval<const Response&>())) networks_;
};

/// Decides whether all principal minors of dL_i / dx_j are above options.minimum for all x in the box `truth` and all
/// theta in the box `theta` (n and n_theta + 1 - n ranges, physical units; a range may be a single value). For two
/// truths: dL_1/dx_1, dL_2/dx_2 and the determinant.
///
/// Proven with a minimum of 0 or more, L is one-to-one in `truth` at every theta: no two truths have the same response,
/// and what JointNewton finds there is the only solution. Refuted says that a minor is not above the minimum at a
/// point, where a JointCalibration (for 0) answers not_invertible; the map may still be one-to-one.
///
/// What is rigorous, and what it costs: as for certify_monotonicity.
/// @throws Error for a box that is empty or infinite, of another number of ranges, or options out of range.
template <class Response>
CALIBRANT_COLD Certificate certify_one_to_one(const Response& response,
                                              const Box<typename Response::Scalar, Response::n_out>& truth,
                                              const std::vector<Range<typename Response::Scalar>>& theta,
                                              const CertificateOptions& options = {}) {
  options.validate();
  const std::string where = "certify_one_to_one";
  constexpr int n_features = Response::n_theta + 1 - Response::n_out;
  if (theta.size() != static_cast<std::size_t>(n_features))
    throw Error(where, std::to_string(n_features) + " ranges of features", std::to_string(theta.size()));
  std::vector<Interval> sides;
  add_sides(where, "truth", truth, sides);
  add_sides(where, "feature", theta, sides);
  Certificate result = certify(MinorBounds<Response>(response), std::move(sides), truth.size(), options);
  result.claim = "one-to-one";
  result.bounded = "smallest principal minor of dL/dx";
  return result;
}

/// Over the whole box of truths and features that the response was trained in; features it ignores are left at one
/// value.
template <class Response>
Certificate certify_one_to_one(const Response& response, const CertificateOptions& options = {}) {
  constexpr int n = Response::n_out;
  Box<typename Response::Scalar, n> truth;
  std::vector<Range<typename Response::Scalar>> theta;
  for (int i = 0; i <= Response::n_theta; ++i) {
    auto range = i == 0 ? response.truth_range() : response.theta_range(i - 1);
    if (i > 0 && !response.uses_theta(i - 1)) range.high = range.low;
    if (i < n)
      truth[static_cast<std::size_t>(i)] = range;
    else
      theta.push_back(range);
  }
  return certify_one_to_one(response, truth, theta, options);
}

}  // namespace calibrant::invert
