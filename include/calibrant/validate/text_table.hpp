// Aligned text tables and CSV on any std::ostream, independent of the locale.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/validate/statistics.hpp"

namespace calibrant::validate {

/// Rows of cells under a header, of equal length.
struct TextTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;

  /// Columns aligned to the right, two spaces apart.
  CALIBRANT_COLD void print(std::ostream& out) const {
    const auto cells_of = [&](std::size_t line) -> const std::vector<std::string>& {
      return line == 0 ? header : rows[line - 1];
    };
    std::vector<std::size_t> width(header.size(), 0);
    for (std::size_t line = 0; line <= rows.size(); ++line) {
      const std::vector<std::string>& cells = cells_of(line);
      for (std::size_t i = 0; i < cells.size(); ++i) width[i] = std::max(width[i], cells[i].size());
    }
    for (std::size_t line = 0; line <= rows.size(); ++line) {
      const std::vector<std::string>& cells = cells_of(line);
      std::string text;
      for (std::size_t i = 0; i < cells.size(); ++i) {
        text.append(width[i] - cells[i].size() + (i > 0 ? 2 : 0), ' ');
        text += cells[i];
      }
      out << text << '\n';
    }
  }

  /// @throws Error if the stream cannot take it.
  CALIBRANT_COLD void write_csv(std::ostream& out) const {
    const auto write = [&](const std::vector<std::string>& row) {
      for (std::size_t i = 0; i < row.size(); ++i) out << (i > 0 ? "," : "") << row[i];
      out << '\n';
    };
    write(header);
    for (const auto& row : rows) write(row);
    out.flush();
    if (!out) throw Error("writing CSV", "a stream that takes it", "a failed stream (disk full, or not open?)");
  }
};

/// Fixed number of decimals; "-" for NaN.
inline CALIBRANT_COLD std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return "-";
  std::array<char, 400> buffer;  // 309 digits before the point of the largest double
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed,
                                 std::min(decimals, 60));
  return std::string(buffer.data(), end.ptr);
}

/// Six significant digits at most, in the shorter of the usual forms: for bin edges.
inline CALIBRANT_COLD std::string general(double value) {
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 6);
  return std::string(buffer.data(), end.ptr);
}

/// The shortest text that reads back as the same number; empty for NaN.
inline CALIBRANT_COLD std::string exact(double value) {
  if (std::isnan(value)) return "";
  std::array<char, 64> buffer;
  return std::string(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

/// "0.9985 +- 0.0012"; without the error if that is unknown, "-" for NaN.
inline CALIBRANT_COLD std::string with_error(const Estimate& estimate, int decimals) {
  std::string text = fixed(estimate.value, decimals);
  if (std::isfinite(estimate.value) && std::isfinite(estimate.error)) text += " +- " + fixed(estimate.error, decimals);
  return text;
}

}  // namespace calibrant::validate
