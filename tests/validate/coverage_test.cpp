#include "calibrant/validate/coverage.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <vector>

using namespace calibrant;

TEST_CASE("intervals that hold the truth are counted, bin by bin") {
  const double nan = std::nan("");
  const std::vector<double> truth{1.0, 2.0, 3.0, 11.0, 12.0, 30.0};
  const std::vector<float> low{0.0f, 2.0f, 4.0f, static_cast<float>(nan), 10.0f, 0.0f};
  const std::vector<double> high{1.0, 3.0, 5.0, nan, 11.5, 100.0};
  const auto result = validate::coverage(low, high, truth, truth, {0.0, 10.0, 20.0});
  REQUIRE(result.bins.size() == 2);
  CHECK(result.bins[0].n == 3);
  CHECK(result.bins[0].covered == 2);  // ends count
  CHECK(result.bins[0].mean_length == 1.0);
  CHECK(result.bins[1].n == 2);
  CHECK(result.bins[1].covered == 0);
  CHECK(result.bins[1].mean_length == 1.5);
  CHECK(result.bins[0].without == 0);
  CHECK(result.bins[1].without == 1);
  CHECK(result.bins[0].fraction() == 2.0 / 3.0);
  CHECK(std::abs(result.bins[0].error(0.68) - std::sqrt(0.68 * 0.32 / 3.0)) < 1e-15);

  std::ostringstream out;
  result.print(0.68, out);
  CHECK(out.str() ==
        "coverage, expected 0.68\n"
        "    bin  n  coverage  in binomial errors  mean length  without\n"
        " 0 - 10  3    0.6667               -0.05            1        0\n"
        "10 - 20  2    0.0000               -2.06          1.5        1\n");
}

TEST_CASE("columns that do not fit are refused") {
  const std::vector<double> two{1.0, 2.0}, three{1.0, 2.0, 3.0}, bad{1.0, std::nan("")};
  const validate::BinEdges edges{0.0, 5.0};
  CHECK_THROWS_WITH_AS(validate::coverage(two, three, two, two, edges),
                       "coverage: expected as many ends and x as truths (2), found 2, 3 and 2", Error);
  CHECK_THROWS_AS(validate::coverage(two, two, bad, two, edges), Error);
  CHECK_THROWS_AS(validate::coverage(two, two, two, bad, edges), Error);
  CHECK(validate::coverage(two, two, two, two, {3.0, 4.0}).bins[0].n == 0);
}
