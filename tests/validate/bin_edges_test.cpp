// Bin edges: where values fall, and edges that cannot be.
#include "calibrant/validate/bin_edges.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using calibrant::validate::BinEdges;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST_CASE("a bin includes its lower edge, the last also its upper edge") {
  const BinEdges edges{10, 20, 50};
  CHECK(edges.n_bins() == 2);
  CHECK(edges.low(1) == 20.0);
  CHECK(edges.high(1) == 50.0);
  CHECK(edges.find(9.999) == -1);
  CHECK(edges.find(-infinity) == -1);
  CHECK(edges.find(10.0) == 0);
  CHECK(edges.find(19.999) == 0);
  CHECK(edges.find(20.0) == 1);
  CHECK(edges.find(50.0) == 1);
  CHECK(edges.find(50.001) == 2);
  CHECK(edges.find(infinity) == 2);
}

TEST_CASE("linear and logarithmic edges meet their ends exactly") {
  const auto linear = BinEdges::linear(7, 0.1, 0.8);
  CHECK(linear.n_bins() == 7);
  CHECK(linear.values().front() == 0.1);
  CHECK(linear.values().back() == 0.8);
  CHECK(std::abs(linear.low(3) - 0.4) < 1e-15);
  const auto logarithmic = BinEdges::logarithmic(3, 2.0, 2000.0);
  CHECK(logarithmic.values().front() == 2.0);
  CHECK(logarithmic.values().back() == 2000.0);
  CHECK(std::abs(logarithmic.low(1) - 20.0) < 1e-12);
}

TEST_CASE("quantile edges hold equal numbers, or equal weights") {
  std::vector<double> values, weights;
  for (int i = 0; i < 1000; ++i) {
    values.push_back(i * i);
    weights.push_back(i < 500 ? 3.0 : 1.0);
  }
  const auto edges = BinEdges::quantiles(4, values);
  std::vector<int> count(4);
  for (const double v : values) ++count[static_cast<std::size_t>(edges.find(v))];
  for (const int n : count) CHECK(n == 250);
  // 2000 of weight in 4 bins: 167 values of weight 3, and 500 of weight 1.
  const auto weighted = BinEdges::quantiles(4, {values, weights});
  CHECK(std::abs(weighted.low(1) - 166.5 * 166.5) < 500.0);
  CHECK(std::abs(weighted.low(3) - 500.0 * 500.0) < 1000.0);
  const auto inner = BinEdges::quantiles(2, values, 0.25, 0.75);
  CHECK(inner.values().front() == doctest::Approx(249.5 * 249.5).epsilon(1e-3));
  CHECK(inner.values().back() == doctest::Approx(749.5 * 749.5).epsilon(1e-3));
}

TEST_CASE("repeated values make fewer bins, a constant feature one") {
  const std::vector<float> steps{1, 1, 1, 1, 1, 1, 2, 2, 3, 3};
  const auto edges = BinEdges::quantiles(5, steps);
  CHECK(edges.n_bins() < 5);
  for (const float v : steps) CHECK(edges.find(v) >= 0);
  const auto constant = BinEdges::quantiles(5, std::vector<float>(20, 4.5f));
  CHECK(constant.n_bins() == 1);
  CHECK(constant.find(4.5) == 0);
}

TEST_CASE("impossible edges are refused") {
  CHECK_THROWS_AS(BinEdges({1.0}), calibrant::Error);
  CHECK_THROWS_WITH_AS(BinEdges({1.0, 3.0, 2.0}),
                       "bin edges: expected strictly rising edges, found 3.000000 before 2.000000", calibrant::Error);
  CHECK_THROWS_AS(BinEdges({1.0, 1.0}), calibrant::Error);
  CHECK_THROWS_AS(BinEdges({1.0, std::nan("")}), calibrant::Error);
  CHECK_THROWS_AS(BinEdges({1.0, infinity}), calibrant::Error);
  CHECK_THROWS_AS(BinEdges::linear(0, 1.0, 2.0), calibrant::Error);
  CHECK_THROWS_AS(BinEdges::linear(3, 2.0, 2.0), calibrant::Error);
  CHECK_THROWS_AS(BinEdges::logarithmic(3, 0.0, 2.0), calibrant::Error);
  CHECK_THROWS_AS(BinEdges::quantiles(3, std::vector<double>{}), calibrant::Error);
  CHECK_THROWS_AS(BinEdges::quantiles(3, std::vector<double>{1.0, 2.0}, 0.9, 0.1), calibrant::Error);
  CHECK_THROWS_AS(BinEdges::quantiles(3, std::vector<double>{1.0, infinity}), calibrant::Error);
}

}  // namespace
