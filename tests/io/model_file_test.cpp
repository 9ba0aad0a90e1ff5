// What goes into a model file comes out again; what could not be read again, or not be written whole, is refused.
#include "calibrant/io/model_file.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "calibrant/invert.hpp"
#include "calibrant/io/read_file.hpp"
#include "size_limit.hpp"
#include "some_model.hpp"
#include "temporary_folder.hpp"

using namespace saved;
using Json = nlohmann::ordered_json;
using Bytes = std::vector<std::byte>;

namespace {

template <class T>
bool same_bits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

template <class S>
void check_same(const Model<Net, S>& a, const Model<Net, S>& b) {
  for (int i = 0; i < Net::n_params; ++i) CHECK(same_bits(a.parameters()[i], b.parameters()[i]));
  for (std::size_t i = 0; i < a.inputs.size(); ++i) {
    CHECK(a.inputs[i].transform == b.inputs[i].transform);
    CHECK(same_bits(a.inputs[i].shift, b.inputs[i].shift));
    CHECK(same_bits(a.inputs[i].scale, b.inputs[i].scale));
    CHECK(same_bits(a.inputs[i].low, b.inputs[i].low));
    CHECK(same_bits(a.inputs[i].high, b.inputs[i].high));
  }
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    CHECK(a.outputs[i].output == b.outputs[i].output);
    CHECK(same_bits(a.outputs[i].shift, b.outputs[i].shift));
    CHECK(same_bits(a.outputs[i].scale, b.outputs[i].scale));
  }
  CHECK(a.description.features == b.description.features);
  CHECK(a.description.feature_units == b.description.feature_units);
  CHECK(a.description.targets == b.description.targets);
  CHECK(a.description.target_units == b.description.target_units);
  const TrainingRecord &was = a.description.training, &is = b.description.training;
  CHECK(was.loss == is.loss);
  CHECK(was.seed == is.seed);
  CHECK(was.n_training == is.n_training);
  CHECK(was.n_validation == is.n_validation);
  CHECK(was.best_epoch == is.best_epoch);
  CHECK(was.stopped_early == is.stopped_early);
  REQUIRE(was.epochs.size() == is.epochs.size());
  for (std::size_t e = 0; e < was.epochs.size(); ++e) {
    CHECK(was.epochs[e].epoch == is.epochs[e].epoch);
    CHECK(same_bits(was.epochs[e].training_loss, is.epochs[e].training_loss));
    CHECK((same_bits(was.epochs[e].validation_loss, is.epochs[e].validation_loss) ||
           (std::isnan(was.epochs[e].validation_loss) && std::isnan(is.epochs[e].validation_loss))));
    CHECK(same_bits(was.epochs[e].learning_rate, is.epochs[e].learning_rate));
  }
}
template <class S, class R>
void check_same_results(const R& a, const R& b) {
  Random random(9);
  for (int i = 0; i < 200; ++i) {
    const std::array<S, 3> features{static_cast<S>(random.uniform(20, 1000)), static_cast<S>(random.uniform(-3, 3)),
                                    S(0)};
    CHECK(same_bits(a(features), b(features)));
  }
}
template <class S, class C>
void check_same_calibration(const C& a, const C& b) {
  Random random(10);
  for (int i = 0; i < 200; ++i) {
    const S y = static_cast<S>(random.uniform(5, 1200)), eta = static_cast<S>(random.uniform(-3, 3));
    const auto was = a(y, {eta, S(0)}), is = b(y, {eta, S(0)});
    CHECK(same_bits(was.value, is.value));
    CHECK(was.status == is.status);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("a model comes back with everything it was", S, float, double) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  const auto model = some_model<S>();
  io::save(model, path);
  const auto loaded = io::load<Model<Net, S>>(path);
  check_same(model, loaded);
  check_same_results<S>(model, loaded);
  // Saved again, the same bytes.
  io::save(loaded, folder / "again");
  CHECK(io::read_file<Bytes>(folder / "again") == io::read_file<Bytes>(path));
}

TEST_CASE_TEMPLATE("an ensemble comes back, each member with its own history", S, float, double) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  const auto ensemble = some_ensemble<S>();
  io::save(ensemble, path);
  const auto loaded = io::load<Ensemble<Model<Net, S>>>(path);
  REQUIRE(loaded.members().size() == 3);
  for (std::size_t m = 0; m < 3; ++m) check_same(ensemble.members()[m], loaded.members()[m]);
  check_same_results<S>(ensemble, loaded);
}

TEST_CASE_TEMPLATE("a calibration comes back, with its policies and their settings", S, float, double) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  const auto check = [&](const auto& calibration) {
    using Type = std::remove_cvref_t<decltype(calibration)>;
    io::save(calibration, path);
    const auto loaded = io::load<Type>(path);
    CHECK(same_bits(calibration.inversion().tolerance, loaded.inversion().tolerance));
    CHECK(calibration.inversion().iterations == loaded.inversion().iterations);
    check_same_calibration<S>(calibration, loaded);
  };
  if constexpr (std::is_same_v<S, float>) {
    check(Calibration(some_model<S>(), invert::Bisection{.tolerance = 1e-3}, extrapolate::Clamp{}));
    check(Calibration(some_ensemble<S>(), invert::Newton{}, extrapolate::Reject{}));
  } else {
    check(
        Calibration(some_model<S>(), invert::Newton{.tolerance = 1.0 / 3e4, .iterations = 17}, extrapolate::Freeze{}));
  }
  check(Calibration(some_model<S>()));
}

TEST_CASE("settings of an extrapolation and of features out of range come back") {
  using Extrapolation = extrapolate::FactorWithin<extrapolate::Sides<extrapolate::LinearRatio, extrapolate::Freeze>>;
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  const auto model = some_model<float>();
  const auto range = model.truth_range();
  const double low = 0.75 * static_cast<double>(range.low) + 0.25 * static_cast<double>(range.high);
  const Calibration calibration(model, invert::Newton{},
                                Extrapolation{.lowest = 0.3, .highest = 7.0, .policy = {.low = low}},
                                {OutOfRange::reject, OutOfRange::clamp});
  io::save(calibration, path);
  const auto loaded = io::load<std::remove_const_t<decltype(calibration)>>(path);
  CHECK(same_bits(loaded.extrapolation().lowest, 0.3));
  CHECK(same_bits(loaded.extrapolation().highest, 7.0));
  CHECK(same_bits(loaded.extrapolation().policy.low, low));
  CHECK(same_bits(loaded.extrapolation().policy.high, std::numeric_limits<double>::max()));
  CHECK(loaded.solved_range().low == calibration.solved_range().low);
  CHECK(loaded.out_of_range(0) == OutOfRange::reject);
  CHECK(loaded.out_of_range(1) == OutOfRange::clamp);
  check_same_calibration<float>(calibration, loaded);

  // Another policy is another type; a file from before features had a choice clamps; other words are refused.
  using Other = Calibration<M, invert::Newton, extrapolate::FactorWithin<extrapolate::Sides<extrapolate::Freeze>>>;
  CHECK_THROWS_WITH_AS(io::load<Other>(path), doctest::Contains("factor_within(sides(freeze, freeze))"), Error);
  auto file = io::read_safetensors(path);
  const auto reread = [&] {
    io::write_safetensors(path, file);
    return io::load<std::remove_const_t<decltype(calibration)>>(path);
  };
  file.metadata["out_of_range"] = R"(["reject"])";
  CHECK_THROWS_WITH_AS(reread(), doctest::Contains("expected one of clamp, reject for each of 2 feature(s), found 1"),
                       Error);
  file.metadata["out_of_range"] = R"(["reject","maybe"])";
  CHECK_THROWS_WITH_AS(reread(), doctest::Contains("expected one of clamp, reject, found 'maybe'"), Error);
  file.metadata.erase("out_of_range");
  CHECK(reread().out_of_range(0) == OutOfRange::clamp);
}

TEST_CASE("a model that nobody described gets names") {
  const TemporaryFolder folder;
  auto model = some_model<float>();
  model.description = {};
  io::save(model, folder / "model");
  const auto loaded = io::load<M>(folder / "model");
  CHECK(loaded.description.features == std::vector<std::string>{"feature_0", "feature_1", "feature_2"});
  CHECK(loaded.description.targets == std::vector<std::string>{"target_0", "target_1"});
  CHECK(loaded.description.training.epochs.empty());
}

TEST_CASE("other programs can read what stands in the file") {
  const auto file = io::to_tensor_file(C(some_model<float>()));
  CHECK(file.metadata.at("schema") == "calibrant-model/1");
  CHECK(file.metadata.at("kind") == "calibration");
  CHECK(file.metadata.at("architecture") == "dense(3, 4, tanh) > dense(4, 2, identity)");
  CHECK(file.metadata.at("scalar") == "float");
  CHECK(file.metadata.at("library_version") == version);
  const Json input = Json::parse(file.metadata.at("inputs")).at(0);
  CHECK(input.at("name") == "true_pt");
  CHECK(input.at("unit") == "GeV");
  CHECK(input.at("transform") == "logarithm");
  CHECK(input.at("low") == 20.0);
  CHECK(Json::parse(file.metadata.at("outputs")).at(0).at("meaning") == "ratio");
  CHECK(Json::parse(file.metadata.at("inversion")) ==
        Json{{"policy", "newton"}, {"tolerance", 1e-6}, {"iterations", 60}});
  CHECK(Json::parse(file.metadata.at("training")).at(0).at("loss") == "absolute");
  CHECK(file.tensor("parameters").shape == std::vector<std::int64_t>{1, Net::n_params});
  CHECK(file.tensor("self_test.features").shape == std::vector<std::int64_t>{3, 3});
}

TEST_CASE("what could not be read again is not written") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  io::save(some_model<float>(), path);
  const auto old = io::read_file<Bytes>(path);
  const auto check = [&](const auto& object, const std::string& message) {
    CHECK(says(error_of([&] { io::save(object, path); }), message));
    CHECK(io::read_file<Bytes>(path) == old);
  };
  auto model = some_model<float>();
  auto parameters = model.parameters();
  parameters[5] = std::numeric_limits<float>::quiet_NaN();
  model.set_parameters(parameters);
  check(model, "saving a model, parameter 5: expected a finite number, found nan");
  model = some_model<float>();
  model.inputs[1].scale = std::numeric_limits<float>::infinity();
  check(model, "saving a model, input 1: expected a finite number, found inf");
  model = some_model<float>();
  model.description.features[0] = "p\xE9 in Latin-1";
  check(model, "saving a model, inputs: expected text in UTF-8");
  model = some_model<float>();
  model.description.training.loss = "\xFF";
  check(model, "saving a model, training: expected text in UTF-8");
  CHECK(folder.names() == std::vector<std::string>{"model"});
}

TEST_CASE("a save that fails leaves the old file whole") {
  const TemporaryFolder folder;
  const std::string path = folder / "model";
  const C calibration(some_model<float>(1)), other(some_model<float>(2));
  io::save(calibration, path);
  const auto old = io::read_file<Bytes>(path);
  std::string message;
  {
    const SizeLimit limit(1024);
    message = error_of([&] { io::save(other, path); });
  }
  CHECK(says(message, "writing " + path));
  CHECK(says(message, "File too large"));
  CHECK(io::read_file<Bytes>(path) == old);
  CHECK(folder.names() == std::vector<std::string>{"model"});

  CHECK(says(error_of([&] { io::save(other, folder / "missing/model"); }), "No such file or directory"));
  CHECK(says(error_of([&] { io::save(other, folder.path()); }), "found a folder"));
  CHECK(error_of([&] { io::save(other, "/proc/calibrant_test"); }) != "no error");
  check_same_calibration<float>(io::load<C>(path), calibration);
  io::save(other, path);
  check_same_calibration<float>(io::load<C>(path), other);
}
