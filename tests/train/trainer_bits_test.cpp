// The same data, seed and settings give the same bits, whatever the number of threads.
#include <doctest/doctest.h>

#include <array>

#include "calibrant/loss/composed.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/elementwise.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/train/trainer.hpp"
#include "small_trainings.hpp"

using namespace small;

namespace {

/// 251 parameters: shards of 2048 events.
using Narrow = Mlp<Inputs<2>, Hidden<50, PReLU>, Outputs<1>>;
/// 2137 parameters: shards of 256 events.
using Dropping = Sequential<Dense<2, 40, Tanh>, Dropout<40, std::ratio<1, 4>>, Dense<40, 48, SiLU>,
                            Dropout<48, std::ratio<1, 10>>, Dense<48, 1>>;

const auto spread = loss::of_means<2>(
    [](const auto& nu, const auto& y) {
      auto r = nu - y;
      return std::array{r, r * r};
    },
    [](const auto& m) { return m[1] + sqrt(m[1] - m[0] * m[0]); }, "spread");

template <class Net, class Scalar, class Loss>
void check_threads(const BasicDataset<Scalar>& data, const Loss& loss, FitOptions options, int least_shards) {
  CHECK((options.batch_size + Trainer<Net, Scalar, Loss>::shard_size - 1) / Trainer<Net, Scalar, Loss>::shard_size >=
        least_shards);
  const auto one = fit<Net>(data, loss, options);
  CHECK(same_bits(one, fit<Net>(data, loss, options)));  // and once more
  for (const int threads : {2, 3, 4, 7}) {
    CAPTURE(threads);
    options.threads = threads;
    CHECK(same_bits(one, fit<Net>(data, loss, options)));
  }
  for (const auto& epoch : one.description.training.epochs) CHECK(std::isfinite(epoch.training_loss));
  options.threads = 1;
  ++options.seed;
  CHECK(!same_bits(one, fit<Net>(data, loss, options)));
}

TEST_CASE("same bits for 1, 2, 3, 4 and 7 threads, and in a second run; other bits for another seed") {
  // The last batch of an epoch is a part of one, with a tile that is not full.
  SUBCASE("few parameters, weights") {
    check_threads<Narrow>(dataset(12000, {"w", "g"}), loss::Huber{0.5}, options(2, 9000), 5);
  }
  SUBCASE("dropout, weights") {
    check_threads<Dropping>(dataset(3000, {"w", ""}), loss::LeakyGaussianKernel{0.5, 0.1}, options(2, 2000), 7);
  }
  SUBCASE("a batch-coupled loss") { check_threads<Dropping>(dataset(3000, {"w", "g"}), spread, options(2, 2000), 7); }
  SUBCASE("double") { check_threads<Dropping>(dataset<double>(3000, {"w", "g"}), spread, options(1, 2000), 7); }
}

TEST_CASE("dropout draws new masks at every step") {
  // One event, inputs that the net does not see, no steps: only the masks can change the loss.
  const Dataset data(BasicTable<double>({"x", "z", "y"}, {1.0, 2.0, 3.0}, "one jet"),
                     {{"x", Transform::ignored}, {"z", Transform::ignored}}, "y");
  FitOptions settings = options(3, 1);
  settings.validation_fraction = 0.0;
  settings.output = Output::identity;
  settings.adam.learning_rate = 1e-30;
  Trainer<Dropping, float, loss::LeakyGaussianKernel> trainer(data, {0.5, 0.1}, settings);
  const double first = trainer.epoch().training_loss, second = trainer.epoch().training_loss;
  CHECK(first != second);
  CHECK(second != trainer.epoch().training_loss);
}

}  // namespace
