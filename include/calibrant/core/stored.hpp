// Stored<T>: a member that is too large for the stack of a thread goes to the heap, a smaller one stays where it is.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace calibrant {

/// Objects of more bytes are kept on the heap: of the networks in use, few are, and those that are would take the 8 MB
/// of a thread's stack with a copy or two.
inline constexpr std::size_t largest_in_place = 256 * 1024;

/// A T of its own: copies copy the T. Moved from, one on the heap is good for assignment and destruction only.
template <class T, bool OnHeap = (sizeof(T) > largest_in_place)>
class Stored {
 public:
  T& operator*() noexcept { return value_; }
  const T& operator*() const noexcept { return value_; }
  T* operator->() noexcept { return &value_; }
  const T* operator->() const noexcept { return &value_; }

 private:
  T value_{};
};

template <class T>
class Stored<T, true> {
 public:
  Stored() = default;
  Stored(const Stored& other) : value_(std::make_unique<T>(*other)) {}
  Stored(Stored&&) noexcept = default;
  Stored& operator=(const Stored& other) {
    if (this != &other) value_ = std::make_unique<T>(*other);
    return *this;
  }
  Stored& operator=(Stored&&) noexcept = default;
  ~Stored() = default;

  T& operator*() noexcept { return *value_; }
  const T& operator*() const noexcept { return *value_; }
  T* operator->() noexcept { return value_.get(); }
  const T* operator->() const noexcept { return value_.get(); }

 private:
  std::unique_ptr<T> value_ = std::make_unique<T>();
};

}  // namespace calibrant
