// Dataset: the events a model is trained on, checked before anything is computed with them.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/table.hpp"
#include "calibrant/nn/transform.hpp"

namespace calibrant {

/// A feature by the name of its column, what is done to it before it is standardised, and its unit.
struct Feature {
  std::string name;
  Transform transform = Transform::identity;
  std::string unit = "";

  Feature(const char* column) : name(column) {}             // NOLINT(google-explicit-constructor)
  Feature(std::string column) : name(std::move(column)) {}  // NOLINT(google-explicit-constructor)
  Feature(std::string column, Transform way, std::string in_unit = "")
      : name(std::move(column)), transform(way), unit(std::move(in_unit)) {}
};

/// Optional columns of a dataset; an empty name means there is none.
struct DatasetColumns {
  std::string weight = "";  ///< weight of the event in the loss; default 1
  std::string group = "";   ///< events with the same value here (jets of one event) stay on one side of every split
  std::vector<std::string> target_units = {};  ///< in the order of the targets; stored in the model file
};

/// Number, mean and sum of squared deviations of a sample. Merged in the same order, samples give the same bits.
struct Moments {
  double n = 0.0, mean = 0.0, squares = 0.0;

  /// Adds a number (Welford: no cancellation for narrow, far-off samples).
  void add(double x) noexcept {
    const double d = x - mean;
    mean += d / ++n;
    squares += d * (x - mean);
  }
  /// Adds a sample (Chan, Golub, LeVeque, Stanford report STAN-CS-79-773, equations 2.1).
  CALIBRANT_COLD Moments& operator+=(const Moments& other) noexcept {
    const double d = other.mean - mean, both = n + other.n;
    if (both > 0.0) {
      mean += d * (other.n / both);
      squares += other.squares + d * d * (n * other.n / both);
      n = both;
    }
    return *this;
  }
  double deviation() const noexcept { return std::sqrt(squares / n); }
};

/// Events with features, targets and weights, in the unit they were read in. For a response, the first feature is the
/// truth variable.
template <class Scalar_>
class BasicDataset {
 public:
  using Scalar = Scalar_;

  /// @throws Error, with row and column, for NaN and infinities (but in ignored features), negative weights, a
  /// logarithm of a number that is not positive; for a table without rows, unknown or repeated columns, features that
  /// are constant (name them with Transform::ignored if the model's type must keep them), weights that are all zero.
  template <class Number>
  CALIBRANT_COLD BasicDataset(const BasicTable<Number>& table, std::vector<Feature> features,
                              std::vector<std::string> targets, DatasetColumns columns = {})
      : features_(std::move(features)),
        targets_(std::move(targets)),
        target_units_(columns.target_units),
        source_(table.source()),
        source_rows_(table.source_rows()) {
    if (features_.empty()) throw Error("Dataset of " + source_, "one feature or more", "none");
    if (targets_.empty()) throw Error("Dataset of " + source_, "one target or more", "none");
    if (target_units_.size() > targets_.size())
      throw Error("Dataset of " + source_, std::to_string(targets_.size()) + " target unit(s) or fewer",
                  std::to_string(target_units_.size()));
    if (table.n_rows() == 0) throw Error("Dataset of " + source_, "one row or more", "an empty table");
    n_rows_ = table.n_rows();
    std::vector<int> from;
    for (std::size_t i = 0; i < features_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j)
        if (features_[j].name == features_[i].name)
          throw Error("Dataset of " + source_, "different features", "'" + features_[i].name + "' twice");
      from.push_back(table.index(features_[i].name));
    }
    for (const auto& target : targets_) from.push_back(table.index(target));
    const int weight_column = columns.weight.empty() ? -1 : table.index(columns.weight);
    const int group_column = columns.group.empty() ? -1 : table.index(columns.group);
    const std::size_t width = row_width();
    values_.resize(static_cast<std::size_t>(n_rows_) * width);
    double total = 0.0;
    for (std::int64_t row = 0; row < n_rows_; ++row) {
      Scalar* to = values_.data() + static_cast<std::size_t>(row) * width;
      for (std::size_t i = 0; i < from.size(); ++i) {
        const Number value = table(row, from[i]);
        auto kept = static_cast<Scalar>(value);  // a double too large for a float becomes infinite
        if (i < features_.size() && features_[i].transform == Transform::ignored && !std::isfinite(kept)) kept = 0;
        if (!std::isfinite(kept))
          throw bad_value(row, table, from[i],
                          std::isfinite(value) ? "a number within the range of a float" : "a finite number", value);
        if (i < features_.size() && features_[i].transform == Transform::logarithm && !(kept > Scalar(0)))
          throw bad_value(row, table, from[i], "a positive number, for its logarithm", value);
        to[i] = kept;
      }
      Scalar weight = 1;
      if (weight_column >= 0) {
        const Number value = table(row, weight_column);
        weight = static_cast<Scalar>(value);
        if (!std::isfinite(weight) || weight < Scalar(0))
          throw bad_value(row, table, weight_column, "a finite weight, zero or more", value);
      }
      to[from.size()] = weight;
      total += static_cast<double>(weight);
      if (group_column >= 0) {
        const Number value = table(row, group_column);
        if (!std::isfinite(value)) throw bad_value(row, table, group_column, "a finite number", value);
        groups_.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(value) + 0.0));  // -0 and 0 are one group
      }
    }
    if (!(total > 0.0)) throw Error("Dataset of " + source_ + ", weights", "a weight above zero", "all weights zero");
    fit_transforms();
  }
  template <class Number>
  BasicDataset(const BasicTable<Number>& table, std::vector<Feature> features, const std::string& target,
               DatasetColumns columns = {})
      : BasicDataset(table, std::move(features), std::vector<std::string>{target}, std::move(columns)) {}
  template <class Number>
  BasicDataset(const BasicTable<Number>& table, std::vector<Feature> features, const char* target,
               DatasetColumns columns = {})
      : BasicDataset(table, std::move(features), std::vector<std::string>{target}, std::move(columns)) {}

  std::int64_t n_events() const noexcept { return n_rows_; }
  int n_features() const noexcept { return static_cast<int>(features_.size()); }
  int n_targets() const noexcept { return static_cast<int>(targets_.size()); }
  const std::vector<Feature>& features() const noexcept { return features_; }
  const std::vector<std::string>& targets() const noexcept { return targets_; }
  /// Unit of each target; empty where none was named.
  const std::vector<std::string>& target_units() const noexcept { return target_units_; }
  const std::string& source() const noexcept { return source_; }

  Scalar feature(std::int64_t event, int i) const noexcept { return value(event, i); }
  Scalar target(std::int64_t event, int i = 0) const noexcept { return value(event, n_features() + i); }
  Scalar weight(std::int64_t event) const noexcept { return value(event, n_features() + n_targets()); }
  /// Row of the source that an event came from, for messages.
  std::int64_t source_row(std::int64_t event) const noexcept {
    return source_rows_.empty() ? event : source_rows_[static_cast<std::size_t>(event)];
  }
  const std::vector<std::int64_t>& source_rows() const noexcept { return source_rows_; }
  /// What splits keep together: the group column, or the event itself.
  std::uint64_t group(std::int64_t event) const noexcept {
    return groups_.empty() ? static_cast<std::uint64_t>(event) : groups_[static_cast<std::size_t>(event)];
  }

  /// Standardisation of each feature after its transform, and its range before it, from all events.
  const std::vector<FeatureTransform<Scalar>>& input_transforms() const noexcept { return transforms_; }
  /// Mean and standard deviation of a target.
  std::pair<double, double> target_moments(int i = 0) const {
    const Moments all = target_sample(i);
    return {all.mean, all.deviation()};
  }
  /// Moments of a target, and of a feature after its transform, to be merged with those of other datasets.
  Moments target_sample(int i = 0) const { return moments(n_features() + i, Transform::identity); }
  const Moments& feature_sample(int i) const noexcept { return samples_[static_cast<std::size_t>(i)]; }

 private:
  std::size_t row_width() const noexcept { return features_.size() + targets_.size() + 1; }
  Scalar value(std::int64_t event, int column) const noexcept {
    return values_[static_cast<std::size_t>(event) * row_width() + static_cast<std::size_t>(column)];
  }
  template <class Number>
  CALIBRANT_COLD static Error bad_value(std::int64_t row, const BasicTable<Number>& table, int column,
                                        const char* expected, Number found) {
    return Error("Dataset of " + table.source() + ", row " + std::to_string(table.source_row(row)) + ", column '" +
                     table.names()[static_cast<std::size_t>(column)] + "'",
                 expected, text(found));
  }
  /// A number as short as it can be told from others: std::to_string shows 1e-9 as 0.
  template <class Number>
  CALIBRANT_COLD static std::string text(Number number) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.9g", static_cast<double>(number));
    return buffer.data();
  }
  Moments moments(int column, Transform transform) const {
    const FeatureTransform<double> plain{transform};
    Moments all;
    for (std::int64_t row = 0; row < n_rows_; ++row) all.add(plain.encode(static_cast<double>(value(row, column))));
    return all;
  }
  CALIBRANT_COLD void fit_transforms() {
    samples_.resize(features_.size());
    for (int i = 0; i < n_features(); ++i) {
      FeatureTransform<Scalar> fitted;
      fitted.transform = features_[static_cast<std::size_t>(i)].transform;
      fitted.low = fitted.high = value(0, i);
      for (std::int64_t row = 1; row < n_rows_; ++row) {
        const Scalar x = value(row, i);
        fitted.low = x < fitted.low ? x : fitted.low;
        fitted.high = x > fitted.high ? x : fitted.high;
      }
      if (fitted.transform != Transform::ignored) {
        const Moments all = moments(i, fitted.transform);
        // Rounding alone gives a constant column a tiny spread, relative to its size.
        if (!(all.deviation() > 4.0 * static_cast<double>(std::numeric_limits<Scalar>::epsilon()) * std::abs(all.mean)))
          throw Error("Dataset of " + source_ + ", feature '" + features_[static_cast<std::size_t>(i)].name + "'",
                      "values that vary, to standardise them", "the constant " + text(value(0, i)));
        fitted.standardise(all.mean, all.deviation());
        samples_[static_cast<std::size_t>(i)] = all;
      }
      transforms_.push_back(fitted);
    }
  }

  std::vector<Feature> features_;
  std::vector<std::string> targets_;
  std::vector<std::string> target_units_;
  std::string source_;
  std::vector<std::int64_t> source_rows_;  // empty: event i came from row i
  std::int64_t n_rows_ = 0;
  std::vector<Scalar> values_;
  std::vector<std::uint64_t> groups_;
  std::vector<FeatureTransform<Scalar>> transforms_;
  std::vector<Moments> samples_;  ///< of each feature after its transform
};

}  // namespace calibrant
