// Files inside a file: how an object that is made of others is kept in one file, each of them whole and as it was
// saved.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/io/checksum.hpp"
#include "calibrant/io/safetensors.hpp"

namespace calibrant::io::model_file {

/// A file inside a file: all its names stand behind a prefix.
inline CALIBRANT_COLD void add_inner_file(TensorFile& file, const std::string& prefix, TensorFile inner) {
  for (const auto& [key, value] : inner.metadata) file.metadata[prefix + key] = value;
  for (Tensor& tensor : inner.tensors) {
    tensor.name = prefix + tensor.name;
    file.tensors.push_back(std::move(tensor));
  }
}
inline CALIBRANT_COLD TensorFile inner_file(const TensorFile& file, const std::string& prefix) {
  TensorFile inner;
  for (const auto& [key, value] : file.metadata)
    if (key.starts_with(prefix)) inner.metadata[key.substr(prefix.size())] = value;
  for (const Tensor& tensor : file.tensors)
    if (tensor.name.starts_with(prefix)) {
      inner.tensors.push_back(tensor);
      inner.tensors.back().name = tensor.name.substr(prefix.size());
    }
  return inner;
}
/// Of a whole inner file: objects that nearly commute, or agree at three points, pass a self-test in any order.
inline CALIBRANT_COLD std::string inner_checksum(const TensorFile& inner) {
  return "sha256:" + sha256(format_safetensors(inner, "an inner file"));
}
/// @param what  it is, for messages: "step 2". @throws Error unless it is there, and the one of this checksum.
inline CALIBRANT_COLD TensorFile saved_inner_file(const TensorFile& file, const std::string& prefix,
                                                  const std::string& checksum, const std::string& what,
                                                  const std::string& where) {
  TensorFile inner = inner_file(file, prefix);
  if (inner.metadata.empty() && inner.tensors.empty()) throw Error(where, "a " + what, "none");
  if (const std::string found = inner_checksum(inner); found != checksum)
    throw Error(where + ", " + what, "what was saved, " + checksum, found);
  return inner;
}
/// @throws Error if a name begins like those of inner files but belongs to none of these.
inline CALIBRANT_COLD void require_no_other(const TensorFile& file, const std::string& beginning,
                                            const std::vector<std::string>& prefixes, const std::string& where) {
  const auto look = [&](const std::string& name) CALIBRANT_COLD {
    const bool belongs = std::any_of(prefixes.begin(), prefixes.end(),
                                     [&](const std::string& prefix) { return name.starts_with(prefix); });
    if (name.starts_with(beginning) && !belongs) {
      std::string known;
      for (const std::string& prefix : prefixes) known += (known.empty() ? "" : ", ") + prefix;
      throw Error(where, "nothing that begins with '" + beginning + "' but " + known, "'" + name + "'");
    }
  };
  for (const auto& [key, value] : file.metadata) look(key);
  for (const Tensor& tensor : file.tensors) look(tensor.name);
}

}  // namespace calibrant::io::model_file
