// View<T, Shape...>: a fixed-shape view of contiguous memory, row-major. Shapes are compile-time, so a wrong one does
// not compile and nothing is checked or stored at run time.
#pragma once

#include <array>
#include <type_traits>

namespace calibrant {

template <class T, int... Shape>
class View {
 public:
  static_assert(sizeof...(Shape) > 0 && ((Shape >= 0) && ...), "View: every extent is zero or more");
  using Element = T;
  static constexpr int rank = sizeof...(Shape);
  static constexpr int size = (Shape * ... * 1);
  static constexpr std::array<int, rank> shape{Shape...};

  constexpr explicit View(T* data) noexcept : data_(data) {}
  template <std::size_t Size>
  requires(static_cast<int>(Size) == size) constexpr View(T (&array)[Size]) noexcept
      : data_(array) {}  // NOLINT(google-explicit-constructor)
  template <std::size_t Size>
  requires(static_cast<int>(Size) == size && std::is_const_v<T>) constexpr View(
      const std::array<std::remove_const_t<T>, Size>& array) noexcept  // NOLINT(google-explicit-constructor)
      : data_(array.data()) {}
  template <std::size_t Size>
  requires(static_cast<int>(Size) == size) constexpr View(
      std::array<std::remove_const_t<T>, Size>& array) noexcept  // NOLINT(google-explicit-constructor)
      : data_(array.data()) {}
  constexpr operator View<const T, Shape...>() const noexcept  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<T>) {
    return View<const T, Shape...>(data_);
  }

  constexpr T* data() const noexcept { return data_; }
  constexpr T* begin() const noexcept { return data_; }
  constexpr T* end() const noexcept { return data_ + size; }
  /// Flat access.
  constexpr T& operator[](int index) const noexcept { return data_[index]; }
  /// Access by one index per dimension.
  template <class... Index>
  requires(sizeof...(Index) == rank) constexpr T& operator()(Index... index) const noexcept {
    int flat = 0;
    ((flat = flat * Shape + static_cast<int>(index)), ...);
    return data_[flat];
  }
  /// `Count` elements from `Offset`, flat.
  template <int Offset, int Count>
  constexpr View<T, Count> part() const noexcept {
    static_assert(Offset >= 0 && Offset + Count <= size, "View::part: the part lies inside the view");
    return View<T, Count>(data_ + Offset);
  }

 private:
  T* data_;
};

}  // namespace calibrant
