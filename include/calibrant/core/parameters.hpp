// Parameters<Scalar, N>: all parameters of a model in one contiguous, 64-byte aligned buffer. Gradients, Adam moments
// and averages have the same type, so optimizer, averaging, checkpoint and model file are loops over one flat span.
#pragma once

#include <span>

#include "calibrant/core/view.hpp"
#include "calibrant/core/wide.hpp"

namespace calibrant {

/// N rounded up to whole virtual registers.
template <class Scalar>
constexpr int padded(int n) noexcept {
  return (n + lanes<Scalar> - 1) / lanes<Scalar> * lanes<Scalar>;
}

template <class Scalar_, int N>
class alignas(virtual_register_bytes) Parameters {
 public:
  using Scalar = Scalar_;
  static constexpr int size = N;
  /// The buffer ends on a whole register; the padding is zero and stays zero.
  static constexpr int padded_size = padded<Scalar>(N > 0 ? N : 1);

  Scalar* data() noexcept { return values_; }
  const Scalar* data() const noexcept { return values_; }
  Scalar& operator[](int index) noexcept { return values_[index]; }
  Scalar operator[](int index) const noexcept { return values_[index]; }
  std::span<Scalar, static_cast<std::size_t>(N)> span() noexcept {
    return std::span<Scalar, static_cast<std::size_t>(N)>(values_, N);
  }
  std::span<const Scalar, static_cast<std::size_t>(N)> span() const noexcept {
    return std::span<const Scalar, static_cast<std::size_t>(N)>(values_, N);
  }
  View<Scalar, N> view() noexcept { return View<Scalar, N>(values_); }
  View<const Scalar, N> view() const noexcept { return View<const Scalar, N>(values_); }
  void clear() noexcept {
    for (Scalar& value : values_) value = Scalar(0);
  }

 private:
  Scalar values_[padded_size]{};
};

/// to[i] += from[i] for n numbers; they do not overlap.
template <class S>
CALIBRANT_INLINE void add_to(S* to, const S* from, int n) noexcept {
  using V = Wide<S, 1>;
  int i = 0;
  for (; i + lanes<S> <= n; i += lanes<S>) (V::load(to + i) + V::load(from + i)).store(to + i);
  for (; i < n; ++i) to[i] += from[i];
}

}  // namespace calibrant
