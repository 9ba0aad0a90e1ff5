// A read-only view of float or double numbers, so that the functions of this room take either without being templates.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>

#include "calibrant/error.hpp"

namespace calibrant::validate {

/// View of contiguous numbers (span, vector, array ...) that the caller keeps alive. Elements are read as double.
class Column {
 public:
  constexpr Column() noexcept = default;

  template <std::ranges::contiguous_range Range>
  requires std::ranges::sized_range<Range> &&
      (std::same_as<std::ranges::range_value_t<Range>, float> ||
       std::same_as<std::ranges::range_value_t<Range>, double>)constexpr Column(const Range& values) noexcept
      : size_(std::ranges::size(values)) {
    if constexpr (std::same_as<std::ranges::range_value_t<Range>, float>)
      floats_ = std::ranges::data(values);
    else
      doubles_ = std::ranges::data(values);
  }

  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr double operator[](std::size_t i) const noexcept {
    return floats_ != nullptr ? static_cast<double>(floats_[i]) : doubles_[i];
  }

 private:
  const float* floats_ = nullptr;
  const double* doubles_ = nullptr;
  std::size_t size_ = 0;
};

namespace column {

/// @throws Error that says how many values are refused, and where the first is.
template <class Predicate>
CALIBRANT_COLD void refuse(Column values, const Predicate& is_wrong, const std::string& what, const char* expected,
                           const char* found) {
  std::size_t n_wrong = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (is_wrong(values[i])) {
      if (n_wrong == 0) first = i;
      ++n_wrong;
    }
  if (n_wrong > 0)
    throw Error(what, expected,
                std::to_string(n_wrong) + " " + found + " among " + std::to_string(values.size()) +
                    ", the first at index " + std::to_string(first));
}

}  // namespace column

/// @throws Error that names `what` and says how many values are NaN and where the first is.
inline void check_no_nan(Column values, const std::string& what) {
  column::refuse(
      values, [](double v) { return std::isnan(v); }, what, "numbers", "NaN");
}

/// @throws Error that names `what` and says how many values are NaN or infinite and where the first is.
inline void check_finite(Column values, const std::string& what) {
  column::refuse(
      values, [](double v) { return !std::isfinite(v); }, what, "finite numbers", "NaN or infinite");
}

/// @throws Error unless there are no weights, or one for each of n values, finite and not negative.
inline CALIBRANT_COLD void check_weights(Column weights, std::size_t n, const std::string& what) {
  if (weights.empty()) return;
  if (weights.size() != n)
    throw Error(what, "no weights or one per value (" + std::to_string(n) + ")", std::to_string(weights.size()));
  for (std::size_t i = 0; i < n; ++i)
    if (!(weights[i] >= 0.0 && std::isfinite(weights[i])))
      throw Error(what, "finite weights >= 0", std::to_string(weights[i]) + " at index " + std::to_string(i));
}

}  // namespace calibrant::validate
