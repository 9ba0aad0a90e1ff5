// Denormals are zero as long as the object lives, and no longer.
#include "calibrant/core/denormals.hpp"

#include <doctest/doctest.h>

#include <limits>

TEST_CASE("denormal results and operands are zero inside, themselves outside") {
  const volatile float smallest = std::numeric_limits<float>::min(), half = 0.5f, two = 2.0f;
  const volatile float denormal = smallest * half;
  CHECK(denormal > 0.0f);
#if defined(__x86_64__) || defined(__aarch64__)
  {
    const calibrant::FlushDenormals flush;
    const volatile float result = smallest * half, operand = denormal * two;
    { const calibrant::FlushDenormals nested; }
    const volatile float still = smallest * half;
    const bool zero = result == 0.0f && operand == 0.0f && still == 0.0f;
    CHECK(zero);
  }
#endif
  const volatile float again = denormal * two;
  CHECK(again == smallest);
}
