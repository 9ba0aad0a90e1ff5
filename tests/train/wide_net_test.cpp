// A network of two million parameters: its buffers would not fit on the stack of a thread.
#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <vector>

#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "small_trainings.hpp"

using namespace calibrant;

TEST_CASE("a wide network trains, copies and evaluates within the usual stack") {
  using Net = Mlp<Inputs<2>, Hidden<1024>, Hidden<1024>, Hidden<1024>, Outputs<1>>;
  static_assert(Net::n_params > 2'000'000 && sizeof(Model<Net>) < 64 * 1024);
  FitOptions options = small::options(2, 64);
  options.validation_fraction = 0.0;
  options.threads = 2;
  options.adam.learning_rate = 1e-5;
  const Model<Net> model = fit<Net>(small::dataset(128), loss::Squared{}, options);
  const auto& epochs = model.description.training.epochs;
  REQUIRE(epochs.size() == 2);
  CHECK(epochs[1].training_loss < epochs[0].training_loss);

  const Model<Net> copy = model;
  std::vector<float> features, results(100);
  for (int i = 0; i < 100; ++i) features.insert(features.end(), {10.0f + 0.9f * static_cast<float>(i), 0.5f});
  copy.evaluate_batch(std::span<const float>(features), results);
  // Alone and in a batch: sums are formed in parts, in one order.
  for (std::size_t i = 0; i < results.size(); i += 7)
    CHECK(model({features[2 * i], features[2 * i + 1]})[0] == results[i]);
}
