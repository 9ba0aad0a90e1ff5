// A network of two million parameters is saved and read within the usual stack.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>

#include "calibrant/core/random.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/nn/mlp.hpp"
#include "temporary_folder.hpp"

using namespace calibrant;

TEST_CASE("a wide network comes back to the bit") {
  using Net = Mlp<Inputs<3>, Hidden<1024>, Hidden<1024>, Hidden<1024>, Outputs<1>>;
  const auto parameters = std::make_unique<Parameters<float, Net::n_params>>();
  Random random(1);
  Net::initialise<float>(parameters->view(), random);
  Model<Net> model;
  model.set_parameters(*parameters);
  model.description.features = {"x", "y", "z"};
  model.description.feature_units = {"", "", ""};
  for (auto& input : model.inputs) input = {Transform::identity, 0.0f, 1.0f, -1.0f, 1.0f};
  model.description.targets = {"t"};
  model.description.target_units = {""};
  const TemporaryFolder folder;
  const std::string path = folder / "wide.safetensors";
  io::save(model, path);
  const auto back = io::load<Model<Net>>(path);
  CHECK(std::memcmp(back.parameters().data(), parameters->data(), sizeof(float) * Net::n_params) == 0);
  CHECK(back({0.5f, -0.25f, 0.1f})[0] == model({0.5f, -0.25f, 0.1f})[0]);
}
