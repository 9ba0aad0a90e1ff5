// A POSIX file descriptor that closes itself, and the text of a system error: what reading and writing files share.
#pragma once

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

namespace calibrant::io {

/// The text of an errno value, as strerror gives it, but safe to call from any thread.
inline std::string system_message(int code) { return std::generic_category().message(code); }

/// Owner of a file descriptor; -1 owns nothing.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Descriptor() { close(); }

  int number() const noexcept { return number_; }
  bool is_open() const noexcept { return number_ >= 0; }

  /// Closes now. @return 0, or -1 with errno set: network file systems report a full disk only here.
  int close() noexcept { return number_ < 0 ? 0 : ::close(std::exchange(number_, -1)); }

 private:
  int number_ = -1;
};

}  // namespace calibrant::io
