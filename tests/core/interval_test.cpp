#include "calibrant/core/interval.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "calibrant/core/random.hpp"

using namespace calibrant;

namespace {

/// f over intervals holds f in long double at points of them.
template <class F, class G>
int misses(const F& f, const G& exact, double low, double high) {
  Random random(3);
  int result = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const auto interval = [&] {
      const double a = random.uniform(low, high), b = random.uniform(low, high);
      return trial % 3 == 0 ? Interval(a) : Interval(std::min(a, b), std::max(a, b));
    };
    const Interval x = interval(), y = interval(), z = interval();
    const Interval found = f(x, y, z);
    for (int point = 0; point < 8; ++point) {
      const auto inside = [&](const Interval& i, int bit) {
        return point == 7 ? i.middle() : (point >> bit) % 2 == 0 ? i.low : i.high;
      };
      const long double value = exact(static_cast<long double>(inside(x, 0)), static_cast<long double>(inside(y, 1)),
                                      static_cast<long double>(inside(z, 2)));
      result += value >= static_cast<long double>(found.low) && value <= static_cast<long double>(found.high) ? 0 : 1;
    }
  }
  return result;
}

}  // namespace

TEST_CASE("every operation holds the exact result") {
  CHECK(misses([](auto x, auto y, auto) { return x + y; }, [](auto x, auto y, auto) { return x + y; }, -5, 5) == 0);
  CHECK(misses([](auto x, auto y, auto) { return x - y; }, [](auto x, auto y, auto) { return x - y; }, -5, 5) == 0);
  CHECK(misses([](auto x, auto y, auto) { return x * y; }, [](auto x, auto y, auto) { return x * y; }, -5, 5) == 0);
  CHECK(misses([](auto x, auto y, auto) { return x / y; }, [](auto x, auto y, auto) { return x / y; }, 0.1, 5) == 0);
  CHECK(misses([](auto x, auto y, auto z) { return fma(x, y, z); }, [](auto x, auto y, auto z) { return x * y + z; },
               -5, 5) == 0);
  CHECK(misses([](auto x, auto, auto z) { return fma(-1.3, x, z); },
               [](auto x, auto, auto z) { return static_cast<long double>(-1.3) * x + z; }, -5, 5) == 0);
  CHECK(misses([](auto x, auto, auto) { return abs(x); }, [](auto x, auto, auto) { return std::fabs(x); }, -5, 5) == 0);
  CHECK(misses([](auto x, auto y, auto) { return max(x, y); }, [](auto x, auto y, auto) { return std::fmax(x, y); }, -5,
               5) == 0);
  CHECK(misses([](auto x, auto y, auto) { return min(x, y); }, [](auto x, auto y, auto) { return std::fmin(x, y); }, -5,
               5) == 0);
  CHECK(misses([](auto x, auto y, auto z) { return select(x > y, y, z); },
               [](auto x, auto y, auto z) { return x > y ? y : z; }, -5, 5) == 0);
  CHECK(misses([](auto x, auto y, auto z) { return select(!(x <= y) || z < y, x, z); },
               [](auto x, auto y, auto z) { return x > y || z < y ? x : z; }, -5, 5) == 0);
}

TEST_CASE("every function holds the exact result") {
  CHECK(misses([](auto x, auto, auto) { return exp(x); }, [](auto x, auto, auto) { return std::exp(x); }, -20, 20) ==
        0);
  CHECK(misses([](auto x, auto, auto) { return expm1(x); }, [](auto x, auto, auto) { return std::expm1(x); }, -5, 5) ==
        0);
  CHECK(misses([](auto x, auto, auto) { return log(x); }, [](auto x, auto, auto) { return std::log(x); }, 0.01, 50) ==
        0);
  CHECK(misses([](auto x, auto, auto) { return log1p(x); }, [](auto x, auto, auto) { return std::log1p(x); }, -0.9,
               50) == 0);
  CHECK(misses([](auto x, auto, auto) { return tanh(x); }, [](auto x, auto, auto) { return std::tanh(x); }, -25, 25) ==
        0);
  CHECK(misses([](auto x, auto, auto) { return sigmoid(x); },
               [](auto x, auto, auto) { return 1.0L / (1.0L + std::exp(-x)); }, -45, 45) == 0);
  CHECK(misses([](auto x, auto, auto) { return softplus(x); },
               [](auto x, auto, auto) { return std::log1p(std::exp(x)); }, -45, 45) == 0);
  CHECK(misses([](auto x, auto, auto) { return sqrt(x); }, [](auto x, auto, auto) { return std::sqrt(x); }, 0, 50) ==
        0);
}

TEST_CASE("what has no result everywhere is the whole line") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const Interval none = Interval(1.0) / Interval(-1.0, 1.0);
  CHECK(none.low <= -infinite);
  CHECK(none.high >= infinite);
  const Interval product = Interval(0.0) * Interval(-infinite, infinite);
  CHECK(product.low <= -infinite);
  CHECK(product.high >= infinite);
  CHECK(!is_finite(log(Interval(-1.0, 2.0))));
  CHECK(is_finite(Interval(1.0, 2.0)));
}
