// Sequence: calibrations applied one after the other, each learned on the results of the one before. With one feature a
// step it is the sequential calibration of the jet experiments, unbinned (ATL-PHYS-PUB-2018-013; "GSC" there).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "calibrant/calibration/batch.hpp"
#include "calibrant/calibration/calibration.hpp"
#include "calibrant/concepts.hpp"
#include "calibrant/fwd.hpp"

namespace calibrant {

/// How many features a Sequence is called with.
template <int N>
struct Features {
  static constexpr int n = N;
};

/// A calibration as a step of a sequence: with the names of the features that it takes, in its order.
template <class C>
struct Step {
  using CalibratorType = C;
  C calibration;
  std::vector<std::string> features;

  /// With the names that it was trained with.
  Step(C calibration_)  // NOLINT(google-explicit-constructor): a calibration that knows its features is a step
      : calibration(std::move(calibration_)), features(calibration.feature_names()) {}
  Step(C calibration_, std::vector<std::string> features_)
      : calibration(std::move(calibration_)), features(std::move(features_)) {}
};

template <class T>
struct CalibratorOf {
  using Type = T;
};
template <class C>
struct CalibratorOf<Step<C>> {
  using Type = C;
};

/// y -> step 1 -> step 2 -> ... -> calibrated value, each step with those of the features theta that it asks for by
/// name.
///
/// Used like a Calibration, with the same promises: every call is const, noexcept, allocates nothing and shares
/// nothing; an object gets the same bits alone, in a batch, and next to any other objects.
///
/// The status is the worst of the steps' (severity(): ok, clamped, extrapolated, not_invertible, invalid_input; the
/// first of two extrapolations), up to the first step that has no value: what later steps say of its NaN is left out.
///
/// A product of corrections with one feature each cannot remove a dependence that does not factorise, whatever the
/// order and however often it is iterated; one calibration with all features can.
template <class Theta_, class... Steps>
class Sequence {
 public:
  static_assert(sizeof...(Steps) > 0, "Sequence: Features<N>, then one calibration or more");
  static_assert((Calibrator<Steps> && ...), "Sequence: every step is a Calibrator (concepts.hpp)");
  template <std::size_t k>
  using StepType = std::tuple_element_t<k, std::tuple<Steps...>>;
  using Scalar = typename StepType<0>::Scalar;
  static_assert((std::is_same_v<typename Steps::Scalar, Scalar> && ...), "Sequence: all steps of one scalar type");
  static constexpr int n_theta = Theta_::n;
  static constexpr int n_steps = static_cast<int>(sizeof...(Steps));
  using Theta = std::array<Scalar, static_cast<std::size_t>(n_theta)>;
  using Names = std::array<std::string, static_cast<std::size_t>(n_theta)>;
  using Batch = FeatureBatch<Scalar, n_theta>;

  /// @param theta  names of the features of a call, in order; a step may use any of them, and several steps the same.
  /// @throws Error if a name of theta is empty or repeated; if a step has another number of features than its
  /// calibration, one that is not in theta, or one twice; if the trained range of truth of a step does not cover that
  /// of the step before, whose results it gets.
  explicit Sequence(Names theta, Step<Steps>... steps)
      : theta_(std::move(theta)), features_{std::move(steps.features)...}, steps_(std::move(steps.calibration)...) {
    check_theta();
    each_step([&]<std::size_t k>(std::integral_constant<std::size_t, k>) { prepare<k>(); });
  }
  /// Sequence({"ntrk", "width"}, Step{by_ntrk, {"ntrk"}}, Step{by_width, {"width"}}).
  template <std::size_t N>
  requires(N == static_cast<std::size_t>(n_theta)) explicit Sequence(const char* const (&theta)[N],
                                                                     Step<Steps>... steps)
      : Sequence(names_of(theta), std::move(steps)...) {}

  /// Names of theta, in order.
  const Names& theta_names() const noexcept { return theta_; }
  /// Names of the features of step k (from 0).
  const std::vector<std::string>& features(int k) const noexcept { return features_[static_cast<std::size_t>(k)]; }
  template <std::size_t k>
  const StepType<k>& step() const noexcept {
    return std::get<k>(steps_);
  }
  /// Calls visit(integral_constant<size_t, k>) for each step.
  template <class Visit>
  static void each_step(Visit&& visit) {
    [&]<std::size_t... k>(std::index_sequence<k...>) { (visit(std::integral_constant<std::size_t, k>{}), ...); }
    (std::index_sequence_for<Steps...>{});
  }

  // ---- as a Calibrator, hence as a step of another sequence -------------------------------------------------------

  /// Where the truth was in the training of the first step; that of every other step covers it.
  Range<Scalar> truth_range() const noexcept { return std::get<0>(steps_).truth_range(); }
  /// Where theta_i was in the training of the first step that uses it; 0 to 0 if none does.
  Range<Scalar> theta_range(int i) const noexcept { return ranges_[static_cast<std::size_t>(i)]; }
  /// False if no step uses theta_i.
  bool uses_theta(int i) const noexcept { return uses_[static_cast<std::size_t>(i)]; }
  std::vector<std::string> feature_names() const { return {theta_.begin(), theta_.end()}; }

  // ---- calls -------------------------------------------------------------------------------------------------------

  /// One object: auto [pt, status] = sequence(reco_pt, {ntrk, width}).
  Calibrated<Scalar> operator()(Scalar y, const Theta& theta) const noexcept {
    Calibrated<Scalar> result{y, Status::ok};
    bool has_value = true;
    each_step([&]<std::size_t k>(std::integral_constant<std::size_t, k>) {
      if (!has_value) return;
      std::array<Scalar, static_cast<std::size_t>(StepType<k>::n_theta)> own{};
      for (std::size_t i = 0; i < own.size(); ++i) own[i] = theta[std::get<k>(columns_)[i]];
      const Calibrated<Scalar> next = std::get<k>(steps_)(result.value, own);
      result = {next.value, worse(result.status, next.status)};
      has_value = is_finite(next.value);
    });
    return result;
  }

  /// Many objects: sequence({reco_pt, theta, pt, status}). The batch is checked where it is made.
  void operator()(const Batch& batch) const noexcept {
    calibrate(batch, 0, static_cast<std::ptrdiff_t>(batch.y.size()));
  }

  /// Many objects on the threads of a pool.
  template <class Pool>
  void operator()(const Batch& batch, Pool& pool) const noexcept {
    constexpr std::ptrdiff_t task_size = 8 * piece;
    const auto n = static_cast<std::ptrdiff_t>(batch.y.size());
    pool.run(static_cast<int>((n + task_size - 1) / task_size),
             [&](int task, int) noexcept { calibrate(batch, task * task_size, std::min(n, (task + 1) * task_size)); });
  }

 private:
  /// Objects that go through all steps before the next ones do: whole tiles, and all of it in the first cache.
  static constexpr std::ptrdiff_t piece = 256;

  static Names names_of(const char* const (&theta)[n_theta > 0 ? n_theta : 1]) {
    Names names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = theta[i];
    return names;
  }

  std::string known_names() const {
    const std::string known = joined(theta_);
    return known.empty() ? "none, as theta is empty" : known;
  }

  void check_theta() const {
    for (std::size_t i = 0; i < theta_.size(); ++i) {
      if (theta_[i].empty())
        throw Error("Sequence, theta", "a name for every feature", "an empty name at " + std::to_string(i));
      if (std::find(theta_.begin(), theta_.begin() + static_cast<std::ptrdiff_t>(i), theta_[i]) !=
          theta_.begin() + static_cast<std::ptrdiff_t>(i))
        throw Error("Sequence, theta", "different features", "'" + theta_[i] + "' twice");
    }
  }

  /// Checks step k and finds its columns.
  template <std::size_t k>
  void prepare() {
    const auto& step = std::get<k>(steps_);
    const std::vector<std::string>& names = features_[k];
    auto& columns = std::get<k>(columns_);
    const std::string where = "Sequence, step " + std::to_string(k + 1);
    if (names.size() != columns.size())
      throw Error(where, "the names of its " + std::to_string(columns.size()) + " feature(s)",
                  std::to_string(names.size()));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto found = std::find(theta_.begin(), theta_.end(), names[i]);
      if (found == theta_.end()) throw Error(where + ", feature", "one of " + known_names(), "'" + names[i] + "'");
      columns[i] = static_cast<std::size_t>(found - theta_.begin());
      if (std::find(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(i), columns[i]) !=
          columns.begin() + static_cast<std::ptrdiff_t>(i))
        throw Error(where, "different features", "'" + names[i] + "' twice");
      if (step.uses_theta(static_cast<int>(i)) && !uses_[columns[i]]) {
        uses_[columns[i]] = true;
        ranges_[columns[i]] = step.theta_range(static_cast<int>(i));
      }
    }
    if constexpr (k > 0) {
      const auto own = step.truth_range(), before = std::get<k - 1>(steps_).truth_range();
      const auto text = [](const Range<Scalar>& range) {
        return std::to_string(range.low) + " to " + std::to_string(range.high);
      };
      if (!(own.low <= before.low && own.high >= before.high))
        throw Error(where,
                    "a range of truth that covers the results of step " + std::to_string(k) + ", " + text(before),
                    text(own));
    }
  }

  void calibrate(const Batch& batch, std::ptrdiff_t first, std::ptrdiff_t last) const noexcept {
    for (std::ptrdiff_t at = first; at < last; at += piece) {
      const auto count = static_cast<std::size_t>(std::min(piece, last - at));
      Status status[piece];
      const std::span<Scalar> value = batch.value.subspan(static_cast<std::size_t>(at), count);
      std::span<const Scalar> y = batch.y.subspan(static_cast<std::size_t>(at), count);
      each_step([&]<std::size_t k>(std::integral_constant<std::size_t, k>) {
        run<k>(batch.theta, at, y, value, std::span<Status>(status, count));
        y = value;
      });
      if (!batch.status.empty()) std::copy_n(status, count, batch.status.data() + at);
    }
  }

  /// Step k for the objects from `at` on; status is overwritten by the first step, and made worse by the others.
  template <std::size_t k>
  void run(const MatrixView<Scalar>& theta, std::ptrdiff_t at, std::span<const Scalar> y, std::span<Scalar> value,
           std::span<Status> status) const noexcept {
    constexpr std::ptrdiff_t n = StepType<k>::n_theta;
    Scalar own[piece * (n > 0 ? n : 1)];
    Status now[piece];
    bool had_value[piece];
    const auto count = static_cast<std::ptrdiff_t>(y.size());
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const auto column = static_cast<std::ptrdiff_t>(std::get<k>(columns_)[static_cast<std::size_t>(i)]);
      for (std::ptrdiff_t s = 0; s < count; ++s) own[i * piece + s] = theta(at + s, column);
    }
    for (std::size_t s = 0; s < y.size(); ++s) had_value[s] = k == 0 || is_finite(y[s]);
    const MatrixView<Scalar> features{own, count, n, 1, piece};
    std::get<k>(steps_)(
        typename StepType<k>::Batch(CalibrationBatch<Scalar>(y, features, value, std::span<Status>(now, y.size()))));
    for (std::size_t s = 0; s < y.size(); ++s)
      if (had_value[s]) status[s] = k == 0 ? now[s] : worse(status[s], now[s]);
  }

  Names theta_;
  std::array<std::vector<std::string>, sizeof...(Steps)> features_;
  std::tuple<Steps...> steps_;
  std::tuple<std::array<std::size_t, static_cast<std::size_t>(Steps::n_theta)>...> columns_{};  ///< of theta
  std::array<Range<Scalar>, static_cast<std::size_t>(n_theta)> ranges_{};
  std::array<bool, static_cast<std::size_t>(n_theta)> uses_{};
};

template <std::size_t N, class... S>
Sequence(const char* const (&)[N], S...) -> Sequence<Features<static_cast<int>(N)>, typename CalibratorOf<S>::Type...>;
template <std::size_t N, class... S>
Sequence(std::array<std::string, N>, S...)
    -> Sequence<Features<static_cast<int>(N)>, typename CalibratorOf<S>::Type...>;

}  // namespace calibrant
