// Counts calls of operator new; counter_test.cpp replaces the operators for the whole program.
#pragma once

#include <atomic>

namespace allocations {

inline std::atomic<bool> counting{false};
inline std::atomic<long> n_allocations{0};

/// How often anything is allocated while f runs, in any thread.
template <class F>
long during(F&& f) {
  n_allocations.store(0);
  counting.store(true);
  f();
  counting.store(false);
  return n_allocations.load();
}

}  // namespace allocations
