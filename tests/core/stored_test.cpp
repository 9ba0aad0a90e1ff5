// Members that are too large for a stack.
#include "calibrant/core/stored.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <utility>

using namespace calibrant;

namespace {

struct Counted {
  int value = 7;
};
struct alignas(64) Large {
  int value = 7;
  char rest[largest_in_place] = {};
};
static_assert(sizeof(Stored<Counted>) == sizeof(Counted));
static_assert(sizeof(Stored<Large>) == sizeof(void*));

TEST_CASE_TEMPLATE("a value of its own, in place or on the heap", T, Counted, Large) {
  Stored<T> first;
  CHECK(first->value == 7);
  first->value = 1;
  Stored<T> copy = first;
  copy->value = 2;
  CHECK((*first).value == 1);
  CHECK(std::as_const(copy)->value == 2);
  first = copy;
  CHECK(first->value == 2);
  first->value = 3;
  CHECK(copy->value == 2);
  Stored<T>& same = first;
  first = same;
  CHECK(first->value == 3);
  Stored<T> moved = std::move(first);
  CHECK(moved->value == 3);
  first = copy;  // good for assignment
  CHECK((*std::as_const(first)).value == 2);
  copy = std::move(moved);
  CHECK(copy->value == 3);
}

TEST_CASE("alignment on the heap") {
  const Stored<Large> large;
  CHECK(reinterpret_cast<std::uintptr_t>(&*large) % 64 == 0);
}

}  // namespace
