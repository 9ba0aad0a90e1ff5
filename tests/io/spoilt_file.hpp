// Files that are altered, cut or edited, as the tests of every kind of file need them.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../error_of.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/io/read_file.hpp"
#include "calibrant/io/safetensors.hpp"

namespace saved {

/// Checks that an Object's file is refused with any byte altered (by each of the flips), cut anywhere, or one byte
/// longer.
template <class Object>
void check_every_byte_counts(const Object& object, const std::string& path, std::initializer_list<unsigned> flips) {
  calibrant::io::save(object, path);
  const auto whole = calibrant::io::read_file<std::vector<std::byte>>(path);
  const auto is_accepted = [&] { return error_of([&] { calibrant::io::load<Object>(path); }) == "no error"; };
  REQUIRE(is_accepted());
  int n_accepted = 0;
  const auto put = [&](std::size_t i, std::byte value) {
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(static_cast<std::streamoff>(i))
        .put(static_cast<char>(value));
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const unsigned flip : flips) {
      put(i, whole[i] ^ static_cast<std::byte>(flip));
      n_accepted += is_accepted() ? 1 : 0;
    }
    put(i, whole[i]);
  }
  CHECK(is_accepted());  // all flipped back
  std::ofstream(path, std::ios::app | std::ios::binary).put('\0');
  n_accepted += is_accepted() ? 1 : 0;
  for (std::size_t size = whole.size(); size-- > 0;) {
    std::filesystem::resize_file(path, size);
    n_accepted += is_accepted() ? 1 : 0;
  }
  CHECK(n_accepted == 0);
}

using Edit = std::function<void(calibrant::io::TensorFile&)>;

/// Takes away everything whose name begins so.
inline Edit without(const std::string& prefix) {
  return [prefix](calibrant::io::TensorFile& file) {
    std::erase_if(file.metadata, [&](const auto& entry) { return entry.first.starts_with(prefix); });
    std::erase_if(file.tensors, [&](const auto& tensor) { return tensor.name.starts_with(prefix); });
  };
}

/// Two inner files change places.
inline Edit exchanged(const std::string& one, const std::string& other) {
  return [one, other](calibrant::io::TensorFile& file) {
    const auto swapped = [&](const std::string& name) {
      if (name.starts_with(one)) return other + name.substr(one.size());
      if (name.starts_with(other)) return one + name.substr(other.size());
      return name;
    };
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : file.metadata) metadata[swapped(key)] = value;
    file.metadata = std::move(metadata);
    for (auto& tensor : file.tensors) tensor.name = swapped(tensor.name);
  };
}

}  // namespace saved
