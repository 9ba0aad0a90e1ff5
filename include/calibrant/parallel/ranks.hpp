// Ranks: processes that do one job together, each with its own part of the data. What they exchange is added in the
// order of the ranks, so sums have the bits of one process that adds the same parts; a rank that fails tells the
// others, and nobody waits for ever. How messages travel is up to the derived class: MPI in parallel/mpi.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"

namespace calibrant {

/// An Error that every rank has thrown, or is about to: it names the rank that failed and what it said.
class RankError : public Error {
 public:
  using Error::Error;
};

/// One of size() ranks. All ranks call the same exchanges in the same order, each rank from one thread.
///
/// Failure. A rank that throws inside together() or shared() says so to the others instead of its next message. Each
/// rank that hears of a failure passes it on, once, and reads what others have sent until it has heard it from all of
/// them; then no message is under way, and all throw a RankError of the same text. A rank that ends (leave(), called by
/// the derived destructor) says that too, so that those who wait for it throw.
class Ranks {
 public:
  Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;
  virtual ~Ranks() = default;

  virtual int rank() const noexcept = 0;
  virtual int size() const noexcept = 0;

  /// Runs f on this rank. If it throws, the other ranks learn of it at their next exchange.
  /// @return what f returns. @throws RankError if f throws on this rank or, during an exchange, on another; of one rank
  /// alone, f's own exception.
  template <class F>
  decltype(auto) shared(F&& f) {
    if (size() == 1) return std::forward<F>(f)();
    try {
      return std::forward<F>(f)();
    } catch (const RankError&) {
      throw;
    } catch (const std::exception& error) {
      fail(error.what());
    } catch (...) {
      fail("an exception that is not a std::exception");
    }
  }

  /// Runs f on every rank and returns when all have done it: for work, such as reading files, that may fail on one.
  /// @return what f returns on this rank. @throws RankError on all ranks if f throws on any.
  template <class F>
  auto together(F&& f) {
    return shared([&] {
      if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
        std::forward<F>(f)();
        wait_for_all();
      } else {
        auto result = std::forward<F>(f)();
        wait_for_all();
        return result;
      }
    });
  }

  /// Ends the current work on every rank.
  /// @throws RankError with the message of the lowest rank that failed of its own.
  [[noreturn]] CALIBRANT_COLD void fail(std::string_view message) {
    conclude(heard_from(rank(), std::string(message.empty() ? "an error without a message" : message)), rank());
  }

  /// Returns when every rank has called it.
  void wait_for_all() { all_gather({}, {}); }

  /// all = the numbers of every rank, in the order of the ranks. @pre all.size() == size() * mine.size().
  void all_gather(std::span<const double> mine, std::span<double> all) {
    const std::size_t n = mine.size();
    for (int other = 0; other < size(); ++other)
      if (other != rank()) send(other, Message::numbers, std::as_bytes(mine));
    for (int other = 0; other < size(); ++other) {
      const std::span<double> to = all.subspan(static_cast<std::size_t>(other) * n, n);
      if (other == rank())
        std::copy(mine.begin(), mine.end(), to.begin());
      else
        receive(other, Message::numbers, std::as_writable_bytes(to));
    }
    all_sent();
  }

  /// The texts of every rank, in the order of the ranks.
  CALIBRANT_COLD std::vector<std::string> all_gather(const std::string& mine) {
    std::vector<double> lengths(static_cast<std::size_t>(size()));
    const double length = static_cast<double>(mine.size());
    all_gather({&length, 1}, lengths);
    std::vector<std::string> texts(lengths.size());
    for (int other = 0; other < size(); ++other)
      if (other != rank()) send(other, Message::bytes, std::as_bytes(std::span(mine)));
    for (int other = 0; other < size(); ++other) {
      std::string& text = texts[static_cast<std::size_t>(other)];
      text.resize(static_cast<std::size_t>(lengths[static_cast<std::size_t>(other)]));
      if (other == rank())
        text = mine;
      else
        receive(other, Message::bytes, std::as_writable_bytes(std::span(text)));
    }
    all_sent();
    return texts;
  }

  /// Overwrites the bytes of the other ranks with those of rank 0.
  void broadcast(std::span<std::byte> bytes) {
    if (rank() == 0) {
      for (int other = 1; other < size(); ++other) send(other, Message::bytes, bytes);
      all_sent();
    } else {
      receive(0, Message::bytes, bytes);
    }
  }

  /// What is in a message. The number is what a transport calls its tag.
  enum class Message : int { failure, leaving, numbers, bytes, terms, sums };

  /// Starts to send to another rank. The bytes must not change until all_sent() has returned.
  void send(int to, Message kind, std::span<const std::byte> bytes) { start_send(to, static_cast<int>(kind), bytes); }

  /// Waits for the next message of another rank, which must be of this kind and size.
  /// @throws RankError on every rank if that one has failed, has ended, or does something else.
  void receive(int from, Message kind, std::span<std::byte> bytes) {
    if (has_left(from)) conclude(heard_from(from, "it has ended its work"), from);
    const Arrival arrival = wait_for(from);
    if (arrival.tag != static_cast<int>(kind) || arrival.size != bytes.size()) interrupted(from, arrival);
    take(from, bytes);
  }

  /// Waits until what this rank has sent may be overwritten.
  virtual void all_sent() = 0;

 protected:
  struct Arrival {
    int tag;
    std::size_t size;
  };

  /// Transport: messages from one rank to another arrive whole and in their order.
  virtual void start_send(int to, int tag, std::span<const std::byte> bytes) = 0;
  virtual Arrival wait_for(int from) = 0;
  /// Reads the message that wait_for has announced. @pre bytes.size() is its size.
  virtual void take(int from, std::span<std::byte> bytes) = 0;

  /// Tells the other ranks that this one takes part in nothing more, and reads what they send until they have said the
  /// same. To be called by the derived destructor.
  CALIBRANT_COLD void leave(std::string_view reason) {
    for (int other = 0; other < size(); ++other)
      if (other != rank())  // also to those that have left: they wait for it
        start_send(other, static_cast<int>(Message::leaving), std::as_bytes(std::span(reason.data(), reason.size())));
    for (int other = 0; other < size(); ++other)
      while (other != rank() && !has_left(other)) read_next(other);
    all_sent();
  }

 private:
  bool has_left(int other) const noexcept { return std::find(left_.begin(), left_.end(), other) != left_.end(); }

  /// A message that was not waited for.
  struct Heard {
    bool last;  ///< it says that the rank has failed or left: nothing more of this work comes from it
    std::string text;
  };
  Heard read(int from, const Arrival& arrival) {
    std::string text(arrival.size, '\0');
    take(from, std::as_writable_bytes(std::span(text)));
    if (arrival.tag == static_cast<int>(Message::leaving)) left_.push_back(from);
    const bool last =
        arrival.tag == static_cast<int>(Message::leaving) || arrival.tag == static_cast<int>(Message::failure);
    return {last, last ? std::move(text) : ""};
  }
  Heard read_next(int from) { return read(from, wait_for(from)); }

  /// For conclude: nothing known but what one rank has said.
  std::vector<std::string> heard_from(int from, std::string text) const {
    std::vector<std::string> texts(static_cast<std::size_t>(size()));
    texts[static_cast<std::size_t>(from)] = std::move(text);
    return texts;
  }

  /// Something else than what this rank waits for.
  [[noreturn]] CALIBRANT_COLD void interrupted(int from, const Arrival& arrival) {
    Heard heard = read(from, arrival);
    if (!heard.last)
      fail("expected the ranks to do the same, found rank " + std::to_string(from) +
           " sending another kind of message, or another size");
    conclude(heard_from(from, std::move(heard.text)), from);
  }

  /// Says to all that the work has failed and reads until all have said it.
  /// @param heard  what is known so far: the text of rank `known`, which may be this one.
  [[noreturn]] CALIBRANT_COLD void conclude(std::vector<std::string> heard, int known) {
    const std::string own = heard[static_cast<std::size_t>(rank())];
    for (int other = 0; other < size(); ++other)
      if (other != rank() && !has_left(other))
        start_send(other, static_cast<int>(Message::failure), std::as_bytes(std::span(own)));
    for (int other = 0; other < size(); ++other) {
      if (other == rank() || other == known || has_left(other)) continue;
      Heard next{false, ""};
      while (!next.last) next = read_next(other);
      heard[static_cast<std::size_t>(other)] = std::move(next.text);
    }
    all_sent();
    for (int failed = 0; failed < size(); ++failed)
      if (const std::string& text = heard[static_cast<std::size_t>(failed)]; !text.empty())
        throw RankError("rank " + std::to_string(failed) + " of " + std::to_string(size()) + ": " + text);
    throw RankError("a rank of " + std::to_string(size()) + " that has ended is waited for");
  }

  std::vector<int> left_;
};

/// The process alone: rank 0 of 1.
class OneRank final : public Ranks {
 public:
  int rank() const noexcept override { return 0; }
  int size() const noexcept override { return 1; }
  void all_sent() override {}

 private:
  void start_send(int, int, std::span<const std::byte>) override {}
  Arrival wait_for(int) override { return {}; }
  void take(int, std::span<std::byte>) override {}
};

/// Adds up n numbers of every rank, each sum in the order of the ranks: ((x_0 + x_1) + x_2) + ..., to the same bits on
/// every rank. Buffers are made once.
///
/// Few numbers, or two ranks: each rank sends all to all and adds them up itself, n (size - 1) numbers each way. Many:
/// each rank adds one slice for all, then sends the sums, 2 n (size - 1) / size numbers each way.
/// @param overlapped  make and send pieces one after the other, so that one travels while the next is made.
template <class Scalar>
class OrderedSum {
 public:
  CALIBRANT_COLD OrderedSum(Ranks& ranks, std::size_t n, bool overlapped)
      : ranks_(&ranks), n_(n), overlapped_(overlapped), sliced_(ranks.size() > 2 && n * sizeof(Scalar) >= slice_bytes) {
    const auto size = static_cast<std::size_t>(ranks.size());
    const std::size_t n_pieces = sliced_ ? size : overlapped ? (n + piece_size - 1) / piece_size : 1;
    // Pieces begin at whole cache lines, so that no two are in the same one.
    constexpr std::size_t line = 64 / sizeof(Scalar);
    for (std::size_t i = 0; i < n_pieces; ++i)
      ends_.push_back(std::min(n, (n * i / n_pieces + line - 1) / line * line));
    ends_.push_back(n);
    std::size_t largest = 0;
    for (std::size_t i = 0; i < n_pieces; ++i) largest = std::max(largest, ends_[i + 1] - ends_[i]);
    received_.resize(largest);
  }

  /// total = sum over the ranks of mine, both n numbers, not overlapping.
  /// @param make  make(first, last) makes mine[first] to mine[last - 1] final; called for each number once, just
  /// before it is sent.
  template <class Make>
  void operator()(const Scalar* mine, Scalar* total, Make&& make) {
    const std::size_t n_pieces = ends_.size() - 1;
    if (!overlapped_) make(std::size_t{0}, n_);
    if (sliced_) {
      const auto own = static_cast<std::size_t>(ranks_->rank());
      // The next rank's slice first, so that the ranks do not all send to the same one; the own one last.
      for (std::size_t step = 1; step <= n_pieces; ++step) {
        const std::size_t slice = (own + step) % n_pieces;
        if (overlapped_) make(ends_[slice], ends_[slice + 1]);
        if (slice != own) send(slice, Ranks::Message::terms, mine, slice);
      }
      add(mine, total, own);
      for (std::size_t step = 1; step < n_pieces; ++step)
        send((own + step) % n_pieces, Ranks::Message::sums, total, own);
      for (std::size_t slice = 0; slice < n_pieces; ++slice)
        if (slice != own)
          ranks_->receive(static_cast<int>(slice), Ranks::Message::sums,
                          std::as_writable_bytes(std::span(total + ends_[slice], ends_[slice + 1] - ends_[slice])));
    } else {
      for (std::size_t piece = 0; piece < n_pieces; ++piece) {
        if (overlapped_) make(ends_[piece], ends_[piece + 1]);
        for (int other = 0; other < ranks_->size(); ++other)
          if (other != ranks_->rank()) send(static_cast<std::size_t>(other), Ranks::Message::terms, mine, piece);
        if (piece > 0) add(mine, total, piece - 1);
      }
      add(mine, total, n_pieces - 1);
    }
    ranks_->all_sent();
  }

 private:
  static constexpr std::size_t slice_bytes = std::size_t{1} << 16;
  static constexpr std::size_t piece_size = (std::size_t{1} << 15) / sizeof(Scalar);

  void send(std::size_t to, Ranks::Message kind, const Scalar* numbers, std::size_t index) {
    ranks_->send(static_cast<int>(to), kind,
                 std::as_bytes(std::span(numbers + ends_[index], ends_[index + 1] - ends_[index])));
  }

  /// Receives a piece from every other rank and adds them all up.
  void add(const Scalar* mine, Scalar* total, std::size_t index) {
    const std::size_t first = ends_[index], count = ends_[index + 1] - first;
    for (int from = 0; from < ranks_->size(); ++from) {
      const Scalar* terms = mine + first;
      if (from != ranks_->rank()) {
        ranks_->receive(from, Ranks::Message::terms, std::as_writable_bytes(std::span(received_.data(), count)));
        terms = received_.data();
      }
      Scalar* sums = total + first;
      if (from == 0)
        std::copy(terms, terms + count, sums);
      else
        for (std::size_t i = 0; i < count; ++i) sums[i] += terms[i];
    }
  }

  Ranks* ranks_;
  std::size_t n_;
  bool overlapped_, sliced_;
  std::vector<std::size_t> ends_;  ///< where pieces begin, and the end of the last
  std::vector<Scalar> received_;
};

}  // namespace calibrant
