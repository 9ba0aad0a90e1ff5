// The thread pool: every task once, whatever the numbers; to be run under the thread sanitizer too.
#include "calibrant/parallel/pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

using namespace calibrant;

namespace {
std::atomic<std::int64_t> allocations{0};
}
// Not inlined, or g++ takes malloc and free in the bodies for a mismatch with new and delete.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
// The default one would do, but not under the address sanitizer, which has its own.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

TEST_CASE("every task runs exactly once, on the thread it belongs to") {
  for (const int n_threads : {1, 2, 3, 7, 16}) {
    ThreadPool pool(n_threads);
    CHECK(pool.n_threads() == n_threads);
    for (const int n_tasks : {0, 1, 2, 3, 5, 16, 17, 100}) {
      CAPTURE(n_threads);
      CAPTURE(n_tasks);
      // Plain numbers: the pool alone must make the workers' writes visible here (the thread sanitizer looks).
      std::vector<int> count(static_cast<std::size_t>(n_tasks)), thread_of(static_cast<std::size_t>(n_tasks));
      pool.run(n_tasks, [&](int task, int thread) {
        ++count[static_cast<std::size_t>(task)];
        thread_of[static_cast<std::size_t>(task)] = thread;
      });
      for (int task = 0; task < n_tasks; ++task) {
        CHECK(count[static_cast<std::size_t>(task)] == 1);
        CHECK(thread_of[static_cast<std::size_t>(task)] == (n_tasks == 1 ? 0 : task % n_threads));
      }
    }
  }
}

TEST_CASE("a pool of one, and a single task, run in the caller") {
  const auto here = std::this_thread::get_id();
  ThreadPool one(1), four(4);
  one.run(5, [&](int, int thread) {
    CHECK(thread == 0);
    CHECK(std::this_thread::get_id() == here);
  });
  four.run(1, [&](int, int thread) {
    CHECK(thread == 0);
    CHECK(std::this_thread::get_id() == here);
  });
  // Thread 0 is always the caller.
  four.run(8, [&](int, int thread) {
    if ((std::this_thread::get_id() == here) != (thread == 0)) std::abort();
  });
}

TEST_CASE("many short runs one after the other") {
  ThreadPool pool(3);
  std::vector<std::int64_t> sums(3);
  for (int run = 0; run < 4000; ++run)
    pool.run(6, [&](int task, int thread) { sums[static_cast<std::size_t>(thread)] += task + run; });
  // Thread t does tasks t and t + 3.
  const std::int64_t runs = 4000LL * 3999LL / 2;
  for (int t = 0; t < 3; ++t) CHECK(sums[static_cast<std::size_t>(t)] == 4000LL * (2 * t + 3) + 2 * runs);
}

TEST_CASE("threads that went to sleep between runs wake up") {
  ThreadPool pool(2);
  for (int run = 0; run < 5; ++run) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    int done[2] = {};
    pool.run(2, [&](int task, int) { done[task] = 1; });
    CHECK(done[0] + done[1] == 2);
  }
}

TEST_CASE("the caller waits for a slow worker") {
  ThreadPool pool(2);
  int done = 0;
  pool.run(2, [&](int task, int) {
    if (task == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      done = 1;
    }
  });
  CHECK(done == 1);
}

TEST_CASE("pools end at once, used or not, awake or asleep") {
  for (int i = 0; i < 50; ++i) ThreadPool unused(4);
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(3);
    std::vector<int> done(3);
    pool.run(3, [&](int task, int) { done[static_cast<std::size_t>(task)] = 1; });
  }
  auto asleep = std::make_unique<ThreadPool>(3);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  asleep.reset();
  CHECK(!asleep);
}

TEST_CASE("a run allocates nothing") {
  ThreadPool pool(3);
  std::vector<double> numbers(12);
  const auto run = [&] { pool.run(12, [&](int task, int) { numbers[static_cast<std::size_t>(task)] += 1.0; }); };
  run();
  const std::int64_t before = allocations.load();
  for (int i = 0; i < 100; ++i) run();
  CHECK(allocations.load() == before);
}

TEST_CASE("numbers of threads that make no sense are refused") {
  for (const int bad : {0, -1, 1025}) {
    std::string message;
    try {
      ThreadPool pool(bad);
    } catch (const Error& error) {
      message = error.what();
    }
    CHECK(message == "ThreadPool: expected 1 to 1024 threads, found " + std::to_string(bad) + " threads");
  }
}

}  // namespace
