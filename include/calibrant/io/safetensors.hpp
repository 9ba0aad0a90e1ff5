// The safetensors format (huggingface/safetensors: 8 bytes of header length, a JSON header, raw little-endian tensors
// that cover the rest of the file without gaps), with a SHA-256 of the whole file in its metadata.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/atomic_file.hpp"
#include "calibrant/io/checksum.hpp"
#include "calibrant/io/excerpt.hpp"
#include "calibrant/io/read_file.hpp"

namespace calibrant::io {

static_assert(std::endian::native == std::endian::little, "calibrant reads and writes little-endian files in place");

/// A named array in row-major order, as it lies in a file.
struct Tensor {
  std::string name;
  std::string dtype;  ///< as the format spells it: "F32", "F64", "I64", ...
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  bool operator==(const Tensor&) const = default;
};

/// What a safetensors file holds.
struct TensorFile {
  std::map<std::string, std::string> metadata;  ///< without the checksum, which belongs to the file
  std::vector<Tensor> tensors;                  ///< in the order of their bytes in the file

  /// The tensor of that name. @throws Error that lists the names there are.
  CALIBRANT_COLD const Tensor& tensor(std::string_view name) const {
    const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& t) { return t.name == name; });
    if (found != tensors.end()) return *found;
    std::string known;
    for (const Tensor& tensor : tensors) known += (known.empty() ? "" : ", ") + tensor.name;
    throw Error("tensor file", "a tensor " + excerpt(name), "the tensors " + (known.empty() ? "(none)" : known));
  }

  bool operator==(const TensorFile&) const = default;
};

struct SafetensorsOptions {
  /// Files of other programs have no checksum of ours. One that is there is verified in any case.
  bool require_checksum = true;
};

/// The format's name of an arithmetic type.
template <class Value>
constexpr std::string_view safetensors_dtype() {
  static_assert(std::is_arithmetic_v<Value> && !std::is_same_v<Value, long double>);
  if constexpr (std::is_same_v<Value, bool>) return "BOOL";
  if constexpr (std::is_floating_point_v<Value>) return sizeof(Value) == 4 ? "F32" : "F64";
  constexpr std::array<std::string_view, 4> with_sign{"I8", "I16", "I32", "I64"};
  constexpr std::array<std::string_view, 4> without_sign{"U8", "U16", "U32", "U64"};
  return (std::is_signed_v<Value> ? with_sign : without_sign)[std::bit_width(sizeof(Value)) - 1];
}

/// Bytes of one value of a dtype, 0 if the dtype is unknown.
inline std::uint64_t safetensors_value_size(std::string_view dtype) noexcept {
  constexpr std::array<std::pair<std::string_view, int>, 15> sizes{{{"BOOL", 1},
                                                                    {"U8", 1},
                                                                    {"I8", 1},
                                                                    {"F8_E5M2", 1},
                                                                    {"F8_E4M3", 1},
                                                                    {"I16", 2},
                                                                    {"U16", 2},
                                                                    {"F16", 2},
                                                                    {"BF16", 2},
                                                                    {"I32", 4},
                                                                    {"U32", 4},
                                                                    {"F32", 4},
                                                                    {"I64", 8},
                                                                    {"U64", 8},
                                                                    {"F64", 8}}};
  for (const auto& [name, size] : sizes)
    if (name == dtype) return static_cast<std::uint64_t>(size);
  return 0;
}

/// Bytes of a tensor of that dtype and shape.
/// @throws Error for an unknown dtype, a negative extent, or a size that does not fit 63 bits.
inline std::uint64_t safetensors_size(std::string_view dtype, std::span<const std::int64_t> shape,
                                      const std::string& where) {
  std::uint64_t size = safetensors_value_size(dtype);
  if (size == 0) throw Error(where, "a dtype of the safetensors format", excerpt(dtype));
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  for (const std::int64_t extent : shape) {
    if (extent < 0) throw Error(where, "extents that are not negative", std::to_string(extent));
    if (extent > 0 && size > largest / static_cast<std::uint64_t>(extent))
      throw Error(where, "a shape of less than 2^63 bytes", "an extent of " + std::to_string(extent) + " too many");
    size *= static_cast<std::uint64_t>(extent);
  }
  return size;
}

/// Makes a tensor of values. @throws Error if their number is not the product of the shape.
template <class Value>
Tensor make_tensor(std::string name, std::vector<std::int64_t> shape, std::span<const Value> values) {
  Tensor result{std::move(name), std::string(safetensors_dtype<Value>()), std::move(shape), {}};
  const std::uint64_t size = safetensors_size(result.dtype, result.shape, "tensor " + excerpt(result.name));
  if (size != values.size_bytes())
    throw Error("tensor " + excerpt(result.name), std::to_string(size / sizeof(Value)) + " values for its shape",
                std::to_string(values.size()));
  const auto bytes = std::as_bytes(values);
  result.bytes.assign(bytes.begin(), bytes.end());
  return result;
}

/// The values of a tensor. @throws Error if it is of another type.
template <class Value>
std::vector<Value> tensor_values(const Tensor& tensor) {
  static_assert(!std::is_same_v<Value, bool>, "read BOOL tensors byte by byte");
  if (tensor.dtype != safetensors_dtype<Value>() || tensor.bytes.size() % sizeof(Value) != 0)
    throw Error("tensor " + excerpt(tensor.name), "values of type " + std::string(safetensors_dtype<Value>()),
                tensor.dtype);
  std::vector<Value> result(tensor.bytes.size() / sizeof(Value));
  if (!result.empty()) std::memcpy(result.data(), tensor.bytes.data(), tensor.bytes.size());
  return result;
}

// The checksum stands in the metadata as "checksum":"sha256:<64 digits>" and is taken over the whole file with these
// digits replaced by zeros: over the header's text as it is, so that not even a space can change unnoticed.
inline constexpr std::string_view checksum_key = "checksum";
inline constexpr std::string_view checksum_prefix = "\"checksum\":\"sha256:";
inline constexpr std::size_t checksum_size = 64;

/// The bytes of a safetensors file: header padded with spaces to a multiple of 8 bytes, tensors in the order given,
/// checksum in the metadata. @throws Error for repeated or reserved names, unknown dtypes, bytes that do not fit the
/// shape, and text that is not UTF-8.
inline CALIBRANT_COLD std::vector<std::byte> format_safetensors(const TensorFile& file, const std::string& target) {
  const std::string where = "writing " + target;
  if (file.metadata.contains(std::string(checksum_key)))
    throw Error(where, "metadata without the reserved key 'checksum'", "that key");

  nlohmann::ordered_json header;
  header["__metadata__"] = file.metadata;
  header["__metadata__"][std::string(checksum_key)] = "sha256:" + std::string(checksum_size, '0');
  std::uint64_t offset = 0;
  for (const Tensor& tensor : file.tensors) {
    const std::string here = where + ", tensor " + excerpt(tensor.name);
    if (tensor.name == "__metadata__") throw Error(here, "another name than the reserved '__metadata__'", "that name");
    if (header.contains(tensor.name)) throw Error(here, "different names", "this name twice");
    const std::uint64_t size = safetensors_size(tensor.dtype, tensor.shape, here);
    if (size != tensor.bytes.size())
      throw Error(here, std::to_string(size) + " bytes for its shape", std::to_string(tensor.bytes.size()));
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + size}}};
    offset += size;
  }

  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& failure) {
    throw Error(where, "names and metadata in UTF-8", failure.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');

  std::vector<std::byte> bytes(8 + text.size() + static_cast<std::size_t>(offset));
  const std::uint64_t length = text.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, text.data(), text.size());
  auto position = bytes.begin() + static_cast<std::ptrdiff_t>(8 + text.size());
  for (const Tensor& tensor : file.tensors) position = std::copy(tensor.bytes.begin(), tensor.bytes.end(), position);

  const std::string digits = sha256(bytes);
  std::memcpy(bytes.data() + 8 + text.find(checksum_prefix) + checksum_prefix.size(), digits.data(), digits.size());
  return bytes;
}

/// The JSON of a header. @throws Error for bad JSON, repeated keys, and more levels than the format has.
inline CALIBRANT_COLD nlohmann::ordered_json parse_safetensors_header(std::string_view text, const std::string& where) {
  using Json = nlohmann::ordered_json;
  std::vector<std::set<std::string>> keys;
  const auto check_keys = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 3) throw Error(where, "a safetensors header", "JSON of more than three levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
      throw Error(where, "every key once", excerpt(value.get<std::string>()) + " twice");
    return true;
  };
  try {
    return Json::parse(text, check_keys);
  } catch (const nlohmann::json::exception& failure) {
    throw Error(where, "a JSON header", failure.what());
  }
}

/// A tensor of which only the header was read, and where its bytes are in the data.
struct SafetensorsEntry {
  std::uint64_t begin, end;
  Tensor tensor;
};

/// One tensor's part of the header. @throws Error unless dtype, shape and offsets are there, agree, and fit the data.
inline CALIBRANT_COLD SafetensorsEntry parse_safetensors_entry(const std::string& name,
                                                               const nlohmann::ordered_json& value,
                                                               std::uint64_t data_size, const std::string& where) {
  const std::string here = where + ", tensor " + excerpt(name);
  const auto is_size = [](const nlohmann::ordered_json& number) {
    return number.is_number_unsigned() &&
           number.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  };
  const auto are_sizes = [&](const char* key) {
    return value.contains(key) && value[key].is_array() && std::all_of(value[key].begin(), value[key].end(), is_size);
  };
  if (value.size() != 3 || !value.contains("dtype") || !value["dtype"].is_string() || !are_sizes("shape") ||
      !are_sizes("data_offsets") || value["data_offsets"].size() != 2)
    throw Error(here, "'dtype' (text), 'shape' (sizes) and 'data_offsets' (two sizes)", excerpt(value.dump()));

  const auto& offsets = value["data_offsets"];
  SafetensorsEntry entry{
      offsets[0].get<std::uint64_t>(),
      offsets[1].get<std::uint64_t>(),
      {name, value["dtype"].get<std::string>(), value["shape"].get<std::vector<std::int64_t>>(), {}}};
  const std::uint64_t size = safetensors_size(entry.tensor.dtype, entry.tensor.shape, here);
  if (entry.begin > entry.end || entry.end > data_size || entry.end - entry.begin != size)
    throw Error(here, std::to_string(size) + " bytes within the data of " + std::to_string(data_size) + " bytes",
                "offsets " + std::to_string(entry.begin) + " to " + std::to_string(entry.end));
  return entry;
}

/// Takes the checksum out of the metadata and compares it. @throws Error if it is missing and required, or wrong.
inline CALIBRANT_COLD void check_safetensors_checksum(std::span<const std::byte> bytes, std::string_view header,
                                                      std::map<std::string, std::string>& metadata,
                                                      const std::string& where, SafetensorsOptions options) {
  const auto entry = metadata.find(std::string(checksum_key));
  const bool is_ours = entry != metadata.end() && entry->second.starts_with("sha256:") &&
                       entry->second.size() == std::string_view("sha256:").size() + checksum_size;
  const std::size_t begin = is_ours ? header.find(checksum_prefix) : std::string_view::npos;
  if (begin == std::string_view::npos) {
    if (options.require_checksum)
      throw Error(where, "a SHA-256 checksum in the metadata", is_ours ? "one in another spelling" : "none");
    return;
  }
  // A quote inside a JSON string is escaped, and keys are unique: this is the only place that can match.
  const std::size_t digits = 8 + begin + checksum_prefix.size();
  if (digits + checksum_size > bytes.size()) throw Error(where, "64 digits of checksum", "the end of the file");
  const std::string found = Sha256()
                                .update(bytes.first(digits))
                                .update(std::string(checksum_size, '0'))
                                .update(bytes.subspan(digits + checksum_size))
                                .hexadecimal();
  const std::string expected = entry->second.substr(std::string_view("sha256:").size());
  if (found != expected)
    throw Error(where, "the checksum " + expected.substr(0, 16) + "...",
                found.substr(0, 16) + "...: the file was altered after it was written");
  metadata.erase(entry);
}

/// Reads the bytes of a safetensors file; `source` names them in messages.
/// @throws Error, with what was expected and found, unless the file is whole, unaltered and consistent: header length
///         and JSON, every key once, known dtypes, shape times value size equal to the bytes, tensors that cover the
///         data without gap or overlap, checksum.
inline CALIBRANT_COLD TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& source,
                                                   SafetensorsOptions options = {}) {
  const std::string where = "reading " + source;
  std::uint64_t length = 0;
  if (bytes.size() < sizeof(length))
    throw Error(where, "a safetensors file (at least 8 bytes)", std::to_string(bytes.size()) + " bytes");
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > bytes.size() - sizeof(length))
    throw Error(where, "a safetensors header of " + std::to_string(length) + " bytes",
                "a file of " + std::to_string(bytes.size()) + " bytes");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof(length),
                              static_cast<std::size_t>(length));
  if (!text.starts_with('{'))
    throw Error(where, "a header that starts with '{'", text.empty() ? "no header" : excerpt(text));
  const std::span<const std::byte> data = bytes.subspan(sizeof(length) + text.size());

  TensorFile result;
  std::vector<SafetensorsEntry> entries;
  const nlohmann::ordered_json header = parse_safetensors_header(text, where);
  for (const auto& item : header.items()) {
    if (!item.value().is_object())
      throw Error(where, "a JSON object for " + excerpt(item.key()), item.value().type_name());
    if (item.key() != "__metadata__") {
      entries.push_back(parse_safetensors_entry(item.key(), item.value(), data.size(), where));
      continue;
    }
    for (const auto& metadata : item.value().items()) {
      if (!metadata.value().is_string())
        throw Error(where, "text for the metadata " + excerpt(metadata.key()), metadata.value().type_name());
      result.metadata.emplace(metadata.key(), metadata.value().get<std::string>());
    }
  }
  check_safetensors_checksum(bytes, text, result.metadata, where, options);

  std::stable_sort(entries.begin(), entries.end(), [](const auto& left, const auto& right) {
    return std::pair(left.begin, left.end) < std::pair(right.begin, right.end);
  });
  std::uint64_t covered = 0;
  for (SafetensorsEntry& entry : entries) {
    if (entry.begin != covered)
      throw Error(where + ", tensor " + excerpt(entry.tensor.name),
                  "tensors without gap or overlap, the next at byte " + std::to_string(covered),
                  "one at byte " + std::to_string(entry.begin));
    covered = entry.end;
    const auto part =
        data.subspan(static_cast<std::size_t>(entry.begin), static_cast<std::size_t>(entry.end - entry.begin));
    entry.tensor.bytes.assign(part.begin(), part.end());
    result.tensors.push_back(std::move(entry.tensor));
  }
  if (covered != data.size())
    throw Error(where, std::to_string(covered) + " bytes of tensors", std::to_string(data.size()) + " bytes");
  return result;
}

/// Reads a safetensors file. @throws Error as parse_safetensors does, and if the file cannot be read.
inline CALIBRANT_COLD TensorFile read_safetensors(const std::string& path, SafetensorsOptions options = {}) {
  return parse_safetensors(read_file<std::vector<std::byte>>(path), path, options);
}

/// Writes a safetensors file, atomically, with its checksum.
/// @throws Error as format_safetensors does, and if the file cannot be written; the old file is then whole.
inline CALIBRANT_COLD void write_safetensors(const std::string& path, const TensorFile& file) {
  write_file(path, format_safetensors(file, path));
}

}  // namespace calibrant::io
