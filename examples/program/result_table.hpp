// A table of results: the same cells as aligned text for people, as CSV for programs and as HTML for a report.
#pragma once

#include <cmath>
#include <cstddef>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/atomic_file.hpp"
#include "calibrant/validate/text_table.hpp"

namespace examples {

/// Text that is safe in HTML.
inline std::string html_escaped(const std::string& text) {
  std::string result;
  for (const char character : text) {
    if (character == '&')
      result += "&amp;";
    else if (character == '<')
      result += "&lt;";
    else if (character == '>')
      result += "&gt;";
    else
      result += character;
  }
  return result;
}

class ResultTable {
 public:
  using Cell = std::variant<std::string, double>;
  struct Column {
    std::string heading;
    int decimals = 0;  ///< of the numbers, for people; CSV has all digits
  };

  ResultTable(std::string title, std::vector<Column> columns)
      : title_(std::move(title)), columns_(std::move(columns)) {}

  /// Counts may be given as they are.
  static Cell count(auto n) { return static_cast<double>(n); }

  /// @throws calibrant::Error unless there is a cell for every column.
  void add_row(std::vector<Cell> cells) {
    if (cells.size() != columns_.size())
      throw calibrant::Error(title_, std::to_string(columns_.size()) + " cells", std::to_string(cells.size()));
    rows_.push_back(std::move(cells));
  }

  const std::string& title() const noexcept { return title_; }

  void print(std::ostream& out) const {
    out << '\n' << title_ << '\n';
    text(&ResultTable::shown).print(out);
  }

  /// @throws calibrant::Error if the file cannot be written.
  void write_csv(const std::string& path) const {
    std::ostringstream out;
    text(&ResultTable::exact).write_csv(out);
    calibrant::io::write_file(path, out.str());
  }

  std::string html() const {
    const auto cells = text(&ResultTable::shown);
    const auto row_of = [](const std::vector<std::string>& row, const std::string& tag) {
      std::string line = "<tr>";
      for (const auto& cell : row) line += "<" + tag + ">" + html_escaped(cell) + "</" + tag + ">";
      return line + "</tr>\n";
    };
    std::string table = "<table>\n" + row_of(cells.header, "th");
    for (const auto& row : cells.rows) table += row_of(row, "td");
    return table + "</table>\n";
  }

 private:
  calibrant::validate::TextTable text(std::string (*format)(double, int)) const {
    calibrant::validate::TextTable table;
    for (const auto& column : columns_) table.header.push_back(column.heading);
    for (const auto& row : rows_) {
      table.rows.emplace_back();
      for (std::size_t i = 0; i < row.size(); ++i) {
        const auto* number = std::get_if<double>(&row[i]);
        table.rows.back().push_back(number ? format(*number, columns_[i].decimals) : std::get<std::string>(row[i]));
      }
    }
    return table;
  }
  static std::string shown(double value, int decimals) {
    return std::isfinite(value) ? calibrant::validate::fixed(value, decimals) : "-";
  }
  static std::string exact(double value, int) { return calibrant::validate::exact(value); }

  std::string title_;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace examples
