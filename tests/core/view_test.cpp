// View: shapes at compile time, row-major access, parts.
#include "calibrant/core/view.hpp"

#include <doctest/doctest.h>

#include <array>
#include <type_traits>

using namespace calibrant;

static_assert(View<float, 2, 3>::size == 6 && View<float, 2, 3>::rank == 2 && View<float, 2, 3>::shape[1] == 3);
static_assert(View<float, 0>::size == 0);
static_assert(sizeof(View<double, 5, 5>) == sizeof(void*) && std::is_trivially_copyable_v<View<double, 5>>);
// A mutable view reads as a constant one, never the other way; other sizes do not convert.
static_assert(std::is_convertible_v<View<float, 3>, View<const float, 3>>);
static_assert(!std::is_convertible_v<View<const float, 3>, View<float, 3>>);
static_assert(!std::is_convertible_v<View<float, 4>, View<const float, 3>>);
static_assert(!std::is_convertible_v<View<float, 3, 2>, View<float, 2, 3>>);
static_assert(std::is_convertible_v<float (&)[3], View<float, 3>> &&
              !std::is_convertible_v<float (&)[4], View<float, 3>>);
static_assert(std::is_convertible_v<std::array<float, 3>&, View<float, 3>>);
static_assert(std::is_convertible_v<const std::array<float, 3>&, View<const float, 3>>);
static_assert(!std::is_convertible_v<const std::array<float, 3>&, View<float, 3>>);
static_assert(!std::is_convertible_v<float*, View<float, 3>>);

TEST_CASE("row-major: the last index is the fastest") {
  int numbers[24];
  for (int i = 0; i < 24; ++i) numbers[i] = i;
  const View<int, 2, 3, 4> view(numbers);
  CHECK(view(0, 0, 0) == 0);
  CHECK(view(0, 0, 3) == 3);
  CHECK(view(0, 2, 0) == 8);
  CHECK(view(1, 2, 3) == 23);
  CHECK(view[13] == 13);
  view(1, 0, 1) = 100;
  CHECK(numbers[13] == 100);
}

TEST_CASE("iteration and parts look at the same memory") {
  std::array<int, 5> numbers{1, 2, 3, 4, 5};
  const View<int, 5> view = numbers;
  int sum = 0;
  for (const int value : view) sum += value;
  CHECK(sum == 15);
  const View<int, 2> middle = view.part<1, 2>();
  CHECK(middle.data() == &numbers[1]);
  middle[1] = 30;
  CHECK(numbers[2] == 30);
  CHECK(view.part<5, 0>().begin() == view.end());
}
