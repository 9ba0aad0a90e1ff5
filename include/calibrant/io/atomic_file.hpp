// Files that are either the old one or the new one, never a part: temporary name in the same folder, fsync, rename,
// fsync of the folder (POSIX rename(2) replaces in one step). A process killed at any moment leaves the old file whole.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "calibrant/error.hpp"
#include "calibrant/io/descriptor.hpp"

namespace calibrant::io {

/// A new file that takes the place of `path` when commit() succeeds, and leaves no trace otherwise.
/// Every failure (missing folder, no permission, full disk, also when reported as late as fsync or close) throws Error
/// with the path and the system's reason; the old file is then untouched and the temporary one removed.
/// A symbolic link is followed; the permissions of an existing file are kept.
class AtomicFile {
 public:
  /// @throws Error if `path` is a folder, a device or write-protected, or no file can be made in its folder.
  CALIBRANT_COLD explicit AtomicFile(const std::string& path) : where_("writing " + path), target_(resolve(path)) {
    const std::size_t slash = target_.rfind('/');
    folder_ = slash == std::string::npos ? "." : slash == 0 ? "/" : target_.substr(0, slash);
    const std::string name = slash == std::string::npos ? target_ : target_.substr(slash + 1);

    struct stat old {};
    const bool exists = ::stat(target_.c_str(), &old) == 0;
    if (exists && !S_ISREG(old.st_mode))
      throw Error(where_, "a file or a free name", S_ISDIR(old.st_mode) ? "a folder" : "a device or a pipe");
    if (exists && ::access(target_.c_str(), W_OK) != 0) fail("permission to write");

    do {
      // File names end at 255 bytes nearly everywhere; what is cut off here only served to recognise left-overs.
      temporary_ = folder_ + "/." + name.substr(0, 200) + "." + std::to_string(::getpid()) + "." +
                   std::to_string(counter.fetch_add(1, std::memory_order_relaxed)) + ".tmp";
      file_ = Descriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    } while (!file_.is_open() && (errno == EEXIST || errno == EINTR));
    if (!file_.is_open()) {
      const int reason = errno;
      temporary_.clear();
      throw Error(where_, "a folder '" + folder_ + "' to write into", system_message(reason));
    }
    // Some network file systems have no permissions to set; the file's content is what counts.
    if (exists) static_cast<void>(::fchmod(file_.number(), old.st_mode & 07777));
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { discard(); }

  /// Appends bytes. @throws Error if not all of them could be written.
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_.number(), bytes.data(), bytes.size());
      if (count > 0)
        bytes = bytes.subspan(static_cast<std::size_t>(count));
      else if (count == 0 || errno != EINTR)
        fail("to write " + std::to_string(bytes.size()) + " more bytes");
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Makes the new file durable and puts it in the old one's place. To be called once, after the last write.
  CALIBRANT_COLD void commit() {
    if (!synchronise(file_.number())) fail("to flush the file to disk");
    if (file_.close() != 0) fail("to close the file");
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("to rename the finished file");
    temporary_.clear();
    const Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A folder that may be written but not read cannot be opened; the rename itself has succeeded.
    if (folder.is_open() && !synchronise(folder.number())) fail("to flush the folder to disk (the file is in place)");
  }

 private:
  /// The file behind a symbolic link, or `path` itself: rename must not replace the link by a file.
  CALIBRANT_COLD std::string resolve(const std::string& path) const {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return path;
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
    if (!real) throw Error(where_, "a symbolic link that leads to a file", system_message(errno));
    return real.get();
  }

  /// fsync; file systems that cannot synchronise at all (EINVAL, fsync(2)) count as having done so.
  static bool synchronise(int number) noexcept {
    int result = 0;
    do result = ::fsync(number);
    while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL;
  }

  [[noreturn]] void fail(const std::string& expected) {
    const int reason = errno;
    discard();
    throw Error(where_, expected, system_message(reason));
  }

  CALIBRANT_COLD void discard() noexcept {
    file_.close();
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
    temporary_.clear();
  }

  inline static std::atomic<unsigned> counter{0};

  std::string where_;
  std::string target_;
  std::string folder_;
  std::string temporary_;
  Descriptor file_;
};

/// Writes a whole file atomically. @throws Error as AtomicFile does; the old file is then untouched.
inline void write_file(const std::string& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}
inline void write_file(const std::string& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace calibrant::io
