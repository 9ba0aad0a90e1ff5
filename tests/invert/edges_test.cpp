#include "calibrant/invert/edges.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <utility>

#include "../error_of.hpp"

using namespace calibrant;
using extrapolate::cut_off;
using extrapolate::Edge;
using extrapolate::Edges;
using extrapolate::no_high;
using extrapolate::no_low;

static_assert(to_string(Edge::linear) == "linear" && to_string(Edge::clamp) == "clamp");
static_assert(to_string(Edge::reject) == "reject" && to_string(static_cast<Edge>(9)) == "unknown");
static_assert(Edges().below == Edge::linear && Edges().above == Edge::linear);
static_assert(Edges(Edge::clamp).below == Edge::clamp && Edges(Edge::clamp).above == Edge::clamp);
static_assert(Edges(Edge::clamp, Edge::reject).any_is(Edge::reject) && !Edges(Edge::clamp).any_is(Edge::linear));
static_assert(Edges(Edge::clamp).low <= no_low && Edges(Edge::clamp).high >= no_high);

TEST_CASE_TEMPLATE("cut-offs", S, float, double) {
  const Range<S> trained{S(20), S(1000)};
  const auto check = [&](double low, double high, S wanted_low, S wanted_high) {
    const Range<S> found = cut_off(trained, low, high, "here");
    CHECK(found.low == wanted_low);
    CHECK(found.high == wanted_high);
  };
  check(no_low, no_high, S(20), S(1000));
  check(30.0, no_high, S(30), S(1000));
  check(no_low, 500.0, S(20), S(500));
  check(20.0, 1000.0, S(20), S(1000));
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [low, high] : {std::pair{10.0, 500.0},
                                  {30.0, 2000.0},
                                  {500.0, 30.0},
                                  {50.0, 50.0},
                                  {not_a_number, 500.0},
                                  {30.0, not_a_number}})
    CHECK(error_of([low = low, high = high, &trained] {
            cut_off(trained, low, high, "here");
          }).starts_with("here: expected cut-offs in their order within the trained range, 20.000000 to 1000.000000"));
}
