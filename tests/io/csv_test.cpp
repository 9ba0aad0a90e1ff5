#include "calibrant/io/csv.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/error.hpp"
#include "temporary_folder.hpp"

namespace io = calibrant::io;

namespace {

struct CsvFile {
  TemporaryFolder folder;
  std::string path = folder / "jets.csv";

  template <class Scalar = double>
  calibrant::BasicTable<Scalar> read(const std::string& text, io::CsvOptions options = {}) const {
    std::ofstream(path, std::ios::binary) << text;
    return io::read_csv<Scalar>(path, options);
  }
  /// What the error says after "reading <path>".
  std::string error(const std::string& text, io::CsvOptions options = {}) const {
    try {
      read<float>(text, options);
    } catch (const calibrant::Error& failure) {
      const std::string message = failure.what();
      REQUIRE(message.starts_with("reading " + path));
      return message.substr(("reading " + path).size());
    }
    return "no error";
  }
};

using Names = std::vector<std::string>;

std::vector<double> values(const calibrant::BasicTable<double>& table) {
  return {table.values().begin(), table.values().end()};
}

}  // namespace

TEST_CASE("a table is read") {
  const CsvFile file;
  const auto table = file.read("pt,eta\n1.5,-2\n3e2,+.25\n");
  CHECK(table.names() == Names{"pt", "eta"});
  CHECK(values(table) == std::vector<double>{1.5, -2, 300, 0.25});
  CHECK(table.source() == file.path);
}

TEST_CASE("what other programs write") {
  const CsvFile file;
  const std::vector<double> expected{1, 2, 3, 4};
  CHECK(values(file.read("a,b\r\n1,2\r\n3,4\r\n")) == expected);
  CHECK(values(file.read("a,b\n1,2\n3,4")) == expected);
  CHECK(values(file.read("\xEF\xBB\xBF"
                         "a,b\n1,2\n3,4\n\n \t\n\r\n")) == expected);
  CHECK(values(file.read("# made today\n\na,b\n1,2\n#1,x\n3,4\n# end\n\n#")) == expected);
  CHECK(values(file.read("  a , b \n 1 , 2\t\n\t3,4\n")) == expected);
  CHECK(file.read("  a , b \n1,2\n").names() == Names{"a", "b"});
  CHECK(values(file.read("a;b\n1;2\n3;4\n", {.delimiter = ';'})) == expected);
  CHECK(values(file.read("a\tb\n1\t2\n3\t 4\n", {.delimiter = '\t'})) == expected);
  CHECK(values(file.read("a b\n1 2\n3 4\n", {.delimiter = ' '})) == expected);
  CHECK(values(file.read("x\n1\n2\n3\n4\n")) == expected);
  CHECK(file.read("\"a,b\", \"say \"\"hi\"\"\" ,\"\"\"\", c d ,\"1\"\n1,2,3,4,5\n").names() ==
        Names{"a,b", "say \"hi\"", "\"", "c d", "1"});
}

TEST_CASE("NaN and infinity are values") {
  const CsvFile file;
  const auto table = file.read("a,b,c,d,e\nnan,NaN,inf,-Inf,+infinity\n");
  CHECK(std::isnan(table(0, 0)));
  CHECK(std::isnan(table(0, 1)));
  CHECK(table(0, 2) == std::numeric_limits<double>::infinity());
  CHECK(table(0, 3) == -std::numeric_limits<double>::infinity());
  CHECK(table(0, 4) == std::numeric_limits<double>::infinity());
}

TEST_CASE("numbers at and beyond the ends of the range") {
  const CsvFile file;
  const auto as_float = [&](const std::string& text) { return file.read<float>("a\n" + text + "\n")(0, 0); };
  CHECK(as_float("3.4028235e38") == std::numeric_limits<float>::max());
  CHECK(as_float("1e-45") == std::numeric_limits<float>::denorm_min());
  CHECK(file.read("a\n4.9406564584124654e-324\n")(0, 0) == std::numeric_limits<double>::denorm_min());
  // Below the range a decimal is nearest to zero; its sign is kept.
  for (const char* text : {"1e-60", "0.1e-400", "123456e-500", "1e-99999999999999999999", "0.000001E-60"}) {
    CAPTURE(text);
    CHECK(as_float(text) == 0.f);
    CHECK_FALSE(std::signbit(as_float(text)));
    CHECK(std::signbit(as_float(std::string("-") + text)));
    CHECK(as_float(std::string("+") + text) == 0.f);
  }
  CHECK(as_float("0." + std::string(400, '0') + "1") == 0.f);
  CHECK(as_float("0." + std::string(400, '0') + "1e401") == 1.f);
  for (const char* text : {"1e39", "-4e38", "1e400", "0.001e400", "123456e500", "1e99999999999999999999", "+1E+60"}) {
    CAPTURE(text);
    CHECK(file.error("a\n" + std::string(text) + "\n") ==
          ", line 2, column 'a': expected a number that fits 32-bit floating point, found '" + std::string(text) + "'");
  }
  CHECK(file.error("a\n1" + std::string(400, '0') + "\n").find("a number that fits") != std::string::npos);
}

TEST_CASE("bad fields are named by line, column and text") {
  const CsvFile file;
  CHECK(file.error("pt,eta\n1,2\n3,x4\n") == ", line 3, column 'eta': expected a number, found 'x4'");
  CHECK(file.error("# comment\npt,eta\n#\n1.5x,2\n") == ", line 4, column 'pt': expected a number, found '1.5x'");
  CHECK(file.error("pt,eta\n,2\n") == ", line 2, column 'pt': expected a number, found an empty field");
  CHECK(file.error("pt,eta\n1, \n") == ", line 2, column 'eta': expected a number, found an empty field");
  CHECK(file.error("pt,eta\n1,2 3\n") == ", line 2, column 'eta': expected a number, found '2 3'");
  for (const char* text : {"+", "-", "+-1", "--1", ".", "e5", "0x", "1,5", "\"1\"", "none", "1e5.0", "1_000", "1f"}) {
    CAPTURE(text);
    CHECK(file.error("pt\n" + std::string(text) + "\n") != "no error");
  }
  CHECK(file.error("a\n" + std::string(1000, 'z')) ==
        ", line 2, column 'a': expected a number, found '" + std::string(40, 'z') + "...'");
  CHECK(file.error(std::string("a\n\x1b\0\n", 5)) ==
        ", line 2, column 'a': expected a number, found '" + std::string(2, '?') + "'");
}

TEST_CASE("rows of another length") {
  const CsvFile file;
  CHECK(file.error("a,b,c\n1,2,3\n4,5\n") == ", line 3: expected 3 fields, found 2 in '4,5'");
  CHECK(file.error("a,b\n1,2,3\n") == ", line 2: expected 2 fields, found 3 in '1,2,3'");
  CHECK(file.error("a,b\n1,2,\n") == ", line 2: expected 2 fields, found 3 in '1,2,'");
  CHECK(file.error("a,b\n1,2\n\n3,4\n") ==
        ", line 3: expected values, or only blank lines to the end, found a blank line");
  CHECK(file.error("a;b\n1;2\n") == ", line 2, column 'a;b': expected a number, found '1;2'");
}

TEST_CASE("bad names") {
  const CsvFile file;
  CHECK(file.error("a,b,a\n1,2,3\n") == ", line 1: expected different column names, found 'a' twice");
  CHECK(file.error("a,\"a\"\n1,2\n") == ", line 1: expected different column names, found 'a' twice");
  CHECK(file.error("a,,c\n1,2,3\n") ==
        ", line 1: expected a name for every column, found no name for column 2 in 'a,,c'");
  CHECK(file.error("a,\n1,2\n").find("no name for column 2") != std::string::npos);
  CHECK(file.error("\"\"\n1\n").find("no name for column 1") != std::string::npos);
  CHECK(file.error("\"a\n1\n").find("a closing quote") != std::string::npos);
  CHECK(file.error("\"a\"b,c\n1,2\n").find("a delimiter after the quoted name 'a'") != std::string::npos);
  CHECK(file.error("1.5,2\n3,4\n") ==
        ", line 1: expected a row of column names (quoted, if they are numbers), found the number '1.5'");
}

TEST_CASE("no table at all") {
  const CsvFile file;
  CHECK(file.error("") == ": expected a row of column names, found an empty file");
  CHECK(file.error("\n\n# nothing\n") == ": expected a row of column names, found no line with text");
  CHECK(file.error("a,b\n") == ": expected rows of values after the column names, found none");
  CHECK(file.error("a,b\n\n#\n") == ": expected rows of values after the column names, found none");
  // Many columns and many lines must not ask for the product of both.
  std::string wide = "c0";
  for (int i = 1; i < 3000; ++i) wide += ",c" + std::to_string(i);
  CHECK(file.error(wide + std::string(100'000, '\n')) ==
        ": expected rows of values after the column names, found none");
  CHECK_THROWS_WITH_AS(io::read_csv(file.folder / "missing.csv"), doctest::Contains("No such file or directory"),
                       calibrant::Error);
  CHECK_THROWS_WITH_AS(io::read_csv(file.folder.path()), doctest::Contains("a folder"), calibrant::Error);
}

TEST_CASE("delimiters that numbers and names are made of") {
  const CsvFile file;
  for (const char delimiter : {'.', '-', '+', 'e', '1', '"', '#', '\n', '\0'}) {
    CHECK(file.error("a\n1\n", {.delimiter = delimiter}).find("a delimiter that cannot be part") != std::string::npos);
    CHECK_THROWS_AS(io::write_csv(file.path, calibrant::Table({"a"}, {1.f}), {.delimiter = delimiter}),
                    calibrant::Error);
  }
}

TEST_CASE_TEMPLATE("what is written reads back to the same bits", Scalar, float, double) {
  using Bits = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
  const TemporaryFolder folder;
  const std::string path = folder / "x.csv";
  using Limits = std::numeric_limits<Scalar>;
  std::vector<Scalar> written{Scalar(0),          -Scalar(0),          Limits::max(),
                              Limits::lowest(),   Limits::min(),       Limits::denorm_min(),
                              Limits::infinity(), -Limits::infinity(), Scalar(0.1)};
  calibrant::Random random(7);
  while (written.size() < 60'000) {  // every exponent, larger than one block of the writer
    const auto bits = static_cast<Bits>((std::uint64_t{random()} << 32) | random());
    if (const auto value = std::bit_cast<Scalar>(bits); std::isfinite(value)) written.push_back(value);
  }
  const calibrant::BasicTable<Scalar> table({"a", "b", "c"}, written);
  for (const char delimiter : {',', '\t'}) {
    io::write_csv(path, table, {.delimiter = delimiter});
    const auto read = io::read_csv<Scalar>(path, {.delimiter = delimiter});
    REQUIRE(read.values().size() == written.size());
    bool is_same = true;
    for (std::size_t i = 0; i < written.size(); ++i)
      is_same = is_same && std::bit_cast<Bits>(read.values()[i]) == std::bit_cast<Bits>(written[i]);
    CHECK(is_same);
  }
  CHECK(folder.names() == Names{"x.csv"});
}

TEST_CASE("names survive writing, whatever they contain") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.csv";
  const Names names{"pt", "p_T [GeV]", "a,b", "say \"hi\"", "#1", " space ", "nan", "1e5", "inf", "η", "42", "\t"};
  for (const char delimiter : {',', ';', ' ', '\t'}) {
    io::write_csv(path, calibrant::Table(names, std::vector<float>(names.size(), NAN)), {.delimiter = delimiter});
    const auto table = io::read_csv(path, {.delimiter = delimiter});
    CHECK(table.names() == names);
    CHECK(std::isnan(table(0, 11)));
  }
  CHECK_THROWS_AS(io::write_csv(path, calibrant::Table({"two\nlines"}, {1.f})), calibrant::Error);
  CHECK_THROWS_AS(io::write_csv(path, calibrant::Table()), calibrant::Error);
  CHECK(io::read_csv(path, {.delimiter = '\t'}).n_columns() == 12);  // the old file is whole
}
