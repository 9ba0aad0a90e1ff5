// Text tables: alignment, CSV and numbers as text.
#include "calibrant/validate/text_table.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>

using namespace calibrant::validate;

namespace {

TEST_CASE("columns are aligned to the right") {
  const TextTable table{{"bin", "value"}, {{"1 - 20", "3"}, {"2", "1.2345"}}};
  std::ostringstream text;
  table.print(text);
  CHECK(text.str() ==
        "   bin   value\n"
        "1 - 20       3\n"
        "     2  1.2345\n");
  std::ostringstream csv;
  table.write_csv(csv);
  CHECK(csv.str() == "bin,value\n1 - 20,3\n2,1.2345\n");
}

TEST_CASE("numbers as text") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(fixed(1.23456, 3) == "1.235");
  CHECK(fixed(std::nan(""), 3) == "-");
  CHECK(fixed(infinity, 3) == "inf");
  CHECK(fixed(-1.7e308, 4).size() == 1 + 309 + 5);
  CHECK(general(20.0) == "20");
  CHECK(general(0.123456789) == "0.123457");
  CHECK(std::stod(exact(0.1 + 0.2)) == 0.1 + 0.2);
  CHECK(exact(std::nan("")).empty());
  CHECK(exact(-infinity) == "-inf");
  CHECK(with_error({1.5, 0.25}, 2) == "1.50 +- 0.25");
  CHECK(with_error({1.5, infinity}, 2) == "1.50");
  CHECK(with_error({}, 2) == "-");
}

TEST_CASE("a stream that failed is an error") {
  const TextTable table{{"a"}, {{"1"}}};
  std::ostringstream broken;
  broken.setstate(std::ios::badbit);
  CHECK_THROWS_AS(table.write_csv(broken), calibrant::Error);
}

}  // namespace
