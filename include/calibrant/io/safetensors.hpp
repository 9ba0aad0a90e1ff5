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
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/atomic_file.hpp"
#include "calibrant/io/checksum.hpp"
#include "calibrant/io/excerpt.hpp"
#include "calibrant/io/json_text.hpp"
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
inline CALIBRANT_COLD std::uint64_t safetensors_value_size(std::string_view dtype) noexcept {
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
inline CALIBRANT_COLD std::uint64_t safetensors_size(std::string_view dtype, std::span<const std::int64_t> shape,
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
CALIBRANT_COLD Tensor make_tensor(std::string name, std::vector<std::int64_t> shape, std::span<const Value> values) {
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
CALIBRANT_COLD std::vector<Value> tensor_values(const Tensor& tensor) {
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

  const auto quoted = [&](const std::string& text) { return json_text(text, where); };
  std::string text = R"({"__metadata__":{)";
  for (const auto& [key, value] : file.metadata) text += quoted(key) + ':' + quoted(value) + ',';
  text += std::string(checksum_prefix) + std::string(checksum_size, '0') + "\"}";
  std::uint64_t offset = 0;
  std::set<std::string> names{"__metadata__"};
  for (const Tensor& tensor : file.tensors) {
    const std::string here = where + ", tensor " + excerpt(tensor.name);
    if (tensor.name == "__metadata__") throw Error(here, "another name than the reserved '__metadata__'", "that name");
    if (!names.insert(tensor.name).second) throw Error(here, "different names", "this name twice");
    const std::uint64_t size = safetensors_size(tensor.dtype, tensor.shape, here);
    if (size != tensor.bytes.size())
      throw Error(here, std::to_string(size) + " bytes for its shape", std::to_string(tensor.bytes.size()));
    text += ',' + quoted(tensor.name) + R"(:{"dtype":")" + tensor.dtype + R"(","shape":[)";
    for (const std::int64_t extent : tensor.shape) text += std::to_string(extent) + ',';
    if (!tensor.shape.empty()) text.pop_back();
    text += R"(],"data_offsets":[)" + std::to_string(offset) + ',' + std::to_string(offset + size) + "]}";
    offset += size;
  }
  text += '}';
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

/// A tensor of which only the header was read, and where its bytes are in the data.
struct SafetensorsEntry {
  std::uint64_t begin, end;
  Tensor tensor;
};

/// Reads a header as the JSON parser meets it: no tree of JSON values is built, which would double what every program
/// that reads a file has to compile. Calls are those of nlohmann's SAX interface.
/// @throws Error for bad JSON, repeated keys, more levels than the format has, and for a tensor unless its dtype, shape
/// and offsets are there, agree, and fit the data.
class SafetensorsHeader {
 public:
  CALIBRANT_COLD SafetensorsHeader(std::string_view text, std::uint64_t data_size, const std::string& where)
      : where_(where), data_size_(data_size) {
    // basic_json::sax_parse would do; but it compiles the readers of five binary formats as well, for a second.
    const auto input = [&] { return nlohmann::detail::input_adapter(text.begin(), text.end()); };
    nlohmann::detail::parser<nlohmann::json, decltype(input())>(input()).sax_parse(this);
  }

  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  ///< in the order of the header

  CALIBRANT_COLD bool null() { return other("null"); }
  CALIBRANT_COLD bool boolean(bool) { return other("boolean"); }
  CALIBRANT_COLD bool number_integer(std::int64_t) { return other("number"); }
  CALIBRANT_COLD bool number_float(double, const std::string&) { return other("number"); }
  template <class Binary>
  CALIBRANT_COLD bool binary(Binary&) {
    return other("binary");
  }
  CALIBRANT_COLD bool number_unsigned(std::uint64_t number) {
    if (depth_ != 3 || number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return other("number");
    list().push_back(static_cast<std::int64_t>(number));
    return true;
  }
  CALIBRANT_COLD bool string(std::string& text) {
    if (depth_ == 2 && in_metadata())
      metadata[keys_[1]] = text;
    else if (depth_ == 2 && keys_[1] == "dtype")
      dtype_ = text;
    else
      return other("string");
    return true;
  }
  CALIBRANT_COLD bool key(std::string& name) {
    std::string& here = keys_[static_cast<std::size_t>(depth_ - 1)];
    here = name;
    if (!known_[static_cast<std::size_t>(depth_ - 1)].insert(name).second)
      throw Error(where_, "every key once", excerpt(name) + " twice");
    return true;
  }
  CALIBRANT_COLD bool start_object(std::size_t) {
    if (depth_ > 1) other("object");
    if (++depth_ > 3) throw too_deep();
    known_[static_cast<std::size_t>(depth_ - 1)].clear();
    fits_ = true;
    dtype_.clear();
    shape_.clear();
    offsets_.clear();
    return true;
  }
  CALIBRANT_COLD bool end_object() {
    if (--depth_ == 1 && !in_metadata()) entries.push_back(entry());
    return true;
  }
  CALIBRANT_COLD bool start_array(std::size_t) {
    if (depth_ != 2 || in_metadata() || (keys_[1] != "shape" && keys_[1] != "data_offsets")) other("array");
    if (++depth_ > 3) throw too_deep();
    return true;
  }
  CALIBRANT_COLD bool end_array() {
    --depth_;
    return true;
  }
  template <class Failure>
  CALIBRANT_COLD bool parse_error(std::size_t, const std::string&, const Failure& failure) {
    throw Error(where_, "a JSON header", failure.what());
  }

 private:
  bool in_metadata() const noexcept { return keys_[0] == "__metadata__"; }
  std::vector<std::int64_t>& list() noexcept { return keys_[1] == "shape" ? shape_ : offsets_; }
  Error too_deep() const { return Error(where_, "a safetensors header", "JSON of more than three levels"); }

  /// A value of a kind that does not belong here. A tensor's are reported at its end, with its name.
  CALIBRANT_COLD bool other(const char* kind) {
    if (depth_ < 2) throw Error(where_, "a JSON object for " + excerpt(keys_[0]), kind);
    if (in_metadata()) throw Error(where_, "text for the metadata " + excerpt(keys_[1]), kind);
    fits_ = false;
    return true;
  }

  /// The tensor that has just been read.
  CALIBRANT_COLD SafetensorsEntry entry() const {
    const std::string here = where_ + ", tensor " + excerpt(keys_[0]);
    const std::set<std::string>& keys = known_[1];
    if (!fits_ || keys != std::set<std::string>{"data_offsets", "dtype", "shape"} || offsets_.size() != 2) {
      std::string found;
      for (const std::string& name : keys) found += (found.empty() ? "" : ", ") + excerpt(name);
      throw Error(here, "'dtype' (text), 'shape' (sizes) and 'data_offsets' (two sizes)",
                  (found.empty() ? "nothing" : found) + (fits_ ? "" : ", one of them of another kind"));
    }
    const auto begin = static_cast<std::uint64_t>(offsets_[0]), end = static_cast<std::uint64_t>(offsets_[1]);
    const std::uint64_t size = safetensors_size(dtype_, shape_, here);
    if (begin > end || end > data_size_ || end - begin != size)
      throw Error(here, std::to_string(size) + " bytes within the data of " + std::to_string(data_size_) + " bytes",
                  "offsets " + std::to_string(begin) + " to " + std::to_string(end));
    return {begin, end, {keys_[0], dtype_, shape_, {}}};
  }

  const std::string& where_;
  std::uint64_t data_size_;
  int depth_ = 0;                               ///< objects and arrays that are open
  std::array<std::string, 3> keys_;             ///< the last key of each level
  std::array<std::set<std::string>, 3> known_;  ///< all keys so far of the object that is open at each level
  // Of the tensor at hand.
  bool fits_ = true;
  std::string dtype_;
  std::vector<std::int64_t> shape_, offsets_;
};

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

  SafetensorsHeader header(text, data.size(), where);
  TensorFile result{std::move(header.metadata), {}};
  check_safetensors_checksum(bytes, text, result.metadata, where, options);

  // By their place; empty tensors, which share it with another, before that one.
  std::vector<SafetensorsEntry*> entries;
  for (SafetensorsEntry& entry : header.entries) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry* left, const SafetensorsEntry* right) {
    return std::tuple(left->begin, left->end, left) < std::tuple(right->begin, right->end, right);
  });
  std::uint64_t covered = 0;
  for (SafetensorsEntry* const entry : entries) {
    if (entry->begin != covered)
      throw Error(where + ", tensor " + excerpt(entry->tensor.name),
                  "tensors without gap or overlap, the next at byte " + std::to_string(covered),
                  "one at byte " + std::to_string(entry->begin));
    covered = entry->end;
    const auto part =
        data.subspan(static_cast<std::size_t>(entry->begin), static_cast<std::size_t>(entry->end - entry->begin));
    entry->tensor.bytes.assign(part.begin(), part.end());
    result.tensors.push_back(std::move(entry->tensor));
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
