// A disk that is full, as far as files beyond a size go.
#pragma once

#include <sys/resource.h>

#include <csignal>

/// From here to the end of the scope, the kernel writes no file beyond this size (EFBIG, after a partial write).
struct SizeLimit {
  explicit SizeLimit(rlim_t size) {
    old_handler = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_limit);
    const rlimit limit{size, old_limit.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;
  ~SizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit);
    std::signal(SIGXFSZ, old_handler);
  }
  rlimit old_limit{};
  void (*old_handler)(int) = nullptr;
};
