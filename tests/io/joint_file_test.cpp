// A joint calibration in a model file: it comes back as it was, and what does not fit is refused.
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../calibration/joint_responses.hpp"
#include "../error_of.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/io/read_file.hpp"
#include "temporary_folder.hpp"

using namespace joint;
using extrapolate::Edge;
using extrapolate::Edges;

namespace {

template <class S = float>
using Saved = JointCalibration<Model<Net, S>>;

template <class S>
Saved<S> some_calibration() {
  return Saved<S>(response<S>(), {.tolerance = 1.0 / 3e5, .iterations = 17},
                  {Edge::clamp, Edges(Edge::linear, Edge::reject, 3.0, 200.0)},
                  {OutOfRange::reject, OutOfRange::clamp});
}
/// What loading says after an edit of the file's content.
template <class Edit>
std::string after(Edit&& edit) {
  io::TensorFile file = io::to_tensor_file(some_calibration<float>());
  edit(file);
  return error_of([&] { io::from_tensor_file<Saved<>>(file, "loading"); });
}
void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}
bool says(const std::string& message, const std::string& part) { return message.find(part) != std::string::npos; }

}  // namespace

TEST_CASE_TEMPLATE("what is read calibrates to the same bits, and is written to the same bytes", S, float, double) {
  const TemporaryFolder folder;
  const std::string path = folder / "joint.safetensors", copy = folder / "copy.safetensors";
  const auto calibration = some_calibration<S>();
  io::save(calibration, path);
  const auto again = io::load<Saved<S>>(path);
  CHECK(again.inversion().iterations == 17);
  CHECK(again.edges(0).below == Edge::clamp);
  CHECK(again.edges(1).below == Edge::linear);
  CHECK(again.edges(1).above == Edge::reject);
  CHECK(again.solved_range(0).high == calibration.truth_range(0).high);
  CHECK(again.solved_range(1).low == S(3));
  CHECK(again.solved_range(1).high == S(200));
  CHECK(again.out_of_range(0) == OutOfRange::reject);
  CHECK(again.out_of_range(1) == OutOfRange::clamp);
  const Objects<S> objects(500);
  CHECK(one_by_one(again, objects) == one_by_one(calibration, objects));
  io::save(again, copy);
  CHECK(io::read_file<std::string>(path) == io::read_file<std::string>(copy));
}

TEST_CASE("an ensemble") {
  const TemporaryFolder folder;
  const std::string path = folder / "joint.safetensors";
  using Averaged = JointCalibration<Ensemble<Model<Net>>>;
  const Averaged calibration(Ensemble(std::vector<Model<Net>>{response<float>(1), response<float>(2)}));
  io::save(calibration, path);
  const Objects<float> objects(200);
  CHECK(one_by_one(io::load<Averaged>(path), objects) == one_by_one(calibration, objects));
}

TEST_CASE("what a file says of itself") {
  const io::TensorFile file = io::to_tensor_file(some_calibration<float>());
  CHECK(file.metadata.at("schema") == "calibrant-model/1");
  CHECK(file.metadata.at("kind") == "joint_calibration");
  CHECK(says(file.metadata.at("outputs"), "\"meaning\":\"paired_ratio\""));
  CHECK(says(file.metadata.at("inversion"), "\"policy\":\"joint_newton\""));
  CHECK(says(file.metadata.at("edges"), R"({"below":"linear","above":"reject","low":3.0,"high":200.0})"));
  CHECK(file.tensor("self_test.calibrated").shape == std::vector<std::int64_t>{3, 3});
}

TEST_CASE("what does not fit is refused") {
  CHECK(after([](io::TensorFile&) {}) == "no error");
  CHECK(after([](io::TensorFile& file) { file.metadata["kind"] = "calibration"; }) ==
        "loading, kind: expected joint_calibration, found calibration");
  CHECK(after([](io::TensorFile& file) { file.metadata.erase("inversion"); }) ==
        "loading: expected metadata 'inversion', found none");
  CHECK(after([](io::TensorFile& file) { replace(file.metadata["inversion"], "joint_newton", "newton"); }) ==
        "loading, inversion: expected the policy joint_newton, found newton");
  CHECK(after([](io::TensorFile& file) { replace(file.metadata["inversion"], ":17", ":0"); }) ==
        "JointNewton, iterations: expected one or more, found 0");
  CHECK(says(after([](io::TensorFile& file) { replace(file.metadata["outputs"], "paired_ratio", "pair"); }),
             "output 0: expected one of identity, standardised, ratio, paired_ratio, found 'pair'"));
  CHECK(after([](io::TensorFile& file) { replace(file.metadata["edges"], "clamp", "clip"); }) ==
        "loading, edges of truth 0: expected one of linear, clamp, reject, found 'clip'");
  CHECK(after([](io::TensorFile& file) { file.metadata["edges"] = "[]"; }) ==
        "loading, edges: expected an array of 2, found an array of 0");
  CHECK(after([](io::TensorFile& file) { replace(file.metadata["edges"], "above", "over"); }) ==
        "loading, edges of truth 0: expected an entry 'above', found none");
  CHECK(after([](io::TensorFile& file) { replace(file.metadata["edges"], ":200.0", ":2.0"); }) ==
        "JointCalibration, truth 1: expected cut-offs in their order within the trained range, 2.000000 to 400.000000, "
        "found 3.000000 and 2.000000");
  // A ratio of the second output to the first truth is another response.
  CHECK(says(after([](io::TensorFile& file) {
               std::string& outputs = file.metadata["outputs"];
               outputs.replace(outputs.rfind("paired_ratio"), 12, "ratio");
             }),
             "self-test, value 1"));
  CHECK(says(after([](io::TensorFile& file) {
               for (io::Tensor& tensor : file.tensors)
                 if (tensor.name == "self_test.calibrated") tensor.bytes[3] ^= std::byte{1};
             }),
             "calibration self-test, value 0"));
  CHECK(says(after([](io::TensorFile& file) {
               std::erase_if(file.tensors, [](const auto& tensor) { return tensor.name == "self_test.calibrated"; });
             }),
             "a tensor 'self_test.calibrated'"));
  // A model is no calibration.
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  io::save(response<float>(), path);
  CHECK(error_of([&] { io::load<Saved<>>(path); }) ==
        "loading " + path + ", kind: expected joint_calibration, found model");
}
