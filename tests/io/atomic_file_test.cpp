// Failures are made to happen: by the system where it can be asked to (file size limit, folders, devices), and by
// stand-ins for fsync, close and rename where a full disk reports itself only there.
#include "calibrant/io/atomic_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/read_file.hpp"
#include "size_limit.hpp"
#include "temporary_folder.hpp"

namespace io = calibrant::io;
namespace fs = std::filesystem;

namespace {

enum class Call { none, fsync, fsync_folder, close, rename };
thread_local Call failing_call = Call::none;

/// From here to the end of the scope, one system call reports a full disk.
struct FullDisk {
  explicit FullDisk(Call call) { failing_call = call; }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() { failing_call = Call::none; }
};

int full_disk() {
  errno = ENOSPC;
  return -1;
}

}  // namespace

// The linker prefers these to the C library's.
extern "C" int fsync(int number) {
  struct stat status {};
  const bool is_folder = ::fstat(number, &status) == 0 && S_ISDIR(status.st_mode);
  if (failing_call == (is_folder ? Call::fsync_folder : Call::fsync)) return full_disk();
  return static_cast<int>(::syscall(SYS_fsync, number));
}
extern "C" int close(int number) {
  const int result = static_cast<int>(::syscall(SYS_close, number));
  return failing_call == Call::close ? full_disk() : result;
}
extern "C" int rename(const char* from, const char* to) noexcept {
  if (failing_call == Call::rename) return full_disk();
  return static_cast<int>(::syscall(SYS_renameat2, -100 /* AT_FDCWD */, from, -100, to, 0));
}

TEST_CASE("a file is written and replaced") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  io::write_file(path, "first");
  CHECK(io::read_file(path) == "first");
  std::vector<std::byte> bytes(3'000'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 % 253);
  io::write_file(path, bytes);
  CHECK(io::read_file<std::vector<std::byte>>(path) == bytes);
  io::write_file(path, "");
  CHECK(io::read_file(path).empty());
  CHECK(folder.names() == std::vector<std::string>{"model"});
}

TEST_CASE("pieces are appended, and nothing is seen before commit") {
  const TemporaryFolder folder;
  const std::string path = folder / "table";
  io::write_file(path, "old");
  {
    io::AtomicFile file(path);
    file.write("one ");
    file.write("two");
    CHECK(io::read_file(path) == "old");
    file.commit();
  }
  CHECK(io::read_file(path) == "one two");
  {
    io::AtomicFile file(path);
    file.write("given up");
  }
  CHECK(io::read_file(path) == "one two");
  CHECK(folder.names() == std::vector<std::string>{"table"});
}

TEST_CASE("a name without a folder is a file in the current one") {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  io::write_file("here", "x");
  fs::current_path(before);
  CHECK(io::read_file(folder / "here") == "x");
}

TEST_CASE("the longest file name works") {
  const TemporaryFolder folder;
  const std::string path = folder / std::string(255, 'n');
  io::write_file(path, "x");
  CHECK(io::read_file(path) == "x");
}

TEST_CASE("a write that fails half-way leaves the old file") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  io::write_file(path, "old");
  const std::string long_text(100'000, 'x');
  std::string message;
  {
    const SizeLimit limit(4096);
    try {
      io::write_file(path, long_text);
    } catch (const calibrant::Error& error) {
      message = error.what();
    }
  }
  // 4096 bytes did reach the disk: the rest is what could not be written.
  CHECK(message == "writing " + path + ": expected to write 95904 more bytes, found File too large");
  CHECK(io::read_file(path) == "old");
  CHECK(folder.names() == std::vector<std::string>{"model"});
}

TEST_CASE("a full disk that is reported late leaves the old file") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  io::write_file(path, "old");
  for (const Call call : {Call::fsync, Call::close, Call::rename}) {
    CAPTURE(static_cast<int>(call));
    {
      const FullDisk full(call);
      CHECK_THROWS_WITH_AS(io::write_file(path, "new"), doctest::Contains("No space left on device"), calibrant::Error);
    }
    CHECK(io::read_file(path) == "old");
    CHECK(folder.names() == std::vector<std::string>{"model"});
  }
}

TEST_CASE("a folder that cannot be flushed is reported; the new file is whole") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  io::write_file(path, "old");
  {
    const FullDisk full(Call::fsync_folder);
    CHECK_THROWS_WITH_AS(io::write_file(path, "new"), doctest::Contains("the file is in place"), calibrant::Error);
  }
  CHECK(io::read_file(path) == "new");
  CHECK(folder.names() == std::vector<std::string>{"model"});
}

TEST_CASE("where no file can be, the error says why") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(io::write_file(folder / "missing/model", "x"), doctest::Contains("No such file or directory"),
                       calibrant::Error);
  fs::create_directory(folder / "taken");
  CHECK_THROWS_WITH_AS(io::write_file(folder / "taken", "x"), doctest::Contains("found a folder"), calibrant::Error);
  CHECK_THROWS_WITH_AS(io::write_file("/dev/full", "x"), doctest::Contains("a device"), calibrant::Error);
  CHECK_THROWS_AS(io::write_file("/proc/calibrant_test", "x"), calibrant::Error);  // refuses new files even to root
  CHECK_THROWS_AS(io::write_file("", "x"), calibrant::Error);
  io::write_file(folder / "file", "x");
  CHECK_THROWS_WITH_AS(io::write_file(folder / "file/model", "x"), doctest::Contains("Not a directory"),
                       calibrant::Error);
  CHECK(fs::exists("/dev/full"));
  CHECK(folder.names() == std::vector<std::string>{"file", "taken"});
}

TEST_CASE("without permission nothing is written" * doctest::skip(::geteuid() == 0)) {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  io::write_file(path, "old");
  ::chmod(path.c_str(), 0444);
  CHECK_THROWS_WITH_AS(io::write_file(path, "new"), doctest::Contains("Permission denied"), calibrant::Error);
  ::chmod(folder.path().c_str(), 0555);
  CHECK_THROWS_WITH_AS(io::write_file(folder / "other", "new"), doctest::Contains("Permission denied"),
                       calibrant::Error);
  ::chmod(folder.path().c_str(), 0755);
  CHECK(io::read_file(path) == "old");
}

TEST_CASE("permissions of the old file are kept, links are followed") {
  const TemporaryFolder folder;
  io::write_file(folder / "model", "old");
  ::chmod((folder / "model").c_str(), 0640);
  fs::create_symlink("model", folder / "link");
  io::write_file(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK_FALSE(fs::is_symlink(folder / "model"));
  CHECK(io::read_file(folder / "model") == "new");
  struct stat status {};
  REQUIRE(::stat((folder / "model").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);

  fs::create_symlink("nowhere", folder / "dangling");
  CHECK_THROWS_WITH_AS(io::write_file(folder / "dangling", "x"), doctest::Contains("symbolic link"), calibrant::Error);
}

TEST_CASE("threads that write the same file never mix") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  std::vector<std::thread> threads;
  for (char letter : {'a', 'b', 'c', 'd'})
    threads.emplace_back([&path, letter] {
      for (int i = 0; i < 10; ++i) io::write_file(path, std::string(50'000, letter));
    });
  for (auto& thread : threads) thread.join();
  const std::string content = io::read_file(path);
  CHECK(content == std::string(50'000, content.front()));
  CHECK(folder.names() == std::vector<std::string>{"model"});
}
