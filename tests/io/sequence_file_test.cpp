// A sequence in one file: it comes back to the bit; a file that misses a step, has another, or is altered is refused.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
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

using SmallNet = Mlp<Inputs<2>, Hidden<2, Tanh>, Outputs<1>>;
template <class S>
using Small = Model<SmallNet, S>;

/// A response of x (20 to 1000) and one feature (-1 to 1): 0.8 to 1, and rising.
template <class S>
Small<S> small(const std::string& feature, std::uint64_t seed) {
  Small<S> model;
  model.inputs[0] = {Transform::logarithm, S(4.5), S(0.8), S(20), S(1000)};
  model.inputs[1] = {Transform::identity, S(0), S(1), S(-1), S(1)};
  model.outputs[0] = {Output::ratio, S(0), S(1)};
  Parameters<S, SmallNet::n_params> p;
  Random random(seed, Stream::initial_weights);
  SmallNet::initialise<S>(p.view(), random);
  for (int i = 6; i < 8; ++i) p[i] *= S(0.2);
  p[8] = S(0.9);
  model.set_parameters(p);
  model.description.features = {"true_pt", feature};
  model.description.feature_units = {"GeV", ""};
  return model;
}

template <class S>
using ByOne = Calibration<Small<S>>;
template <class S>
using Correction = ResidualCalibration<Ensemble<Small<S>>>;
template <class S>
using Pair = Sequence<Features<2>, ByOne<S>, ByOne<S>>;
template <class S>
using Three = Sequence<Features<3>, ByOne<S>, ByOne<S>, Correction<S>>;

template <class S>
Pair<S> pair() {
  return Pair<S>({"ntrk", "width"}, ByOne<S>(small<S>("ntrk", 1)), ByOne<S>(small<S>("width", 2)));
}
template <class S>
Three<S> three() {
  return Three<S>({"width", "unused", "ntrk"}, ByOne<S>(small<S>("ntrk", 1)), ByOne<S>(small<S>("width", 2)),
                  Correction<S>(Ensemble(std::vector{small<S>("ntrk", 3), small<S>("ntrk", 4)})));
}

/// What loading a pair says after an edit of the file; the checksum of the whole is right again.
std::string after(const std::function<void(io::TensorFile&)>& edit) {
  const TemporaryFolder folder;
  const std::string path = folder / "sequence";
  io::TensorFile file = io::to_tensor_file(pair<float>());
  edit(file);
  io::write_safetensors(path, file);
  std::string message = error_of([&] { io::load<Pair<float>>(path); });
  const std::string start = "loading " + path;
  return message.starts_with(start) ? message.substr(start.size()) : message;
}
std::string after_json(const char* pointer, const Json& value) {
  return after([&](io::TensorFile& file) {
    Json json = Json::parse(file.metadata["sequence"]);
    json[Json::json_pointer(pointer)] = value;
    file.metadata["sequence"] = json.dump();
  });
}

}  // namespace

TEST_CASE_TEMPLATE("a sequence comes back, with its steps, their order and their features", S, float, double) {
  const TemporaryFolder folder;
  const std::string path = folder / "sequence.safetensors";
  const auto sequence = three<S>();
  io::save(sequence, path);
  const auto loaded = io::load<Three<S>>(path);
  CHECK(loaded.theta_names() == sequence.theta_names());
  for (int k = 0; k < 3; ++k) CHECK(loaded.features(k) == sequence.features(k));
  CHECK(loaded.template step<2>().response().members().size() == 2);
  Random random(5);
  for (int i = 0; i < 300; ++i) {
    const auto y = static_cast<S>(random.uniform(5, 1200));
    const std::array<S, 3> theta{static_cast<S>(random.uniform(-1.2, 1.2)), S(0),
                                 static_cast<S>(random.uniform(-1.2, 1.2))};
    const auto was = sequence(y, theta), is = loaded(y, theta);
    CHECK((std::memcmp(&was.value, &is.value, sizeof(S)) == 0));
    CHECK(was.status == is.status);
  }
  io::save(loaded, folder / "again");
  CHECK(io::read_file<Bytes>(folder / "again") == io::read_file<Bytes>(path));
}

TEST_CASE("a sequence within a sequence") {
  const TemporaryFolder folder;
  using Outer = Sequence<Features<2>, Pair<float>, ByOne<float>>;
  const Outer outer({"width", "ntrk"}, pair<float>(), ByOne<float>(small<float>("ntrk", 7)));
  io::save(outer, folder / "outer");
  const auto loaded = io::load<Outer>(folder / "outer");
  CHECK(loaded(100.f, {0.3f, -0.4f}).value == outer(100.f, {0.3f, -0.4f}).value);
}

TEST_CASE("other programs can read what stands in the file") {
  const auto file = io::to_tensor_file(pair<float>());
  CHECK(file.metadata.at("schema") == "calibrant-sequence/1");
  CHECK(file.metadata.at("kind") == "sequence");
  const Json json = Json::parse(file.metadata.at("sequence"));
  CHECK(json.at("theta") == Json{"ntrk", "width"});
  CHECK(json.at("steps") == Json::array({{"ntrk"}, {"width"}}));
  CHECK(file.metadata.at("step.1.kind") == "calibration");
  CHECK(file.metadata.at("step.1.schema") == "calibrant-model/1");
  CHECK(file.tensor("step.1.parameters").shape == std::vector<std::int64_t>{1, SmallNet::n_params});
  CHECK(file.tensor("self_test.points").shape == std::vector<std::int64_t>{3, 3});
}

TEST_CASE("every byte altered, every cut: an error, never an answer") {
  const TemporaryFolder folder;
  check_every_byte_counts(pair<float>(), folder / "sequence", {0x01u, 0x80u});
}

TEST_CASE("a step that is missing, altered, moved or too many") {
  REQUIRE(after([](io::TensorFile&) {}) == "no error");
  CHECK(after(without("step.1.")) == ": expected a step 2, found none");
  CHECK(after(without("step.0.")) == ": expected a step 1, found none");
  CHECK(says(after(without("step.1.parameters")), ", step 2: expected what was saved, sha256:"));
  CHECK(says(after(without("step.0.inversion")), ", step 1: expected what was saved, sha256:"));
  // The two change places: each is whole, and so is the file.
  CHECK(says(after(exchanged("step.0.", "step.1.")), ", step 1: expected what was saved"));
  CHECK(after([](io::TensorFile& file) { file.metadata["step.2.schema"] = "calibrant-model/1"; }) ==
        ": expected nothing that begins with 'step.' but step.0., step.1., found 'step.2.schema'");
  CHECK(says(after([](io::TensorFile& file) { file.metadata["step.0.extra"] = "?"; }),
             ", step 1: expected what was saved"));
  CHECK(says(after([](io::TensorFile& file) { file.tensors[0].bytes[0] ^= std::byte{1}; }),
             ", step 1: expected what was saved"));
}

TEST_CASE("the entries of the sequence itself") {
  CHECK(after([](io::TensorFile& file) { file.metadata["schema"] = "calibrant-sequence/2"; }) ==
        ", schema: expected calibrant-sequence/1, found calibrant-sequence/2");
  CHECK(after([](io::TensorFile& file) { file.metadata["kind"] = "calibration"; }) ==
        ", kind: expected sequence, found calibration");
  CHECK(after([](io::TensorFile& file) { file.metadata.erase("sequence"); }) ==
        ": expected metadata 'sequence', found none");
  CHECK(after([](io::TensorFile& file) { file.metadata["sequence"] = "["; }) ==
        ", sequence: expected JSON, found text that is none");
  CHECK(after([](io::TensorFile& file) { file.metadata["sequence"] = "[]"; }) ==
        ", sequence: expected an entry 'theta', found none");
  CHECK(after_json("/theta", Json{"ntrk"}) == ", sequence, theta: expected 2 feature(s), found 1");
  CHECK(after_json("/theta", 3) == ", sequence, theta: expected an array of names, found 3");
  CHECK(after_json("/theta/0", "phi") == "Sequence, step 1, feature: expected one of phi, width, found 'ntrk'");
  CHECK(after_json("/theta/0", "width") == "Sequence, theta: expected different features, found 'width' twice");
  CHECK(after_json("/steps/1", "width") == ", sequence, step 2: expected an array of names, found \"width\"");
  CHECK(after_json("/steps", Json::array({{"ntrk"}})) == ", sequence: expected 2 step(s), found 1");
  CHECK(after_json("/checksums", Json::array()) == ", sequence, checksums: expected 2, found 0");
  // Each step gets the feature of the other: only the whole shows it.
  CHECK(says(after_json("/steps", Json::array({{"width"}, {"ntrk"}})), ", sequence self-test, value"));
  CHECK(says(after([](io::TensorFile& file) {
               for (io::Tensor& tensor : file.tensors)
                 if (tensor.name == "self_test.calibrated") tensor.bytes[3] ^= std::byte{1};
             }),
             ", sequence self-test, value 0"));
}

TEST_CASE("a file of something else says what it is") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  io::save(ByOne<float>(small<float>("ntrk", 1)), path);
  CHECK(says(error_of([&] { io::load<Pair<float>>(path); }),
             ", schema: expected calibrant-sequence/1, found calibrant-model/1"));
  io::save(pair<float>(), path);
  CHECK(says(error_of([&] { io::load<ByOne<float>>(path); }),
             ", schema: expected calibrant-model/1, found calibrant-sequence/1"));
  using One = Sequence<Features<2>, ByOne<float>>;
  CHECK(says(error_of([&] { io::load<One>(path); }), ", sequence: expected 1 step(s), found 2"));
  CHECK(says(error_of([&] { io::load<Pair<double>>(path); }), ", step 1, scalar: expected double, found float"));
}
