#include "calibrant/io/inner_file.hpp"

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "../error_of.hpp"

using namespace calibrant;
using io::TensorFile;

namespace {

TensorFile some_file(const std::string& kind, double number) {
  TensorFile file;
  file.metadata["kind"] = kind;
  const std::vector<double> values{number, 2.0};
  file.tensors.push_back(io::make_tensor("values", {2}, std::span<const double>(values)));
  return file;
}
TensorFile two() {
  TensorFile file = some_file("whole", 0.0);
  io::model_file::add_inner_file(file, "part.a.", some_file("first", 1.0));
  io::model_file::add_inner_file(file, "part.b.", some_file("second", 3.0));
  return file;
}

}  // namespace

TEST_CASE("an inner file comes out as it went in") {
  const TensorFile file = two();
  CHECK(file.metadata.size() == 3);
  CHECK(file.metadata.at("part.a.kind") == "first");
  CHECK(file.tensor("part.b.values").shape == std::vector<std::int64_t>{2});
  const TensorFile inner = io::model_file::inner_file(file, "part.b.");
  CHECK(inner.metadata == some_file("second", 3.0).metadata);
  REQUIRE(inner.tensors.size() == 1);
  CHECK(io::tensor_values<double>(inner.tensor("values")) == std::vector<double>{3.0, 2.0});
  CHECK(io::model_file::inner_file(file, "part.c.").metadata.empty());
  CHECK(io::model_file::inner_file(file, "part.c.").tensors.empty());
}

TEST_CASE("the checksum is that of the inner file by itself, whatever it stands in") {
  using io::model_file::inner_checksum;
  const std::string of_b = inner_checksum(some_file("second", 3.0));
  CHECK(of_b.size() == 7 + 64);
  CHECK(of_b.starts_with("sha256:"));
  CHECK(inner_checksum(io::model_file::inner_file(two(), "part.b.")) == of_b);
  CHECK(inner_checksum(some_file("second", 3.5)) != of_b);
  CHECK(inner_checksum(some_file("Second", 3.0)) != of_b);
}

TEST_CASE("only what was saved is read") {
  const TensorFile file = two();
  const auto error = [&](const std::string& prefix, const std::string& checksum) {
    return error_of([&] { io::model_file::saved_inner_file(file, prefix, checksum, "part b", "here"); });
  };
  const std::string right = io::model_file::inner_checksum(some_file("second", 3.0));
  CHECK(error("part.b.", right) == "no error");
  CHECK(error("part.c.", right) == "here: expected a part b, found none");
  const std::string of_a = io::model_file::inner_checksum(some_file("first", 1.0));
  CHECK(error("part.a.", right) == "here, part b: expected what was saved, " + right + ", found " + of_a);
}

TEST_CASE("nothing else may stand among the inner files") {
  const auto error = [](const TensorFile& file, const std::vector<std::string>& prefixes) {
    return error_of([&] { io::model_file::require_no_other(file, "part.", prefixes, "here"); });
  };
  CHECK(error(two(), {"part.a.", "part.b."}) == "no error");
  CHECK(error(two(), {"part.a."}) ==
        "here: expected nothing that begins with 'part.' but part.a., found 'part.b.kind'");
  TensorFile more = two();
  more.tensors.push_back(more.tensors[0]);
  more.tensors.back().name = "part.c";
  CHECK(error(more, {"part.a.", "part.b."}) ==
        "here: expected nothing that begins with 'part.' but part.a., part.b., found 'part.c'");
}
