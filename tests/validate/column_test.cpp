// Views of float and double, and the checks of their content.
#include "calibrant/validate/column.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

using calibrant::validate::Column;

namespace {

static_assert(std::is_convertible_v<std::vector<float>, Column>);
static_assert(std::is_convertible_v<std::span<const double>, Column>);
static_assert(std::is_convertible_v<std::array<double, 3>, Column>);
static_assert(!std::is_convertible_v<std::vector<int>, Column>);

TEST_CASE("float and double are read as double") {
  const std::vector<float> floats{0.1f, 2.0f};
  const std::array<double, 2> doubles{0.1, 2.0};
  CHECK(Column(floats)[0] == static_cast<double>(0.1f));
  CHECK(Column(doubles)[0] == 0.1);
  CHECK(Column(floats).size() == 2);
  CHECK(Column().empty());
}

TEST_CASE("bad values are counted and located") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> values{1.0, nan, infinity, nan};
  CHECK_THROWS_WITH_AS(calibrant::validate::check_no_nan(values, "x"),
                       "x: expected numbers, found 2 NaN among 4, the first at index 1", calibrant::Error);
  CHECK_THROWS_WITH_AS(calibrant::validate::check_finite(values, "x"),
                       "x: expected finite numbers, found 3 NaN or infinite among 4, the first at index 1",
                       calibrant::Error);
  CHECK_NOTHROW(calibrant::validate::check_no_nan(std::vector<double>{-infinity, 1.0}, "x"));
}

TEST_CASE("weights are one per value, finite and not negative") {
  using calibrant::validate::check_weights;
  CHECK_NOTHROW(check_weights({}, 5, "w"));
  CHECK_NOTHROW(check_weights(std::vector<float>{0.0f, 1.0f}, 2, "w"));
  CHECK_THROWS_AS(check_weights(std::vector<float>{1.0f}, 2, "w"), calibrant::Error);
  CHECK_THROWS_WITH_AS(check_weights(std::vector<double>{1.0, -0.5}, 2, "w"),
                       "w: expected finite weights >= 0, found -0.500000 at index 1", calibrant::Error);
  CHECK_THROWS_AS(check_weights(std::vector<double>{std::numeric_limits<double>::infinity()}, 1, "w"),
                  calibrant::Error);
  CHECK_THROWS_AS(check_weights(std::vector<double>{std::numeric_limits<double>::quiet_NaN()}, 1, "w"),
                  calibrant::Error);
}

}  // namespace
