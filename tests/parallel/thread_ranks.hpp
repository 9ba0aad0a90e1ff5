// Ranks that are threads of one process: what is above the transport is tested without MPI, and under the sanitizers.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "calibrant/parallel/ranks.hpp"

/// The queues of messages between a number of ranks.
class Mail {
 public:
  struct Letter {
    int tag;
    std::vector<std::byte> bytes;
  };

  explicit Mail(int size) : size_(size), queues_(static_cast<std::size_t>(size * size)) {}
  int size() const noexcept { return size_; }

  void put(int from, int to, Letter letter) {
    const std::scoped_lock lock(mutex_);
    queue(from, to).push_back(std::move(letter));
    arrived_.notify_all();
  }
  /// Waits for the next letter, which stays in the queue.
  const Letter& wait(int from, int to) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return !queue(from, to).empty(); });
    return queue(from, to).front();
  }
  void remove(int from, int to) {
    const std::scoped_lock lock(mutex_);
    queue(from, to).pop_front();
  }
  /// No letter is under way.
  bool empty() {
    const std::scoped_lock lock(mutex_);
    return std::all_of(queues_.begin(), queues_.end(), [](const auto& one) { return one.empty(); });
  }

 private:
  std::deque<Letter>& queue(int from, int to) { return queues_[static_cast<std::size_t>(from * size_ + to)]; }

  int size_;
  std::vector<std::deque<Letter>> queues_;
  std::mutex mutex_;
  std::condition_variable arrived_;
};

class ThreadRank final : public calibrant::Ranks {
 public:
  ThreadRank(Mail& mail, int rank) : mail_(&mail), rank_(rank) {}
  ~ThreadRank() override {
    leave(std::uncaught_exceptions() > 0 ? "an exception ended its work" : "it has ended its work, while others go on");
  }
  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return mail_->size(); }
  void all_sent() override {}

  long sent_bytes() const noexcept { return sent_bytes_; }

 private:
  void start_send(int to, int tag, std::span<const std::byte> bytes) override {
    sent_bytes_ += static_cast<long>(bytes.size());
    mail_->put(rank_, to, {tag, {bytes.begin(), bytes.end()}});
  }
  Arrival wait_for(int from) override {
    const auto& letter = mail_->wait(from, rank_);
    return {letter.tag, letter.bytes.size()};
  }
  void take(int from, std::span<std::byte> bytes) override {
    const auto& letter = mail_->wait(from, rank_);
    if (!bytes.empty()) std::memcpy(bytes.data(), letter.bytes.data(), bytes.size());
    mail_->remove(from, rank_);
  }

  Mail* mail_;
  int rank_;
  long sent_bytes_ = 0;
};

/// Runs work(ranks) as each of `size` ranks. @return what each one threw, as text; empty for those that did not throw.
/// The text of a RankError is put in brackets.
inline std::vector<std::string> run_ranks(int size, const std::function<void(ThreadRank&)>& work) {
  Mail mail(size);
  std::vector<std::string> errors(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      std::string& error = errors[static_cast<std::size_t>(rank)];
      try {
        ThreadRank ranks(mail, rank);
        work(ranks);
      } catch (const calibrant::RankError& found) {
        error = std::string("[") + found.what() + "]";
      } catch (const std::exception& found) {
        error = found.what();
      }
    });
  for (auto& thread : threads) thread.join();
  if (!mail.empty()) errors.push_back("letters were left");
  return errors;
}
