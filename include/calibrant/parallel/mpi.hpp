// MpiSession: the ranks of an MPI program. Needs the target calibrant::mpi, which brings MPI's headers and library.
#pragma once

// The C++ bindings, removed from MPI 3.0, cost compile time and are not used.
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <array>
#include <cstddef>
#include <exception>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "calibrant/parallel/ranks.hpp"

namespace calibrant {

/// MPI from here to the end of the scope. Starts MPI unless the program already has, and ends what it started; works on
/// a communicator of its own. Started without mpirun, the program is rank 0 of 1.
///
/// Make it first and keep it to the end of main's work. If an exception leaves the scope on one rank, or its main
/// returns, the others get a RankError at their next exchange. An error of MPI itself is thrown as Error.
/// All exchanges are made by the thread that made the session (MPI_THREAD_FUNNELED); other threads may compute.
class MpiSession final : public Ranks {
 public:
  /// @throws Error if MPI cannot be started, or not with threads.
  CALIBRANT_COLD explicit MpiSession(MPI_Comm of = MPI_COMM_WORLD) {
    int running = 0, level = MPI_THREAD_SINGLE;
    require_success(MPI_Initialized(&running), "MPI_Initialized");
    if (running != 0) {
      require_success(MPI_Query_thread(&level), "MPI_Query_thread");
    } else {
      require_success(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level), "MPI_Init_thread");
      started_here_ = true;
    }
    if (level < MPI_THREAD_FUNNELED)
      throw Error("MpiSession", "an MPI that may be used beside threads (MPI_THREAD_FUNNELED)", "MPI_THREAD_SINGLE");
    require_success(MPI_Comm_dup(of, &communicator_), "MPI_Comm_dup");
    require_success(MPI_Comm_set_errhandler(communicator_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    require_success(MPI_Comm_rank(communicator_, &rank_), "MPI_Comm_rank");
    require_success(MPI_Comm_size(communicator_, &size_), "MPI_Comm_size");
    arrived_.resize(static_cast<std::size_t>(size_), MPI_MESSAGE_NULL);
    sent_.reserve(static_cast<std::size_t>(size_) * 16);
  }

  ~MpiSession() override {
    try {
      const bool unwinding = std::uncaught_exceptions() > exceptions_;
      leave(unwinding ? "an exception ended its work" : "it has ended its work, while others go on");
      require_success(MPI_Comm_free(&communicator_), "MPI_Comm_free");
      if (started_here_) require_success(MPI_Finalize(), "MPI_Finalize");
    } catch (...) {
      MPI_Abort(MPI_COMM_WORLD, 1);  // the others would wait for this rank
    }
  }

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  void all_sent() override {
    if (sent_.empty()) return;
    wait_until([&](int& done) {
      require_success(MPI_Testall(static_cast<int>(sent_.size()), sent_.data(), &done, MPI_STATUSES_IGNORE),
                      "MPI_Testall");
    });
    sent_.clear();
  }

 private:
  void start_send(int to, int tag, std::span<const std::byte> bytes) override {
    MPI_Request request = MPI_REQUEST_NULL;
    require_success(MPI_Isend(bytes.data(), count(bytes.size()), MPI_BYTE, to, tag, communicator_, &request),
                    "MPI_Isend");
    sent_.push_back(request);
  }

  Arrival wait_for(int from) override {
    MPI_Status status;
    int size = 0;
    MPI_Message& message = arrived_[static_cast<std::size_t>(from)];
    wait_until([&](int& done) {
      require_success(MPI_Improbe(from, MPI_ANY_TAG, communicator_, &done, &message, &status), "MPI_Improbe");
    });
    require_success(MPI_Get_count(&status, MPI_BYTE, &size), "MPI_Get_count");
    return {status.MPI_TAG, static_cast<std::size_t>(size)};
  }

  void take(int from, std::span<std::byte> bytes) override {
    MPI_Request request = MPI_REQUEST_NULL;
    require_success(
        MPI_Imrecv(bytes.data(), count(bytes.size()), MPI_BYTE, &arrived_[static_cast<std::size_t>(from)], &request),
        "MPI_Imrecv");
    wait_until([&](int& done) { require_success(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test"); });
  }

  /// Asks again and again, as messages of a training come soon; after a while it lets others have the core. MPI's own
  /// waiting does not: where something else runs too, ranks would take turns in doing nothing.
  template <class Ask>
  static void wait_until(Ask&& ask) {
    int done = 0;
    for (int tries = 0; ask(done), done == 0; ++tries)
      if (tries > 500) std::this_thread::yield();
  }

  static int count(std::size_t size) {
    if (size > static_cast<std::size_t>(std::numeric_limits<int>::max()))
      throw Error("a message between ranks", "at most 2147483647 bytes", std::to_string(size));
    return static_cast<int>(size);
  }

  static void require_success(int code, const char* call) {
    if (code != MPI_SUCCESS) report(code, call);
  }
  [[noreturn]] CALIBRANT_COLD static void report(int code, const char* call) {
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    MPI_Error_string(code, text.data(), &length);
    throw Error(call, "success", std::string_view(text.data(), static_cast<std::size_t>(length)));
  }

  MPI_Comm communicator_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  bool started_here_ = false;
  int exceptions_ = std::uncaught_exceptions();
  std::vector<MPI_Message> arrived_;
  std::vector<MPI_Request> sent_;
};

}  // namespace calibrant
