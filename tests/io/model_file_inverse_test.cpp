// A calibration with a learned inverse in a model file: both networks, and what does not fit is refused.
#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <string>

#include "calibrant/invert/fit_inverse.hpp"
#include "calibrant/io/model_file.hpp"
#include "some_model.hpp"
#include "temporary_folder.hpp"

using namespace saved;

namespace {

using Inverse = Mlp<Inputs<3>, Hidden<8>, Outputs<1>>;
using Other = Mlp<Inputs<3>, Hidden<9>, Outputs<1>>;
template <class N>
using With = Calibration<Model<Net>, invert::Learned<N>>;

invert::Learned<Inverse> trained() {
  auto inverse = fit_inverse<Inverse>(some_model<float>(), std::span<const float>{}, {.n_samples = 2000},
                                      {.epochs = 2, .batch_size = 100});
  inverse.steps = 1;
  inverse.accuracy = 1.0 / 3e5;
  return inverse;
}
void set(io::TensorFile& file, const std::string& key, const std::string& from, const std::string& to) {
  std::string& text = file.metadata.at(key);
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("response and inverse come back as they were") {
  const With<Inverse> calibration(some_model<float>(), trained());
  const TemporaryFolder folder;
  const std::string path = folder / "inverse.safetensors";
  io::save(calibration, path);
  const auto again = io::load<With<Inverse>>(path);
  CHECK(again.inversion().steps == 1);
  CHECK(std::fabs(again.inversion().accuracy - calibration.inversion().accuracy) <= 0.0);
  CHECK(again.inversion().response_hash == calibration.inversion().response_hash);
  CHECK(again.inversion().model.description.features == calibration.inversion().model.description.features);
  for (float y = 10.0f; y < 1200.0f; y *= 1.1f) {
    const auto a = calibration(y, {1.0f, 3.0f}), b = again(y, {1.0f, 3.0f});
    CHECK(std::fabs(a.value - b.value) <= 0.0f);
    CHECK(a.status == b.status);
  }
}

TEST_CASE("what does not fit is refused") {
  const With<Inverse> calibration(some_model<float>(), trained());
  const TemporaryFolder folder;
  const std::string path = folder / "inverse.safetensors";
  io::save(calibration, path);
  CHECK(says(error_of([&] { io::load<With<Other>>(path); }), "inverse, architecture"));
  CHECK(says(error_of([&] { io::load<C>(path); }), "the policy newton, found learned"));
  const std::string numerical = folder / "newton.safetensors";
  io::save(C(some_model<float>()), numerical);
  CHECK(says(error_of([&] { io::load<With<Inverse>>(numerical); }), "the policy learned, found newton"));

  const auto refused = [&](const std::string& key, const std::string& from, const std::string& to,
                           const std::string& message) {
    auto file = io::to_tensor_file(calibration);
    set(file, key, from, to);
    const std::string error = error_of([&] { io::from_tensor_file<With<Inverse>>(file, "loading"); });
    CHECK_MESSAGE(says(error, message), error);
  };
  // The file of another response: only its inverse knows.
  auto file = io::to_tensor_file(calibration);
  auto other = io::to_tensor_file(C(some_model<float>(2)));
  for (const auto& [key, value] : other.metadata)
    if (key != "inversion") file.metadata[key] = value;
  for (auto& tensor : file.tensors)
    for (const auto& its : other.tensors)
      if (its.name == tensor.name) tensor = its;
  CHECK(says(error_of([&] { io::from_tensor_file<With<Inverse>>(file, "loading"); }), "one for another response"));
  refused("inverse.inputs", "\"scale\":", "\"scale\":1", "self-test");
  refused("inversion", "\"steps\":1", "\"steps\":7", "Learned, steps");
  file = io::to_tensor_file(calibration);
  std::erase_if(file.tensors, [](const auto& tensor) { return tensor.name == "inverse.parameters"; });
  CHECK(says(error_of([&] { io::from_tensor_file<With<Inverse>>(file, "loading"); }), "a tensor 'parameters'"));
}
