// Tables: names, access by row and column, parts and extensions that remember where rows came from.
#include "calibrant/io/table.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using calibrant::Error;
using calibrant::Table;

namespace {

Table jets() { return Table({"pt", "eta", "reco"}, {20, -1, 18, 30, 0, 31, 40, 1, 39, 50, 2, 44}, "jets.csv"); }

}  // namespace

TEST_CASE("rows, columns, names") {
  const Table table = jets();
  CHECK(table.n_rows() == 4);
  CHECK(table.n_columns() == 3);
  CHECK(table.names() == std::vector<std::string>{"pt", "eta", "reco"});
  CHECK(table.source() == "jets.csv");
  CHECK(table(2, 0) == 40.0f);
  CHECK(table.row(3)[2] == 44.0f);
  CHECK(table.column("eta") == std::vector<float>{-1, 0, 1, 2});
  CHECK(table.index("reco") == 2);
  CHECK((table.has("pt") && !table.has("phi")));
  CHECK_THROWS_WITH_AS(table.column("phi"), "jets.csv: expected a column 'phi', found the columns pt, eta, reco",
                       Error);
  const Table empty;
  CHECK(empty.n_rows() == 0);
  CHECK_THROWS_WITH_AS(empty.index("pt"), "table: expected a column 'pt', found the columns (none)", Error);
}

TEST_CASE("NaN and infinities are kept as they were read") {
  const Table table({"a"}, {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()});
  CHECK(std::isnan(table(0, 0)));
  CHECK(std::isinf(table(1, 0)));
}

TEST_CASE("tables that are none") {
  CHECK_THROWS_WITH_AS(Table({"a", "b"}, {1, 2, 3}, "x"), "x: expected a multiple of 2 values, found 3 values", Error);
  CHECK_THROWS_WITH_AS(Table({"a", "a"}, {1, 2}, "x"), "x: expected different column names, found 'a' twice", Error);
  CHECK_THROWS_WITH_AS(Table({"a", ""}, {1, 2}, "x"),
                       "x: expected a name for every column, found an empty name for column 1", Error);
  CHECK_THROWS_AS(Table({}, {1}), Error);
}

TEST_CASE("some rows: they know where they came from, through every further step") {
  const Table some = jets().where([](auto row) { return row[0] > 25.0f; });
  CHECK(some.n_rows() == 3);
  CHECK(some.source() == "jets.csv");
  CHECK(some.source_row(0) == 1);
  const Table fewer = some.where([](auto row) { return row[1] != 1.0f; });
  CHECK(fewer.column("pt") == std::vector<float>{30, 50});
  CHECK(fewer.source_row(1) == 3);
  CHECK(fewer.columns({"eta"}).source_row(1) == 3);
  const std::vector<float> ratio{1, 2};
  CHECK(fewer.with_column("ratio", ratio).source_row(1) == 3);
  CHECK(jets().source_row(2) == 2);
  CHECK(jets().where([](auto) { return false; }).n_rows() == 0);
}

TEST_CASE("some columns, in the order asked for") {
  const Table theta = jets().columns({"reco", "eta"});
  CHECK(theta.names() == std::vector<std::string>{"reco", "eta"});
  CHECK(std::vector<float>(theta.values().begin(), theta.values().end()) ==
        std::vector<float>{18, -1, 31, 0, 39, 1, 44, 2});
  CHECK_THROWS_WITH_AS(jets().columns({"pt", "phi"}),
                       "jets.csv: expected a column 'phi', found the columns pt, eta, reco", Error);
  CHECK_THROWS_WITH_AS(jets().columns({"pt", "pt"}), "jets.csv: expected different column names, found 'pt' twice",
                       Error);
}

TEST_CASE("one more column") {
  const std::vector<float> response{0.9f, 1.0f, 1.1f, 0.8f};
  const Table more = jets().with_column("response", response);
  CHECK(more.n_columns() == 4);
  CHECK(more.column("response") == response);
  CHECK(more.column("eta") == jets().column("eta"));
  CHECK_THROWS_WITH_AS(jets().with_column("eta", response),
                       "jets.csv: expected different column names, found 'eta' twice", Error);
  CHECK_THROWS_WITH_AS(jets().with_column("x", std::vector<float>{1, 2}),
                       "jets.csv, new column 'x': expected 4 values, found 2", Error);
}
