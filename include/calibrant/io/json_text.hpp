// JSON text, written piece by piece: what files of ours hold is small and flat, and nlohmann's tree of values, with its
// writer, would take as long to compile as all else that saves a model. Files are read with nlohmann's parser.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "calibrant/error.hpp"
#include "calibrant/io/excerpt.hpp"

namespace calibrant::io {

/// Bytes of the UTF-8 sequence at the front of a text that is not empty; 0 if it is none (RFC 3629: neither overlong
/// forms nor surrogates).
inline CALIBRANT_COLD std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !follows(1)) return 0;
  if (first < 0xe0) return 2;
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || !follows(2)) return 0;
  if (first < 0xf0) return 3;
  return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) || !follows(3) ? 0 : 4;
}

/// A text as a JSON string. @throws Error if it is not UTF-8.
inline CALIBRANT_COLD std::string json_text(std::string_view text, std::string_view where) {
  std::string result = "\"";
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    if (length == 0) throw Error(where, "text in UTF-8", excerpt(text));
    const char front = rest.front();
    if (const auto code = static_cast<std::size_t>(static_cast<unsigned char>(front)); code < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef", letters = "btn fr";  // of codes 8 to 13
      result += '\\';
      if (code >= 8 && code <= 13 && code != 11) {
        result += letters[code - 8];
      } else {
        result += "u00";
        result += digits[code / 16];
        result += digits[code % 16];
      }
    } else {
      if (front == '"' || front == '\\') result += '\\';
      result += rest.substr(0, length);
    }
    rest.remove_prefix(length);
  }
  return result + '"';
}
/// The fewest digits that give the same number again. @throws Error if it is not finite: JSON has no such numbers.
inline CALIBRANT_COLD std::string json_text(double value, std::string_view where) {
  if (!std::isfinite(value)) throw Error(where, "a finite number", std::to_string(value));
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  std::string result(digits, end);
  if (result.find_first_of(".e") == std::string::npos) result += ".0";  // as an integer, -0 would lose its sign
  return result;
}
template <std::integral Value>
CALIBRANT_COLD std::string json_text(Value value, std::string_view) {
  if constexpr (std::same_as<Value, bool>)
    return value ? "true" : "false";
  else
    return std::to_string(value);
}

/// An array or an object: values are JSON text already.
class JsonList {
 public:
  explicit JsonList(char opening) : text_(1, opening) {}

  CALIBRANT_COLD JsonList& add(std::string_view value) {
    if (text_.size() > 1) text_ += ',';
    text_ += value;
    return *this;
  }
  /// @param key  a name of the library's own: it is not escaped.
  CALIBRANT_COLD JsonList& add(std::string_view key, std::string_view value) {
    add("\"").text_ += key;
    text_ += "\":";
    text_ += value;
    return *this;
  }
  CALIBRANT_COLD std::string text() const { return text_ + (text_.front() == '[' ? ']' : '}'); }

 private:
  std::string text_;
};

/// An array of texts. @throws Error if one is not UTF-8.
template <class Texts>
CALIBRANT_COLD std::string json_texts(const Texts& texts, std::string_view where) {
  JsonList list('[');
  for (const auto& text : texts) list.add(json_text(text, where));
  return list.text();
}

}  // namespace calibrant::io
