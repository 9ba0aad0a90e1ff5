#include "calibrant/invert/root.hpp"

#include <doctest/doctest.h>

#include "responses.hpp"

using namespace responses;
using calibrant::invert::Accuracy;
using calibrant::invert::all_lanes;

TEST_CASE("a mask that is the same in all lanes") {
  CHECK(all_lanes<float>(true));
  CHECK_FALSE(all_lanes<double>(false));
  CHECK_FALSE(any(!all_lanes<Tile<float>>(true)));
  CHECK_FALSE(any(all_lanes<Tile<double>>(false)));
}

TEST_CASE_TEMPLATE("the accuracy is relative to x, but not finer than makes sense", S, float, double) {
  const S epsilon = std::numeric_limits<S>::epsilon();
  const Range<S> range{S(-100), S(400)};
  const Accuracy<S> coarse(1e-3, range), finest(1e-30, range);
  const auto near = [&](S a, S b) { return std::abs(a - b) <= S(4) * epsilon * b; };
  CHECK(near(coarse.allowed(coarse.scale(S(200))), S(0.2)));
  CHECK(near(coarse.allowed(coarse.scale(S(-50))), S(0.05)));
  CHECK(near(coarse.allowed(coarse.scale(S(0))), S(400e-9)));
  CHECK(near(finest.allowed(finest.scale(S(200))), S(800) * epsilon));
}

TEST_CASE_TEMPLATE("a residual tells a jump from a slope and from rounding", S, float, double) {
  const S epsilon = std::numeric_limits<S>::epsilon();
  const Accuracy<S> accuracy(1e-6, {S(10), S(500)});
  CHECK(accuracy.continuous(S(0.05), S(100), {S(100), S(1)}));
  CHECK_FALSE(accuracy.continuous(S(5), S(100), {S(100), S(1)}));
  // Nearly flat: a rounding of L is a long way in x.
  CHECK(accuracy.continuous(S(5), S(100), {S(100), S(10) * epsilon}));
  CHECK_FALSE(accuracy.continuous(infinity<S>, S(100), {S(100), S(1)}));
  CHECK_FALSE(accuracy.continuous(not_a_number<S>, S(100), {S(100), S(1)}));
}
