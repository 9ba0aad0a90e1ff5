// Every form of operator new and delete, replaced; and the proof that each is counted.
#include "counter.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "calibrant/core/wide.hpp"

namespace {

void* allocate(std::size_t size) noexcept {
  if (allocations::counting.load()) ++allocations::n_allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  if (allocations::counting.load()) ++allocations::n_allocations;
  const auto to = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(to, (size + to - 1) / to * to + (size == 0 ? to : 0));
}
template <class... Alignment>
void* allocate_or_throw(std::size_t size, Alignment... alignment) {
  void* memory = allocate(size, alignment...);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return allocate_or_throw(size, alignment); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return allocate_or_throw(size, alignment); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, alignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }

namespace {

/// What an optimizer must take for used.
void* volatile seen = nullptr;

}  // namespace

TEST_CASE("every form of new is counted, in every thread, and nothing else is") {
  using allocations::during;
  using Aligned = calibrant::Wide<float, 4>;
  static_assert(alignof(Aligned) > __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  const auto count = [](auto make) {
    return during([&] {
      auto* memory = make();
      seen = memory;
    });
  };
  std::unique_ptr<int> one;
  std::unique_ptr<int[]> many;
  std::unique_ptr<Aligned> aligned;
  std::unique_ptr<Aligned[]> aligned_many;
  CHECK(count([&] { return (one = std::make_unique<int>(1)).get(); }) == 1);
  CHECK(count([&] { return (many = std::make_unique<int[]>(3)).get(); }) == 1);
  CHECK(count([&] { return (one = std::unique_ptr<int>(new (std::nothrow) int)).get(); }) == 1);
  CHECK(count([&] { return (many = std::unique_ptr<int[]>(new (std::nothrow) int[3])).get(); }) == 1);
  CHECK(count([&] { return (aligned = std::make_unique<Aligned>()).get(); }) == 1);
  CHECK(count([&] { return (aligned_many = std::make_unique<Aligned[]>(2)).get(); }) == 1);
  CHECK(count([&] { return (aligned = std::unique_ptr<Aligned>(new (std::nothrow) Aligned)).get(); }) == 1);
  CHECK(count([&] { return (aligned_many = std::unique_ptr<Aligned[]>(new (std::nothrow) Aligned[2])).get(); }) == 1);

  CHECK(during([] {
          std::vector<double> v(10);
          seen = v.data();
        }) == 1);
  CHECK(during([] {
          const std::string long_text(100, 'x');
          seen = const_cast<char*>(long_text.data());
        }) == 1);
  CHECK(during([] {
          std::array<double, 10> on_the_stack{};
          seen = on_the_stack.data();
        }) == 0);
  std::vector<double> made_in_thread;
  std::thread worker;
  CHECK(during([&] {
          worker = std::thread([&] { made_in_thread.resize(100); });
          worker.join();
        }) >= 2);
}
