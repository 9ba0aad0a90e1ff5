// fit_sequence: trains the steps of a Sequence one after the other, each on the results of the one before. Apart from
// calibration.hpp, as it brings the trainer: a program that only calibrates does not need it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "calibrant/calibration/sequence.hpp"
#include "calibrant/io/table.hpp"
#include "calibrant/parallel/pool.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/train/options.hpp"
#include "calibrant/train/trainer.hpp"

namespace calibrant {

/// What the steps of a sequence are learned from: names of columns of a table.
struct SequencePlan {
  Feature truth;                            ///< {"true_pt", Transform::logarithm, "GeV"}
  std::string measured;                     ///< what the first step calibrates
  std::vector<std::vector<Feature>> steps;  ///< features of each step besides the truth; several steps may share some
  DatasetColumns columns = {};              ///< weight and group, for every step
  /// Share of the events that a step may leave without a value (not invertible, rejected). They are left out of the
  /// training of the steps after it.
  double most_without_value = 0.01;

  /// Names of the features of a call of the sequence: each once, in the order in which the steps name them.
  std::vector<std::string> theta() const {
    std::vector<std::string> names;
    for (const auto& step : steps)
      for (const Feature& feature : step)
        if (std::find(names.begin(), names.end(), feature.name) == names.end()) names.push_back(feature.name);
    return names;
  }
};

template <class T>
inline constexpr bool is_model = false;
template <class Net, class Scalar>
inline constexpr bool is_model<Model<Net, Scalar>> = true;

/// Checks what does not need a training. @throws Error as fit_sequence.
template <class S, class Table>
CALIBRANT_COLD void check_plan(const Table& table, const SequencePlan& plan) {
  const std::string where = "fit_sequence on " + table.source();
  if (plan.steps.size() != static_cast<std::size_t>(S::n_steps))
    throw Error(where, "the features of " + std::to_string(S::n_steps) + " step(s)", std::to_string(plan.steps.size()));
  S::each_step([&]<std::size_t k>(std::integral_constant<std::size_t, k>) {
    const auto& features = plan.steps[k];
    const std::string here = where + ", step " + std::to_string(k + 1);
    constexpr int wanted = S::template StepType<k>::n_theta;
    if (features.size() != static_cast<std::size_t>(wanted))
      throw Error(here, std::to_string(wanted) + " feature(s) besides the truth, as its network has",
                  std::to_string(features.size()));
    for (std::size_t i = 0; i < features.size(); ++i) {
      const std::string& name = features[i].name;
      if (!table.has(name))
        throw Error(here + ", feature", "one of the columns " + joined(table.names()), "'" + name + "'");
      if (name == plan.truth.name || name == plan.measured)
        throw Error(here, "features besides the truth and the measured value", "'" + name + "'");
      for (std::size_t j = 0; j < i; ++j)
        if (features[j].name == name) throw Error(here, "different features", "'" + name + "' twice");
    }
  });
  const std::size_t n_theta = plan.theta().size();
  if (n_theta != static_cast<std::size_t>(S::n_theta))
    throw Error(where, std::to_string(S::n_theta) + " different feature(s) in all steps, as the type says",
                std::to_string(n_theta));
  if (!(plan.most_without_value >= 0.0 && plan.most_without_value <= 1.0))
    throw Error(where + ", most_without_value", "a share from 0 to 1", std::to_string(plan.most_without_value));
}

/// Trains a sequence: fit_sequence<Sequence<Features<2>, C, C>>(jets, {.truth = {"true_pt", Transform::logarithm},
/// .measured = "reco_pt", .steps = {{"ntrk"}, {"width"}}}, loss::Squared{}, {.output = Output::ratio}).
///
/// Step k learns the statistic of the loss of the result of step k - 1, given the truth and its own features; then it
/// calibrates all events for step k + 1. Every step has the same options, hence the same validation events; a
/// checkpoint file gets ".step<k>" as suffix. A step whose inversion is invert::Factor (ResidualCalibration) is trained
/// like the others. Calibrations of events run on options.threads; the result does not depend on it.
/// @tparam S  a Sequence whose steps are Calibrations of Models.
/// @throws Error, before any training, if the plan has another number of steps or features than S, names a column that
/// is not there, or a feature twice in a step; as Dataset and fit; if a step leaves too many events without a value.
template <class S, class Loss>
S fit_sequence(const BasicTable<typename S::Scalar>& table, const SequencePlan& plan, const Loss& loss,
               const FitOptions& options = {}) {
  using Scalar = typename S::Scalar;
  check_plan<S>(table, plan);
  options.validate();
  ThreadPool pool(options.threads);
  const std::string result_name = plan.measured + " after the step before";
  std::vector<Scalar> value = table.column(plan.measured);

  const auto fit_step = [&]<std::size_t k>(std::integral_constant<std::size_t, k>, auto& made) {
    using StepCalibration = typename S::template StepType<k>;
    using Response = typename StepCalibration::Response;
    static_assert(is_model<Response>, "fit_sequence: every step is a Calibration of a Model");
    std::vector<Feature> features{plan.truth};
    std::vector<std::string> names;
    for (const Feature& feature : plan.steps[k]) {
      features.push_back(feature);
      names.push_back(feature.name);
    }
    FitOptions own = options;
    if (!own.checkpoint.empty()) own.checkpoint += ".step" + std::to_string(k + 1);
    const auto train = [&](const BasicTable<Scalar>& events, const std::string& target) {
      const BasicDataset<Scalar> data(events, features, target, plan.columns);
      return fit<typename Response::Net>(data, loss, own);
    };
    if constexpr (k == 0) {
      std::get<k>(made).emplace(train(table, plan.measured));
    } else {
      Response response = train(
          table.with_column(result_name, value).where([](auto row) { return std::isfinite(row.back()); }), result_name);
      // Events that were left out may have been those at an edge. The step still has to take what comes from there.
      const auto before = std::get<0>(made)->truth_range();
      response.inputs[0].low = before.low;
      response.inputs[0].high = before.high;
      std::get<k>(made).emplace(std::move(response));
    }
    const auto theta = table.columns(names);
    (*std::get<k>(made))(
        typename StepCalibration::Batch(value, row_major<Scalar>(theta.values(), StepCalibration::n_theta), value),
        pool);
    const auto n_lost = std::count_if(value.begin(), value.end(), [](Scalar v) { return !std::isfinite(v); });
    if (static_cast<double>(n_lost) > plan.most_without_value * static_cast<double>(value.size()))
      throw Error("fit_sequence on " + table.source() + ", step " + std::to_string(k + 1),
                  "a value for all but " + std::to_string(plan.most_without_value) + " of the events",
                  std::to_string(n_lost) + " of " + std::to_string(value.size()) + " without one");
  };
  return [&]<std::size_t... k>(std::index_sequence<k...>) {
    std::tuple<std::optional<typename S::template StepType<k>>...> made;
    (fit_step(std::integral_constant<std::size_t, k>{}, made), ...);
    typename S::Names names;
    const std::vector<std::string> theta = plan.theta();
    std::copy(theta.begin(), theta.end(), names.begin());
    return S(names, Step<typename S::template StepType<k>>(std::move(*std::get<k>(made)))...);
  }
  (std::make_index_sequence<static_cast<std::size_t>(S::n_steps)>{});
}

}  // namespace calibrant
