// Whole files into memory, with errors that name the file and the reason.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "calibrant/error.hpp"
#include "calibrant/io/descriptor.hpp"

namespace calibrant::io {

/// The bytes of a file (or of a pipe, up to its end). `Bytes` is std::string or std::vector<std::byte>.
/// @throws Error with the system's reason if the file is missing, unreadable or a folder.
template <class Bytes = std::string>
Bytes read_file(const std::string& path) {
  const std::string where = "reading " + path;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.number(), &status) != 0)
    throw Error(where, "a readable file", system_message(errno));
  if (S_ISDIR(status.st_mode)) throw Error(where, "a readable file", "a folder");

  // One byte more than the size seen, so that the end of a file that did not change is found without growing.
  Bytes content(static_cast<std::size_t>(status.st_size) + 1, typename Bytes::value_type{});
  std::size_t size = 0;
  for (;;) {
    if (size == content.size()) content.resize(2 * content.size() + 4096);
    const ssize_t count = ::read(file.number(), content.data() + size, content.size() - size);
    if (count == 0) break;
    if (count > 0)
      size += static_cast<std::size_t>(count);
    else if (errno != EINTR)
      throw Error(where, "a readable file", system_message(errno));
  }
  content.resize(size);
  return content;
}

/// Size in bytes of a regular file, without reading it.
/// @throws Error with the system's reason if the file is missing, or if it is a folder, a device or a pipe.
inline std::uint64_t file_size(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw Error("reading " + path, "a readable file", system_message(errno));
  if (!S_ISREG(status.st_mode))
    throw Error("reading " + path, "a regular file", S_ISDIR(status.st_mode) ? "a folder" : "a device or a pipe");
  return static_cast<std::uint64_t>(status.st_size);
}

/// True if something of that name exists.
inline bool file_exists(const std::string& path) noexcept { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace calibrant::io
