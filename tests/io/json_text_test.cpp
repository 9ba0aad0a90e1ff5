#include "calibrant/io/json_text.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/core/random.hpp"

namespace io = calibrant::io;
using Json = nlohmann::json;

namespace {

/// What nlohmann's writer thinks of a text: empty if it is not UTF-8.
std::string reference(const std::string& text) {
  try {
    return Json(text).dump();
  } catch (const Json::exception&) {
    return "";
  }
}
std::string ours(const std::string& text) {
  try {
    return io::json_text(text, "here");
  } catch (const calibrant::Error&) {
    return "";
  }
}

}  // namespace

TEST_CASE("texts are read again as they were, and what is not UTF-8 is refused as nlohmann refuses it") {
  CHECK(io::json_text("pT", "here") == "\"pT\"");
  CHECK(io::json_text("", "here") == "\"\"");
  CHECK(io::json_text("a\"b\\c\n\x01", "here") == R"("a\"b\\c\n\u0001")");
  CHECK(error_of([] { io::json_text("caf\xE9", "saving a model"); }) ==
        "saving a model: expected text in UTF-8, found 'caf\xE9'");
  std::int64_t n_good = 0, n_different = 0, n_changed = 0;
  const auto compare = [&](const std::string& text) {
    const std::string is = ours(text);
    if (is.empty() != reference(text).empty()) ++n_different;
    if (is.empty()) return;
    ++n_good;
    if (Json::parse(is).get<std::string>() != text) ++n_changed;
  };
  // Every sequence of one and two bytes, and of three and four with a byte of each kind in every place.
  constexpr std::array<int, 22> kinds{0x00, 0x1f, 0x22, 0x41, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                      0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
  const auto byte = [](int value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  for (int a = 0; a < 256; ++a) {
    compare({byte(a)});
    for (int b = 0; b < 256; ++b) compare({byte(a), byte(b)});
    for (const int b : kinds)
      for (const int c : kinds) {
        compare({byte(a), byte(b), byte(c)});
        for (const int d : kinds) compare({byte(a), byte(b), byte(c), byte(d)});
      }
  }
  CHECK(n_different == 0);
  CHECK(n_changed == 0);
  CHECK(n_good > 90'000);
}

TEST_CASE("numbers are read again to the bit; those that JSON has not are refused") {
  const auto read = [](double value) { return Json::parse(io::json_text(value, "here")).get<double>(); };
  const calibrant::Random random(1, calibrant::Stream::toy);
  std::int64_t n_different = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const auto words = random.block(i);
    double value = 0.0;
    const std::uint64_t bits = std::uint64_t{words[0]} << 32 | words[1];
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const double again = read(value);
    if (std::memcmp(&value, &again, sizeof value) != 0) ++n_different;
  }
  CHECK(n_different == 0);
  for (const double value : {0.0, -0.0, 1.0, -3.0, 1e15, 1e300, 5e-324, 0.1, std::numeric_limits<double>::max()}) {
    CAPTURE(value);
    CHECK(read(value) == value);
    CHECK(std::signbit(read(value)) == std::signbit(value));
    CHECK(Json::parse(io::json_text(value, "here")).is_number_float());
  }
  CHECK(io::json_text(2.0, "here") == "2.0");
  CHECK(io::json_text(0.1F, "here") == "0.10000000149011612");
  CHECK(error_of([] { io::json_text(std::nan(""), "input 1"); }) == "input 1: expected a finite number, found nan");
  CHECK(error_of([] { io::json_text(HUGE_VAL, "input 1"); }) == "input 1: expected a finite number, found inf");
  CHECK(io::json_text(true, "here") == "true");
  CHECK(io::json_text(-7, "here") == "-7");
  CHECK(io::json_text(std::numeric_limits<std::uint64_t>::max(), "here") == "18446744073709551615");
}

TEST_CASE("lists") {
  CHECK(io::JsonList('[').text() == "[]");
  CHECK(io::JsonList('{').text() == "{}");
  io::JsonList object('{'), array('[');
  array.add("1").add("\"two\"");
  object.add("name", io::json_text("x", "here")).add("values", array.text());
  CHECK(object.text() == R"({"name":"x","values":[1,"two"]})");
  CHECK(io::json_texts(std::vector<std::string>{"eta", "rho"}, "here") == R"(["eta","rho"])");
}
