// A training allocates when it is set up, and then no more.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include "calibrant/loss/composed.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/elementwise.hpp"
#include "calibrant/nn/mlp.hpp"
#include "small_trainings.hpp"

namespace {

std::atomic<std::int64_t> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const std::size_t whole = (size + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, whole > 0 ? whole : alignment)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// Not inlined, or g++ takes malloc and free in the bodies for a mismatch with new and delete.
[[gnu::noinline]] void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
// The default one would do, but not under the address sanitizer, which has its own.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, alignof(std::max_align_t));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using namespace small;
using Net = Sequential<Dense<2, 8, SiLU>, Dropout<8, std::ratio<1, 8>>, Dense<8, 1>>;

/// Allocations of the third epoch. @param threads  the second one works on the second shard of a batch.
template <class Loss>
std::int64_t in_an_epoch(const Loss& loss, int events, int batch_size, int threads) {
  FitOptions settings = options(5, batch_size);
  settings.validation_fraction = 0.1;
  settings.threads = threads;
  settings.schedule = schedule::WarmUp<schedule::Cosine>{.epochs = 2.0};
  Trainer<Net, float, Loss> trainer(dataset(events, {"w", ""}), loss, settings);
  trainer.epoch();
  trainer.epoch();
  const std::int64_t before = allocations.load();
  trainer.epoch();
  return allocations.load() - before;
}

template <class Loss>
void check(const Loss& loss) {
  CHECK(in_an_epoch(loss, 20000, 2000, 1) == 0);
  CHECK(in_an_epoch(loss, 20000, 17, 1) == 0);
  CHECK(in_an_epoch(loss, 20000, 5000, 2) == 0);  // three shards a batch
}

TEST_CASE("an epoch allocates nothing") {
  check(loss::Squared{});
  check(loss::of_means<1>([](const auto& nu, const auto& y) { return std::array{square(nu - y)}; },
                          [](const auto& m) { return m[0]; }));
}

}  // namespace
