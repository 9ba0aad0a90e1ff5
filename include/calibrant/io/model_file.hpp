// The model file: safetensors with everything a calibration is made of, read only if it is whole, of a known schema,
// of this architecture, and gives the results stored in it.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/io/safetensors.hpp"
#include "calibrant/nn/ensemble.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/version.hpp"

namespace calibrant::io {

/// Version of the layout of model files. A file of another version is refused.
inline constexpr const char* model_schema = "calibrant-model/1";

namespace model_file {

using Json = nlohmann::json;

inline constexpr int n_self_tests = 3;

inline const std::string& metadata(const TensorFile& file, const std::string& key, const std::string& where) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) throw Error(where, "metadata '" + key + "'", "none");
  return found->second;
}
inline void require(const TensorFile& file, const std::string& key, const std::string& expected,
                    const std::string& where) {
  const std::string& found = metadata(file, key, where);
  if (found != expected) throw Error(where + ", " + key, expected, found);
}
inline Json parse(const TensorFile& file, const std::string& key, const std::string& where) {
  Json json = Json::parse(metadata(file, key, where), nullptr, false);
  if (json.is_discarded()) throw Error(where + ", " + key, "JSON", "text that is none");
  return json;
}
template <class Value>
Value get(const Json& object, const char* key, const std::string& where) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  const std::string expected = "an entry '" + std::string(key) + "'";
  if (!object.is_object() || found == object.end()) throw Error(where, expected, "none");
  if constexpr (std::is_same_v<Value, std::string>) {
    if (!found->is_string()) throw Error(where, expected + " that is text", found->dump());
  } else if constexpr (std::is_same_v<Value, bool>) {
    if (!found->is_boolean()) throw Error(where, expected + " that is true or false", found->dump());
  } else {
    if (!found->is_number()) throw Error(where, expected + " that is a number", found->dump());
  }
  return found->template get<Value>();
}
template <class Enumeration>
Enumeration enumeration(const std::string& text, std::initializer_list<Enumeration> values, const std::string& where) {
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
template <class R, class I, class E>
inline constexpr bool is_calibration<Calibration<R, I, E>> = true;

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
std::vector<typename Model::Scalar> self_test_features(const Model& model) {
  using S = typename Model::Scalar;
  std::vector<S> features;
  for (int test = 0; test < n_self_tests; ++test)
    for (const auto& input : model.inputs)
      features.push_back(input.low + (input.high - input.low) * (S(test) + S(1)) / S(n_self_tests + 1));
  return features;
}
template <class Response>
std::vector<typename Response::Scalar> self_test_outputs(const Response& response,
                                                         const std::vector<typename Response::Scalar>& features) {
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
/// Builds for other instruction sets may round differently; anything more is another model.
template <class S>
void check_self_test(const std::vector<S>& found, const std::vector<S>& stored, double tolerance,
                     const std::string& where) {
  if (found.size() != stored.size())
    throw Error(where, std::to_string(found.size()) + " self-test values", std::to_string(stored.size()));
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::isnan(found[i]) && std::isnan(stored[i])) continue;
    const double difference = std::abs(static_cast<double>(found[i]) - static_cast<double>(stored[i]));
    if (!(difference <= tolerance * (1.0 + std::abs(static_cast<double>(stored[i])))))
      throw Error(where + ", value " + std::to_string(i), std::to_string(stored[i]) + " as stored",
                  std::to_string(found[i]));
  }
}

template <class Policy>
Json policy_to_json(const Policy& policy) {
  Json json{{"policy", Policy::name}};
  Policy::each_setting(policy, [&](const char* name, const auto& value) { json[name] = value; });
  return json;
}
template <class Policy>
Policy policy_from_json(const Json& json, const std::string& where) {
  const auto name = get<std::string>(json, "policy", where);
  if (name != Policy::name) throw Error(where, std::string("the policy ") + Policy::name, name);
  Policy policy;
  Policy::each_setting(policy, [&](const char* key, auto& value) {
    value = get<std::remove_reference_t<decltype(value)>>(json, key, where);
  });
  return policy;
}

template <class Response>
void add_response(TensorFile& file, const Response& response) {
  using Member = typename MemberOf<Response>::Type;
  using S = typename Member::Scalar;
  std::vector<const Member*> members;
  if constexpr (is_ensemble<Response>)
    for (const Member& member : response.members()) members.push_back(&member);
  else
    members.push_back(&response);
  const Member& first = *members[0];
  const auto name_at = [](const std::vector<std::string>& names, std::size_t i, const char* fallback) {
    return i < names.size() ? names[i] : fallback + std::to_string(i);
  };
  Json inputs = Json::array(), outputs = Json::array();
  for (std::size_t i = 0; i < first.inputs.size(); ++i) {
    const auto& input = first.inputs[i];
    inputs.push_back({{"name", name_at(first.description.features, i, "feature_")},
                      {"unit", i < first.description.feature_units.size() ? first.description.feature_units[i] : ""},
                      {"transform", to_string(input.transform)},
                      {"shift", input.shift},
                      {"scale", input.scale},
                      {"low", input.low},
                      {"high", input.high}});
  }
  for (std::size_t i = 0; i < first.outputs.size(); ++i) {
    const auto& output = first.outputs[i];
    outputs.push_back({{"name", name_at(first.description.targets, i, "target_")},
                       {"unit", i < first.description.target_units.size() ? first.description.target_units[i] : ""},
                       {"meaning", to_string(output.output)},
                       {"shift", output.shift},
                       {"scale", output.scale}});
  }
  file.metadata["schema"] = model_schema;
  file.metadata["library_version"] = version;
  file.metadata["architecture"] = Member::architecture();
  file.metadata["scalar"] = sizeof(S) == 4 ? "float" : "double";
  file.metadata["inputs"] = inputs.dump();
  file.metadata["outputs"] = outputs.dump();
  file.metadata["nan_policy"] = "a value or feature that is NaN or infinite gives NaN and the status invalid_input";
  file.metadata["range_policy"] = "a feature outside low..high is moved to the edge, status clamped";
  std::vector<S> parameters;
  std::vector<double> epochs;
  Json training = Json::array();
  for (const Member* member : members) {
    parameters.insert(parameters.end(), member->parameters().span().begin(), member->parameters().span().end());
    const TrainingRecord& record = member->description.training;
    training.push_back({{"loss", record.loss},
                        {"seed", record.seed},
                        {"n_training", record.n_training},
                        {"n_validation", record.n_validation},
                        {"best_epoch", record.best_epoch},
                        {"stopped_early", record.stopped_early},
                        {"epochs", record.epochs.size()}});
    for (const EpochReport& report : record.epochs)
      epochs.insert(epochs.end(), {static_cast<double>(report.epoch), report.training_loss, report.validation_loss,
                                   report.learning_rate});
  }
  file.metadata["training"] = training.dump();
  file.tensors.push_back(make_tensor("parameters", {static_cast<std::int64_t>(members.size()), Member::n_params},
                                     std::span<const S>(parameters)));
  file.tensors.push_back(make_tensor("training.epochs", {static_cast<std::int64_t>(epochs.size() / 4), 4},
                                     std::span<const double>(epochs)));
  const std::vector<S> features = self_test_features(first), results = self_test_outputs(response, features);
  file.tensors.push_back(make_tensor("self_test.features", {n_self_tests, Member::n_in}, std::span<const S>(features)));
  file.tensors.push_back(make_tensor("self_test.outputs", {n_self_tests, Member::n_out}, std::span<const S>(results)));
}

template <class Response>
Response read_response(const TensorFile& file, const std::string& where) {
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
  }
  for (std::size_t i = 0; i < prototype.outputs.size(); ++i) {
    const std::string here = where + ", output " + std::to_string(i);
    auto& output = prototype.outputs[i];
    prototype.description.targets.push_back(get<std::string>(outputs[i], "name", here));
    prototype.description.target_units.push_back(get<std::string>(outputs[i], "unit", here));
    output.output = enumeration(get<std::string>(outputs[i], "meaning", here),
                                {Output::identity, Output::standardised, Output::ratio}, here);
    output.shift = get<S>(outputs[i], "shift", here);
    output.scale = get<S>(outputs[i], "scale", here);
  }
  const Tensor& tensor = file.tensor("parameters");
  const std::vector<S> parameters = tensor_values<S>(tensor);
  const std::size_t n_members = training.is_array() ? training.size() : 0;
  constexpr auto n_params = static_cast<std::size_t>(Member::n_params);
  if (n_members == 0 || (!is_ensemble<Response> && n_members != 1) || parameters.size() != n_members * n_params)
    throw Error(where + ", parameters",
                std::string(is_ensemble<Response> ? "n" : "1") + " x " + std::to_string(n_params) + " values",
                std::to_string(parameters.size()) + " values for " + std::to_string(n_members) + " model(s)");
  const std::vector<double> epochs = tensor_values<double>(file.tensor("training.epochs"));
  std::vector<Member> members;
  std::size_t epoch = 0;
  for (std::size_t m = 0; m < n_members; ++m) {
    const std::string here = where + ", training";
    Member member = prototype;
    Parameters<S, Member::n_params> values;
    for (std::size_t i = 0; i < n_params; ++i) {
      values[static_cast<int>(i)] = parameters[m * n_params + i];
      if (!std::isfinite(parameters[m * n_params + i]))
        throw Error(where + ", parameter " + std::to_string(i), "a finite number",
                    std::to_string(parameters[m * n_params + i]));
    }
    member.set_parameters(values);
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
          {static_cast<int>(epochs[4 * epoch]), epochs[4 * epoch + 1], epochs[4 * epoch + 2], epochs[4 * epoch + 3]});
    members.push_back(std::move(member));
  }
  const auto finish = [&](Response response) {
    const std::vector<S> features = tensor_values<S>(file.tensor("self_test.features"));
    if (features.size() != static_cast<std::size_t>(n_self_tests * Member::n_in))
      throw Error(where + ", self-test", std::to_string(n_self_tests * Member::n_in) + " features",
                  std::to_string(features.size()));
    check_self_test(self_test_outputs(response, features), tensor_values<S>(file.tensor("self_test.outputs")),
                    sizeof(S) == 4 ? 1e-5 : 1e-12, where + ", self-test");
    return response;
  };
  if constexpr (is_ensemble<Response>)
    return finish(Response(std::move(members)));
  else
    return finish(std::move(members[0]));
}

}  // namespace model_file

/// The bytes-to-be of a model, an ensemble or a calibration.
template <class Object>
TensorFile to_tensor_file(const Object& object) {
  using namespace model_file;
  TensorFile file;
  if constexpr (is_calibration<Object>) {
    using S = typename Object::Scalar;
    add_response(file, object.response());
    file.metadata["kind"] = "calibration";
    file.metadata["inversion"] = policy_to_json(object.inversion()).dump();
    file.metadata["extrapolation"] = policy_to_json(object.extrapolation()).dump();
    const std::vector<S> features = tensor_values<S>(file.tensor("self_test.features"));
    const std::vector<S> calibrated =
        self_test_calibrated(object, features, tensor_values<S>(file.tensor("self_test.outputs")));
    file.tensors.push_back(make_tensor("self_test.calibrated", {n_self_tests, 2}, std::span<const S>(calibrated)));
  } else {
    add_response(file, object);
    file.metadata["kind"] = is_ensemble<Object> ? "ensemble" : "model";
  }
  return file;
}

/// Writes a model, an ensemble or a calibration: to a temporary name, flushed, renamed; the old file stays whole if
/// anything fails. @throws Error with the path and the reason.
template <class Object>
void save(const Object& object, const std::string& path) {
  write_safetensors(path, to_tensor_file(object));
}

/// Makes an Object of a file read before. @throws Error as `load`.
template <class Object>
Object from_tensor_file(const TensorFile& file, const std::string& where) {
  using namespace model_file;
  require(file, "schema", model_schema, where);
  require(file, "kind", is_calibration<Object> ? "calibration" : is_ensemble<Object> ? "ensemble" : "model", where);
  if constexpr (is_calibration<Object>) {
    using S = typename Object::Scalar;
    const auto inversion =
        policy_from_json<typename Object::Inversion>(parse(file, "inversion", where), where + ", inversion");
    const auto extrapolation = policy_from_json<typename Object::Extrapolation>(parse(file, "extrapolation", where),
                                                                                where + ", extrapolation");
    Object object(read_response<typename Object::Response>(file, where), inversion, extrapolation);
    check_self_test(self_test_calibrated(object, tensor_values<S>(file.tensor("self_test.features")),
                                         tensor_values<S>(file.tensor("self_test.outputs"))),
                    tensor_values<S>(file.tensor("self_test.calibrated")), sizeof(S) == 4 ? 1e-4 : 1e-9,
                    where + ", calibration self-test");
    return object;
  } else {
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
