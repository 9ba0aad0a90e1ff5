// The model file: safetensors with everything a calibration is made of, read only if it is whole, of a known schema,
// of this architecture, and gives the results stored in it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/calibration/joint.hpp"
#include "calibrant/calibration/sequence.hpp"
#include "calibrant/io/inner_file.hpp"
#include "calibrant/io/json_text.hpp"
#include "calibrant/io/safetensors.hpp"
#include "calibrant/nn/ensemble.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/version.hpp"

namespace calibrant::io {

/// Version of the layout of model files. A file of another version is refused.
inline constexpr const char* model_schema = "calibrant-model/1";
/// The same for files of sequences, which hold whole model files as their steps.
inline constexpr const char* sequence_schema = "calibrant-sequence/1";
/// The same for files of objects made of parts, each of which has a file of its own inside.
inline constexpr const char* composite_schema = "calibrant-composite/1";

/// What is kept in a file part by part: OutputOf, HalfWidth, QuantileIntervals, WithResolution, or a type of your own
/// that says what it is (part of the file: equal text, equal meaning of the parts), what its parts are called, and what
/// they are, in the order in which it is made of them.
template <class Object>
concept Composite = requires(const Object& object) {
  { Object::kind() } -> std::convertible_to<std::string>;
  { Object::part_names[0] } -> std::convertible_to<const char*>;
  {object.parts()};
};

namespace model_file {

using Json = nlohmann::json;  // as safetensors.hpp: a second kind would be compiled, too

inline constexpr int n_self_tests = 3;

inline CALIBRANT_COLD const std::string& metadata(const TensorFile& file, const std::string& key,
                                                  const std::string& where) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) throw Error(where, "metadata '" + key + "'", "none");
  return found->second;
}
inline CALIBRANT_COLD void require(const TensorFile& file, const std::string& key, const std::string& expected,
                                   const std::string& where) {
  const std::string& found = metadata(file, key, where);
  if (found != expected) throw Error(where + ", " + key, expected, found);
}
inline CALIBRANT_COLD Json parse(const TensorFile& file, const std::string& key, const std::string& where) {
  const std::string& text = metadata(file, key, where);
  // From pointers, as nlohmann's own literals do: another input would be compiled, too.
  Json json = Json::parse(text.data(), text.data() + text.size(), nullptr, false);
  if (json.is_discarded()) throw Error(where + ", " + key, "JSON", "text that is none");
  return json;
}
/// What a JSON value is, for messages: the text or number itself, or what else it is.
inline CALIBRANT_COLD std::string kind_of(const Json& json) {
  if (json.is_string()) return json_text(*json.get_ptr<const std::string*>(), "");
  if (json.is_number_float()) return std::to_string(json.get<double>());
  if (json.is_number_unsigned()) return std::to_string(json.get<std::uint64_t>());
  if (json.is_number()) return std::to_string(json.get<std::int64_t>());
  if (json.is_boolean()) return json.get<bool>() ? "true" : "false";
  return json.is_null() ? "null" : json.is_array() ? "an array of " + std::to_string(json.size()) : "an object";
}
/// @throws Error unless the entry is there, of the kind of Value, and fits it: numbers are finite and in its range.
template <class Value>
CALIBRANT_COLD Value get(const Json& object, const char* key, const std::string& where) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  const std::string expected = "an entry '" + std::string(key) + "'";
  if (!object.is_object() || found == object.end()) throw Error(where, expected, "none");
  if constexpr (std::is_same_v<Value, std::string>) {
    if (!found->is_string()) throw Error(where, expected + " that is text", kind_of(*found));
  } else if constexpr (std::is_same_v<Value, bool>) {
    if (!found->is_boolean()) throw Error(where, expected + " that is true or false", kind_of(*found));
  } else if constexpr (std::is_integral_v<Value>) {
    const bool fits = found->is_number_unsigned()
                          ? std::in_range<Value>(found->template get<std::uint64_t>())
                          : found->is_number_integer() && std::in_range<Value>(found->template get<std::int64_t>());
    if (!fits) throw Error(where, expected + " that is an integer in range", kind_of(*found));
  } else {
    if (!found->is_number() || !(std::abs(found->template get<double>()) <= std::numeric_limits<Value>::max()))
      throw Error(where, expected + " that is a finite number", kind_of(*found));
  }
  return found->template get<Value>();
}
/// An integer that was stored among floating-point numbers.
inline int get_count(double value, const std::string& where) {
  if (!(value >= 0.0 && value <= std::numeric_limits<int>::max() && value <= std::floor(value)))
    throw Error(where, "a count", std::to_string(value));
  return static_cast<int>(value);
}
/// The values of a tensor of that shape; an extent of -1 is any.
template <class Value>
CALIBRANT_COLD std::vector<Value> values_of(const TensorFile& file, const std::string& name,
                                            const std::vector<std::int64_t>& shape, const std::string& where) {
  const auto found =
      std::find_if(file.tensors.begin(), file.tensors.end(), [&](const Tensor& tensor) { return tensor.name == name; });
  if (found == file.tensors.end()) throw Error(where, "a tensor '" + name + "'", "none");
  const auto text = [](const std::vector<std::int64_t>& extents) {
    std::string result;
    for (const std::int64_t extent : extents) result += (result.empty() ? "" : " x ") + std::to_string(extent);
    return result;
  };
  const bool fits = std::equal(shape.begin(), shape.end(), found->shape.begin(), found->shape.end(),
                               [](std::int64_t wanted, std::int64_t is) { return wanted < 0 || wanted == is; });
  if (!fits) throw Error(where + ", tensor '" + name + "'", "the shape " + text(shape), text(found->shape));
  if (found->dtype != safetensors_dtype<Value>())
    throw Error(where + ", tensor '" + name + "'", "values of type " + std::string(safetensors_dtype<Value>()),
                found->dtype);
  return tensor_values<Value>(*found);
}
template <class Enumeration>
CALIBRANT_COLD Enumeration enumeration(const std::string& text, std::initializer_list<Enumeration> values,
                                       const std::string& where) {
  std::string known;
  for (const Enumeration value : values) {
    if (to_string(value) == text) return value;
    known += (known.empty() ? "" : ", ") + std::string(to_string(value));
  }
  throw Error(where, "one of " + known, "'" + text + "'");
}

template <class T>
inline constexpr bool is_ensemble = false;
template <class Member>
inline constexpr bool is_ensemble<Ensemble<Member>> = true;
template <class T>
inline constexpr bool is_calibration = false;
template <class Response, class Inversion, class Extrapolation>
inline constexpr bool is_calibration<Calibration<Response, Inversion, Extrapolation>> = true;
template <class T>
inline constexpr bool is_joint = false;
template <class Response>
inline constexpr bool is_joint<JointCalibration<Response>> = true;
template <class T>
inline constexpr bool is_sequence = false;
template <class Theta, class... Steps>
inline constexpr bool is_sequence<Sequence<Theta, Steps...>> = true;

template <class Response>
struct MemberOf {
  using Type = Response;
};
template <class Member>
struct MemberOf<Ensemble<Member>> {
  using Type = Member;
};

/// Three points inside the trained range, row-major.
template <class Model>
CALIBRANT_COLD std::vector<typename Model::Scalar> self_test_features(const Model& model) {
  using S = typename Model::Scalar;
  std::vector<S> features;
  for (int test = 0; test < n_self_tests; ++test)
    for (const auto& input : model.inputs)
      features.push_back(input.low + (input.high - input.low) * (S(test) + S(1)) / S(n_self_tests + 1));
  return features;
}
template <class Response>
CALIBRANT_COLD std::vector<typename Response::Scalar> self_test_outputs(
    const Response& response, const std::vector<typename Response::Scalar>& features) {
  using S = typename Response::Scalar;
  std::vector<S> outputs;
  for (int test = 0; test < n_self_tests; ++test) {
    std::array<S, static_cast<std::size_t>(Response::n_in)> row;
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = features[static_cast<std::size_t>(test) * row.size() + i];
    for (const S value : response(row)) outputs.push_back(value);
  }
  return outputs;
}
/// Calibrated values of the self-test's own outputs, with their status as a number.
template <class C>
std::vector<typename C::Scalar> self_test_calibrated(const C& calibration,
                                                     const std::vector<typename C::Scalar>& features,
                                                     const std::vector<typename C::Scalar>& outputs) {
  using S = typename C::Scalar;
  constexpr auto n_in = static_cast<std::size_t>(C::Response::n_in),
                 n_out = static_cast<std::size_t>(C::Response::n_out);
  std::vector<S> result;
  for (std::size_t test = 0; test < n_self_tests; ++test) {
    std::array<S, static_cast<std::size_t>(C::n_theta)> theta;
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] = features[test * n_in + i + 1];
    const auto calibrated = calibration(outputs[test * n_out], theta);
    result.push_back(calibrated.value);
    result.push_back(static_cast<S>(calibrated.status));
  }
  return result;
}
/// The same of a joint calibration: its values, then their status.
template <class C>
std::vector<typename C::Scalar> self_test_joint(const C& calibration, const std::vector<typename C::Scalar>& features,
                                                const std::vector<typename C::Scalar>& outputs) {
  using S = typename C::Scalar;
  constexpr std::ptrdiff_t n_values = C::n_values, n_in = n_values + C::n_theta;
  std::vector<S> result;
  for (std::ptrdiff_t test = 0; test < n_self_tests; ++test) {
    typename C::Values y;
    typename C::Theta theta;
    std::copy_n(outputs.begin() + test * n_values, n_values, y.begin());
    std::copy_n(features.begin() + test * n_in + n_values, C::n_theta, theta.begin());
    const auto calibrated = calibration(y, theta);
    result.insert(result.end(), calibrated.values.begin(), calibrated.values.end());
    result.push_back(static_cast<S>(calibrated.status));
  }
  return result;
}
/// Builds for other instruction sets may round differently; anything more is another model.
template <class S>
CALIBRANT_COLD void check_self_test(const std::vector<S>& found, const std::vector<S>& stored, double tolerance,
                                    const std::string& where) {
  if (found.size() != stored.size())
    throw Error(where, std::to_string(found.size()) + " self-test values", std::to_string(stored.size()));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double is = found[i], was = stored[i];
    const bool same = std::isfinite(was) ? std::abs(is - was) <= tolerance * (1.0 + std::abs(was))
                      : std::isnan(was)  ? std::isnan(is)
                                         : is >= was && is <= was;
    if (!same)
      throw Error(where + ", value " + std::to_string(i), std::to_string(stored[i]) + " as stored",
                  std::to_string(found[i]));
  }
}

template <class Policy>
CALIBRANT_COLD std::string policy_to_json(const Policy& policy) {
  const std::string where = "saving a model, " + std::string(Policy::name);
  JsonList json('{');
  json.add("policy", json_text(Policy::name, where));
  Policy::each_setting(policy, [&](const char* name, const auto& value)
                                   CALIBRANT_COLD { json.add(name, json_text(value, where + ", " + name)); });
  return json.text();
}
template <class Policy>
CALIBRANT_COLD Policy policy_from_json(const Json& json, const std::string& where) {
  const auto name = get<std::string>(json, "policy", where);
  if (name != Policy::name) throw Error(where, std::string("the policy ") + Policy::name, name);
  Policy policy;
  Policy::each_setting(policy, [&](const char* key, auto& value) {
    value = get<std::remove_reference_t<decltype(value)>>(json, key, where);
  });
  return policy;
}

inline std::string name_at(const std::vector<std::string>& names, std::size_t i, const std::string& fallback) {
  return i < names.size() ? names[i] : fallback;
}
/// What inputs and outputs have in common: name, unit, what is done to the values (under its `key`), shift and scale.
template <class Column>
CALIBRANT_COLD JsonList column_to_json(const Column& column, const std::string& name, const std::string& unit,
                                       const char* key, std::string_view way, const std::string& all,
                                       const std::string& here) {
  JsonList json('{');
  json.add("name", json_text(name, all)).add("unit", json_text(unit, all)).add(key, json_text(way, here));
  return json.add("shift", json_text(column.shift, here)).add("scale", json_text(column.scale, here));
}
template <class Member>
CALIBRANT_COLD std::string inputs_to_json(const Member& member) {
  const std::string where = "saving a model, input";
  JsonList inputs('[');
  for (std::size_t i = 0; i < member.inputs.size(); ++i) {
    const auto& input = member.inputs[i];
    const std::string number = std::to_string(i), here = where + ' ' + number;
    JsonList json = column_to_json(input, name_at(member.description.features, i, "feature_" + number),
                                   name_at(member.description.feature_units, i, ""), "transform",
                                   to_string(input.transform), where + 's', here);
    inputs.add(json.add("low", json_text(input.low, here)).add("high", json_text(input.high, here)).text());
  }
  return inputs.text();
}
template <class Member>
CALIBRANT_COLD std::string outputs_to_json(const Member& member) {
  const std::string where = "saving a model, output";
  JsonList outputs('[');
  for (std::size_t i = 0; i < member.outputs.size(); ++i) {
    const auto& output = member.outputs[i];
    const std::string number = std::to_string(i);
    outputs.add(column_to_json(output, name_at(member.description.targets, i, "target_" + number),
                               name_at(member.description.target_units, i, ""), "meaning", to_string(output.output),
                               where + 's', where + ' ' + number)
                    .text());
  }
  return outputs.text();
}
inline CALIBRANT_COLD std::string training_to_json(const TrainingRecord& record) {
  const std::string where = "saving a model, training";
  JsonList json('{');
  json.add("loss", json_text(record.loss, where));
  json.add("seed", json_text(record.seed, where));
  json.add("n_training", json_text(record.n_training, where));
  json.add("n_validation", json_text(record.n_validation, where));
  json.add("best_epoch", json_text(record.best_epoch, where));
  json.add("stopped_early", json_text(record.stopped_early, where));
  json.add("epochs", json_text(record.epochs.size(), where));
  return json.text();
}

template <class Response>
CALIBRANT_COLD void add_response(TensorFile& file, const Response& response) {
  using Member = typename MemberOf<Response>::Type;
  static_assert(
      requires { Member::architecture(); },
      "io::save: of models, what is made of them, and Composites; a formula has no file");
  using S = typename Member::Scalar;
  std::vector<const Member*> members;
  if constexpr (is_ensemble<Response>)
    for (const Member& member : response.members()) members.push_back(&member);
  else
    members.push_back(&response);
  const Member& first = *members[0];
  file.metadata["schema"] = model_schema;
  file.metadata["library_version"] = version;
  file.metadata["architecture"] = Member::architecture();
  file.metadata["scalar"] = sizeof(S) == 4 ? "float" : "double";
  file.metadata["inputs"] = inputs_to_json(first);
  file.metadata["outputs"] = outputs_to_json(first);
  file.metadata["nan_policy"] = "a value or feature that is NaN or infinite gives NaN and the status invalid_input";
  file.metadata["range_policy"] = "a feature outside low..high is moved to the edge, status clamped";
  std::vector<S> parameters;
  std::vector<double> epochs;
  JsonList training('[');
  for (const Member* member : members) {
    for (const S parameter : member->parameters().span()) {
      if (!std::isfinite(parameter))  // the file would not be read again
        throw Error("saving a model, parameter " + std::to_string(parameters.size()), "a finite number",
                    std::to_string(parameter));
      parameters.push_back(parameter);
    }
    const TrainingRecord& record = member->description.training;
    training.add(training_to_json(record));
    for (const EpochReport& report : record.epochs)
      epochs.insert(epochs.end(), {static_cast<double>(report.epoch), report.training_loss, report.validation_loss,
                                   report.learning_rate});
  }
  file.metadata["training"] = training.text();
  file.tensors.push_back(make_tensor("parameters", {static_cast<std::int64_t>(members.size()), Member::n_params},
                                     std::span<const S>(parameters)));
  file.tensors.push_back(make_tensor("training.epochs", {static_cast<std::int64_t>(epochs.size() / 4), 4},
                                     std::span<const double>(epochs)));
  const std::vector<S> features = self_test_features(first), results = self_test_outputs(response, features);
  file.tensors.push_back(make_tensor("self_test.features", {n_self_tests, Member::n_in}, std::span<const S>(features)));
  file.tensors.push_back(make_tensor("self_test.outputs", {n_self_tests, Member::n_out}, std::span<const S>(results)));
}

template <class Response>
CALIBRANT_COLD Response read_response(const TensorFile& file, const std::string& where) {
  using Member = typename MemberOf<Response>::Type;
  using S = typename Member::Scalar;
  require(file, "schema", model_schema, where);
  require(file, "architecture", Member::architecture(), where);
  require(file, "scalar", sizeof(S) == 4 ? "float" : "double", where);
  const Json inputs = parse(file, "inputs", where), outputs = parse(file, "outputs", where);
  const Json training = parse(file, "training", where);
  const auto size = [&](const Json& array, std::size_t expected, const char* what) {
    if (!array.is_array() || array.size() != expected)
      throw Error(where + ", " + what, "an array of " + std::to_string(expected), std::to_string(array.size()));
  };
  size(inputs, static_cast<std::size_t>(Member::n_in), "inputs");
  size(outputs, static_cast<std::size_t>(Member::n_out), "outputs");
  Member prototype;
  for (std::size_t i = 0; i < prototype.inputs.size(); ++i) {
    const std::string here = where + ", input " + std::to_string(i);
    auto& input = prototype.inputs[i];
    prototype.description.features.push_back(get<std::string>(inputs[i], "name", here));
    prototype.description.feature_units.push_back(get<std::string>(inputs[i], "unit", here));
    input.transform =
        enumeration(get<std::string>(inputs[i], "transform", here),
                    {Transform::identity, Transform::absolute, Transform::logarithm, Transform::ignored}, here);
    input.shift = get<S>(inputs[i], "shift", here);
    input.scale = get<S>(inputs[i], "scale", here);
    input.low = get<S>(inputs[i], "low", here);
    input.high = get<S>(inputs[i], "high", here);
    if (input.high < input.low)
      throw Error(here, "a range with low <= high", std::to_string(input.low) + " to " + std::to_string(input.high));
  }
  for (std::size_t i = 0; i < prototype.outputs.size(); ++i) {
    const std::string here = where + ", output " + std::to_string(i);
    auto& output = prototype.outputs[i];
    prototype.description.targets.push_back(get<std::string>(outputs[i], "name", here));
    prototype.description.target_units.push_back(get<std::string>(outputs[i], "unit", here));
    output.output = enumeration(get<std::string>(outputs[i], "meaning", here),
                                {Output::identity, Output::standardised, Output::ratio, Output::paired_ratio}, here);
    output.shift = get<S>(outputs[i], "shift", here);
    output.scale = get<S>(outputs[i], "scale", here);
  }
  prototype.validate();
  const std::size_t n_members = training.is_array() ? training.size() : 0;
  if (n_members == 0 || (!is_ensemble<Response> && n_members != 1))
    throw Error(where + ", training", is_ensemble<Response> ? "an array of one record or more" : "an array of one",
                kind_of(training));
  constexpr auto n_params = static_cast<std::size_t>(Member::n_params);
  const std::vector<S> parameters =
      values_of<S>(file, "parameters", {static_cast<std::int64_t>(n_members), Member::n_params}, where);
  const std::vector<double> epochs = values_of<double>(file, "training.epochs", {-1, 4}, where);
  std::vector<Member> members;
  std::size_t epoch = 0;
  for (std::size_t m = 0; m < n_members; ++m) {
    const std::string here = where + ", training";
    Member member = prototype;
    Stored<Parameters<S, Member::n_params>> values;
    for (std::size_t i = 0; i < n_params; ++i) {
      (*values)[static_cast<int>(i)] = parameters[m * n_params + i];
      if (!std::isfinite(parameters[m * n_params + i]))
        throw Error(where + ", parameter " + std::to_string(i), "a finite number",
                    std::to_string(parameters[m * n_params + i]));
    }
    member.set_parameters(*values);
    TrainingRecord& record = member.description.training;
    record.loss = get<std::string>(training[m], "loss", here);
    record.seed = get<std::uint64_t>(training[m], "seed", here);
    record.n_training = get<std::int64_t>(training[m], "n_training", here);
    record.n_validation = get<std::int64_t>(training[m], "n_validation", here);
    record.best_epoch = get<int>(training[m], "best_epoch", here);
    record.stopped_early = get<bool>(training[m], "stopped_early", here);
    const auto n_epochs = get<std::size_t>(training[m], "epochs", here);
    if (n_epochs > epochs.size() / 4 - epoch)
      throw Error(here, std::to_string(n_epochs) + " epochs", std::to_string(epochs.size() / 4 - epoch));
    for (std::size_t e = 0; e < n_epochs; ++e, ++epoch)
      record.epochs.push_back(
          {get_count(epochs[4 * epoch], here), epochs[4 * epoch + 1], epochs[4 * epoch + 2], epochs[4 * epoch + 3]});
    members.push_back(std::move(member));
  }
  if (epoch != epochs.size() / 4)
    throw Error(where + ", training", std::to_string(epoch) + " epochs", std::to_string(epochs.size() / 4));
  const auto finish = [&](Response response) {
    const auto features = values_of<S>(file, "self_test.features", {n_self_tests, Member::n_in}, where);
    check_self_test(self_test_outputs(response, features),
                    values_of<S>(file, "self_test.outputs", {n_self_tests, Member::n_out}, where),
                    sizeof(S) == 4 ? 1e-5 : 1e-12, where + ", self-test");
    return response;
  };
  if constexpr (is_ensemble<Response>)
    return finish(Response(std::move(members)));
  else
    return finish(std::move(members[0]));
}

/// A network that an inversion brings along is a model of its own.
inline const std::string of_inverse = "inverse.";

template <class Inversion>
CALIBRANT_COLD void add_inverse(TensorFile& file, const Inversion& inversion) {
  if constexpr (requires { inversion.model; }) {
    TensorFile own;
    add_response(own, inversion.model);
    add_inner_file(file, of_inverse, std::move(own));
  }
}
template <class Inversion>
CALIBRANT_COLD void read_inverse(const TensorFile& file, Inversion& inversion, const std::string& where) {
  if constexpr (requires { inversion.model; })
    inversion.model = read_response<decltype(inversion.model)>(inner_file(file, of_inverse), where + ", inverse");
}

/// What stands before the names of everything that belongs to step k (from 0) of a sequence.
inline std::string step_prefix(std::size_t k) { return "step." + std::to_string(k) + "."; }

/// What knows the trained ranges of an object: itself, or its first part.
template <class Object>
const auto& with_ranges(const Object& object) {
  if constexpr (requires { object.truth_range(); })
    return object;
  else
    return with_ranges(std::get<0>(object.parts()));
}
/// Three points for an object that takes one value and features: inside the trained ranges, row-major, the value first.
/// Each feature is at another place of its range, or features that changed places would not show.
template <class Object>
std::vector<typename Object::Scalar> self_test_points(const Object& object) {
  using S = typename Object::Scalar;
  const auto& ranges = with_ranges(object);
  std::vector<S> points;
  for (int test = 0; test < n_self_tests; ++test)
    for (int i = -1; i < Object::n_theta; ++i) {
      const Range<S> range = i < 0 ? ranges.truth_range() : ranges.theta_range(i);
      const double place = (test + 1.0) / (n_self_tests + 1.0) + 0.381966 * (i + 1);  // golden section
      points.push_back(range.low + (range.high - range.low) * static_cast<S>(place - std::floor(place)));
    }
  return points;
}
/// What the object gives there: a response its value and slope; what calibrates its numbers, and its status as one.
template <class Object>
std::vector<typename Object::Scalar> self_test_results(const Object& object,
                                                       const std::vector<typename Object::Scalar>& points) {
  using S = typename Object::Scalar;
  constexpr auto n_theta = static_cast<std::size_t>(Object::n_theta);
  std::vector<S> results;
  for (std::size_t at = 0; at < points.size(); at += n_theta + 1) {
    std::array<S, n_theta> theta{};
    std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(at) + 1, n_theta, theta.begin());
    if constexpr (calibrant::Response<Object>) {
      typename Object::template Encoded<S> encoded;
      object.encode(theta.data(), encoded);
      const ValueSlope<S> found = object.response(points[at], encoded);
      results.insert(results.end(), {found.value, found.slope});
    } else {
      const auto found = object(points[at], theta);
      if constexpr (requires { found.low; })
        results.insert(results.end(), {found.low, found.high});
      else
        results.push_back(found.value);
      if constexpr (requires { found.sigma; }) results.push_back(found.sigma);
      results.push_back(static_cast<S>(found.status));
    }
  }
  return results;
}
/// The tensor of these results.
template <class Object>
inline constexpr const char* results_name = calibrant::Response<Object> ? "self_test.outputs" : "self_test.calibrated";

template <class Object>
CALIBRANT_COLD void add_self_test(TensorFile& file, const Object& object) {
  using S = typename Object::Scalar;
  const std::vector<S> points = self_test_points(object), results = self_test_results(object, points);
  const auto width = static_cast<std::int64_t>(results.size()) / n_self_tests;
  file.tensors.push_back(
      make_tensor("self_test.points", {n_self_tests, Object::n_theta + 1}, std::span<const S>(points)));
  file.tensors.push_back(make_tensor(results_name<Object>, {n_self_tests, width}, std::span<const S>(results)));
}
/// @throws Error unless the object gives what stands in the file. @param what  it is, for the message.
template <class Object>
CALIBRANT_COLD void repeat_self_test(const TensorFile& file, const Object& object, const std::string& where,
                                     const std::string& what) {
  using S = typename Object::Scalar;
  const auto points = values_of<S>(file, "self_test.points", {n_self_tests, Object::n_theta + 1}, where);
  check_self_test(self_test_results(object, points),
                  values_of<S>(file, results_name<Object>, {n_self_tests, -1}, where), sizeof(S) == 4 ? 1e-4 : 1e-9,
                  where + ", " + what + " self-test");
}
/// The names in an array of texts. @throws Error if it is none.
inline CALIBRANT_COLD std::vector<std::string> names_from_json(const Json& json, const std::string& where) {
  std::vector<std::string> names;
  if (!json.is_array()) throw Error(where, "an array of names", kind_of(json));
  for (const Json& name : json) {
    if (!name.is_string()) throw Error(where, "an array of names", kind_of(json));
    names.push_back(name.get<std::string>());
  }
  return names;
}

template <class C>
CALIBRANT_COLD std::string out_of_range_to_json(const C& calibration) {
  JsonList names('[');
  for (int i = 0; i < C::n_theta; ++i)
    names.add(json_text(to_string(calibration.out_of_range(i)), "saving a model, out_of_range"));
  return names.text();
}
/// Files from before there was a choice have no entry: they clamp.
template <class C>
CALIBRANT_COLD typename C::FeaturePolicies read_out_of_range(const TensorFile& file, const std::string& where) {
  typename C::FeaturePolicies result{};
  if (!file.metadata.contains("out_of_range")) return result;
  const std::string here = where + ", out_of_range";
  const std::vector<std::string> names = names_from_json(parse(file, "out_of_range", where), here);
  if (names.size() != result.size())
    throw Error(here, "one of clamp, reject for each of " + std::to_string(result.size()) + " feature(s)",
                std::to_string(names.size()));
  for (std::size_t i = 0; i < names.size(); ++i)
    result[i] = enumeration(names[i], {OutOfRange::clamp, OutOfRange::reject}, here);
  return result;
}

}  // namespace model_file

template <class Object>
TensorFile to_tensor_file(const Object& object);
template <class Object>
Object from_tensor_file(const TensorFile& file, const std::string& where);

namespace model_file {

inline CALIBRANT_COLD TensorFile start_file(const char* schema, const std::string& kind) {
  TensorFile file;
  file.metadata = {{"schema", schema}, {"kind", kind}, {"library_version", version}};
  return file;
}

template <class S>
CALIBRANT_COLD TensorFile sequence_to_file(const S& sequence) {
  TensorFile file = start_file(sequence_schema, "sequence");
  const std::string where = "saving a model, names of features";
  JsonList json('{'), steps('['), checksums('[');
  S::each_step([&]<std::size_t k>(std::integral_constant<std::size_t, k>) {
    TensorFile step = to_tensor_file(sequence.template step<k>());
    steps.add(json_texts(sequence.features(k), where));
    checksums.add(json_text(inner_checksum(step), where));
    add_inner_file(file, step_prefix(k), std::move(step));
  });
  json.add("theta", json_texts(sequence.theta_names(), where));
  json.add("steps", steps.text());
  json.add("checksums", checksums.text());
  file.metadata["sequence"] = json.text();
  add_self_test(file, sequence);
  return file;
}

/// @throws Error unless the file has just the steps of S, each whole, in their order, and their sequence gives what it
/// gave when it was saved.
template <class S>
CALIBRANT_COLD S sequence_from_file(const TensorFile& file, const std::string& where) {
  require(file, "schema", sequence_schema, where);
  require(file, "kind", "sequence", where);
  const Json json = parse(file, "sequence", where);
  const std::string here = where + ", sequence";
  const auto member = [&](const char* key) {
    if (!json.is_object() || !json.contains(key)) throw Error(here, "an entry '" + std::string(key) + "'", "none");
    return json.at(key);
  };
  const std::vector<std::string> theta = names_from_json(member("theta"), here + ", theta");
  if (theta.size() != static_cast<std::size_t>(S::n_theta))
    throw Error(here + ", theta", std::to_string(S::n_theta) + " feature(s)", std::to_string(theta.size()));
  const Json steps = member("steps");
  constexpr auto n_steps = static_cast<std::size_t>(S::n_steps);
  if (!steps.is_array() || steps.size() != n_steps)
    throw Error(here, std::to_string(n_steps) + " step(s)",
                steps.is_array() ? std::to_string(steps.size()) : kind_of(steps));
  const std::vector<std::string> checksums = names_from_json(member("checksums"), here + ", checksums");
  if (checksums.size() != n_steps)
    throw Error(here + ", checksums", std::to_string(n_steps), std::to_string(checksums.size()));
  std::vector<std::string> prefixes;
  for (std::size_t k = 0; k < n_steps; ++k) prefixes.push_back(step_prefix(k));
  require_no_other(file, "step.", prefixes, where);

  typename S::Names names;
  std::copy(theta.begin(), theta.end(), names.begin());
  const auto read = [&]<std::size_t k>(std::integral_constant<std::size_t, k>) {
    using StepCalibration = typename S::template StepType<k>;
    const std::string what = "step " + std::to_string(k + 1);
    const TensorFile step = saved_inner_file(file, prefixes[k], checksums[k], what, where);
    return Step<StepCalibration>(from_tensor_file<StepCalibration>(step, where + ", " + what),
                                 names_from_json(steps[k], here + ", " + what));
  };
  S sequence = [&]<std::size_t... k>(std::index_sequence<k...>) {
    return S{names, read(std::integral_constant<std::size_t, k>{})...};  // braces: in order
  }
  (std::make_index_sequence<n_steps>{});
  repeat_self_test(file, sequence, where, "sequence");
  return sequence;
}

/// What stands before the names of everything that belongs to a part.
inline std::string part_prefix(const std::string& name) { return "part." + name + "."; }

/// Each part as a file of its own, with its checksum in the entry `parts`.
template <std::size_t n, class... Parts>
CALIBRANT_COLD void add_parts(TensorFile& file, const std::array<const char*, n>& names,
                              const std::tuple<const Parts&...>& parts) {
  static_assert(n == sizeof...(Parts), "a Composite: a name for each part");
  JsonList checksums('{');
  std::size_t i = 0;
  const auto add = [&](const auto& part) {
    TensorFile inner = to_tensor_file(part);
    checksums.add(names[i], json_text(inner_checksum(inner), "saving a model, parts"));
    add_inner_file(file, part_prefix(names[i]), std::move(inner));
    ++i;
  };
  std::apply([&](const Parts&... part) { (add(part), ...); }, parts);
  file.metadata["parts"] = checksums.text();
}
/// @throws Error unless these parts are in the file, each whole and as it was saved, and no others.
template <std::size_t n, class... Parts>
CALIBRANT_COLD std::tuple<Parts...> read_parts(const TensorFile& file, const std::array<const char*, n>& names,
                                               const std::tuple<const Parts&...>*, const std::string& where) {
  const Json checksums = parse(file, "parts", where);
  std::vector<std::string> prefixes;
  prefixes.reserve(n);
  for (const char* name : names) prefixes.push_back(part_prefix(name));
  require_no_other(file, "part.", prefixes, where);
  std::size_t i = 0;
  const auto read = [&]<class Part>(const Part*) {
    const std::string what = std::string("part ") + names[i];
    const auto checksum = get<std::string>(checksums, names[i], where + ", parts");
    const TensorFile inner = saved_inner_file(file, prefixes[i], checksum, what, where);
    ++i;
    return from_tensor_file<Part>(inner, where + ", " + what);
  };
  return std::tuple<Parts...>{read(static_cast<const Parts*>(nullptr))...};  // braces: in order
}

template <class Object>
CALIBRANT_COLD TensorFile composite_to_file(const Object& object) {
  if constexpr (requires { object.validate(); }) object.validate();
  TensorFile file = start_file(composite_schema, Object::kind());
  add_parts(file, Object::part_names, object.parts());
  add_self_test(file, object);
  return file;
}
template <class Object>
CALIBRANT_COLD Object composite_from_file(const TensorFile& file, const std::string& where) {
  require(file, "schema", composite_schema, where);
  require(file, "kind", Object::kind(), where);
  using Parts = decltype(std::declval<const Object&>().parts());
  auto object =
      std::make_from_tuple<Object>(read_parts(file, Object::part_names, static_cast<const Parts*>(nullptr), where));
  if constexpr (requires { object.validate(); }) object.validate();
  repeat_self_test(file, object, where, Object::kind());
  return object;
}

template <class C>
CALIBRANT_COLD void add_policies(TensorFile& file, const C& calibration) {
  file.metadata["inversion"] = policy_to_json(calibration.inversion());
  if constexpr (requires { calibration.extrapolation(); })
    file.metadata["extrapolation"] = policy_to_json(calibration.extrapolation());
  file.metadata["out_of_range"] = out_of_range_to_json(calibration);
}
/// A calibration of a response read before, with the policies of the file.
template <class C>
CALIBRANT_COLD C with_policies(const TensorFile& file, typename C::Response response, const std::string& where) {
  auto inversion = policy_from_json<typename C::Inversion>(parse(file, "inversion", where), where + ", inversion");
  const auto extrapolation =
      policy_from_json<typename C::Extrapolation>(parse(file, "extrapolation", where), where + ", extrapolation");
  read_inverse(file, inversion, where);
  return C(std::move(response), std::move(inversion), extrapolation, read_out_of_range<C>(file, where));
}

/// What a calibration's file calls its response, if that is a Composite.
inline constexpr std::array<const char*, 1> response_part{"response"};

/// The file of the response with the policies; of a Composite response a file that has the response as a part.
template <class C>
CALIBRANT_COLD TensorFile calibration_to_file(const C& calibration) {
  using S = typename C::Scalar;
  TensorFile file;
  if constexpr (Composite<typename C::Response>) {
    file = start_file(composite_schema, "calibration");
    add_parts(file, response_part, std::tie(calibration.response()));
    add_self_test(file, calibration);
  } else {
    add_response(file, calibration.response());
    file.metadata["kind"] = "calibration";
    const std::vector<S> calibrated =
        self_test_calibrated(calibration, tensor_values<S>(file.tensor("self_test.features")),
                             tensor_values<S>(file.tensor("self_test.outputs")));
    file.tensors.push_back(make_tensor("self_test.calibrated", {n_self_tests, 2}, std::span<const S>(calibrated)));
  }
  add_policies(file, calibration);
  add_inverse(file, calibration.inversion());
  return file;
}
template <class C>
CALIBRANT_COLD C calibration_from_file(const TensorFile& file, const std::string& where) {
  using S = typename C::Scalar;
  using Response = typename C::Response;
  if constexpr (Composite<Response>) {
    require(file, "schema", composite_schema, where);
    require(file, "kind", "calibration", where);
    auto [response] = read_parts(file, response_part, static_cast<const std::tuple<const Response&>*>(nullptr), where);
    C calibration = with_policies<C>(file, std::move(response), where);
    repeat_self_test(file, calibration, where, "calibration");
    return calibration;
  } else {
    require(file, "schema", model_schema, where);
    require(file, "kind", "calibration", where);
    C calibration = with_policies<C>(file, read_response<Response>(file, where), where);
    const auto features = values_of<S>(file, "self_test.features", {n_self_tests, Response::n_in}, where);
    const auto outputs = values_of<S>(file, "self_test.outputs", {n_self_tests, Response::n_out}, where);
    check_self_test(self_test_calibrated(calibration, features, outputs),
                    values_of<S>(file, "self_test.calibrated", {n_self_tests, 2}, where), sizeof(S) == 4 ? 1e-4 : 1e-9,
                    where + ", calibration self-test");
    return calibration;
  }
}

template <class C>
CALIBRANT_COLD std::string edges_to_json(const C& calibration) {
  const std::string where = "saving a model, edges";
  JsonList list('[');
  for (int i = 0; i < C::n_values; ++i) {
    const extrapolate::Edges& edges = calibration.edges(i);
    JsonList json('{');
    json.add("below", json_text(to_string(edges.below), where)).add("above", json_text(to_string(edges.above), where));
    list.add(json.add("low", json_text(edges.low, where)).add("high", json_text(edges.high, where)).text());
  }
  return list.text();
}
/// Files from before there was a choice have no entry: linear, from the edges of the trained range.
template <class C>
CALIBRANT_COLD typename C::TruthEdges read_edges(const TensorFile& file, const std::string& where) {
  using extrapolate::Edge;
  typename C::TruthEdges result{};
  if (!file.metadata.contains("edges")) return result;
  const Json json = parse(file, "edges", where);
  if (!json.is_array() || json.size() != result.size())
    throw Error(where + ", edges", "an array of " + std::to_string(result.size()), kind_of(json));
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::string here = where + ", edges of truth " + std::to_string(i);
    const auto edge = [&](const char* key) {
      return enumeration(get<std::string>(json[i], key, here), {Edge::linear, Edge::clamp, Edge::reject}, here);
    };
    result[i] = {edge("below"), edge("above"), get<double>(json[i], "low", here), get<double>(json[i], "high", here)};
  }
  return result;
}

template <class C>
CALIBRANT_COLD TensorFile joint_to_file(const C& calibration) {
  using S = typename C::Scalar;
  TensorFile file;
  add_response(file, calibration.response());
  file.metadata["kind"] = "joint_calibration";
  file.metadata["edges"] = edges_to_json(calibration);
  add_policies(file, calibration);
  const std::vector<S> calibrated = self_test_joint(calibration, tensor_values<S>(file.tensor("self_test.features")),
                                                    tensor_values<S>(file.tensor("self_test.outputs")));
  file.tensors.push_back(
      make_tensor("self_test.calibrated", {n_self_tests, C::n_values + 1}, std::span<const S>(calibrated)));
  return file;
}
template <class C>
CALIBRANT_COLD C joint_from_file(const TensorFile& file, const std::string& where) {
  using S = typename C::Scalar;
  require(file, "schema", model_schema, where);
  require(file, "kind", "joint_calibration", where);
  C calibration(read_response<typename C::Response>(file, where),
                policy_from_json<invert::JointNewton>(parse(file, "inversion", where), where + ", inversion"),
                read_edges<C>(file, where), read_out_of_range<C>(file, where));
  const auto features = values_of<S>(file, "self_test.features", {n_self_tests, C::n_values + C::n_theta}, where);
  const auto outputs = values_of<S>(file, "self_test.outputs", {n_self_tests, C::n_values}, where);
  check_self_test(self_test_joint(calibration, features, outputs),
                  values_of<S>(file, "self_test.calibrated", {n_self_tests, C::n_values + 1}, where),
                  sizeof(S) == 4 ? 1e-4 : 1e-9, where + ", calibration self-test");
  return calibration;
}

}  // namespace model_file

/// The bytes-to-be of a model, an ensemble, a calibration, a joint calibration, a sequence or a Composite.
template <class Object>
CALIBRANT_COLD TensorFile to_tensor_file(const Object& object) {
  using namespace model_file;
  if constexpr (is_sequence<Object>)
    return sequence_to_file(object);
  else if constexpr (is_joint<Object>)
    return joint_to_file(object);
  else if constexpr (is_calibration<Object>)
    return calibration_to_file(object);
  else if constexpr (Composite<Object>)
    return composite_to_file(object);
  else {
    TensorFile file;
    add_response(file, object);
    file.metadata["kind"] = is_ensemble<Object> ? "ensemble" : "model";
    return file;
  }
}

/// Writes a model, an ensemble, a calibration, a joint calibration, a sequence or a Composite: to a temporary name,
/// flushed, renamed; the old file stays whole if anything fails. @throws Error with the path and the reason.
template <class Object>
void save(const Object& object, const std::string& path) {
  write_safetensors(path, to_tensor_file(object));
}

/// Makes an Object of a file read before. @throws Error as `load`.
template <class Object>
CALIBRANT_COLD Object from_tensor_file(const TensorFile& file, const std::string& where) {
  using namespace model_file;
  if constexpr (is_sequence<Object>)
    return sequence_from_file<Object>(file, where);
  else if constexpr (is_joint<Object>)
    return joint_from_file<Object>(file, where);
  else if constexpr (is_calibration<Object>)
    return calibration_from_file<Object>(file, where);
  else if constexpr (Composite<Object>)
    return composite_from_file<Object>(file, where);
  else {
    require(file, "schema", model_schema, where);
    require(file, "kind", is_ensemble<Object> ? "ensemble" : "model", where);
    return read_response<Object>(file, where);
  }
}

/// Reads what `save` wrote: auto jes = io::load<Calibration<Model<Net>>>("jes.safetensors").
/// @throws Error unless the file is whole (checksum), of this schema, of Object's kind, architecture and policies, and
/// reproduces the self-test stored in it.
template <class Object>
Object load(const std::string& path) {
  return from_tensor_file<Object>(read_safetensors(path), "loading " + path);
}

}  // namespace calibrant::io
