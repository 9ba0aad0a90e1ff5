// The progress line: on terminals only, and only if wanted.
#include "calibrant/train/progress_line.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

using namespace calibrant;

namespace {

/// Runs f in a child whose standard error is `descriptor`.
template <class F>
void in_child(int descriptor, F&& f) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(descriptor, STDERR_FILENO);
    f();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
/// What has been written and is waiting to be read.
std::string waiting(int descriptor) {
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  return text;
}
void two_epochs(bool wanted) {
  ProgressPrinter printer(wanted, 2);
  printer.show({1, 0.5, 0.625, 1e-3}, 1000.0);
  printer.show({2, 0.25, 0.375, 1e-3}, 1000.0);
}

TEST_CASE("nothing is written where standard error is not a terminal") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  in_child(ends[1], [] { two_epochs(true); });
  CHECK(waiting(ends[0]).empty());
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("on a terminal one line shows epoch, losses, rate and time left, unless it is not wanted") {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0) return;  // a sandbox without terminals
  REQUIRE(grantpt(terminal) == 0);
  REQUIRE(unlockpt(terminal) == 0);
  const int shown = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  REQUIRE(shown >= 0);
  in_child(shown, [] { two_epochs(false); });
  CHECK(waiting(terminal).empty());
  in_child(shown, [] { two_epochs(true); });
  const std::string text = waiting(terminal);
  CAPTURE(text);
  CHECK(text.find("\repoch 1/2  loss 0.5  validation 0.625  ") == 0);
  CHECK(text.find("\repoch 2/2  loss 0.25  validation 0.375  ") != std::string::npos);
  CHECK(text.find(" events/s  0.0 s left") != std::string::npos);
  CHECK(text.find('\n') == text.size() - 1);  // one line, ended once
  close(shown);
  close(terminal);
}

}  // namespace
