// ThreadPool: a fixed set of threads for work that is cut into fixed pieces. Which thread does a piece never matters to
// the result: pieces are independent and their results are merged in order by the caller.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "calibrant/error.hpp"

namespace calibrant {

/// Runs f(task, thread) for task = 0 .. n_tasks - 1, task i on thread i % n_threads; the calling thread is thread 0.
/// A pool of one starts no threads and runs everything in the caller. Starting a run allocates nothing.
class ThreadPool {
 public:
  /// @throws Error unless 1 <= n_threads <= 1024.
  explicit ThreadPool(int n_threads = 1) : n_threads_(n_threads) {
    if (n_threads < 1 || n_threads > 1024)
      throw Error("ThreadPool", "1 to 1024 threads", std::to_string(n_threads) + " threads");
    workers_.reserve(static_cast<std::size_t>(n_threads - 1));
    for (int thread = 1; thread < n_threads; ++thread) workers_.emplace_back([this, thread] { work(thread); });
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() {
    stopping_.store(true, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int n_threads() const noexcept { return n_threads_; }

  /// @pre f does not throw: an exception in a worker would end the program.
  template <class F>
  void run(int n_tasks, F&& f) {
    if (n_threads_ == 1 || n_tasks <= 1) {
      for (int task = 0; task < n_tasks; ++task) f(task, 0);
      return;
    }
    n_tasks_ = n_tasks;
    context_ = const_cast<void*>(static_cast<const void*>(std::addressof(f)));
    invoke_ = [](void* context, int task, int thread) {
      (*static_cast<std::remove_reference_t<F>*>(context))(task, thread);
    };
    busy_.store(n_threads_ - 1, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (int task = 0; task < n_tasks; task += n_threads_) f(task, 0);
    int spin = 0;
    while (busy_.load(std::memory_order_acquire) != 0) {
      if (spin < spins)
        ++spin;
      else
        std::this_thread::yield();
    }
  }

 private:
  // A training step takes tens of microseconds to milliseconds: threads stay awake between steps, then sleep.
  static constexpr int spins = 4000;

  void work(int thread) {
    std::uint32_t seen = 0;
    for (;;) {
      int spin = 0;
      while (generation_.load(std::memory_order_acquire) == seen) {
        if (++spin > spins) generation_.wait(seen, std::memory_order_acquire);
      }
      ++seen;
      if (stopping_.load(std::memory_order_relaxed)) return;
      for (int task = thread; task < n_tasks_; task += n_threads_) invoke_(context_, task, thread);
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  int n_threads_;
  int n_tasks_ = 0;
  void* context_ = nullptr;
  void (*invoke_)(void*, int, int) = nullptr;
  std::atomic<std::uint32_t> generation_{0};
  std::atomic<int> busy_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace calibrant
