// Tables as delimited text: a row of column names, then numbers. Quotes in the names as in RFC 4180; lines that start
// with '#' are comments. Numbers are parsed and printed by <charconv>: no locale, exact round trip.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/atomic_file.hpp"
#include "calibrant/io/excerpt.hpp"
#include "calibrant/io/read_file.hpp"
#include "calibrant/io/table.hpp"

namespace calibrant::io {

struct CsvOptions {
  char delimiter = ',';  ///< also good: ';', '\t', '|', ' ' (one space between two fields)
};

/// @throws Error if the delimiter could be part of a number, a name or a line end.
inline void check_delimiter(char delimiter, const std::string& where) {
  constexpr std::string_view impossible = "\"'#+-._\r\n";
  const bool is_alphanumeric = (delimiter >= '0' && delimiter <= '9') || (delimiter >= 'a' && delimiter <= 'z') ||
                               (delimiter >= 'A' && delimiter <= 'Z');
  if (is_alphanumeric || delimiter == '\0' || impossible.find(delimiter) != std::string_view::npos)
    throw Error(where, "a delimiter that cannot be part of a number or a name",
                excerpt(std::string_view(&delimiter, 1)));
}

/// Reader of one text; `where` names it in messages.
template <class Scalar>
class CsvParser {
 public:
  CsvParser(std::string where, std::string_view text, CsvOptions options)
      : where_(std::move(where)), rest_(text), delimiter_(options.delimiter) {
    check_delimiter(delimiter_, where_);
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);  // the byte order mark of some spreadsheets
  }

  BasicTable<Scalar> parse(const std::string& source) {
    std::string_view line;
    do {
      if (!next_line(line)) throw Error(where_, "a row of column names", "no line with text");
    } while (is_blank(line));
    parse_names(line);

    // Every value takes two bytes at least, so a file of blank lines cannot ask for absurd room.
    const std::size_t n_lines = 1 + static_cast<std::size_t>(std::count(rest_.begin(), rest_.end(), '\n'));
    values_.reserve(std::min(n_lines * names_.size(), rest_.size() / 2 + 1));
    std::size_t first_blank = 0;
    while (next_line(line)) {
      if (is_blank(line)) {
        if (first_blank == 0) first_blank = line_number_;
        continue;
      }
      if (first_blank != 0) throw Error(at_line(first_blank), "values, or only blank lines to the end", "a blank line");
      parse_row(line);
    }
    if (values_.empty()) throw Error(where_, "rows of values after the column names", "none");
    return BasicTable<Scalar>(std::move(names_), std::move(values_), source);
  }

 private:
  std::string at_line(std::size_t number) const { return where_ + ", line " + std::to_string(number); }

  bool is_space(char character) const { return (character == ' ' || character == '\t') && character != delimiter_; }
  bool is_blank(std::string_view line) const { return line.find_first_not_of(" \t") == std::string_view::npos; }

  std::string_view trimmed(std::string_view text) const {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
  }

  /// The next line that is no comment, without its end. @return false at the end of the text.
  bool next_line(std::string_view& line) {
    do {
      if (rest_.empty()) return false;
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      line = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++line_number_;
    } while (line.starts_with('#'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return true;
  }

  void parse_names(std::string_view line) {
    const std::string_view whole = line;
    for (bool more = true; more;) {
      while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
      std::string name;
      if (line.starts_with('"')) {
        name = quoted_name(line);
      } else {
        const std::string_view text = trimmed(line.substr(0, line.find(delimiter_)));
        Scalar number{};
        if (read_number(text.data(), text.data() + text.size(), number) == text.data() + text.size() && !text.empty())
          throw Error(at_line(line_number_), "a row of column names (quoted, if they are numbers)",
                      "the number " + excerpt(text));
        name = text;
        line.remove_prefix(std::min(line.find(delimiter_), line.size()));
      }
      if (name.empty())
        throw Error(at_line(line_number_), "a name for every column",
                    "no name for column " + std::to_string(names_.size() + 1) + " in " + excerpt(whole));
      if (std::find(names_.begin(), names_.end(), name) != names_.end())
        throw Error(at_line(line_number_), "different column names", excerpt(name) + " twice");
      names_.push_back(std::move(name));
      more = !line.empty();
      if (more) line.remove_prefix(1);
    }
  }

  /// Takes a quoted name and the space behind it off the line; two quotes stand for one.
  std::string quoted_name(std::string_view& line) const {
    const std::string_view whole = line;
    std::string name;
    for (;;) {
      line.remove_prefix(1);
      const std::size_t end = line.find('"');
      if (end == std::string_view::npos)
        throw Error(at_line(line_number_), "a closing quote in the same line", excerpt(whole));
      name += line.substr(0, end);
      line.remove_prefix(end + 1);
      if (!line.starts_with('"')) break;
      name += '"';
    }
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    if (!line.empty() && line.front() != delimiter_)
      throw Error(at_line(line_number_), "a delimiter after the quoted name " + excerpt(name), excerpt(line));
    return name;
  }

  void parse_row(std::string_view line) {
    const char* position = line.data();
    const char* const end = position + line.size();
    for (std::size_t column = 0; column < names_.size(); ++column) {
      const char* const begin = position;
      while (position != end && is_space(*position)) ++position;
      Scalar value{};
      const char* after = read_number(position, end, value);
      if (after == position) fail_number(begin, end, column);
      while (after != end && is_space(*after)) ++after;
      if (after != end && *after != delimiter_) fail_number(begin, end, column);
      if ((after == end) != (column + 1 == names_.size())) fail_length(line);
      values_.push_back(value);
      position = after == end ? end : after + 1;
    }
  }

  /// Reads a number as the nearest Scalar; decimals below its range become zero.
  /// @return the end of the number, or `begin` if there is none or it is beyond the range.
  static const char* read_number(const char* begin, const char* end, Scalar& value) {
    const char* const digits = begin != end && *begin == '+' && begin + 1 != end && begin[1] != '-' ? begin + 1 : begin;
    const auto [after, error] = std::from_chars(digits, end, value);
    if (error == std::errc()) return after;
    if (error != std::errc::result_out_of_range || decimal_magnitude(digits, after) > 0) return begin;
    value = *digits == '-' ? -Scalar{0} : Scalar{0};
    return after;
  }

  /// The power of ten of a number that from_chars found to be out of range; only its sign counts.
  static long long decimal_magnitude(const char* begin, const char* end) {
    constexpr long long largest = std::numeric_limits<long long>::max() / 2;
    long long magnitude = 0;
    bool is_fraction = false, is_significant = false;
    for (; begin != end && *begin != 'e' && *begin != 'E'; ++begin) {
      is_fraction = is_fraction || *begin == '.';
      is_significant = is_significant || (*begin >= '1' && *begin <= '9');
      if (*begin != '.' && *begin != '-' && is_significant != is_fraction) magnitude += is_significant ? 1 : -1;
    }
    long long exponent = 0;
    if (begin != end) ++begin;
    const bool is_negative = begin != end && *begin == '-';
    if (begin != end && *begin == '+') ++begin;
    if (std::from_chars(begin, end, exponent).ec == std::errc::result_out_of_range)
      exponent = is_negative ? -largest : largest;
    return magnitude + std::clamp(exponent, -largest, largest);
  }

  [[noreturn]] void fail_number(const char* begin, const char* end, std::size_t column) const {
    const std::string_view field = trimmed(std::string_view(begin, std::find(begin, end, delimiter_)));
    Scalar value{};
    const char* const digits = field.data() + (field.starts_with('+') ? 1 : 0);
    const bool is_out_of_range =
        std::from_chars(digits, field.data() + field.size(), value).ec == std::errc::result_out_of_range;
    throw Error(at_line(line_number_) + ", column " + excerpt(names_[column]),
                is_out_of_range ? "a number that fits " + std::to_string(8 * sizeof(Scalar)) + "-bit floating point"
                                : "a number",
                field.empty() ? "an empty field" : excerpt(field));
  }

  [[noreturn]] void fail_length(std::string_view line) const {
    const auto n_fields = 1 + std::count(line.begin(), line.end(), delimiter_);
    throw Error(at_line(line_number_), std::to_string(names_.size()) + " fields",
                std::to_string(n_fields) + " in " + excerpt(line));
  }

  std::string where_;
  std::string_view rest_;
  char delimiter_;
  std::size_t line_number_ = 0;
  std::vector<std::string> names_;
  std::vector<Scalar> values_;
};

/// Reads a table from delimited text: a row of names, then one row of numbers per event; "nan" and "inf" are numbers.
/// Space around fields, CRLF line ends, '#' comment lines and blank lines at the end are accepted.
/// @throws Error with line, column name and the text found, for rows of another length, fields that are no number of
///         Scalar's range, missing or repeated names, and a file without rows.
template <class Scalar = float>
BasicTable<Scalar> read_csv(const std::string& path, CsvOptions options = {}) {
  static_assert(std::is_floating_point_v<Scalar>, "read_csv<Scalar>: a table holds float or double");
  const std::string text = read_file(path);
  if (text.empty()) throw Error("reading " + path, "a row of column names", "an empty file");
  return CsvParser<Scalar>("reading " + path, text, options).parse(path);
}

/// A column name as it stands in a file: in quotes unless it is made of letters, digits and '_' and is no number
/// ("nan").
/// @throws Error if it has more than one line, which read_csv would not take.
inline std::string csv_name(const std::string& name, const std::string& where) {
  if (name.find_first_of("\r\n") != std::string::npos) throw Error(where, "column names of one line", excerpt(name));
  const auto is_plain = [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_';
  };
  double number = 0;
  const bool is_number =
      std::from_chars(name.data(), name.data() + name.size(), number).ptr == name.data() + name.size();
  if (!is_number && std::all_of(name.begin(), name.end(), is_plain)) return name;
  std::string quoted = "\"";
  for (const char character : name) quoted.append(character == '"' ? 2 : 1, character);
  return quoted + '"';
}

/// Writes a table as delimited text, atomically. Every value is the shortest text that reads back to the same bits
/// (NaN apart, which has many). @throws Error if the file cannot be written or a name has more than one line.
template <class Scalar>
void write_csv(const std::string& path, const BasicTable<Scalar>& table, CsvOptions options = {}) {
  const std::string where = "writing " + path;
  if (table.n_columns() == 0) throw Error(where, "a table with columns", "an empty table");
  check_delimiter(options.delimiter, where);
  std::string text;
  for (const auto& name : table.names()) {
    if (!text.empty()) text += options.delimiter;
    text += csv_name(name, where);
  }
  text += '\n';

  constexpr std::size_t block_size = std::size_t{1} << 18;
  AtomicFile file(path);
  for (std::int64_t row = 0; row < table.n_rows(); ++row) {
    std::array<char, 32> digits;  // the shortest text of a double has 24 characters at most
    char separator = '\0';
    for (const Scalar value : table.row(row)) {
      if (separator != '\0') text += separator;
      separator = options.delimiter;
      text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
    }
    text += '\n';
    if (text.size() >= block_size) {
      file.write(text);
      text.clear();
    }
  }
  file.write(text);
  file.commit();
}

}  // namespace calibrant::io
