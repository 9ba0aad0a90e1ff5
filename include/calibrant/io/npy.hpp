// NumPy's NPY files (format: NEP 1, numpy.lib.format) as named tables, through xtensor's reader. That reader trusts the
// header: it allocates what the shape says, ignores a short read, needs the keys in one order and misreads some header
// lengths. So the header and the file size are checked here first, and xtensor is shown a header it understands.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <istream>
#include <limits>
#include <optional>
#include <span>
#include <streambuf>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/atomic_file.hpp"
#include "calibrant/io/excerpt.hpp"
#include "calibrant/io/read_file.hpp"
#include "calibrant/io/table.hpp"
#include "calibrant/io/xtensor_npy.hpp"

namespace calibrant::io {

static_assert(std::endian::native == std::endian::little, "calibrant reads and writes little-endian files in place");

/// What the header of an NPY file says, checked against the size of the file.
struct NpyHeader {
  std::string dtype;  ///< one of f4 f8 i1 i2 i4 i8 u1 u2 u4 u8, little-endian; NumPy's bool is u1
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;  ///< one or two dimensions
  std::uint64_t data_offset = 0;     ///< where the values begin in the file

  std::uint64_t n_rows() const noexcept { return shape[0]; }
  std::uint64_t n_columns() const noexcept { return shape.size() == 2 ? shape[1] : 1; }
  std::uint64_t value_size() const noexcept { return static_cast<std::uint64_t>(dtype[1] - '0'); }
};

/// Parser of the header's Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, in any order.
class NpyHeaderParser {
 public:
  NpyHeaderParser(std::string where, std::string_view text) : where_(std::move(where)), rest_(text) {}

  NpyHeader parse() {
    std::optional<std::string> dtype;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::uint64_t>> shape;
    require("{");
    while (!accept("}")) {
      const std::string_view key = string();
      require(":");
      if (key == "descr" && !dtype)
        dtype = parse_dtype();
      else if (key == "fortran_order" && !fortran_order)
        fortran_order = boolean();
      else if (key == "shape" && !shape)
        shape = tuple();
      else
        throw Error(where_, "the header keys 'descr', 'fortran_order' and 'shape', once each", "a key " + excerpt(key));
      if (!accept(",")) {
        require("}");
        break;
      }
    }
    skip_space();
    if (!rest_.empty()) throw Error(where_, "nothing after the header's '}'", excerpt(rest_));
    if (!dtype || !fortran_order || !shape)
      throw Error(where_, "the header keys 'descr', 'fortran_order' and 'shape'",
                  std::string("no ") + (!dtype           ? "'descr'"
                                        : !fortran_order ? "'fortran_order'"
                                                         : "'shape'"));
    return {std::move(*dtype), *fortran_order, std::move(*shape), 0};
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }

  bool accept(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  void require(std::string_view token) {
    if (!accept(token))
      throw Error(where_, "'" + std::string(token) + "' in the NPY header", rest_.empty() ? "its end" : excerpt(rest_));
  }

  std::string_view string() {
    const bool is_double = accept("\"");
    if (!is_double) require("'");
    const std::size_t end = rest_.find(is_double ? '"' : '\'');
    if (end == std::string_view::npos) throw Error(where_, "a closing quote in the NPY header", excerpt(rest_));
    const std::string_view result = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return result;
  }

  bool boolean() {
    if (accept("True")) return true;
    require("False");
    return false;
  }

  std::string parse_dtype() {
    constexpr std::string_view supported = "numbers of type f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or b1";
    if (accept("[")) throw Error(where_, supported, "a structured dtype (fields with names)");
    const std::string_view text = string();
    if (text.size() == 3 && text[0] == '>')
      throw Error(where_, supported, excerpt(text) + " (big-endian; convert with array.astype('<f4'))");
    if (text == "|O") throw Error(where_, supported, "'|O' (Python objects)");
    if (text == "|b1" || text == "?") return "u1";
    const std::string_view type = text.substr(text.empty() ? 0 : 1);
    constexpr std::array<std::string_view, 10> known{"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"};
    if (text.size() != 3 || (text[0] != '<' && !(text[0] == '|' && text[2] == '1')) ||
        std::find(known.begin(), known.end(), type) == known.end())
      throw Error(where_, supported, excerpt(text));
    return std::string(type);
  }

  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> result;
    require("(");
    while (!accept(")")) {
      skip_space();
      std::uint64_t size = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc()) throw Error(where_, "a shape of non-negative 64-bit integers", excerpt(rest_));
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      result.push_back(size);
      if (!accept(",")) {
        require(")");
        break;
      }
    }
    return result;
  }

  std::string where_;
  std::string_view rest_;
};

/// Reads the header from the begin of an NPY stream of `size` bytes and checks it against that size.
/// @throws Error if this is no whole NPY file of a plain little-endian numeric type with one or two dimensions.
inline NpyHeader read_npy_header(std::istream& stream, std::uint64_t size, const std::string& where) {
  const auto read = [&](std::uint64_t count) {
    std::string bytes(static_cast<std::size_t>(count), '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(count));
    if (!stream) throw Error(where, "to read the NPY header", "a read error");
    return bytes;
  };
  const std::string start = read(std::min<std::uint64_t>(size, 8));
  if (!start.starts_with("\x93NUMPY"))
    throw Error(where, "an NPY file (it starts with \\x93NUMPY)",
                start.empty() ? "an empty file" : "the first bytes " + excerpt(start));
  const unsigned major = start.size() == 8 ? static_cast<unsigned char>(start[6]) : 0u;
  if (start.size() == 8 && (major < 1 || major > 3 || start[7] != 0))
    throw Error(where, "NPY format version 1.0, 2.0 or 3.0",
                std::to_string(major) + "." + std::to_string(static_cast<unsigned char>(start[7])));
  const std::uint64_t length_size = major == 1 ? 2 : 4;
  if (size < 8 + length_size) throw Error(where, "a whole NPY header", "a file of " + std::to_string(size) + " bytes");
  std::uint64_t length = 0;
  const std::string digits = read(length_size);
  for (std::size_t i = 0; i < digits.size(); ++i)
    length |= std::uint64_t{static_cast<unsigned char>(digits[i])} << (8 * i);
  const std::uint64_t data_offset = 8 + length_size + length;
  if (data_offset > size)
    throw Error(where, "a header of " + std::to_string(length) + " bytes",
                "a file of " + std::to_string(size) + " bytes");

  NpyHeader header = NpyHeaderParser(where, read(length)).parse();
  header.data_offset = data_offset;

  std::string shape;
  for (const std::uint64_t extent : header.shape) shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
  if (header.shape.size() != 1 && header.shape.size() != 2)
    throw Error(where, "an array with 1 or 2 dimensions",
                std::to_string(header.shape.size()) + " dimensions" + (shape.empty() ? "" : " (" + shape + ")"));
  // Division, not multiplication: the product of an absurd shape may not fit 64 bits.
  const std::uint64_t n_fitting = (size - data_offset) / header.value_size();
  const bool is_empty = header.n_rows() == 0 || header.n_columns() == 0;
  const bool fits = is_empty || header.n_rows() <= n_fitting / header.n_columns();
  if (!fits || header.n_rows() * header.n_columns() * header.value_size() != size - data_offset)
    throw Error(where, shape + " values of " + std::to_string(header.value_size()) + " bytes after the header",
                std::to_string(size - data_offset) + " bytes");
  return header;
}

/// The header that NumPy itself writes for a plain array, 128 bytes with magic, version and length.
inline std::string npy_header(const NpyHeader& header) {
  std::string text = "{'descr': '" + std::string(header.value_size() == 1 ? "|" : "<") + header.dtype +
                     "', 'fortran_order': " + (header.fortran_order ? "True" : "False") + ", 'shape': (";
  for (const std::uint64_t extent : header.shape) text += std::to_string(extent) + ", ";
  text.resize(text.size() - (header.shape.size() == 1 ? 1 : 2));
  text += "), }";
  constexpr std::size_t length = 128 - 10;
  text.resize(length - 1, ' ');
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(length) + '\0' + text + '\n';
}

/// A stream buffer that gives a header and then the rest of another stream.
class StreamWithHeader final : public std::streambuf {
 public:
  StreamWithHeader(std::string header, std::istream& rest) : block_(std::move(header)), rest_(&rest) { expose(); }

 private:
  int_type underflow() override {
    block_.resize(std::size_t{1} << 16);
    rest_->read(block_.data(), static_cast<std::streamsize>(block_.size()));
    block_.resize(static_cast<std::size_t>(rest_->gcount()));
    expose();
    return block_.empty() ? traits_type::eof() : traits_type::to_int_type(block_.front());
  }
  void expose() { setg(block_.data(), block_.data(), block_.data() + block_.size()); }

  std::string block_;
  std::istream* rest_;
};

/// Converts values of one type, as they lie in the file, to `Scalar` in row-major order.
/// @return the index of a finite value that Scalar cannot hold, or result.size().
template <class Value, class Scalar>
std::size_t convert_npy_values(const std::uint8_t* bytes, const NpyHeader& header,
                               std::vector<Scalar>& result) noexcept {
  const auto n_rows = static_cast<std::size_t>(header.n_rows());
  const auto n_columns = static_cast<std::size_t>(header.n_columns());
  const std::size_t row_stride = header.fortran_order ? 1 : n_columns;
  const std::size_t column_stride = header.fortran_order ? n_rows : 1;
  std::size_t n_done = 0;
  for (std::size_t row = 0; row < n_rows; ++row)
    for (std::size_t column = 0; column < n_columns; ++column, ++n_done) {
      Value value;
      std::memcpy(&value, bytes + sizeof(Value) * (row * row_stride + column * column_stride), sizeof(Value));
      if constexpr (std::is_floating_point_v<Value> && sizeof(Value) > sizeof(Scalar)) {
        constexpr auto largest = static_cast<Value>(std::numeric_limits<Scalar>::max());
        if (std::abs(value) > largest && std::abs(value) <= std::numeric_limits<Value>::max()) return n_done;
      }
      result[n_done] = static_cast<Scalar>(value);
    }
  return n_done;
}

/// The values behind a checked header, by xtensor's reader, as `Scalar` in row-major order.
/// @throws Error if the file became shorter, or a finite value is outside the range of Scalar.
template <class Scalar>
std::vector<Scalar> read_npy_values(std::istream& stream, const NpyHeader& header, const std::string& where) {
  // xtensor is asked for bytes: its reader for each of the ten types would cost two seconds of compile time.
  const std::uint64_t n_values = header.n_rows() * header.n_columns();
  StreamWithHeader buffer(npy_header({"u1", false, {n_values * header.value_size()}, 0}), stream);
  std::istream whole(&buffer);
  const auto bytes = xt::load_npy<std::uint8_t>(whole);
  if (!whole) throw Error(where, "all its values", "a file that became shorter while it was read");

  std::vector<Scalar> result(static_cast<std::size_t>(n_values));
  std::size_t n_done = 0;
  const auto convert = [&]<class Value>(std::string_view dtype, std::type_identity<Value>) {
    if (header.dtype == dtype) n_done = convert_npy_values<Value>(bytes.data(), header, result);
  };
  convert("f4", std::type_identity<float>());
  convert("f8", std::type_identity<double>());
  convert("i1", std::type_identity<std::int8_t>());
  convert("i2", std::type_identity<std::int16_t>());
  convert("i4", std::type_identity<std::int32_t>());
  convert("i8", std::type_identity<std::int64_t>());
  convert("u1", std::type_identity<std::uint8_t>());
  convert("u2", std::type_identity<std::uint16_t>());
  convert("u4", std::type_identity<std::uint32_t>());
  convert("u8", std::type_identity<std::uint64_t>());
  if (n_done < result.size())
    throw Error(where, "values that fit " + std::to_string(8 * sizeof(Scalar)) + "-bit floating point",
                "a larger one in row " + std::to_string(n_done / header.n_columns()) + ", column " +
                    std::to_string(n_done % header.n_columns()));
  return result;
}

/// Reads an NPY file of one (a single column) or two dimensions (rows, columns), of any plain little-endian numeric
/// type and either memory order, into a table of `Scalar`; integers above 2^24 (float) or 2^53 (double) are rounded.
/// @param names  a name for every column, in order.
/// @throws Error, with what was expected and found, for anything but a whole such file, before its values are touched;
///         and for finite values outside the range of Scalar.
template <class Scalar = float>
BasicTable<Scalar> read_npy(const std::string& path, std::vector<std::string> names) {
  static_assert(std::is_floating_point_v<Scalar>, "read_npy<Scalar>: a table holds float or double");
  const std::string where = "reading " + path;
  const std::uint64_t size = file_size(path);
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Error(where, "a readable file", system_message(errno));
  const NpyHeader header = read_npy_header(stream, size, where);

  if (header.n_columns() == 0) throw Error(where, "at least one column", "an array without columns");
  if (header.n_columns() != names.size()) {
    std::string list;
    for (const auto& name : names) list += (list.empty() ? " (" : ", ") + name;
    throw Error(where, std::to_string(names.size()) + " columns" + list + (list.empty() ? "" : ")"),
                std::to_string(header.n_columns()) + " columns in the file");
  }
  return BasicTable<Scalar>(std::move(names), read_npy_values<Scalar>(stream, header, where), path);
}

/// Where the column names of an NPY file may stand: for `X.jets.npy`, `X.jets.columns.txt` and then `X.columns.txt`.
inline std::vector<std::string> npy_names_paths(const std::string& path) {
  const std::size_t name_begin = path.rfind('/') + 1;  // npos + 1 is 0
  std::string stem = path.ends_with(".npy") ? path.substr(0, path.size() - 4) : path;
  std::vector<std::string> result{stem + ".columns.txt"};
  if (const std::size_t dot = stem.rfind('.'); dot != std::string::npos && dot > name_begin)
    result.push_back(stem.substr(0, dot) + ".columns.txt");
  return result;
}

/// Reads an NPY file whose column names stand in a file next to it, one a line (see npy_names_paths).
/// @throws Error as above, and if there is no such file.
template <class Scalar = float>
BasicTable<Scalar> read_npy(const std::string& path) {
  file_size(path);  // A missing data file is the first thing to report.
  const std::vector<std::string> candidates = npy_names_paths(path);
  const auto found = std::find_if(candidates.begin(), candidates.end(), file_exists);
  if (found == candidates.end()) {
    std::string list;
    for (const auto& candidate : candidates) list += (list.empty() ? "" : " or ") + candidate;
    throw Error("reading " + path, "the names of its columns as an argument or in " + list, "no such file");
  }
  const std::string text = read_file(*found);
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line(text.data() + begin, end - begin);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    names.emplace_back(line);
    begin = end + 1;
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  if (names.empty()) throw Error("reading " + *found, "a column name on every line", "no name");
  return read_npy<Scalar>(path, std::move(names));
}

/// Writes the values as a C-ordered NPY file, atomically, after the names in `<path without .npy>.columns.txt`, so that
/// read_npy(path) gives the same table. @throws Error if either cannot be written, or a name has more than one line.
template <class Scalar>
void write_npy(const std::string& path, const BasicTable<Scalar>& table) {
  static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>);
  std::string names;
  for (const auto& name : table.names()) {
    if (name.find_first_of("\r\n") != std::string::npos || name.back() == ' ' || name.back() == '\t')
      throw Error("writing " + path, "names of one line that do not end in a blank", excerpt(name));
    names += name + "\n";
  }
  if (names.empty()) throw Error("writing " + path, "a table with columns", "an empty table");
  write_file(npy_names_paths(path).front(), names);
  AtomicFile file(path);
  file.write(npy_header({sizeof(Scalar) == 4 ? "f4" : "f8",
                         false,
                         {static_cast<std::uint64_t>(table.n_rows()), static_cast<std::uint64_t>(table.n_columns())}}));
  file.write(std::as_bytes(table.values()));
  file.commit();
}

}  // namespace calibrant::io
