// What reading and writing files share: descriptors that close themselves, excerpts for messages.
#include "calibrant/io/descriptor.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <cerrno>
#include <string>
#include <utility>

#include "calibrant/io/excerpt.hpp"

using namespace calibrant;

namespace {

bool is_open(int number) { return ::fcntl(number, F_GETFD) != -1; }

TEST_CASE("a descriptor closes once, whoever owns it") {
  CHECK(!io::Descriptor().is_open());
  CHECK(io::Descriptor().close() == 0);
  int first = -1, second = -1;
  {
    io::Descriptor one(::open("/dev/null", O_RDONLY | O_CLOEXEC)), other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    first = one.number();
    second = other.number();
    REQUIRE((one.is_open() && other.is_open()));
    one = std::move(other);
    CHECK(!is_open(first));
    CHECK(one.number() == second);
    const io::Descriptor moved(std::move(one));
    CHECK(moved.number() == second);
    CHECK(is_open(second));
  }
  CHECK(!is_open(second));
}

TEST_CASE("closing says whether it failed") {
  io::Descriptor one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::close(one.number());
  CHECK(one.close() == -1);
  CHECK(errno == EBADF);
  CHECK(!one.is_open());
}

TEST_CASE("system messages") { CHECK(io::system_message(ENOENT) == "No such file or directory"); }

TEST_CASE("excerpts are quoted, cut and fit for a terminal") {
  CHECK(io::excerpt("") == "''");
  CHECK(io::excerpt("pt_true") == "'pt_true'");
  CHECK(io::excerpt(std::string(40, 'x')) == "'" + std::string(40, 'x') + "'");
  CHECK(io::excerpt(std::string(41, 'x')) == "'" + std::string(40, 'x') + "...'");
  CHECK(io::excerpt("a\n\x1b[31m\x7f") == "'a??[31m?'");
  CHECK(io::excerpt("\xc3\xa4") == "'\xc3\xa4'");
}

}  // namespace
