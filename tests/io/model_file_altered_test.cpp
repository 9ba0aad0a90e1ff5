// Files that are cut, altered, of another model, or made by hand with a checksum that is right: each gives an Error.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "calibrant/invert.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/io/read_file.hpp"
#include "calibrant/io/safetensors.hpp"
#include "some_model.hpp"
#include "spoilt_file.hpp"
#include "temporary_folder.hpp"

using namespace saved;
using Json = nlohmann::ordered_json;
using Bytes = std::vector<std::byte>;

namespace {

/// Without the care of io::save, which waits for the disk.
void write_plainly(const std::string& path, const Bytes& bytes, std::size_t size) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(size));
}

/// What loading says about the file of a calibration after an edit of its content; the checksum is right again.
template <class Object = C>
std::string after(const Object& object, const std::function<void(io::TensorFile&)>& edit) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  io::TensorFile file = io::to_tensor_file(object);
  edit(file);
  const Bytes bytes = io::format_safetensors(file, path);
  write_plainly(path, bytes, bytes.size());
  return error_of([&] { io::load<Object>(path); });
}
io::Tensor& tensor_of(io::TensorFile& file, const std::string& name) {
  for (io::Tensor& tensor : file.tensors)
    if (tensor.name == name) return tensor;
  FAIL("no tensor " << name);
  return file.tensors.front();
}
template <class S>
void set_value(io::TensorFile& file, const std::string& name, std::size_t index, S value) {
  std::memcpy(tensor_of(file, name).bytes.data() + index * sizeof(S), &value, sizeof(S));
}

}  // namespace

TEST_CASE("every byte altered, every cut: an error, never an answer") {
  const TemporaryFolder folder;
  check_every_byte_counts(C(some_model<float>()), folder / "model", {0x01u, 0x80u, 0xFFu});
}

TEST_CASE("a file of something else says what it is") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  const auto check = [&](const auto& object, auto* wanted, const std::string& message) {
    using Wanted = std::remove_pointer_t<decltype(wanted)>;
    io::save(object, path);
    CHECK(error_of([&] { io::load<Wanted>(path); }) == "loading " + path + message);
  };
  const auto model = some_model<float>();
  const auto as = []<class Type>(std::type_identity<Type>) { return static_cast<Type*>(nullptr); };
  const auto a_model = as(std::type_identity<M>{});
  const auto a_calibration = as(std::type_identity<C>{});

  check(model, a_calibration, ", kind: expected calibration, found model");
  check(C(model), a_model, ", kind: expected model, found calibration");
  check(some_ensemble<float>(), a_model, ", kind: expected model, found ensemble");
  check(model, as(std::type_identity<Ensemble<M>>{}), ", kind: expected ensemble, found model");
  check(model, as(std::type_identity<Model<Net, double>>{}), ", scalar: expected double, found float");
  check(some_model<double>(), a_model, ", scalar: expected float, found double");
  const std::string architecture = "dense(3, 4, tanh) > dense(4, 2, identity)";
  check(model, as(std::type_identity<Model<Mlp<Inputs<3>, Hidden<4, SiLU>, Outputs<2>>>>{}),
        ", architecture: expected dense(3, 4, silu) > dense(4, 2, identity), found " + architecture);
  check(model, as(std::type_identity<Model<Mlp<Inputs<3>, Hidden<5, Tanh>, Outputs<2>>>>{}),
        ", architecture: expected dense(3, 5, tanh) > dense(5, 2, identity), found " + architecture);
  check(model, as(std::type_identity<Model<Mlp<Inputs<2>, Hidden<4, Tanh>, Outputs<2>>>>{}),
        ", architecture: expected dense(2, 4, tanh) > dense(4, 2, identity), found " + architecture);
  check(Calibration(model, invert::Bisection{}), a_calibration,
        ", inversion: expected the policy newton, found bisection");
  check(C(model), as(std::type_identity<Calibration<M, invert::Bisection>>{}),
        ", inversion: expected the policy bisection, found newton");
  check(Calibration(model, invert::Newton{}, extrapolate::Clamp{}), a_calibration,
        ", extrapolation: expected the policy linear, found clamp");
  // A calibration of an ensemble as one of a single model of the same architecture.
  check(Calibration(some_ensemble<float>()), a_calibration,
        ", training: expected an array of one, found an array of 3");

  CHECK(says(error_of([&] { io::load<M>(folder / "missing"); }), "No such file"));
  CHECK(says(error_of([&] { io::load<M>(folder.path()); }), folder.path()));
}

TEST_CASE("another schema is refused before anything else") {
  CHECK(says(after(C(some_model<float>()), [](io::TensorFile& file) { file.metadata["schema"] = "calibrant-model/2"; }),
             ", schema: expected calibrant-model/1, found calibrant-model/2"));
  CHECK(says(after(C(some_model<float>()), [](io::TensorFile& file) { file = {}; }),
             ": expected metadata 'schema', found none"));
}

TEST_CASE("missing and meaningless metadata") {
  const C calibration(some_model<float>());
  REQUIRE(after(calibration, [](io::TensorFile&) {}) == "no error");
  for (const std::string key :
       {"schema", "kind", "architecture", "scalar", "inputs", "outputs", "training", "inversion", "extrapolation"}) {
    CAPTURE(key);
    CHECK(says(after(calibration, [&](io::TensorFile& file) { file.metadata.erase(key); }),
               ": expected metadata '" + key + "', found none"));
    for (const char* text : {"", "{", "null", "3", "[]", "{}", "[1, 2, 3]", "\"text\"", "[[], [], []]", "[{}, {}, {}]",
                             "{\"policy\": 3}", "[{}, {}]", "[null]"})
      CHECK(says(after(calibration, [&](io::TensorFile& file) { file.metadata[key] = text; }), "expected"));
  }
  // What only informs may be missing.
  for (const std::string key : {"library_version", "nan_policy", "range_policy"})
    CHECK(after(calibration, [&](io::TensorFile& file) { file.metadata.erase(key); }) == "no error");
}

TEST_CASE("every entry missing, of another type, or out of range") {
  const C calibration(some_model<float>());
  const auto original = io::to_tensor_file(calibration);
  int n_entries = 0;
  for (const std::string key : {"inputs", "outputs", "training", "inversion", "extrapolation"}) {
    const Json whole = Json::parse(original.metadata.at(key));
    const Json flat = whole.flatten();
    for (const auto& item : flat.items()) {
      const std::string& pointer = item.key();
      const Json& value = item.value();
      ++n_entries;
      CAPTURE(key);
      CAPTURE(pointer);
      const auto with = [&](const Json& replacement) {
        return after(calibration, [&](io::TensorFile& file) {
          Json changed = whole;
          changed[Json::json_pointer(pointer)] = replacement;
          file.metadata[key] = changed.dump();
        });
      };
      CHECK(says(after(calibration,
                       [&](io::TensorFile& file) {
                         Json changed = whole;
                         const auto at = Json::json_pointer(pointer);
                         changed[at.parent_pointer()].erase(at.back());
                         file.metadata[key] = changed.dump();
                       }),
                 "expected an entry '" + Json::json_pointer(pointer).back() + "', found none"));
      for (const Json& wrong : {Json(nullptr), Json::array(), Json::object(), Json::array({value})})
        CHECK(says(with(wrong), "expected an entry"));
      if (!value.is_string()) CHECK(says(with("text"), "expected an entry"));
      if (!value.is_boolean()) CHECK(says(with(true), "expected an entry"));
      if (!value.is_number()) CHECK(says(with(1), "expected an entry"));
      if (value.is_number_integer()) {
        CHECK(says(with(1.5), "expected an entry"));
        CHECK(says(with(1e300), "expected an entry"));
      } else if (value.is_number()) {
        CHECK(says(with(1e300), "expected"));  // no float, and no tolerance
      }
    }
  }
  CHECK(n_entries == 3 * 7 + 2 * 5 + 7 + 3 + 1);
  const auto with = [&](const char* key, const char* pointer, const Json& value) {
    return after(calibration, [&](io::TensorFile& file) {
      Json changed = Json::parse(file.metadata[key]);
      changed[Json::json_pointer(pointer)] = value;
      file.metadata[key] = changed.dump();
    });
  };
  CHECK(says(with("inputs", "/1/transform", "square"),
             "input 1: expected one of identity, absolute, logarithm, ignored, found 'square'"));
  CHECK(says(with("outputs", "/0/meaning", "guess"),
             "output 0: expected one of identity, standardised, ratio, paired_ratio, found 'guess'"));
  CHECK(says(with("inputs", "/1/low", 3.0), "input 1: expected a range with low <= high, found 3.000000 to 2.4"));
  CHECK(says(with("inputs", "/0/low", 1000.1), "expected a response with a finite range of truth"));
  CHECK(says(with("training", "/0/seed", -1), "expected an entry 'seed' that is an integer in range, found -1"));
  CHECK(says(with("training", "/0/best_epoch", 3'000'000'000), "an integer in range, found 3000000000"));
  CHECK(says(with("training", "/0/epochs", 2), "training: expected 2 epochs, found 3"));
  CHECK(says(with("training", "/0/epochs", 4), "training: expected 4 epochs, found 3"));
  CHECK(says(with("inversion", "/tolerance", 0), "Newton, tolerance: expected a number between 0 and 1"));
  CHECK(says(with("inversion", "/iterations", 0), "Newton, iterations: expected one or more, found 0"));
}

TEST_CASE("tensors that are missing, of another type or shape, or not finite") {
  const C calibration(some_model<float>());
  for (const std::string name :
       {"parameters", "training.epochs", "self_test.features", "self_test.outputs", "self_test.calibrated"}) {
    CAPTURE(name);
    CHECK(
        says(after(calibration,
                   [&](io::TensorFile& file) { std::erase_if(file.tensors, [&](auto& t) { return t.name == name; }); }),
             ": expected a tensor '" + name + "', found none"));
    CHECK(says(after(calibration, [&](io::TensorFile& file) { tensor_of(file, name).shape.push_back(1); }),
               "tensor '" + name + "': expected the shape"));
    CHECK(says(after(calibration,
                     [&](io::TensorFile& file) {
                       auto& tensor = tensor_of(file, name);
                       tensor.dtype = tensor.dtype == "F32" ? "I32" : "I64";
                     }),
               "tensor '" + name + "': expected values of type F"));
    CHECK(says(after(calibration,
                     [&](io::TensorFile& file) {
                       auto& tensor = tensor_of(file, name);
                       const std::size_t row = tensor.bytes.size() / static_cast<std::size_t>(tensor.shape[0]);
                       ++tensor.shape[0];
                       tensor.bytes.resize(tensor.bytes.size() + row);
                     }),
               "expected"));
  }
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    CHECK(says(after(calibration, [&](io::TensorFile& file) { set_value(file, "parameters", 7, bad); }),
               "parameter 7: expected a finite number, found"));
  for (const double bad : {-1.0, 1.5, 1e10, std::nan("")})
    CHECK(says(after(calibration, [&](io::TensorFile& file) { set_value(file, "training.epochs", 4, bad); }),
               "training: expected a count, found"));
}

TEST_CASE("a model that is not the one that was saved") {
  using S = float;
  const Calibration<Model<Net, S>> calibration(some_model<S>());
  // Every parameter in turn: those of the ignored feature change nothing, and are let pass.
  for (int i = 0; i < Net::n_params; ++i) {
    const bool is_ignored = i < 12 && i % 3 == 2;
    const S was = calibration.response().parameters()[i];
    const std::string message = after(calibration, [&](io::TensorFile& file) {
      set_value(file, "parameters", static_cast<std::size_t>(i), was + S(0.1));
    });
    CAPTURE(i);
    if (is_ignored)
      CHECK(message == "no error");
    else
      CHECK(says(message, "self-test, value"));
  }
  const auto json = [&](const char* key, const char* pointer, const Json& value) {
    return after(calibration, [&](io::TensorFile& file) {
      Json changed = Json::parse(file.metadata[key]);
      changed[Json::json_pointer(pointer)] = value;
      file.metadata[key] = changed.dump();
    });
  };
  CHECK(says(json("inputs", "/0/shift", 4.2), "self-test, value"));
  CHECK(says(json("inputs", "/0/transform", "identity"), "self-test, value"));
  CHECK(says(json("outputs", "/1/scale", 0.5), "self-test, value"));
  CHECK(says(json("outputs", "/0/meaning", "identity"), "self-test, value"));
  for (const std::string name : {"self_test.features", "self_test.outputs"})
    CHECK(says(after(calibration, [&](io::TensorFile& file) { set_value(file, name, 0, S(33)); }), "self-test, value"));
  for (const std::size_t index : {0U, 1U, 4U})
    CHECK(says(after(calibration, [&](io::TensorFile& file) { set_value(file, "self_test.calibrated", index, S(3)); }),
               "calibration self-test, value " + std::to_string(index) + ": expected 3.000000 as stored, found "));
  // Ensembles: each member counts.
  const auto ensemble = some_ensemble<S>();
  CHECK(says(after(ensemble,
                   [&](io::TensorFile& file) {
                     set_value(file, "parameters", static_cast<std::size_t>(3 * Net::n_params - 1), S(0.5));
                   }),
             "self-test, value"));
}

TEST_CASE("rounding of another processor is let pass") {
  const C calibration(some_model<float>());
  CHECK(after(calibration, [&](io::TensorFile& file) {
          const auto was = io::tensor_values<float>(file.tensor("self_test.outputs"));
          set_value(file, "self_test.outputs", 0, std::nextafter(was[0], 1e9f));
        }) == "no error");
}
