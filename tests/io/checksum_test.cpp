// Test vectors of FIPS 180-4 and NIST's SHA test vectors (SHAVS, "SHA-256 ShortMsg" and the long examples).
#include "calibrant/io/checksum.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using calibrant::io::Sha256;
using calibrant::io::sha256;

TEST_CASE("SHA-256 gives the published digests") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqr"
               "stnopqrstu") == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(sha256(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 of pieces is that of the whole, for every length around the block size") {
  std::string text;
  for (int i = 0; i < 200; ++i) text += static_cast<char>('!' + i % 90);
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const std::string_view whole = std::string_view(text).substr(0, length);
    for (const std::size_t cut : {length / 3, length / 2, length}) {
      Sha256 running;
      running.update(whole.substr(0, cut)).update(whole.substr(cut));
      CHECK(running.hexadecimal() == sha256(whole));
    }
  }
}

TEST_CASE("reading a digest does not end the sum") {
  Sha256 running;
  running.update("ab");
  CHECK(running.hexadecimal() == sha256("ab"));
  CHECK(running.update("c").hexadecimal() == sha256("abc"));
}
