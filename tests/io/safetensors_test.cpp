#include "calibrant/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "calibrant/error.hpp"
#include "temporary_folder.hpp"

namespace io = calibrant::io;

namespace {

using Bytes = std::vector<std::byte>;

io::TensorFile example() {
  const std::vector<float> weights{1.5f, -2.f, 0.25f, 1e-40f, 3e38f, 0.f};
  const std::vector<double> mean{0.1};
  const std::vector<std::int64_t> counts{-1, 9'007'199'254'740'993};
  io::TensorFile file;
  file.metadata = {{"architecture", "Mlp<2, 50, 1>"}, {"units", "GeV, \"rad\"\n\tη"}};
  file.tensors = {io::make_tensor<float>("z.weight", {2, 3}, weights), io::make_tensor<double>("mean", {}, mean),
                  io::make_tensor<float>("none", {0, 3}, {}), io::make_tensor<std::int64_t>("a.counts", {2}, counts)};
  return file;
}

/// A file with this header and this many bytes of data, as another program could have written it.
Bytes foreign(std::string_view header, std::size_t n_data = 0) {
  Bytes bytes(8 + header.size() + n_data, std::byte{7});
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

io::TensorFile parse_foreign(const Bytes& bytes) {
  return io::parse_safetensors(bytes, "m.safetensors", {.require_checksum = false});
}

std::string error_of(const Bytes& bytes, io::SafetensorsOptions options = {.require_checksum = false}) {
  try {
    io::parse_safetensors(bytes, "m.safetensors", options);
  } catch (const calibrant::Error& error) {
    const std::string message = error.what();
    REQUIRE(message.starts_with("reading m.safetensors"));
    return message.substr(std::string_view("reading m.safetensors").size());
  }
  return "no error";
}

std::string text_of(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Bytes bytes_of(const std::string& text) {
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

}  // namespace

TEST_CASE("what is written is read") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  const io::TensorFile file = example();
  io::write_safetensors(path, file);
  const io::TensorFile read = io::read_safetensors(path);
  CHECK(read == file);
  CHECK(io::tensor_values<float>(read.tensor("z.weight")) == std::vector<float>{1.5f, -2.f, 0.25f, 1e-40f, 3e38f, 0.f});
  CHECK(io::tensor_values<double>(read.tensor("mean")) == std::vector<double>{0.1});
  CHECK(io::tensor_values<float>(read.tensor("none")).empty());
  CHECK(folder.names() == std::vector<std::string>{"m.safetensors"});

  io::write_safetensors(path, io::TensorFile{});
  CHECK(io::read_safetensors(path) == io::TensorFile{});
}

TEST_CASE("the layout is the format's, and always the same") {
  const Bytes bytes = io::format_safetensors(example(), "m");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  CHECK(bytes.size() == 8 + length + 24 + 8 + 16);
  const std::string header = text_of(bytes).substr(8, length);
  CHECK(header.starts_with("{\"__metadata__\":{\"architecture\":\"Mlp<2, 50, 1>\","));
  CHECK(header.find("\"z.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                    "\"mean\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[24,32]},"
                    "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[32,32]},"
                    "\"a.counts\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[32,48]}}") != std::string::npos);
  CHECK(header.substr(header.find_last_not_of(' ')).starts_with('}'));
  float second = 0;
  std::memcpy(&second, bytes.data() + 8 + length + 4, 4);
  CHECK(second == -2.f);
  CHECK(io::format_safetensors(example(), "m") == bytes);
}

TEST_CASE("any altered byte is noticed") {
  const Bytes bytes = io::format_safetensors(example(), "m");
  REQUIRE(error_of(bytes, {}) == "no error");
  const std::size_t checksum = text_of(bytes).find("\"checksum\"");
  REQUIRE(checksum != std::string::npos);
  std::size_t n_missed = 0;
  const auto flip = [&](std::size_t position, unsigned mask) {
    Bytes altered = bytes;
    altered[position] ^= static_cast<std::byte>(mask);
    if (error_of(altered, {}) == "no error") ++n_missed;
  };
  for (std::size_t position = 0; position < bytes.size(); ++position)
    for (const unsigned mask : {0x01u, 0x20u, 0x80u}) flip(position, mask);
  // Everything a byte can become: length, '{', the checksum's key, its text, padding or '}', the first and last datum.
  for (const std::size_t position :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, checksum, checksum + 4, checksum + 12,
        checksum + 30, checksum + 84, bytes.size() - 49, bytes.size() - 48, bytes.size() - 1})
    for (unsigned mask = 1; mask < 256; ++mask) flip(position, mask);
  CHECK(n_missed == 0);
}

TEST_CASE("a file cut anywhere, or with bytes behind, is noticed") {
  const Bytes bytes = io::format_safetensors(example(), "m");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK(error_of(cut, {}) != "no error");
    CHECK(error_of(cut) != "no error");  // the structure alone shows it
  }
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  CHECK(error_of(longer, {}) != "no error");
}

TEST_CASE("consistent changes, also those that leave the JSON's meaning, are noticed") {
  const std::string text = text_of(io::format_safetensors(example(), "m"));
  const auto check = [&](std::string_view from, std::string_view to) {
    std::string altered = text;
    const std::size_t position = altered.find(from);
    REQUIRE(position != std::string::npos);
    altered.replace(position, from.size(), to);
    std::uint64_t length = 0;
    std::memcpy(&length, altered.data(), 8);
    length = length + to.size() - from.size();
    std::memcpy(altered.data(), &length, 8);
    CAPTURE(to);
    CHECK(error_of(bytes_of(altered), {}).find("altered") != std::string::npos);
  };
  check("[2,3]", "[3,2]");
  check("GeV", "MeV");
  check("z.weight", "y.weight");
  check("\"shape\":[2,3]", "\"shape\": [2,3]");
  check("\\n", "\\u000a");
  check("}}", "}} ");
  check("\"dtype\":\"F64\",\"shape\":[]", "\"shape\":[],\"dtype\":\"F64\"");
  // A digit of the checksum in upper case.
  const std::size_t digits = text.find("sha256:");
  const std::size_t letter = text.find_first_of("abcdef", digits + 7);
  std::string upper = text.substr(digits, letter + 1 - digits);
  upper.back() = static_cast<char>(upper.back() - 'a' + 'A');
  check(text.substr(digits, letter + 1 - digits), upper);
}

TEST_CASE("the checksum is required unless told otherwise") {
  const Bytes without = foreign(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  CHECK(error_of(without, {}) == ": expected a SHA-256 checksum in the metadata, found none");
  const auto file = parse_foreign(without);
  REQUIRE(file.tensors.size() == 1);
  CHECK(file.tensors[0].bytes == Bytes(8, std::byte{7}));

  Bytes altered = io::format_safetensors(example(), "m");
  altered.back() ^= std::byte{1};
  CHECK(error_of(altered).find("altered") != std::string::npos);

  const Bytes other = foreign(R"({"__metadata__":{"checksum":"crc32:12345678","format":"pt"}})");
  CHECK(error_of(other, {}).find("found none") != std::string::npos);
  CHECK(parse_foreign(other).metadata.at("checksum") == "crc32:12345678");
  const Bytes spelled = foreign(R"({"__metadata__":{"checksum": "sha256:)" + std::string(64, '0') + R"("}})");
  CHECK(error_of(spelled, {}).find("one in another spelling") != std::string::npos);
}

TEST_CASE("files of other programs: any order of entries, padding, white space") {
  const auto file = parse_foreign(foreign(R"({ "b" : {"data_offsets":[4,6],"shape":[1,1],"dtype":"BF16"},
      "empty":{"dtype":"F64","shape":[0],"data_offsets":[4,4]},
      "a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},"__metadata__":{"format":"pt"}}    )",
                                          6));
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.tensors[0].name == "a");
  CHECK(file.tensors[1].name == "empty");
  CHECK(file.tensors[2].name == "b");
  CHECK(file.metadata.at("format") == "pt");
}

TEST_CASE("headers that lie") {
  const auto check = [](std::string_view header, std::size_t n_data, std::string_view part) {
    const std::string message = error_of(foreign(header, n_data));
    CAPTURE(header);
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
  };
  CHECK(error_of({}) == ": expected a safetensors file (at least 8 bytes), found 0 bytes");
  Bytes huge(20, std::byte{0xff});
  CHECK(error_of(huge) == ": expected a safetensors header of 18446744073709551615 bytes, found a file of 20 bytes");
  check("", 0, "no header");
  check(" {}", 0, "starts with '{'");
  check("[]", 0, "starts with '{'");
  check("{", 0, "a JSON header");
  check("{} x", 0, "a JSON header");
  check("{\"a\":\"\xff\"}", 0, "a JSON header");
  check("{\"a\":" + std::string(100'000, '['), 0, "a JSON object for 'a', found array");
  check("{\"a\":{\"shape\":" + std::string(100'000, '['), 0, "more than three levels");
  check(R"({"a":{"shape":[{}]}})", 0, "more than three levels");
  check(R"({"a":{"b":{"c":{}}}})", 0, "more than three levels");
  check(R"({"__metadata__":{"n":{}}})", 0, "text for the metadata 'n', found object");
  check(R"({"a":null})", 0, "a JSON object for 'a', found null");
  check(R"({"a":1})", 0, "a JSON object for 'a'");
  check(R"({"__metadata__":[]})", 0, "a JSON object for '__metadata__'");
  check(R"({"__metadata__":{"n":1}})", 0, "text for the metadata 'n'");
  check(R"({"__metadata__":{"n":"1","n":"2"}})", 0, "'n' twice");

  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  check("{\"a\":{" + good + "},\"a\":{" + good + "}}", 8, "'a' twice");
  check("{\"a\":{" + good + ",\"dtype\":\"F32\"}}", 8, "'dtype' twice");
  check("{\"a\":{" + good + ",\"more\":1}}", 8, "'data_offsets' (two sizes), found 'data_offsets', 'dtype', 'more'");
  check(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,true]}})", 1, "'shape', one of them of another kind");
  for (const char* tensor :
       {R"({})", R"({"dtype":"F32","shape":[2]})", R"({"dtype":1,"shape":[2],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})", R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})", R"({"dtype":"F32","shape":["2"],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,8]})", R"({"dtype":"F32","shape":[2],"data_offsets":[8]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[0,-8]})",
        R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[99999999999999999999999],"data_offsets":[0,8]})"})
    check("{\"a\":" + std::string(tensor) + "}", 8, "'shape' (sizes)");
  check(R"({"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", 8,
        "a dtype of the safetensors format, found 'F33'");
  check(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8, "12 bytes within the data of 8 bytes");
  check(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8, "offsets 8 to 0");
  check(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 8, "offsets 4 to 12");
  check(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0, "less than 2^63 bytes");
  check(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "less than 2^63 bytes");
  check("{\"a\":{" + good + "}}", 9, "8 bytes of tensors, found 9 bytes");
  check(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5, "the next at byte 0");
  check(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
        7, "the next at byte 4, found one at byte 3");
  check(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})",
        9, "the next at byte 4, found one at byte 5");
  check(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
        4, "the next at byte 4, found one at byte 0");
}

TEST_CASE("what cannot be written says why, and the old file stays") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  io::write_safetensors(path, example());
  const auto check = [&](const io::TensorFile& file, const char* part) {
    CHECK_THROWS_WITH_AS(io::write_safetensors(path, file), doctest::Contains(part), calibrant::Error);
  };
  const io::Tensor byte{"a", "U8", {1}, {std::byte{1}}};
  check({{{"checksum", "x"}}, {}}, "reserved key 'checksum'");
  check({{}, {byte, byte}}, "this name twice");
  check({{}, {{"__metadata__", "U8", {1}, {std::byte{1}}}}}, "reserved '__metadata__'");
  check({{}, {{"a", "F31", {1}, {std::byte{1}}}}}, "a dtype of the safetensors format");
  check({{}, {{"a", "U8", {2}, {std::byte{1}}}}}, "expected 2 bytes for its shape, found 1");
  check({{}, {{"a", "U8", {-1}, {std::byte{1}}}}}, "extents that are not negative");
  check({{{"bad", "\xff"}}, {}}, "UTF-8");
  CHECK_THROWS_WITH_AS(io::write_safetensors(folder / "no/m", example()), doctest::Contains("No such file"),
                       calibrant::Error);
  CHECK(io::read_safetensors(path) == example());
  CHECK_THROWS_WITH_AS(io::read_safetensors(folder / "missing"), doctest::Contains("No such file"), calibrant::Error);
}

TEST_CASE("tensors of values") {
  CHECK(io::safetensors_dtype<float>() == "F32");
  CHECK(io::safetensors_dtype<double>() == "F64");
  CHECK(io::safetensors_dtype<std::int8_t>() == "I8");
  CHECK(io::safetensors_dtype<std::uint16_t>() == "U16");
  CHECK(io::safetensors_dtype<std::int32_t>() == "I32");
  CHECK(io::safetensors_dtype<std::uint64_t>() == "U64");
  CHECK(io::safetensors_dtype<bool>() == "BOOL");
  const std::vector<float> three{1, 2, 3};
  CHECK_THROWS_WITH_AS(io::make_tensor<float>("w", {2, 2}, three),
                       "tensor 'w': expected 4 values for its shape, found 3", calibrant::Error);
  const io::Tensor tensor = io::make_tensor<float>("w", {3}, three);
  CHECK_THROWS_WITH_AS(io::tensor_values<double>(tensor), "tensor 'w': expected values of type F64, found F32",
                       calibrant::Error);
  CHECK_THROWS_WITH_AS(example().tensor("bias"), doctest::Contains("the tensors z.weight, mean, none, a.counts"),
                       calibrant::Error);
}
