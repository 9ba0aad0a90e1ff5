// Datasets: what is taken over, what is refused and with which words.
#include "calibrant/train/dataset.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../error_of.hpp"

using namespace calibrant;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

/// Four good jets; tests spoil one number.
struct Jets {
  std::vector<std::string> names{"pt", "eta", "reco", "w", "event"};
  std::vector<double> values{10, -1.0, 9,  1.0, 7,  //
                             20, 0.5,  19, 0.0, 7,  //
                             40, 1.5,  35, 2.0, 8,  //
                             80, -2.0, 78, 0.5, 9};
  double& at(int row, int column) { return values[static_cast<std::size_t>(row * 5 + column)]; }
  BasicTable<double> table() const { return {names, values, "jets.csv"}; }
};

std::string refusal(const Jets& jets, std::vector<Feature> features = {"pt", "eta"},
                    std::vector<std::string> targets = {"reco"}, DatasetColumns columns = {"w", "event"}) {
  return error_of([&] { Dataset(jets.table(), features, targets, columns); });
}

TEST_CASE("what a dataset holds") {
  const Dataset data(Jets{}.table(), {{"pt", Transform::logarithm, "GeV"}, "eta"}, "reco", {"w", "event"});
  CHECK(data.n_events() == 4);
  CHECK(data.n_features() == 2);
  CHECK(data.n_targets() == 1);
  CHECK(data.source() == "jets.csv");
  CHECK(data.features()[0].name == "pt");
  CHECK(data.features()[0].unit == "GeV");
  CHECK(data.targets() == std::vector<std::string>{"reco"});
  CHECK(data.feature(2, 0) == 40.0f);
  CHECK(data.feature(3, 1) == -2.0f);
  CHECK(data.target(1) == 19.0f);
  CHECK(data.weight(1) == 0.0f);
  CHECK(data.weight(2) == 2.0f);
  CHECK(data.group(0) == data.group(1));
  CHECK(data.group(1) != data.group(2));
  const Dataset plain(Jets{}.table(), {"pt"}, "reco");
  CHECK(plain.weight(1) == 1.0f);
  CHECK(plain.group(2) == 2);
}

TEST_CASE("standardisation: mean and standard deviation after the transform, range before it") {
  const BasicDataset<double> data(Jets{}.table(),
                                  {{"pt", Transform::logarithm}, {"eta", Transform::absolute}, {"event"}}, "reco");
  const auto& pt = data.input_transforms()[0];
  // ln pt = ln 10 + {0, 1, 2, 3} ln 2: mean ln 10 + 1.5 ln 2, standard deviation sqrt(1.25) ln 2.
  CHECK(pt.shift == doctest::Approx(std::log(10.0) + 1.5 * std::log(2.0)).epsilon(1e-14));
  CHECK(1.0 / pt.scale == doctest::Approx(std::sqrt(1.25) * std::log(2.0)).epsilon(1e-14));
  CHECK(pt.low == 10.0);
  CHECK(pt.high == 80.0);
  const auto& eta = data.input_transforms()[1];
  CHECK(eta.shift == doctest::Approx(1.25).epsilon(1e-14));
  CHECK(eta.low == -2.0);
  CHECK(eta.high == 1.5);
  const auto [mean, deviation] = data.target_moments();
  CHECK(mean == doctest::Approx(35.25).epsilon(1e-14));
  CHECK(deviation ==
        doctest::Approx(std::sqrt((26.25 * 26.25 + 16.25 * 16.25 + 0.0625 + 42.75 * 42.75) / 4.0)).epsilon(1e-14));
}

TEST_CASE("narrow and far-off features keep their spread") {
  Jets jets;
  for (int i = 0; i < 4; ++i) jets.at(i, 1) = 1e6 + i;
  const BasicDataset<double> data(jets.table(), {"eta"}, "reco");
  CHECK(1.0 / data.input_transforms()[0].scale == doctest::Approx(std::sqrt(1.25)).epsilon(1e-9));
}

TEST_CASE("an empty table, and a table without rows") {
  CHECK(error_of([] {
          Dataset(BasicTable<double>({"pt", "reco"}, {}, "empty.csv"), {"pt"}, "reco");
        }) == "Dataset of empty.csv: expected one row or more, found an empty table");
  CHECK(error_of([] { Dataset(BasicTable<double>(), {"pt"}, "reco"); }).find("one row or more") != std::string::npos);
}

TEST_CASE("NaN and infinity in a feature, target, weight or group: row and column are named") {
  for (const double bad : {nan, inf, -inf}) {
    const std::string found = std::isnan(bad) ? "nan" : bad > 0 ? "found inf" : "found -inf";
    for (const int column : {0, 1, 2, 3, 4}) {
      Jets jets;
      jets.at(2, column) = bad;
      const std::string message = refusal(jets);
      CAPTURE(message);
      CHECK(message.find("Dataset of jets.csv, row 2, column '" + jets.names[static_cast<std::size_t>(column)] + "'") ==
            0);
      CHECK(message.find("finite") != std::string::npos);
      CHECK(message.find(found) != std::string::npos);
    }
  }
  Jets unused;  // a column that is not asked for may hold anything
  unused.at(2, 1) = nan;
  CHECK(refusal(unused, {"pt"}) == "no error");
}

TEST_CASE("numbers too large for the dataset's float") {
  for (const int column : {0, 2}) {
    Jets jets;
    jets.at(1, column) = 1e300;
    CHECK(refusal(jets).find("row 1, column '" + jets.names[static_cast<std::size_t>(column)] +
                             "': expected a number within the range of a float, found 1e+300") != std::string::npos);
    CHECK(error_of([&] { BasicDataset<double>(jets.table(), {"pt", "eta"}, "reco"); }) == "no error");
  }
  Jets jets;
  jets.at(1, 3) = 1e300;
  CHECK(refusal(jets).find("row 1, column 'w'") != std::string::npos);
}

TEST_CASE("weights: negative ones and only zeros are refused") {
  Jets jets;
  jets.at(3, 3) = -0.5;
  CHECK(refusal(jets) == "Dataset of jets.csv, row 3, column 'w': expected a finite weight, zero or more, found -0.5");
  for (int i = 0; i < 4; ++i) jets.at(i, 3) = 0.0;
  CHECK(refusal(jets) == "Dataset of jets.csv, weights: expected a weight above zero, found all weights zero");
}

TEST_CASE("a constant feature, unless it is to be ignored") {
  Jets jets;
  for (int i = 0; i < 4; ++i) jets.at(i, 1) = 1.25;
  CHECK(refusal(jets) ==
        "Dataset of jets.csv, feature 'eta': expected values that vary, to standardise them, found the constant 1.25");
  CHECK(refusal(jets, {"pt", {"eta", Transform::ignored}}) == "no error");
  for (int i = 0; i < 4; ++i) jets.at(i, 1) = i % 2 == 0 ? 1.25 : -1.25;  // constant after the transform
  CHECK(refusal(jets, {"pt", {"eta", Transform::absolute}}).find("feature 'eta'") != std::string::npos);
  for (int i = 0; i < 4; ++i) jets.at(i, 1) = 0.0;
  CHECK(refusal(jets).find("the constant 0") != std::string::npos);
  Jets one_row;
  one_row.values.resize(5);
  CHECK(refusal(one_row).find("feature 'pt'") != std::string::npos);
}

TEST_CASE("errors name the row of the source, also after rows were left out") {
  const Table table({"x", "y"}, {1, 1, -5, 2, 3, 3, std::numeric_limits<float>::infinity(), 4}, "events.csv");
  const Table some = table.where([](auto row) { return row[0] > 0.0f; });
  CHECK_THROWS_WITH_AS(Dataset(some, {"x"}, "y"),
                       "Dataset of events.csv, row 3, column 'x': expected a finite number, found inf", Error);
  CHECK(Dataset(some.where([](auto row) { return row[0] < 9.0f; }), {"x"}, "y").source_row(1) == 2);
}

TEST_CASE("the logarithm of what is not positive") {
  for (const double bad : {0.0, -3.5, 1e-60}) {  // the last one is 0 as a float
    Jets jets;
    jets.at(1, 0) = bad;
    const std::string message = refusal(jets, {{"pt", Transform::logarithm}, "eta"});
    CAPTURE(message);
    CHECK(message.find("row 1, column 'pt': expected a positive number, for its logarithm, found ") !=
          std::string::npos);
    CHECK(refusal(jets, {"pt", "eta"}) == "no error");
  }
}

TEST_CASE("columns that are repeated, unknown or none") {
  CHECK(refusal({}, {"pt", "eta", "pt"}) == "Dataset of jets.csv: expected different features, found 'pt' twice");
  const std::string there = "found the columns pt, eta, reco, w, event";
  CHECK(refusal({}, {"pt", "phi"}) == "jets.csv: expected a column 'phi', " + there);
  CHECK(refusal({}, {"pt"}, {"reco_pt"}) == "jets.csv: expected a column 'reco_pt', " + there);
  CHECK(refusal({}, {"pt"}, {"reco"}, {"weight", ""}) == "jets.csv: expected a column 'weight', " + there);
  CHECK(refusal({}, {"pt"}, {"reco"}, {"", "run"}) == "jets.csv: expected a column 'run', " + there);
  CHECK(refusal({}, std::vector<Feature>{}) == "Dataset of jets.csv: expected one feature or more, found none");
  CHECK(refusal({}, {"pt"}, std::vector<std::string>{}) ==
        "Dataset of jets.csv: expected one target or more, found none");
}

TEST_CASE("an ignored feature may hold anything; its numbers are kept where they are numbers") {
  Jets jets;
  jets.at(0, 1) = nan;
  jets.at(1, 1) = -inf;
  const Dataset data(jets.table(), {"pt", {"eta", Transform::ignored}}, "reco");
  CHECK(data.feature(0, 1) == 0.0f);
  CHECK(data.feature(1, 1) == 0.0f);
  CHECK(data.feature(2, 1) == 1.5f);
  jets.at(2, 0) = nan;  // the others may not
  CHECK(refusal(jets, {"pt", {"eta", Transform::ignored}}).find("row 2, column 'pt'") != std::string::npos);
}

TEST_CASE("units of the targets") {
  const Dataset data(Jets{}.table(), {"pt"}, std::vector<std::string>{"reco", "eta"}, {.target_units = {"GeV", ""}});
  CHECK(data.target_units() == std::vector<std::string>{"GeV", ""});
  CHECK(refusal({}, {"pt"}, {"reco"}, {.target_units = {"GeV", "mm"}}) ==
        "Dataset of jets.csv: expected 1 target unit(s) or fewer, found 2");
}

TEST_CASE("zero and minus zero are one group") {
  Jets jets;
  jets.at(0, 4) = 0.0;
  jets.at(1, 4) = -0.0;
  const Dataset data(jets.table(), {"pt"}, "reco", {"", "event"});
  CHECK(data.group(0) == data.group(1));
}

TEST_CASE("several targets, and tables of float") {
  std::vector<float> values{1, 2, 3, 4, 5, 7};
  const Dataset data(BasicTable<float>({"a", "b", "c"}, values), {"a"}, std::vector<std::string>{"b", "c"});
  CHECK(data.n_targets() == 2);
  CHECK(data.target(1, 0) == 5.0f);
  CHECK(data.target(1, 1) == 7.0f);
  CHECK(data.target_moments(1).first == 5.0);
}

}  // namespace
