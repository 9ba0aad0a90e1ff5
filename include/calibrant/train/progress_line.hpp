// The line that shows how a training goes, on terminals only.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "calibrant/nn/model.hpp"

namespace calibrant {

/// One line on standard error, rewritten every epoch: loss, rate, time left. Silent when standard error is not a
/// terminal or when not wanted.
class ProgressPrinter {
 public:
  ProgressPrinter(bool wanted, int epochs) noexcept : shown_(wanted && isatty(STDERR_FILENO) == 1), epochs_(epochs) {}
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;
  ~ProgressPrinter() {
    if (done_ > 0) std::fputc('\n', stderr);
  }

  CALIBRANT_COLD void show(const EpochReport& report, double events_per_epoch) noexcept {
    if (!shown_) return;
    ++done_;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double per_epoch = seconds / done_;
    std::fprintf(stderr, "\repoch %d/%d  loss %.6g  validation %.6g  %.3g events/s  %.1f s left   ", report.epoch,
                 epochs_, report.training_loss, report.validation_loss, events_per_epoch / per_epoch,
                 per_epoch * (epochs_ - report.epoch));
    std::fflush(stderr);
  }

 private:
  bool shown_;
  int epochs_;
  int done_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace calibrant
