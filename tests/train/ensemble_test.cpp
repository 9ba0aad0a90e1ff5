// Ensembles trained in one call.
#include "calibrant/train/ensemble.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "../io/temporary_folder.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "small_trainings.hpp"

using namespace small;

namespace {

using Net = Mlp<Inputs<2>, Hidden<6, Tanh>, Outputs<1>>;

TEST_CASE("members are single trainings with consecutive seeds; their mean is the ensemble's answer") {
  const auto data = dataset(800);
  FitOptions settings = options(2, 100);
  settings.seed = 20;
  const auto ensemble = fit_ensemble<Net>(data, loss::Squared{}, settings, 4);
  REQUIRE(ensemble.members().size() == 4);
  for (std::size_t m = 0; m < 4; ++m) {
    settings.seed = 20 + m;
    CHECK(same_bits(ensemble.members()[m], fit<Net>(data, loss::Squared{}, settings)));
  }
  for (const float x : {15.0f, 50.0f, 90.0f}) {
    double mean = 0.0;
    for (const auto& member : ensemble.members()) mean += static_cast<double>(member({x, 0.5f})[0]) / 4.0;
    CHECK(static_cast<double>(ensemble({x, 0.5f})[0]) == doctest::Approx(mean).epsilon(1e-6));
  }
}

TEST_CASE("same bits with 1, 2 and 5 threads") {
  const auto data = dataset(800);
  FitOptions settings = options(2, 100);
  const auto one = fit_ensemble<Net>(data, loss::Squared{}, settings, 3);
  for (const int threads : {2, 5}) {
    settings.threads = threads;
    const auto other = fit_ensemble<Net>(data, loss::Squared{}, settings, 3);
    for (std::size_t m = 0; m < 3; ++m) CHECK(same_bits(one.members()[m], other.members()[m]));
  }
}

TEST_CASE("an error in a member is thrown to the caller, the first member's if several fail") {
  const auto data = dataset(300);
  for (const int threads : {1, 2}) {
    FitOptions settings = options(2, 100);
    settings.threads = threads;
    std::atomic<int> epochs{0};
    settings.on_epoch = [&](const EpochReport&) -> bool {
      if (++epochs == 5) throw Error("on_epoch", "less", "enough");
      return true;
    };
    CHECK(error_of([&] { fit_ensemble<Net>(data, loss::Squared{}, settings, 3); }) ==
          "on_epoch: expected less, found enough");
    settings.on_epoch = {};
    settings.batch_size = 1000;  // every member fails, each with its own split
    const std::string first = error_of([&] { fit<Net>(data, loss::Squared{}, settings); });
    CHECK(!first.empty());
    CHECK(error_of([&] { fit_ensemble<Net>(data, loss::Squared{}, settings, 3); }) == first);
  }
}

TEST_CASE("numbers of members and threads that make no sense") {
  const auto data = dataset(300);
  FitOptions settings = options(1, 100);
  CHECK(error_of([&] { fit_ensemble<Net>(data, loss::Squared{}, settings, 0); }) ==
        "fit_ensemble: expected one member or more, found 0");
  settings.threads = 0;
  CHECK(says(error_of([&] { fit_ensemble<Net>(data, loss::Squared{}, settings, 2); }), "ThreadPool"));
}

TEST_CASE("each member has its own checkpoint and resumes from it") {
  const auto data = dataset(800);
  const TemporaryFolder folder;
  FitOptions settings = options(4, 100);
  const auto whole = fit_ensemble<Net>(data, loss::Squared{}, settings, 2);
  settings.checkpoint = folder / "c";
  settings.on_epoch = [](const EpochReport& report) { return report.epoch < 2; };
  fit_ensemble<Net>(data, loss::Squared{}, settings, 2);
  CHECK(folder.names() == std::vector<std::string>{"c.0", "c.1"});
  settings.on_epoch = {};
  const auto resumed = fit_ensemble<Net>(data, loss::Squared{}, settings, 2);
  for (std::size_t m = 0; m < 2; ++m) CHECK(same_bits(whole.members()[m], resumed.members()[m]));
}

}  // namespace
