#include "calibrant/io/npy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "temporary_folder.hpp"

namespace io = calibrant::io;

namespace {

const std::vector<std::string> names_abc{"a", "b", "c"};

/// An NPY file with any header text; the text is not padded.
std::string npy_file(std::string_view header, std::string_view data, int major = 1) {
  std::string result = std::string("\x93NUMPY") + static_cast<char>(major) + '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) result += static_cast<char>((header.size() >> (8 * i)) & 255u);
  return result + std::string(header) + std::string(data);
}

template <class Value>
std::string bytes_of(const std::vector<Value>& values) {
  std::string result(values.size() * sizeof(Value), '\0');
  std::memcpy(result.data(), values.data(), result.size());
  return result;
}

void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
}

std::string error_of(const std::string& path, std::vector<std::string> names = names_abc) {
  try {
    io::read_npy(path, std::move(names));
  } catch (const calibrant::Error& error) {
    return error.what();
  }
  return "no error";
}

template <class Value>
void check_type(const std::string& path, const char* dtype, const std::vector<Value>& values) {
  CAPTURE(dtype);
  write(path, npy_file("{'descr': '" + std::string(dtype) + "', 'fortran_order': False, 'shape': (2, 3), }\n",
                       bytes_of(values)));
  const auto as_float = io::read_npy<float>(path, names_abc);
  const auto as_double = io::read_npy<double>(path, names_abc);
  REQUIRE(as_float.n_rows() == 2);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(as_float.values()[i] == static_cast<float>(values[i]));
    CHECK(as_double.values()[i] == static_cast<double>(values[i]));
  }
}

}  // namespace

TEST_CASE("every plain type is read as float and as double") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  check_type<float>(path, "<f4", {1.5f, -2.f, 3e38f, 1e-40f, -0.f, 7.f});
  check_type<double>(path, "<f8", {1.1, -2, 3e38, 1e-300, 5, 6});
  check_type<std::int8_t>(path, "|i1", {1, -128, 127, 0, 5, 6});
  check_type<std::int8_t>(path, "<i1", {1, -128, 127, 0, 5, 6});
  check_type<std::int16_t>(path, "<i2", {1, -32768, 32767, 0, 5, 6});
  check_type<std::int32_t>(path, "<i4", {1, -2147483647, 2147483647, 0, 5, 6});
  check_type<std::int64_t>(path, "<i8", {1, -9007199254740993, 9007199254740993, 0, 5, 6});
  check_type<std::uint8_t>(path, "|u1", {1, 255, 127, 0, 5, 6});
  check_type<std::uint8_t>(path, "|b1", {1, 0, 1, 0, 0, 1});
  check_type<std::uint16_t>(path, "<u2", {1, 65535, 127, 0, 5, 6});
  check_type<std::uint32_t>(path, "<u4", {1, 4294967295u, 127, 0, 5, 6});
  check_type<std::uint64_t>(path, "<u8", {1, 18446744073709551615u, 127, 0, 5, 6});
}

TEST_CASE("NaN and infinity are values; a finite double that no float can hold is an error") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  const double infinity = std::numeric_limits<double>::infinity();
  const std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n";
  write(path, npy_file(header, bytes_of<double>({1, std::nan(""), infinity, -infinity, 5, 6})));
  const auto table = io::read_npy(path, names_abc);
  CHECK(std::isnan(table(0, 1)));
  CHECK(table(0, 2) == std::numeric_limits<float>::infinity());
  CHECK(table(1, 0) == -std::numeric_limits<float>::infinity());

  write(path, npy_file(header, bytes_of<double>({1, 2, 3, 4, -1e39, 6})));
  CHECK(error_of(path) ==
        "reading " + path + ": expected values that fit 32-bit floating point, found a larger one in row 1, column 1");
  CHECK(io::read_npy<double>(path, names_abc)(1, 1) == -1e39);
}

TEST_CASE("memory order, dimensions and headers that NumPy and others write") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  const std::string data = bytes_of<float>({1, 2, 3, 4, 5, 6});
  const auto values_of = [&](const std::string& file) {
    write(path, file);
    const auto table = io::read_npy(path, names_abc);
    return std::vector<float>(table.values().begin(), table.values().end());
  };
  const std::vector<float> c_order{1, 2, 3, 4, 5, 6}, fortran_order{1, 3, 5, 2, 4, 6};
  CHECK(values_of(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", data)) == c_order);
  CHECK(values_of(npy_file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", data)) == fortran_order);
  // Any order of keys, no spaces, no trailing comma, other quotes, no newline: allowed by the format, not by xtensor.
  CHECK(values_of(npy_file("{\"shape\":(2,3,),'fortran_order':False,'descr':'<f4'}", data)) == c_order);
  // Header lengths whose low byte is above 127, which xtensor misreads; 4-byte lengths of versions 2 and 3.
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  for (const std::size_t length : {128u, 182u, 255u, 256u, 400u, 40'000u})
    for (const int major : {1, 2, 3})
      CHECK(values_of(npy_file(header + std::string(length - header.size() - 1, ' ') + '\n', data, major)) == c_order);

  write(path, npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", data));
  const auto one_column = io::read_npy(path, {"pt"});
  CHECK(one_column.n_rows() == 6);
  CHECK(one_column(3, 0) == 4.f);
  CHECK(one_column.source() == path);

  write(path, npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }\n", ""));
  CHECK(io::read_npy(path, names_abc).n_rows() == 0);
}

TEST_CASE("a table larger than the reader's blocks") {
  const TemporaryFolder folder;
  std::vector<double> values(3 * 50'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) * 0.25;
  const calibrant::BasicTable<double> table(names_abc, values);
  io::write_npy(folder / "big.npy", table);
  const auto again = io::read_npy<double>(folder / "big.npy");
  CHECK(std::vector<double>(again.values().begin(), again.values().end()) == values);
}

TEST_CASE("a file that is no NPY array of numbers says what it is") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  const std::string data = bytes_of<float>({1, 2, 3, 4, 5, 6});
  const auto check = [&](const std::string& content, const std::string& expected_part) {
    write(path, content);
    const std::string message = error_of(path);
    CAPTURE(message);
    CHECK(message.starts_with("reading " + path + ": expected "));
    CHECK(message.find(expected_part) != std::string::npos);
  };
  const auto header_check = [&](const std::string& header, const std::string& part) {
    check(npy_file(header, data), part);
  };

  CHECK(error_of(folder / "missing.npy").find("No such file or directory") != std::string::npos);
  CHECK(error_of(folder.path()).find("a folder") != std::string::npos);
  check("", "an empty file");
  check("pt,eta\n1,2\n", "'pt,eta?1'");
  check("\x93NUMPY", "a whole NPY header, found a file of 6 bytes");
  check(std::string("\x93NUMPY\x04\0\0\0", 10), "version 1.0, 2.0 or 3.0, found 4.0");
  check(std::string("\x93NUMPY\x01\0\xff\xff{", 11), "a header of 65535 bytes, found a file of 11 bytes");
  check(std::string("\x93NUMPY\x02\0\xff\xff\xff\xff{", 13), "a header of 4294967295 bytes");

  header_check("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", "big-endian");
  header_check("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "Python objects");
  header_check("{'descr': [('pt', '<f4')], 'fortran_order': False, 'shape': (6,), }", "structured dtype");
  for (const char* dtype : {"<f2", "<c8", "<U4", "|S4", "<M8[ns]", "", "f", "<f", "|f4", "<f16", "<x4", "=f4"})
    header_check("{'descr': '" + std::string(dtype) + "', 'fortran_order': False, 'shape': (2, 3), }",
                 "numbers of type f4, f8");

  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "0 dimensions");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", "3 dimensions (1 x 2 x 3)");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", "3 columns (a, b, c), found 2 columns");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", "found 1 columns");
  check(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 0), }", ""), "at least one column");

  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }",
               "3 x 3 values of 4 bytes after the header");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }", "found 24 bytes");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", "found 24 bytes");
  for (const char* shape : {"(4611686018427387906, 3)",  // times 12 bytes is 24 modulo 2^64, what the file has
                            "(18446744073709551615, 3)", "(3, 18446744073709551615)"})
    header_check("{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + ", }", "after the header");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616, 3), }", "64-bit integers");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }", "non-negative");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", "')' in the NPY header");

  header_check("", "'{' in the NPY header, found its end");
  header_check("{", "in the NPY header, found its end");
  header_check("[1]", "'{' in the NPY header");
  header_check("{}", "no 'descr'");
  header_check("{'descr': '<f4', 'shape': (2, 3)}", "no 'fortran_order'");
  header_check("{'descr': '<f4', 'fortran_order': False}", "no 'shape'");
  header_check("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", "a key 'descr'");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", "a key 'more'");
  header_check("{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", "'False' in the NPY header");
  header_check("{'descr': '<f4, }", "a closing quote");
  header_check("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x", "nothing after");
}

TEST_CASE("a file cut anywhere, or with a byte too many, is an error") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  io::write_npy(path, calibrant::Table(names_abc, {1, 2, 3, 4, 5, 6}));
  const std::string whole = io::read_file(path);
  CHECK(whole.size() == 128 + 24);
  CHECK(error_of(path) == "no error");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    write(path, whole.substr(0, length));
    CHECK_THROWS_AS(io::read_npy(path, names_abc), calibrant::Error);
  }
  write(path, whole + "x");
  CHECK_THROWS_AS(io::read_npy(path, names_abc), calibrant::Error);
}

TEST_CASE("an altered header is an error or the same table, never a crash") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  io::write_npy(path, calibrant::Table(names_abc, {1, 2, 3, 4, 5, 6}));
  const std::string whole = io::read_file(path);
  for (std::size_t position = 0; position < 128; ++position)
    for (int flip = 1; flip < 256; flip *= 2) {
      std::string altered = whole;
      altered[position] = static_cast<char>(altered[position] ^ flip);
      write(path, altered);
      bool is_right = true;
      try {
        is_right = io::read_npy(path, names_abc).n_columns() == 3;
      } catch (const calibrant::Error&) {
      }
      CHECK(is_right);
    }
}

TEST_CASE("column names next to the file") {
  const TemporaryFolder folder;
  const std::string path = folder / "A.jets.npy";
  const calibrant::Table table({"true_pt", "reco pt"}, {1.5f, 2.f, 3.f, -0.f});
  io::write_npy(path, table);
  CHECK(folder.names() == std::vector<std::string>{"A.jets.columns.txt", "A.jets.npy"});
  const auto again = io::read_npy(path);
  CHECK(again.names() == table.names());
  CHECK(again(0, 0) == 1.5f);
  CHECK(std::signbit(again(1, 1)));
  CHECK(again.source() == path);

  SUBCASE("shared by the files of a sample, with any line ends") {
    std::filesystem::remove(folder / "A.jets.columns.txt");
    write(folder / "A.columns.txt", "x \r\ny\r\n\n");
    CHECK(io::read_npy(path).names() == std::vector<std::string>{"x", "y"});
  }
  SUBCASE("none") {
    std::filesystem::remove(folder / "A.jets.columns.txt");
    CHECK_THROWS_WITH_AS(
        io::read_npy(path),
        doctest::Contains((folder / "A.jets.columns.txt or " + folder.path() + "/A.columns.txt").c_str()),
        calibrant::Error);
  }
  SUBCASE("empty, repeated, missing in the middle, or too many") {
    for (const char* names : {"", "\n\n", "x\nx\n", "x\n\ny\n", "x\ny\nz\n"}) {
      CAPTURE(names);
      write(folder / "A.jets.columns.txt", names);
      CHECK_THROWS_AS(io::read_npy(path), calibrant::Error);
    }
  }
  SUBCASE("missing data") {
    CHECK_THROWS_WITH_AS(io::read_npy(folder / "B.npy"), doctest::Contains("B.npy: expected a readable file"),
                         calibrant::Error);
  }
  SUBCASE("names that would not survive") {
    for (const char* name : {"two\nlines", "end ", "return\r"})
      CHECK_THROWS_AS(io::write_npy(path, calibrant::Table({name}, {1.f})), calibrant::Error);
    CHECK_THROWS_AS(io::write_npy(path, calibrant::Table()), calibrant::Error);
  }
}

TEST_CASE("the folder of a file is not taken for its sample name") {
  CHECK(io::npy_names_paths("run.2/jets.npy") == std::vector<std::string>{"run.2/jets.columns.txt"});
  CHECK(io::npy_names_paths("A.jets.npy") == std::vector<std::string>{"A.jets.columns.txt", "A.columns.txt"});
}
