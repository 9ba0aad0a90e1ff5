// Model: a network with its parameters and its preprocessing, one immutable value that any thread may call.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/core/matrix_view.hpp"
#include "calibrant/core/stored.hpp"
#include "calibrant/error.hpp"
#include "calibrant/fwd.hpp"
#include "calibrant/nn/module.hpp"
#include "calibrant/nn/transform.hpp"

namespace calibrant {

/// One epoch of a training.
struct EpochReport {
  int epoch = 0;  ///< counted from 1
  double training_loss = 0.0;
  double validation_loss = 0.0;  ///< NaN without a validation sample
  double learning_rate = 0.0;    ///< at the last step of the epoch
};

/// How a model came to be; stored in the model file.
struct TrainingRecord {
  std::string loss;
  std::uint64_t seed = 0;
  std::int64_t n_training = 0;
  std::int64_t n_validation = 0;
  int best_epoch = 0;  ///< the epoch whose parameters these are
  bool stopped_early = false;
  std::vector<EpochReport> epochs;
};

/// Names and units of what goes in and comes out, in order.
struct Description {
  std::vector<std::string> features;
  std::vector<std::string> feature_units;
  std::vector<std::string> targets;
  std::vector<std::string> target_units;
  TrainingRecord training;
};

/// A range of a physical quantity, low <= high.
template <class Scalar>
struct Range {
  Scalar low = 0;
  Scalar high = 0;
};

/// @throws Error unless a response can be inverted over the range: finite, low < high.
template <class Scalar>
CALIBRANT_COLD void require_width(const Range<Scalar>& range, const std::string& where, const char* expected) {
  if (!(range.low < range.high && std::isfinite(range.low) && std::isfinite(range.high)))
    throw Error(where, expected, std::to_string(range.low) + " to " + std::to_string(range.high));
}

template <class T>
struct ValueSlope {
  T value;
  T slope;
};

/// N features as a response wants them; made once per object.
template <class T, int N>
struct EncodedFeatures {
  T theta[N];
};
/// Nothing: written here, or compilers would warn of an array that is read before anyone wrote it.
template <class T>
struct EncodedFeatures<T, 0> {
  T theta[1] = {T(ScalarOf<T>(0))};
};

/// A trained network: physical quantities in, physical quantities out. Feature 0 is the truth variable when the model
/// is used as a response L(x; theta), theta the other features.
///
/// Calls are const, noexcept, allocate nothing and share nothing: one object serves all threads. An object alone and a
/// lane of a tile get the same bits.
template <class Net_, class Scalar_>
class Model {
 public:
  using Net = Net_;
  using Scalar = Scalar_;
  static constexpr int n_in = Net::n_in, n_out = Net::n_out, n_params = Net::n_params;
  static constexpr int n_theta = n_in - 1;

  std::array<FeatureTransform<Scalar>, static_cast<std::size_t>(n_in)> inputs{};
  std::array<OutputTransform<Scalar>, static_cast<std::size_t>(n_out)> outputs{};
  Description description;

  Model() { set_parameters(weights_->parameters); }

  const Parameters<Scalar, n_params>& parameters() const noexcept { return weights_->parameters; }
  void set_parameters(const Parameters<Scalar, n_params>& parameters) noexcept {
    weights_->parameters = parameters;
    Net::template pack<Scalar>(view(), weights_->packed);
  }

  /// @throws Error if an output is a ratio to a feature that is not there, or the network promises something about the
  /// physical response (nn/monotone.hpp) that does not hold with this preprocessing. Asked by whatever makes, reads or
  /// inverts a model.
  CALIBRANT_COLD void validate() const {
    for (int i = n_in; i < n_out; ++i)
      if (outputs[static_cast<std::size_t>(i)].output == Output::paired_ratio)
        throw Error("Model, output " + std::to_string(i), "a feature of that number, to be a ratio to",
                    std::to_string(n_in) + " feature(s)");
    if constexpr (requires { Net::check_preprocessing(inputs, outputs); }) Net::check_preprocessing(inputs, outputs);
  }

  /// The network as text, with its shape.
  static std::string architecture() { return Net::describe(); }

  /// All outputs for one object or one tile, in physical units.
  /// @param features  n_in values, physical units, in the order of description.features.
  template <class T>
  void evaluate(View<const T, n_in> features, View<T, n_out> result) const noexcept {
    if constexpr (is_wide<T>) {
      T x[n_in];
      for (int i = 0; i < n_in; ++i) x[i] = inputs[static_cast<std::size_t>(i)].encode(features[i]);
      Net::template forward<T>(view(), View<const T, n_in>(x), result);
    } else {
      T encoded[n_in];
      for (int i = 0; i < n_in; ++i) encoded[i] = inputs[static_cast<std::size_t>(i)].encode(features[i]);
      single(encoded, result);
    }
    for (int i = 0; i < n_out; ++i) {
      const auto& output = outputs[static_cast<std::size_t>(i)];
      result[i] = output.decode(T(result[i]), T(features[output.reference(std::min(i, n_in - 1))]));
    }
  }

  /// One object: model({x, theta...}).
  std::array<Scalar, static_cast<std::size_t>(n_out)> operator()(
      const std::array<Scalar, static_cast<std::size_t>(n_in)>& features) const noexcept {
    std::array<Scalar, static_cast<std::size_t>(n_out)> result;
    evaluate<Scalar>(features, result);
    return result;
  }

  /// Many objects: features n x n_in, rows or columns first, as row_major, column_major or matrix_view give them;
  /// results n x n_out, row-major. An object's result does not depend on the others, nor on the number of threads.
  /// @throws Error if the sizes do not fit.
  void evaluate_batch(const MatrixView<Scalar>& features, std::span<Scalar> results) const {
    check_batch(features, results);
    evaluate_rows(features, 0, features.n_rows, results);
  }
  /// The same on the threads of a pool.
  template <class Pool>
  void evaluate_batch(const MatrixView<Scalar>& features, std::span<Scalar> results, Pool& pool) const {
    check_batch(features, results);
    constexpr std::ptrdiff_t piece = 4096;
    pool.run(static_cast<int>((features.n_rows + piece - 1) / piece), [&](int task, int) noexcept {
      evaluate_rows(features, task * piece, std::min(features.n_rows, (task + 1) * piece), results);
    });
  }
  /// Row-major features.
  template <class... Pool>
  void evaluate_batch(std::span<const Scalar> features, std::span<Scalar> results, Pool&... pool) const {
    evaluate_batch(row_major(features, n_in), results, pool...);
  }

  // ---- as a response L(x; theta), output 0 unless another is named --------------------------------------------------

  /// theta as the network sees it; made once per object, used at every step of an inversion.
  template <class T>
  using Encoded = EncodedFeatures<T, n_theta>;
  template <class T>
  void encode(const T* theta, Encoded<T>& encoded) const noexcept {
    for (int i = 0; i < n_theta; ++i) encoded.theta[i] = inputs[static_cast<std::size_t>(i + 1)].encode(theta[i]);
  }

  /// L and dL/dx at x.
  template <int Output = 0, class T>
  ValueSlope<T> response(const T& x, const Encoded<T>& encoded) const noexcept {
    using D = Dual<T, 1>;
    D features[n_in];
    const D variable = D::variable(x);
    features[0] = inputs[0].encode(variable);
    for (int i = 0; i < n_theta; ++i) features[i + 1] = D(encoded.theta[i]);
    D raw[n_out];
    if constexpr (is_wide<T>)
      Net::template forward<D>(view(), View<const D, n_in>(features), View<D, n_out>(raw));
    else
      single(features, View<D, n_out>(raw));
    const D result = outputs[static_cast<std::size_t>(Output)].decode(raw[Output], variable);
    return {result.value, result.tangent[0]};
  }
  /// L at x, without its slope.
  template <int Output = 0, class T>
  T response_value(const T& x, const Encoded<T>& encoded) const noexcept {
    T features[n_in];
    features[0] = inputs[0].encode(x);
    for (int i = 0; i < n_theta; ++i) features[i + 1] = encoded.theta[i];
    T raw[n_out];
    if constexpr (is_wide<T>)
      Net::template forward<T>(view(), View<const T, n_in>(features), View<T, n_out>(raw));
    else
      single(features, View<T, n_out>(raw));
    return outputs[static_cast<std::size_t>(Output)].decode(raw[Output], x);
  }

  /// Range of x in training: where the response may be inverted.
  Range<Scalar> truth_range() const noexcept { return {inputs[0].low, inputs[0].high}; }
  /// Range of theta_i in training.
  Range<Scalar> theta_range(int i) const noexcept {
    const auto& input = inputs[static_cast<std::size_t>(i + 1)];
    return {input.low, input.high};
  }
  /// False for features that the network never sees.
  bool uses_theta(int i) const noexcept {
    return inputs[static_cast<std::size_t>(i + 1)].transform != Transform::ignored;
  }

 private:
  /// One object through the layout made for it; T is Scalar or a Dual of it.
  template <class T>
  void single(const T* x, View<T, n_out> result) const noexcept {
    using V =
        std::conditional_t<is_dual<T>,
                           Dual<Wide<Scalar, 1>, (ScalarTraits<T>::n_tangents > 0 ? ScalarTraits<T>::n_tangents : 1)>,
                           Wide<Scalar, 1>>;
    constexpr int L = lanes<Scalar>, components = ScalarTraits<V>::n_components;
    V in[n_blocks<Scalar>(n_in)], out[n_blocks<Scalar>(n_out)];
    for (V& block : in) block = V(Scalar(0));
    Scalar* to = scalars(in);
    for (int i = 0; i < n_in; ++i) {
      const Scalar* from = scalars(x + i);
      for (int c = 0; c < components; ++c) to[i / L * stride<V> + c * L + i % L] = from[c];
    }
    Net::template forward_single<V>(weights_->packed, in, out);
    const Scalar* from = scalars(out);
    for (int i = 0; i < n_out; ++i) {
      Scalar* target = scalars(&result[i]);
      for (int c = 0; c < components; ++c) target[c] = from[i / L * stride<V> + c * L + i % L];
    }
  }

  static CALIBRANT_COLD void check_batch(const MatrixView<Scalar>& features, std::span<const Scalar> results) {
    if (features.n_columns != n_in ||
        results.size() != static_cast<std::size_t>(features.n_rows) * static_cast<std::size_t>(n_out))
      throw Error("Model::evaluate_batch",
                  "n x " + std::to_string(n_in) + " features and n x " + std::to_string(n_out) + " results",
                  std::to_string(features.n_rows) + " x " + std::to_string(features.n_columns) + " features and " +
                      std::to_string(results.size()) + " results");
  }
  void evaluate_rows(const MatrixView<Scalar>& features, std::ptrdiff_t first, std::ptrdiff_t last,
                     std::span<Scalar> results) const noexcept;

  View<const Scalar, n_params> view() const noexcept { return std::as_const(weights_->parameters).view(); }

  struct Weights {
    Parameters<Scalar, n_params> parameters;
    typename Net::template Packed<Scalar> packed;
  };
  Stored<Weights> weights_;
};

/// Samples in a tile: four virtual registers, the shape that the dense kernels are built for.
template <class Scalar>
using Tile = Wide<Scalar, 4>;

template <class Net, class Scalar>
void Model<Net, Scalar>::evaluate_rows(const MatrixView<Scalar>& features, std::ptrdiff_t first, std::ptrdiff_t last,
                                       std::span<Scalar> results) const noexcept {
  using T = Tile<Scalar>;
  T x[n_in], y[n_out];
  for (; first < last; first += T::n_samples) {
    const int count = static_cast<int>(std::min<std::ptrdiff_t>(last - first, T::n_samples));
    read_tile<T, n_in>(features, first, count, scalars(x), T::n_samples);
    evaluate<T>(View<const T, n_in>(x), View<T, n_out>(y));
    Scalar* const to = results.data() + first * n_out;
    if (n_out == 1 && count == T::n_samples) {
      y[0].store(to);
    } else {
      for (int s = 0; s < count; ++s)
        for (int i = 0; i < n_out; ++i) to[s * n_out + i] = scalars(y)[i * T::n_samples + s];
    }
  }
}

}  // namespace calibrant
