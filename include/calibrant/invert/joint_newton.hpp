// Newton's method for n unknowns at once, Jacobian from autodiff, whole tiles of objects at once.
// Source: damped steps: Dennis and Schnabel, Numerical Methods for Unconstrained Optimization, ch. 6; one-to-one maps:
// Gale and Nikaido, Math. Ann. 159 (1965) 81; truths that stay in a box: Facchinei and Pang, Finite-Dimensional
// Variational Inequalities and Complementarity Problems (2003), sections 1.1, 1.5 (normal maps) and 3.5; the linear
// continuation outside of the box and the lane masks are ours.
#pragma once

#include <array>
#include <cstddef>
#include <limits>

#include "calibrant/invert/edges.hpp"
#include "calibrant/invert/root.hpp"

namespace calibrant::invert {

/// A range for each of n truths.
template <class S, int n>
using Box = std::array<Range<S>, static_cast<std::size_t>(n)>;
/// What happens beyond the edges of each of them.
template <int n>
using BoxEdges = std::array<extrapolate::Edges, static_cast<std::size_t>(n)>;

/// A response of n truths to n measured values at one point.
template <class T, int n>
struct JointPoint {
  T value[n];        ///< L_i
  T jacobian[n][n];  ///< dL_i / dx_j
};

/// Solution of L(x) = y, lane by lane.
template <class T, int n>
struct JointRoot {
  T x[n];  ///< the solution, inside the box or beyond it; of no meaning where `solved` is not set
  typename ScalarTraits<T>::Mask solved;
  typename ScalarTraits<T>::Mask open;  ///< neither solved nor failed when the iterations ran out
};

/// Solves L(x_1..x_n) = y_1..y_n.
///
/// L is known in a box of x. Outside it goes on from the nearest point p of the box (x with each coordinate moved to
/// its edge): L(x) = L(p) + A(p) (x - p), where the column of A of a truth is that of the Jacobian J, or, for a truth
/// that is clamped at the edge in question, its diagonal element alone. L itself is only ever evaluated in the box.
///
/// - Edge::linear: value and first derivatives of L are continuous on the edges, hence also those of the solution.
/// - Edge::clamp: beyond its edge the truth has no influence but on its own equation, which it can always fulfil. So
///   p is the solution of the problem restricted to the box: for each clamped truth L_i(p) = y_i, or it is at its lower
///   edge and L_i(p) > y_i, or at its upper one and L_i(p) < y_i; the equations of all others hold. This p is
///   continuous in y, and, with all truths clamped, the only such point if all principal minors of J are positive in
///   the box (Facchinei and Pang, section 3.5).
/// - Edge::reject: as linear; what to do with the solution is the caller's.
///
/// Newton's method on L continued like this; each step solves the linearised problem with the edges that it reaches. A
/// step that does not bring the residual down, in units of the widths of the box, is shortened. The step to the
/// solution is at the same time A^-1 of the residual at p, so inside and outside end in the same way. A solution must
/// lie where all principal minors of A are positive (for n = 2: both responses rise with their own truth, and the
/// determinant is positive): maps that have this everywhere in a box are one-to-one there (Gale and Nikaido). A lane
/// stops moving once it is done, so its result does not depend on the others.
struct JointNewton {
  static constexpr const char* name = "joint_newton";
  double tolerance = 1e-6;  ///< of each x, relative, as in Newton
  int iterations = 60;      ///< evaluations of L and J, at most; 4 to 7 are typical

  /// Calls visit(name, value) for each setting: what the model file stores.
  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("tolerance", self.tolerance);
    visit("iterations", self.iterations);
  }
  void validate() const { validate_settings("JointNewton", tolerance, iterations); }

  /// @param evaluate  (const T (&x)[n], JointPoint<T, n>&): L and its Jacobian; called for points in the box only.
  /// @param y         n measured values.
  /// @param box       range of each x, low < high, finite.
  /// @param edges     what happens beyond them.
  /// @param wanted    lanes to solve; the others are left alone and cost nothing.
  template <int n, class T, class Evaluate>
  JointRoot<T, n> solve(const Evaluate& evaluate, const T (&y)[n], const Box<ScalarOf<T>, n>& box,
                        const BoxEdges<n>& edges, const typename ScalarTraits<T>::Mask& wanted) const noexcept {
    using S = ScalarOf<T>;
    using Mask = typename ScalarTraits<T>::Mask;
    const T zero(S(0)), one(S(1)), tenth(S(0.1)), fiftieth(S(0.02)), infinite(std::numeric_limits<S>::infinity());
    const T allowed(Accuracy<T>(tolerance, box[0]).allowed(one));
    const Mask none = all_lanes<T>(false);
    JointRoot<T, n> root{{}, none, none};
    // A trial is base + share * step; base is the best point so far and step Newton's from there.
    T x[n], base[n], step[n], target[n];
    for (int i = 0; i < n; ++i) {
      target[i] = x[i] = base[i] = clamped(y[i], range(box, i));
      step[i] = zero;
    }
    T share = one, lowest = infinite;
    T previous = zero;  // size of the full step that led to the best point; 0: it was none
    Mask done = !wanted, rounding = none;
    for (int iteration = 0; iteration < iterations && any(!done); ++iteration) {
      T inside[n];
      for (int i = 0; i < n; ++i) inside[i] = clamped(x[i], range(box, i));
      JointPoint<T, n> point;
      evaluate(inside, point);

      T residual[n], matrix[n][n], sum = zero;
      Mask in_noise = all_lanes<T>(true);
      copy(point.jacobian, matrix);
      for (int j = 0; j < n; ++j) leave_diagonal(beyond_clamp<T, n>(x[j], box, edges, j), j, matrix);
      for (int i = 0; i < n; ++i) {
        residual[i] = y[i] - point.value[i];
        T left = residual[i], size = abs(y[i]);
        for (int j = 0; j < n; ++j) {
          left = fma(-matrix[i][j], x[j] - inside[j], left);
          size = fma(abs(matrix[i][j]), max(abs(x[j]), abs(inside[j])), size);
        }
        in_noise = in_noise && abs(left) <= T(S(64) * std::numeric_limits<S>::epsilon()) * size;
        sum = sum + abs(left) / T(range(box, i).high - range(box, i).low);
      }
      const Mask better = !done && sum < lowest * fma(T(S(-1e-4)), share, one);
      const Mask worse = !done && !better;

      T solution[n];
      Mask consistent = all_lanes<T>(true);
      solve_linearised(point.jacobian, residual, inside, box, edges, matrix, solution, consistent);
      const Mask one_to_one = positive_minors(matrix);
      Mask beyond = none, finite = all_lanes<T>(true);
      T size = zero;  // of the move of `inside` that the step asks for
      for (int i = 0; i < n; ++i) {
        const T next = solution[i], next_inside = clamped(next, range(box, i));
        const T scale = Accuracy<T>(tolerance, range(box, i)).scale(next_inside);
        const T relative = abs(next_inside - inside[i]) / scale;
        size = select(relative > size, relative, size);
        // What is beyond an edge by less than is asked for lies on it.
        const Mask outside = abs(next - next_inside) > allowed * scale;
        beyond = beyond || outside;
        finite = finite && is_finite(next);
        target[i] = select(better, select(outside, next, next_inside), target[i]);
      }
      // Inside, errors fall as their square, which two full steps in a row show; outside, where the slope of the
      // Jacobian is left out, in proportion.
      const T shrink = size / previous;
      const Mask small_enough =
          size * shrink * select(beyond, one, shrink) <= tenth * allowed && size * size <= fiftieth * allowed;
      const Mask arrived = better && finite && consistent && (size <= allowed || small_enough);
      // Where nothing is left but rounding no step is better.
      const Mask stuck = worse && rounding;
      const Mask solved = (arrived && one_to_one) || stuck;
      const Mask failed = (arrived && !one_to_one) || (better && !finite) ||
                          (worse && !rounding && (lowest >= infinite || share <= T(smallest_share)));
      for (int i = 0; i < n; ++i) root.x[i] = select(solved, target[i], root.x[i]);
      root.solved = root.solved || solved;
      done = done || solved || failed;

      rounding = (better && in_noise && one_to_one && finite) || (!better && rounding);
      lowest = select(better, sum, lowest);
      previous = select(better, size, zero);
      share = select(better, one, share * T(S(0.25)));
      for (int i = 0; i < n; ++i) {
        base[i] = select(better, x[i], base[i]);
        step[i] = select(better, target[i] - x[i], step[i]);
        x[i] = select(done, x[i], fma(share, step[i], base[i]));
      }
    }
    root.open = !done;
    return root;
  }

 private:
  static constexpr float smallest_share = 1e-4f;

  template <class S, std::size_t n>
  static const Range<S>& range(const std::array<Range<S>, n>& box, int i) noexcept {
    return box[static_cast<std::size_t>(i)];
  }
  template <class T>
  static CALIBRANT_INLINE T clamped(const T& x, const Range<ScalarOf<T>>& limits) noexcept {
    return max(T(limits.low), min(T(limits.high), x));
  }

  template <class T, int n>
  static CALIBRANT_INLINE void copy(const T (&from)[n][n], T (&to)[n][n]) noexcept {
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) to[i][j] = from[i][j];
  }
  /// Where truth j is beyond an edge at which it is clamped.
  template <class T, int n, class S = ScalarOf<T>>
  static CALIBRANT_INLINE typename ScalarTraits<T>::Mask beyond_clamp(const T& x, const Box<S, n>& box,
                                                                      const BoxEdges<n>& edges, int j) noexcept {
    const auto& own = edges[static_cast<std::size_t>(j)];
    auto result = all_lanes<T>(false);
    if (own.below == extrapolate::Edge::clamp) result = x < T(range(box, j).low);
    if (own.above == extrapolate::Edge::clamp) result = result || x > T(range(box, j).high);
    return result;
  }
  /// Column j without its influence on the other equations.
  template <class T, int n>
  static CALIBRANT_INLINE void leave_diagonal(const typename ScalarTraits<T>::Mask& where, int j,
                                              T (&matrix)[n][n]) noexcept {
    for (int i = 0; i < n; ++i)
      if (i != j) matrix[i][j] = select(where, T(ScalarOf<T>(0)), matrix[i][j]);
  }

  /// Solves L(inside) + J (x - inside) = y, continued beyond the edges as L is; the matrix A at the solution is left in
  /// `matrix`. Which truths are beyond a clamping edge is what the solution before says, beginning with none, one
  /// change at a time (Murty's principal pivoting: for positive principal minors it ends). Where it has not ended
  /// `consistent` is not set.
  template <class T, int n, class S = ScalarOf<T>>
  static void solve_linearised(const T (&jacobian)[n][n], const T (&residual)[n], const T (&inside)[n],
                               const Box<S, n>& box, const BoxEdges<n>& edges, T (&matrix)[n][n], T (&solution)[n],
                               typename ScalarTraits<T>::Mask& consistent) noexcept {
    using Mask = typename ScalarTraits<T>::Mask;
    Mask stuck[n];
    T from[n];  // up to its edge a truth has its column, beyond it the diagonal element
    bool clamps = false;
    for (int j = 0; j < n; ++j) {
      stuck[j] = all_lanes<T>(false);
      from[j] = inside[j];
      clamps = clamps || edges[static_cast<std::size_t>(j)].any_is(extrapolate::Edge::clamp);
    }
    constexpr int patterns = [] {
      int result = 1;
      for (int j = 0; j < n; ++j) result *= 3;
      return result;
    }();
    for (int pass = 0; pass < patterns; ++pass) {
      T right[n], eliminated[n][n];
      copy(jacobian, matrix);
      for (int i = 0; i < n; ++i) right[i] = residual[i];
      if (pass > 0)
        for (int j = 0; j < n; ++j) {
          for (int i = 0; i < n; ++i)
            right[i] = select(stuck[j], fma(-jacobian[i][j], from[j] - inside[j], right[i]), right[i]);
          leave_diagonal(stuck[j], j, matrix);
        }
      copy(matrix, eliminated);
      solve_linear(eliminated, right);
      for (int i = 0; i < n; ++i) solution[i] = from[i] + right[i];
      if (!clamps) return;
      consistent = all_lanes<T>(true);
      for (int j = 0; j < n; ++j) {
        const Mask now = beyond_clamp<T, n>(solution[j], box, edges, j);
        const T edge = select(now, clamped(solution[j], range(box, j)), inside[j]);
        const Mask changes =
            consistent && ((now && !stuck[j]) || (stuck[j] && !now) || edge < from[j] || edge > from[j]);
        stuck[j] = (changes && now) || (!changes && stuck[j]);
        from[j] = select(changes, edge, from[j]);
        consistent = consistent && !changes;
      }
      if (!any(!consistent)) return;
    }
  }

  /// a x = b by elimination, x in b; a is overwritten. Without pivoting: where all principal minors are positive no
  /// pivot is 0, and what comes out elsewhere is a step like any other, or not finite.
  template <class T, int n>
  static void solve_linear(T (&a)[n][n], T (&b)[n]) noexcept {
    for (int k = 0; k < n; ++k)
      for (int i = k + 1; i < n; ++i) {
        const T factor = -a[i][k] / a[k][k];
        for (int j = k + 1; j < n; ++j) a[i][j] = fma(factor, a[k][j], a[i][j]);
        b[i] = fma(factor, b[k], b[i]);
      }
    for (int k = n - 1; k >= 0; --k) {
      for (int j = k + 1; j < n; ++j) b[k] = fma(-a[k][j], b[j], b[k]);
      b[k] = b[k] / a[k][k];
    }
  }

  /// Whether the determinants of all rows and columns of the same numbers are positive.
  template <class T, int n>
  static typename ScalarTraits<T>::Mask positive_minors(const T (&a)[n][n]) noexcept {
    typename ScalarTraits<T>::Mask result = all_lanes<T>(true);
    if constexpr (n == 2) {
      const T zero(ScalarOf<T>(0));
      const T minus_off_diagonal = rounded_product(-a[0][1], a[1][0]);
      return a[0][0] > zero && a[1][1] > zero && fma(a[0][0], a[1][1], minus_off_diagonal) > zero;
    } else {
      for (unsigned rows = 1; rows < 1u << n; ++rows) result = result && positive_pivots(a, rows);
      return result;
    }
  }
  /// Whether elimination of the matrix of those rows and columns meets positive pivots only.
  template <class T, int n>
  static typename ScalarTraits<T>::Mask positive_pivots(const T (&a)[n][n], unsigned rows) noexcept {
    T b[n][n];
    int size = 0;
    for (int i = 0; i < n; ++i) {
      if ((rows >> i & 1u) == 0) continue;
      int column = 0;
      for (int j = 0; j < n; ++j)
        if ((rows >> j & 1u) != 0) b[size][column++] = a[i][j];
      ++size;
    }
    auto result = all_lanes<T>(true);
    for (int k = 0; k < size; ++k) {
      result = result && b[k][k] > T(ScalarOf<T>(0));
      for (int i = k + 1; i < size; ++i)
        for (int j = k + 1; j < size; ++j) b[i][j] = fma(-b[i][k] / b[k][k], b[k][j], b[i][j]);
    }
    return result;
  }
};

}  // namespace calibrant::invert
