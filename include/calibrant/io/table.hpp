// A named table of numbers in memory: what the readers return and what datasets are made from.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/fwd.hpp"

namespace calibrant {

/// Rows of named columns, row-major (events down the rows). Values are kept as they were read: NaN and infinity are
/// allowed here and reported, with row and column, when a Dataset is made.
template <class Scalar>
class BasicTable {
 public:
  BasicTable() = default;

  /// @throws Error if a name is empty or repeated, or values.size() is not a multiple of the number of names.
  CALIBRANT_COLD BasicTable(std::vector<std::string> names, std::vector<Scalar> values, std::string source = "table")
      : names_(std::move(names)), values_(std::move(values)), source_(std::move(source)) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i].empty())
        throw Error(source_, "a name for every column", "an empty name for column " + std::to_string(i));
      if (std::find(names_.begin(), names_.begin() + static_cast<std::ptrdiff_t>(i), names_[i]) !=
          names_.begin() + static_cast<std::ptrdiff_t>(i))
        throw Error(source_, "different column names", "'" + names_[i] + "' twice");
    }
    if (names_.empty() ? !values_.empty() : values_.size() % names_.size() != 0)
      throw Error(source_, "a multiple of " + std::to_string(names_.size()) + " values",
                  std::to_string(values_.size()) + " values");
  }

  std::int64_t n_rows() const noexcept {
    return names_.empty() ? 0 : static_cast<std::int64_t>(values_.size() / names_.size());
  }
  int n_columns() const noexcept { return static_cast<int>(names_.size()); }
  const std::vector<std::string>& names() const noexcept { return names_; }
  /// Where the table came from (a file name), for messages.
  const std::string& source() const noexcept { return source_; }

  std::span<const Scalar> row(std::int64_t index) const noexcept {
    return std::span<const Scalar>(values_).subspan(static_cast<std::size_t>(index) * names_.size(), names_.size());
  }
  Scalar operator()(std::int64_t row, int column) const noexcept {
    return values_[static_cast<std::size_t>(row) * names_.size() + static_cast<std::size_t>(column)];
  }
  std::span<const Scalar> values() const noexcept { return values_; }

  bool has(std::string_view name) const noexcept {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }

  /// Index of a column. @throws Error that lists the columns there are.
  CALIBRANT_COLD int index(std::string_view name) const {
    const auto position = std::find(names_.begin(), names_.end(), name);
    if (position == names_.end()) {
      const std::string known = joined(names_);
      throw Error(source_, "a column '" + std::string(name) + "'", "the columns " + (known.empty() ? "(none)" : known));
    }
    return static_cast<int>(position - names_.begin());
  }

  /// Copy of one column.
  std::vector<Scalar> column(std::string_view name) const {
    const int at = index(name);
    std::vector<Scalar> result(static_cast<std::size_t>(n_rows()));
    for (std::int64_t i = 0; i < n_rows(); ++i) result[static_cast<std::size_t>(i)] = (*this)(i, at);
    return result;
  }

  /// A table of these columns, in this order: `values()` of it are rows of theta for a calibration.
  /// @throws Error if one is not there or named twice.
  CALIBRANT_COLD BasicTable columns(const std::vector<std::string>& wanted) const {
    std::vector<int> from;
    from.reserve(wanted.size());
    for (const std::string& name : wanted) from.push_back(index(name));
    std::vector<Scalar> kept;
    kept.reserve(static_cast<std::size_t>(n_rows()) * from.size());
    for (std::int64_t i = 0; i < n_rows(); ++i)
      for (const int column : from) kept.push_back((*this)(i, column));
    return BasicTable(wanted, std::move(kept), source_, source_rows_);
  }

  /// The table with one more column at the end.
  /// @throws Error if the name is there already or the number of values is not the number of rows.
  CALIBRANT_COLD BasicTable with_column(const std::string& name, std::span<const Scalar> values) const {
    if (static_cast<std::int64_t>(values.size()) != n_rows())
      throw Error(source_ + ", new column '" + name + "'", std::to_string(n_rows()) + " values",
                  std::to_string(values.size()));
    std::vector<std::string> names = names_;
    names.push_back(name);
    std::vector<Scalar> all;
    all.reserve(values_.size() + values.size());
    for (std::int64_t i = 0; i < n_rows(); ++i) {
      const auto before = row(i);
      all.insert(all.end(), before.begin(), before.end());
      all.push_back(values[static_cast<std::size_t>(i)]);
    }
    return BasicTable(std::move(names), std::move(all), source_, source_rows_);
  }

  /// Row of the source (counted from 0, without a header) that row `index` came from, for messages.
  std::int64_t source_row(std::int64_t index) const noexcept {
    return source_rows_.empty() ? index : source_rows_[static_cast<std::size_t>(index)];
  }

  /// All of them; empty if row i came from row i.
  const std::vector<std::int64_t>& source_rows() const noexcept { return source_rows_; }

  /// The rows for which keep(row) is true, row being a std::span of the values in column order.
  template <class Predicate>
  BasicTable where(Predicate&& keep) const {
    std::vector<Scalar> kept;
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < n_rows(); ++i)
      if (const auto values = row(i); keep(values)) {
        kept.insert(kept.end(), values.begin(), values.end());
        rows.push_back(source_row(i));
      }
    return BasicTable(names_, std::move(kept), source_, std::move(rows));
  }

 private:
  BasicTable(std::vector<std::string> names, std::vector<Scalar> values, std::string source,
             std::vector<std::int64_t> source_rows)
      : BasicTable(std::move(names), std::move(values), std::move(source)) {
    source_rows_ = std::move(source_rows);
  }

  std::vector<std::string> names_;
  std::vector<Scalar> values_;
  std::string source_ = "table";
  std::vector<std::int64_t> source_rows_;  // empty: row i came from row i
};

}  // namespace calibrant
