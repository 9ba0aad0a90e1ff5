// Runs a command, prints the seconds of processor and the peak memory that it took, and ends as it did. CMake puts it
// in front of the compiler; the last argument that names a C++ source is what is measured.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s <command> ...\n", argv[0]);
    return 2;
  }
  const pid_t child = ::fork();
  if (child < 0) {
    std::perror("fork");
    return 2;
  }
  if (child == 0) {
    ::execvp(argv[1], argv + 1);
    std::perror(argv[1]);
    ::_exit(127);
  }
  int status = 0;
  rusage used{};
  if (::wait4(child, &status, 0, &used) < 0) {
    std::perror("wait4");
    return 2;
  }
  std::string_view source = argv[argc - 1];
  for (int i = 1; i < argc; ++i)
    if (const std::string_view argument = argv[i]; argument.ends_with(".cpp")) source = argument;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  std::printf("compile cost: %5.1f s %5ld MB  %.*s\n", seconds(used.ru_utime) + seconds(used.ru_stime),
              used.ru_maxrss / 1024, static_cast<int>(source.size()), source.data());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
