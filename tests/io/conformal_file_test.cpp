// Conformal intervals in a file: they come back to the bit; what makes no intervals is refused.
#include "calibrant/io/conformal_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "temporary_folder.hpp"

using namespace calibrant;
using validate::Conformal;
using validate::CoverageIn;

TEST_CASE("intervals come back") {
  const TemporaryFolder folder;
  const std::string path = folder / "intervals.safetensors";
  for (const CoverageIn in : {CoverageIn::calibrated, CoverageIn::truth}) {
    const Conformal saved({20.0, 50.0, 1.0 / 3.0 + 100.0}, {{-1.5, 2.0 / 3.0}, {-0.1, 0.1}}, 0.68, in);
    io::save(saved, path);
    const auto loaded = io::load<Conformal>(path);
    CHECK(loaded.coverage() == 0.68);
    CHECK(loaded.in() == in);
    CHECK(loaded.edges().values() == saved.edges().values());
    for (const double value : {10.0, 30.0, 49.0, 51.0, 99.0}) {
      const auto a = saved(value, 3.0), b = loaded(value, 3.0);
      CHECK(a.status == b.status);
      CHECK((a.low == b.low || std::isnan(a.low)));
      CHECK((a.high == b.high || std::isnan(a.high)));
    }
  }
}

TEST_CASE("files that make no intervals are refused") {
  const TemporaryFolder folder;
  const std::string path = folder / "intervals.safetensors";
  const auto refused = [&](const auto& change, const char* text) {
    io::save(Conformal({20.0, 50.0}, {{-1.0, 1.0}}, 0.68, CoverageIn::truth), path);
    io::TensorFile file = io::read_safetensors(path);
    change(file);
    io::write_safetensors(path, file);
    CHECK_THROWS_WITH_AS(io::load<Conformal>(path), doctest::Contains(text), Error);
  };
  const auto set = [](io::TensorFile& file, std::size_t tensor, std::vector<std::int64_t> shape,
                      const std::vector<double>& values) {
    file.tensors[tensor] =
        io::make_tensor(file.tensors[tensor].name, std::move(shape), std::span<const double>(values));
  };
  refused([](auto& file) { file.metadata["schema"] = "calibrant-conformal/2"; },
          "schema: expected calibrant-conformal/1, found calibrant-conformal/2");
  refused([](auto& file) { file.metadata["kind"] = "model"; }, "kind: expected conformal, found model");
  refused([](auto& file) { file.metadata["coverage_in"] = "both"; }, "expected one of calibrated, truth, found 'both'");
  refused([](auto& file) { file.metadata.erase("coverage_in"); }, "expected metadata 'coverage_in', found none");
  refused([](auto& file) { file.tensors.pop_back(); }, "expected a tensor 'tails', found none");
  refused([&](auto& file) { set(file, 0, {1}, {1.5}); }, "Conformal, coverage: expected a number between 0 and 1");
  refused([&](auto& file) { set(file, 1, {2}, {50.0, 20.0}); }, "bin edges: expected strictly rising edges");
  refused([&](auto& file) { set(file, 1, {3}, {20.0, 50.0, 60.0}); }, "expected tails for 2 bin(s), found 1");
  refused([&](auto& file) { set(file, 2, {1, 2}, {1.0, -1.0}); }, "expected finite scores, low <= high");
  refused([&](auto& file) { set(file, 2, {1, 2}, {-1.0, std::numeric_limits<double>::infinity()}); }, "finite scores");
  refused([&](auto& file) { set(file, 2, {2}, {-1.0, 1.0}); }, "tensor 'tails': expected the shape");
  CHECK_THROWS_AS(io::load<Conformal>(folder / "nothing"), Error);
}
