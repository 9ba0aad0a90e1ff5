// Text from a file, made fit to stand in an error message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "calibrant/core/compiler.hpp"

namespace calibrant::io {

/// The text in single quotes, cut after 40 characters, with '?' for bytes that a terminal should not see.
inline CALIBRANT_COLD std::string excerpt(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string result = "'";
  for (const char character : text.substr(0, longest)) {
    const auto code = static_cast<unsigned char>(character);
    result += code < 0x20 || code == 0x7f ? '?' : character;
  }
  return result + (text.size() > longest ? "...'" : "'");
}

}  // namespace calibrant::io
