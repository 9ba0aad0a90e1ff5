#include "calibrant/io/read_file.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "calibrant/error.hpp"
#include "temporary_folder.hpp"

namespace io = calibrant::io;

TEST_CASE("files are read whole, whatever their size") {
  const TemporaryFolder folder;
  for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 100'000u}) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i % 251);
    std::ofstream(folder / "x", std::ios::binary) << content;
    CHECK(io::read_file(folder / "x") == content);
    const auto bytes = io::read_file<std::vector<std::byte>>(folder / "x");
    REQUIRE(bytes.size() == size);
    for (std::size_t i = 0; i < size; ++i) REQUIRE(bytes[i] == static_cast<std::byte>(i % 251));
    CHECK(io::file_size(folder / "x") == size);
  }
}

TEST_CASE("a file that does not know its size is read to its end") {
  CHECK(io::read_file("/proc/self/status").find("VmSize") != std::string::npos);
}

TEST_CASE("what cannot be read says why") {
  const TemporaryFolder folder;
  const std::string missing = folder / "missing";
  const std::string message = "reading " + missing + ": expected a readable file, found No such file or directory";
  CHECK_THROWS_WITH_AS(io::read_file(missing), message.c_str(), calibrant::Error);
  CHECK_THROWS_WITH_AS(io::file_size(missing), message.c_str(), calibrant::Error);
  CHECK_THROWS_WITH_AS(io::read_file(folder.path()), doctest::Contains("a folder"), calibrant::Error);
  CHECK_THROWS_WITH_AS(io::file_size(folder.path()), doctest::Contains("a folder"), calibrant::Error);
  CHECK_THROWS_WITH_AS(io::file_size("/dev/null"), doctest::Contains("a device"), calibrant::Error);
  CHECK(io::file_exists(folder.path()));
  CHECK_FALSE(io::file_exists(missing));
}
