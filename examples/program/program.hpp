// What surrounds the work of an example: errors as exit codes, the output folder, other processes, a watch.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/descriptor.hpp"

namespace examples {

/// Runs the body of main(). @return what it returns; 2 for wrong use (calibrant::Error), 1 for any other failure.
template <class Body>
int run_program(const char* name, Body&& body) {
  try {
    return body();
  } catch (const calibrant::Error& error) {
    std::cerr << name << ": " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << '\n';
    return 1;
  }
}

/// Makes the folder, and those above it, unless it exists. @throws calibrant::Error if that is impossible.
inline void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && !std::filesystem::is_directory(path, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw calibrant::Error("making the output folder " + path, "a place to write to", error.message());
}

inline constexpr int program_not_found = 127;

/// Runs a program in a folder and waits for it.
/// @return its exit code; program_not_found if there is no such program; 128 + the signal that ended it.
inline int run_process(const std::vector<std::string>& command, const std::string& folder = ".") {
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::cout.flush();
  const pid_t child = ::fork();
  if (child == 0) {
    if (::chdir(folder.c_str()) == 0) ::execvp(arguments[0], arguments.data());
    ::_exit(program_not_found);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) break;
  if (child < 0)
    throw calibrant::Error("running " + command[0], "another process", calibrant::io::system_message(errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Time since it was made.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Processor time of all threads of this process since it was made: other programs on the machine do not count.
class ProcessorWatch {
 public:
  double seconds() const { return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t start_ = std::clock();
};

}  // namespace examples
