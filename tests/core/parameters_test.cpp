// Parameters: aligned, whole registers, padding of zeros.
#include "calibrant/core/parameters.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <type_traits>
#include <vector>

using namespace calibrant;

static_assert(padded<float>(0) == 0 && padded<float>(1) == 16 && padded<float>(16) == 16 && padded<float>(17) == 32);
static_assert(padded<double>(9) == 16);
static_assert(alignof(Parameters<float, 3>) == 64 && sizeof(Parameters<float, 3>) == 64);
static_assert(sizeof(Parameters<double, 9>) == 128 && sizeof(Parameters<float, 0>) == 64);
static_assert(std::is_trivially_copyable_v<Parameters<float, 3>>);
static_assert(Parameters<float, 3>::size == 3 && decltype(Parameters<float, 3>{}.span())::extent == 3);

TEST_CASE_TEMPLATE("zero at the start, aligned wherever it lives, padding stays zero", S, float, double) {
  using P = Parameters<S, 5>;
  std::vector<P> several(3);
  for (P& p : several) {
    CHECK(reinterpret_cast<std::uintptr_t>(p.data()) % 64 == 0);
    for (int i = 0; i < P::padded_size; ++i) CHECK(p.data()[i] == S(0));
  }
  P& p = several[1];
  for (S& value : p.span()) value = S(7);
  for (S& value : p.view()) value += S(1);
  p[0] = S(3);
  const P copy = p;
  CHECK(copy[0] == S(3));
  CHECK(copy.view()[4] == S(8));
  CHECK(copy.span().size() == 5);
  for (int i = 5; i < P::padded_size; ++i) CHECK(copy.data()[i] == S(0));
  p.clear();
  for (int i = 0; i < P::padded_size; ++i) CHECK(p.data()[i] == S(0));
  CHECK(copy[0] == S(3));
}
