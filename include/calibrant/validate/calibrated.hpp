// From a calibration, or a sequence of them, and a dataset to the numbers that judge it.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/validate/closure.hpp"

namespace calibrant::validate {

/// Calibrated events of a dataset. Events without a value (not invertible, rejected) are counted and left out of the
/// columns; `event` holds the dataset's row of each that is in them.
struct CalibratedEvents {
  std::vector<double> calibrated;
  std::vector<double> truth;
  std::vector<double> weight;
  std::vector<std::int64_t> event;
  std::array<std::int64_t, n_statuses> status_counts{};  ///< by Status, of all events

  std::int64_t count(Status status) const noexcept { return status_counts[static_cast<std::size_t>(status)]; }
  void print_statuses(std::ostream& out) const {
    for (std::size_t i = 0; i < status_counts.size(); ++i)
      out << (i == 0 ? "" : ", ") << status_counts[i] << ' ' << to_string(static_cast<Status>(i));
    out << '\n';
  }
};

/// Calibrates the target of every event, with a Calibration or a Sequence, at its features (feature 0 is the truth and
/// is not used for that; the others in the order of the calibration's theta).
/// @throws Error if the dataset's features do not fit the calibration.
template <Calibrator C, class Scalar>
CalibratedEvents calibrate(const C& calibration, const BasicDataset<Scalar>& data) {
  using S = typename C::Scalar;
  if (data.n_features() != C::n_theta + 1)
    throw Error("calibrating " + data.source(), std::to_string(C::n_theta + 1) + " features, the truth first",
                std::to_string(data.n_features()));
  const auto n = static_cast<std::size_t>(data.n_events());
  std::vector<S> y(n), theta(n * static_cast<std::size_t>(C::n_theta)), values(n);
  std::vector<Status> statuses(n);
  for (std::size_t event = 0; event < n; ++event) {
    y[event] = static_cast<S>(data.target(static_cast<std::int64_t>(event)));
    for (int i = 0; i < C::n_theta; ++i)
      theta[event * static_cast<std::size_t>(C::n_theta) + static_cast<std::size_t>(i)] =
          static_cast<S>(data.feature(static_cast<std::int64_t>(event), i + 1));
  }
  calibration(typename C::Batch(y, row_major<S>(theta, C::n_theta), values, statuses));
  CalibratedEvents result;
  for (std::size_t event = 0; event < n; ++event) {
    ++result.status_counts[static_cast<std::size_t>(statuses[event])];
    if (!std::isfinite(values[event])) continue;
    const auto row = static_cast<std::int64_t>(event);
    result.calibrated.push_back(static_cast<double>(values[event]));
    result.truth.push_back(static_cast<double>(data.feature(row, 0)));
    result.weight.push_back(static_cast<double>(data.weight(row)));
    result.event.push_back(row);
  }
  return result;
}

/// Closure of a calibration on a dataset in bins of the truth, with the dataset's weights (those in options are not
/// used); events without a value are left out.
/// @throws Error if the dataset's features do not fit the calibration.
template <Calibrator C, class Scalar>
Closure closure(const C& calibration, const BasicDataset<Scalar>& data, const BinEdges& edges,
                ProfileOptions options = {}) {
  const CalibratedEvents events = calibrate(calibration, data);
  options.weights = events.weight;
  return closure(events.calibrated, events.truth, edges, options);
}

}  // namespace calibrant::validate
