// What is made of parts in one file: outputs of a model, intervals, values with their resolution. They come back to the
// bit; a file that misses a part, has another, or is altered is refused.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "calibrant/head/quantiles.hpp"
#include "calibrant/invert.hpp"
#include "calibrant/invert/fit_inverse.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/io/read_file.hpp"
#include "calibrant/io/safetensors.hpp"
#include "some_model.hpp"
#include "spoilt_file.hpp"
#include "temporary_folder.hpp"

using namespace saved;
using invert::HalfWidth;
using invert::OutputOf;
using Json = nlohmann::ordered_json;
using Bytes = std::vector<std::byte>;

namespace {

/// Quantiles of y at a truth of 20 to 1000 and one feature of -1 to 1: about 0.8 to 1 times the truth, and rising.
using ThreeNet = Sequential<Mlp<Inputs<2>, Hidden<2, Tanh>, Outputs<3>>, Quantiles<3>>;
template <class S>
using Three = Model<ThreeNet, S>;

template <class S>
Three<S> quantiles(std::uint64_t seed) {
  Three<S> model;
  model.inputs[0] = {Transform::logarithm, S(4.5), S(0.8), S(20), S(1000)};
  model.inputs[1] = {Transform::identity, S(0), S(1), S(-1), S(1)};
  for (auto& output : model.outputs) output = {Output::ratio, S(0), S(1)};
  Parameters<S, ThreeNet::n_params> p;
  Random random(seed, Stream::initial_weights);
  ThreeNet::initialise<S>(p.view(), random);
  for (int i = 6; i < 12; ++i) p[i] *= S(0.1);
  p[12] = S(0.8);
  p[13] = p[14] = S(-2.3);  // softplus: 0.096 between neighbours
  model.set_parameters(p);
  model.description.features = {"true_pt", "width"};
  model.description.feature_units = {"GeV", ""};
  return model;
}

template <class S, int k>
using At = Calibration<OutputOf<Three<S>, k>>;
template <class S>
using Resolved = WithResolution<At<S, 1>, HalfWidth<OutputOf<Three<S>, 0>, OutputOf<Three<S>, 2>>>;
template <class S>
using Intervals = QuantileIntervals<At<S, 0>, At<S, 2>>;

template <class S>
Resolved<S> resolved(std::uint64_t seed = 1) {
  using invert::output_of;
  const auto model = quantiles<S>(seed);
  return {At<S, 1>(output_of<1>(model), {.tolerance = 1.0 / 3e5}, {}, {OutOfRange::reject}),
          HalfWidth(output_of<0>(model), output_of<2>(model))};
}
template <class S>
Intervals<S> intervals() {
  using invert::output_of;
  return {At<S, 0>(output_of<0>(quantiles<S>(1))), At<S, 2>(output_of<2>(quantiles<S>(1)))};
}

/// A type of a user: the mean of two calibrations.
struct Mean {
  using Scalar = float;
  static constexpr int n_theta = 1;
  At<float, 1> first;
  At<float, 2> second;

  Mean(At<float, 1> a, At<float, 2> b) : first(std::move(a)), second(std::move(b)) {}
  static std::string kind() { return "user's mean"; }
  static constexpr std::array<const char*, 2> part_names{"first", "second"};
  auto parts() const noexcept { return std::tie(first, second); }
  Calibrated<float> operator()(float y, const std::array<float, 1>& theta) const noexcept {
    const auto a = first(y, theta), b = second(y, theta);
    return {0.5f * (a.value + b.value), worse(a.status, b.status)};
  }
};

/// Whether two objects give the same bits and statuses, inside and outside of the ranges, and for bad numbers.
template <class Object, class Numbers>
bool agree(const Object& a, const Object& b, const Numbers& numbers) {
  using S = typename Object::Scalar;
  Random random(5);
  bool same = true;
  for (int i = 0; i < 300; ++i) {
    const S y = i % 50 == 7 ? S(NAN) : static_cast<S>(random.uniform(5, 1200));
    const std::array<S, 1> theta{static_cast<S>(random.uniform(-1.2, 1.2))};
    const auto was = numbers(a(y, theta)), is = numbers(b(y, theta));
    same = same && std::memcmp(was.data(), is.data(), sizeof(was)) == 0 && a(y, theta).status == b(y, theta).status;
  }
  return same;
}
constexpr auto of_resolved = [](const auto& found) { return std::array{found.value, found.sigma}; };
constexpr auto of_interval = [](const auto& found) { return std::array{found.low, found.high}; };
constexpr auto of_calibrated = [](const auto& found) { return std::array{found.value}; };

/// Saved and loaded: agrees, and is written to the same bytes again.
template <class Object, class Numbers>
void comes_back(const Object& object, const Numbers& numbers) {
  const TemporaryFolder folder;
  io::save(object, folder / "object");
  const auto loaded = io::load<Object>(folder / "object");
  CHECK(agree(object, loaded, numbers));
  io::save(loaded, folder / "again");
  CHECK((io::read_file<Bytes>(folder / "again") == io::read_file<Bytes>(folder / "object")));
}

/// What loading says after an edit of the file; the checksum of the whole is right again.
template <class Object>
std::string after(const Object& object, const std::function<void(io::TensorFile&)>& edit) {
  io::TensorFile file = io::to_tensor_file(object);
  edit(file);
  return error_of([&] { io::from_tensor_file<Object>(file, "loading"); });
}
std::string after(const std::function<void(io::TensorFile&)>& edit) { return after(resolved<float>(), edit); }

}  // namespace

TEST_CASE_TEMPLATE("they come back to the bit", S, float, double) {
  comes_back(resolved<S>(), of_resolved);
  comes_back(intervals<S>(), of_interval);
  comes_back(resolved<S>().calibration(), of_calibrated);
  const TemporaryFolder folder;
  io::save(resolved<S>(), folder / "resolved");
  const auto loaded = io::load<Resolved<S>>(folder / "resolved");
  CHECK(loaded.calibration().out_of_range(0) == OutOfRange::reject);
  CHECK(std::fabs(loaded.calibration().inversion().tolerance - 1.0 / 3e5) <= 0.0);
  CHECK(loaded.calibration().feature_names() == std::vector<std::string>{"width"});
}

TEST_CASE("a response of parts by itself") {
  const TemporaryFolder folder;
  const auto width = resolved<double>().sigma();
  io::save(width, folder / "width");
  const auto loaded = io::load<std::remove_const_t<decltype(width)>>(folder / "width");
  const double theta = 0.3;
  std::remove_const_t<decltype(width)>::Encoded<double> was, is;
  width.encode(&theta, was);
  loaded.encode(&theta, is);
  CHECK(std::fabs(loaded.response(70.0, is).value - width.response(70.0, was).value) <= 0.0);
  CHECK(std::fabs(loaded.response(70.0, is).slope - width.response(70.0, was).slope) <= 0.0);
}

TEST_CASE("parts of any kind: an ensemble, a network for the resolution, a sequence, a learned inverse") {
  using Averaged = Calibration<OutputOf<Ensemble<Three<float>>, 1>, invert::Bisection,
                               extrapolate::Sides<extrapolate::Clamp, extrapolate::Freeze>>;
  const Averaged averaged(invert::output_of<1>(Ensemble(std::vector{quantiles<float>(1), quantiles<float>(2)})));
  comes_back(averaged, of_calibrated);
  comes_back(WithResolution(averaged, quantiles<float>(3)), of_resolved);
  using Pair = Sequence<Features<1>, At<float, 1>, Averaged>;
  const Pair pair({"width"}, At<float, 1>(invert::output_of<1>(quantiles<float>(1))), averaged);
  comes_back(pair, of_calibrated);
  comes_back(QuantileIntervals(pair, At<float, 1>(invert::output_of<1>(quantiles<float>(1)))), of_interval);

  using Inverse = Mlp<Inputs<2>, Hidden<8>, Outputs<1>>;
  const auto response = invert::output_of<2>(quantiles<float>(1));
  const auto inverse =
      fit_inverse<Inverse>(response, std::span<const float>{}, {.n_samples = 2000}, {.epochs = 2, .batch_size = 100});
  CHECK(inverse.response_hash == invert::fingerprint(response));
  const Calibration learned(response, inverse);
  comes_back(learned, of_calibrated);
  // It was made for that output of that model.
  CHECK(says(error_of([&] { Calibration(invert::output_of<1>(quantiles<float>(1)), inverse); }), "another response"));
  CHECK(says(error_of([&] { Calibration(invert::output_of<2>(quantiles<float>(2)), inverse); }), "another response"));
}

TEST_CASE("a type of one's own") {
  static_assert(io::Composite<Mean> && io::Composite<Resolved<float>> && io::Composite<Intervals<double>>);
  static_assert(!io::Composite<Three<float>> && !io::Composite<At<float, 1>>);
  const auto model = quantiles<float>(1);
  const Mean mean(At<float, 1>(invert::output_of<1>(model)), At<float, 2>(invert::output_of<2>(model)));
  comes_back(mean, of_calibrated);
  CHECK(after(mean, without("part.second.")) == "loading: expected a part second, found none");
}

TEST_CASE("other programs can read what stands in the file") {
  const auto file = io::to_tensor_file(resolved<float>());
  CHECK(file.metadata.at("schema") == "calibrant-composite/1");
  CHECK(file.metadata.at("kind") == "with_resolution");
  const Json parts = Json::parse(file.metadata.at("parts"));
  CHECK(parts.size() == 2);
  CHECK(parts.at("calibration").get<std::string>().starts_with("sha256:"));
  CHECK(file.metadata.at("part.calibration.schema") == "calibrant-composite/1");
  CHECK(file.metadata.at("part.calibration.kind") == "calibration");
  CHECK(file.metadata.at("part.calibration.part.response.kind") == "output 1");
  CHECK(file.metadata.at("part.sigma.kind") == "half_width");
  CHECK(file.metadata.at("part.sigma.part.high.part.model.schema") == "calibrant-model/1");
  CHECK(file.tensor("part.sigma.part.high.part.model.parameters").shape ==
        std::vector<std::int64_t>{1, ThreeNet::n_params});
  CHECK(file.tensor("self_test.points").shape == std::vector<std::int64_t>{3, 2});
  CHECK(file.tensor("self_test.calibrated").shape == std::vector<std::int64_t>{3, 3});
  CHECK(file.tensor("part.sigma.self_test.outputs").shape == std::vector<std::int64_t>{3, 2});
}

TEST_CASE("every byte altered, every cut: an error, never an answer") {
  const TemporaryFolder folder;
  // The smallest.
  check_every_byte_counts(At<float, 1>(invert::output_of<1>(quantiles<float>(1))), folder / "composite", {0x01u});
}

TEST_CASE("a part that is missing, altered, exchanged or too many") {
  REQUIRE(after([](io::TensorFile&) {}) == "no error");
  CHECK(after(without("part.sigma.")) == "loading: expected a part sigma, found none");
  CHECK(after(without("part.calibration.")) == "loading: expected a part calibration, found none");
  CHECK(after(without("parts")) == "loading: expected metadata 'parts', found none");
  for (const char* one : {"part.sigma.part.low.", "part.sigma.kind", "part.sigma.part.low.part.model.parameters"}) {
    CAPTURE(one);
    CHECK(says(after(without(one)), "loading, part sigma: expected what was saved, sha256:"));
  }
  CHECK(says(after(without("part.calibration.inversion")), "loading, part calibration: expected what was saved"));
  CHECK(after([](io::TensorFile& file) { file.metadata["part.extra.kind"] = "model"; }) ==
        "loading: expected nothing that begins with 'part.' but part.calibration., part.sigma., found "
        "'part.extra.kind'");
  CHECK(says(after([](io::TensorFile& file) { file.tensors[0].bytes[0] ^= std::byte{1}; }), ": expected what was"));
  // The two quantiles change places: each is whole, and so is the file.
  CHECK(says(after(QuantileIntervals(At<float, 1>(invert::output_of<1>(quantiles<float>(1))),
                                     At<float, 1>(invert::output_of<1>(quantiles<float>(2)))),
                   exchanged("part.lower_quantile.", "part.upper_quantile.")),
             "loading, part lower_quantile: expected what was saved"));
}

TEST_CASE("the entries of the whole") {
  CHECK(after([](io::TensorFile& file) { file.metadata["schema"] = "calibrant-composite/2"; }) ==
        "loading, schema: expected calibrant-composite/1, found calibrant-composite/2");
  CHECK(after([](io::TensorFile& file) { file.metadata["kind"] = "quantile_intervals"; }) ==
        "loading, kind: expected with_resolution, found quantile_intervals");
  CHECK(after([](io::TensorFile& file) { file.metadata["parts"] = "["; }) ==
        "loading, parts: expected JSON, found text that is none");
  CHECK(after([](io::TensorFile& file) { file.metadata["parts"] = "{}"; }) ==
        "loading, parts: expected an entry 'calibration', found none");
  CHECK(after([](io::TensorFile& file) { file.metadata["parts"] = R"({"calibration":3})"; }) ==
        "loading, parts: expected an entry 'calibration' that is text, found 3");
  const auto altered = [](const std::string& name) {
    return [name](io::TensorFile& file) {
      for (io::Tensor& tensor : file.tensors)
        if (tensor.name == name) tensor.bytes[3] ^= std::byte{1};
    };
  };
  CHECK(says(after(altered("self_test.calibrated")), "loading, with_resolution self-test, value 0"));
  CHECK(says(after(altered("self_test.points")), "loading, with_resolution self-test, value"));
  CHECK(says(after(without("self_test.calibrated")), "a tensor 'self_test.calibrated'"));
  CHECK(says(after(intervals<float>(), altered("self_test.calibrated")), "quantile_intervals self-test, value 0"));
  const auto calibration = resolved<float>().calibration();
  CHECK(says(after(calibration, altered("self_test.calibrated")), "calibration self-test, value 0"));
  CHECK(says(after(calibration, without("inversion")), "loading: expected metadata 'inversion', found none"));
  CHECK(says(after(resolved<float>().sigma(), altered("self_test.outputs")), "half_width self-test, value 0"));
}

TEST_CASE("a file of something else says what it is") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  const auto loading = [&]<class Object>(const Object*) { return error_of([&] { io::load<Object>(path); }); };
  io::save(resolved<float>(), path);
  CHECK(says(loading(static_cast<const Intervals<float>*>(nullptr)),
             ", kind: expected quantile_intervals, found with_resolution"));
  CHECK(
      says(loading(static_cast<const At<float, 1>*>(nullptr)), ", kind: expected calibration, found with_resolution"));
  CHECK(says(loading(static_cast<const Resolved<double>*>(nullptr)),
             ", part calibration, part response, part model, scalar: expected double, found float"));
  CHECK(
      says(loading(static_cast<const C*>(nullptr)), ", schema: expected calibrant-model/1, found calibrant-composite"));
  io::save(At<float, 1>(invert::output_of<1>(quantiles<float>(1))), path);
  CHECK(says(loading(static_cast<const At<float, 2>*>(nullptr)),
             ", part response, kind: expected output 2, found output 1"));
  CHECK(says(loading(static_cast<const Calibration<OutputOf<Three<float>, 1>, invert::Bisection>*>(nullptr)),
             ", inversion: expected the policy bisection, found newton"));
  CHECK(says(loading(static_cast<const Calibration<OutputOf<Model<Net>, 1>>*>(nullptr)),
             ", part response, part model, architecture: expected"));
  io::save(C(some_model<float>()), path);
  CHECK(says(loading(static_cast<const At<float, 1>*>(nullptr)),
             ", schema: expected calibrant-composite/1, found calibrant-model/1"));
}

TEST_CASE("what would not be read again is not written") {
  const TemporaryFolder folder;
  auto model = quantiles<float>(1);
  model.outputs[1] = {Output::paired_ratio, 0.0f, 1.0f};  // to feature 1, no truth
  CHECK(says(error_of([&] { io::save(invert::output_of<1>(model), folder / "file"); }),
             "OutputOf, output 1: expected no ratio to another feature than the first"));
  CHECK_FALSE(std::filesystem::exists(folder / "file"));
}
