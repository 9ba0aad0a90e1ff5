// Drawing of toy events: uniform, independent, keyed by seed and index.
#include "calibrant/toys/events.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "reference.hpp"

namespace {

using namespace calibrant;

struct Identity {
  double inverse_cdf(double u) const { return u; }
};

TEST_CASE("the pair of an event is the first two numbers of its block") {
  // Block 0 is what a fresh sequence reads first.
  Random sequence(99, Stream::toy);
  const auto [first, second] = toys::uniform_pair(Random(99, Stream::toy), 0);
  CHECK(first == sequence.uniform());
  CHECK(second == sequence.uniform());
}

TEST_CASE("both numbers are uniform, in the open interval, and differ between seeds and events") {
  const auto events = toys::draw_events<double>(
      100000, 1, 0, [](double u) { return u; }, [](double) { return Identity{}; });
  CHECK(kolmogorov(events.x) < 2.75);
  CHECK(kolmogorov(events.y) < 2.75);
  // Neighbouring events are independent: their correlation has a standard deviation of 1/sqrt(n).
  double product = 0.0;
  for (std::size_t i = 1; i < events.x.size(); ++i) product += (events.x[i] - 0.5) * (events.x[i - 1] - 0.5) * 12.0;
  CHECK(std::abs(product / 1e5) < 5.0 / std::sqrt(1e5));
  const auto other = toys::draw_events<double>(
      1, 2, 0, [](double u) { return u; }, [](double) { return Identity{}; });
  CHECK(other.x[0] != events.x[0]);
}

TEST_CASE("the law belongs to the rounded x") {
  double seen = 0.0;
  const auto events = toys::draw_events<float>(
      1, 1, 0, [](double) { return 1.0 / 3.0; },
      [&](double x) {
        seen = x;
        return Identity{};
      });
  CHECK(seen == static_cast<double>(events.x[0]));
}

TEST_CASE("wrong ranges and counts are refused") {
  CHECK_THROWS_AS(toys::check_range(2.0, 1.0), Error);
  CHECK_THROWS_AS(toys::check_range(0.0, std::numeric_limits<double>::infinity()), Error);
  CHECK_NOTHROW(toys::check_range(1.0, 1.0));
}

}  // namespace
