// The one exception type of the library, and the status that a calibrated value carries.
// Wrong use throws before any work is lost; bad numbers in the hot path never throw, they get a status.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "calibrant/core/compiler.hpp"

namespace calibrant {

/// Thrown for wrong use: bad data, bad options, bad files. The message says what was expected and what was found.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  /// @param where     what was being done, on what: "reading jets.npy", "Dataset, row 17, column 'rho'".
  /// @param expected  what the library needs there.
  /// @param found     what was there instead.
  CALIBRANT_COLD Error(std::string_view where, std::string_view expected, std::string_view found)
      : std::runtime_error(std::string(where) + ": expected " + std::string(expected) + ", found " +
                           std::string(found)) {}
};

/// What happened to one calibrated value. Everything but `ok` is a reason to look at it.
enum class Status : std::uint8_t {
  ok,                ///< solved inside the trained range
  extrapolated_low,  ///< y below the response at the lower edge of the trained range; the extrapolation policy answered
  extrapolated_high,  ///< y above the response at the upper edge of the trained range; the extrapolation policy
                      ///< answered
  clamped,         ///< a feature was outside its trained range and was moved to its edge, or a policy limited the value
  not_invertible,  ///< the response is flat, falling or not finite where the solution should be; the value is NaN
  invalid_input,   ///< y or a feature is NaN or infinite; the value is NaN
  out_of_range,    ///< a feature was outside its trained range and is to be rejected there; the value is NaN
};
inline constexpr int n_statuses = 7;

/// Name of a status, as in the enumeration.
constexpr std::string_view to_string(Status status) noexcept {
  switch (status) {
    case Status::ok: return "ok";
    case Status::extrapolated_low: return "extrapolated_low";
    case Status::extrapolated_high: return "extrapolated_high";
    case Status::clamped: return "clamped";
    case Status::not_invertible: return "not_invertible";
    case Status::invalid_input: return "invalid_input";
    case Status::out_of_range: return "out_of_range";
  }
  return "unknown";
}

/// How bad a status is, 0 for ok: the order in which a Calibration looks for them, from the last to the first.
constexpr int severity(Status status) noexcept {
  switch (status) {
    case Status::ok: return 0;
    case Status::clamped: return 1;
    case Status::extrapolated_low:
    case Status::extrapolated_high: return 2;
    case Status::not_invertible: return 3;
    case Status::out_of_range: return 4;
    case Status::invalid_input: return 5;
  }
  return 6;
}

/// The status of what has all of these flaws, or none.
constexpr Status worst_of(bool invalid, bool rejected, bool failed, bool below, bool above, bool clamped) noexcept {
  if (invalid) return Status::invalid_input;
  if (rejected) return Status::out_of_range;
  if (failed) return Status::not_invertible;
  if (below) return Status::extrapolated_low;
  if (above) return Status::extrapolated_high;
  return clamped ? Status::clamped : Status::ok;
}

/// The worse of two; the first if they are as bad.
constexpr Status worse(Status first, Status second) noexcept {
  return severity(second) > severity(first) ? second : first;
}

/// Names with commas between them, for messages.
template <class Names>
CALIBRANT_COLD std::string joined(const Names& names) {
  std::string result;
  for (const std::string& name : names) result += (result.empty() ? "" : ", ") + name;
  return result;
}

}  // namespace calibrant
