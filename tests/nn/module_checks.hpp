// What every module must satisfy, whatever it computes: derivatives agree with differences, a lane of a tile and one
// object alone get the same bits on every path, gradients of tiles add up.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <sstream>
#include <vector>

#include "calibrant/autodiff/gradient_check.hpp"
#include "calibrant/concepts.hpp"

namespace checks {

using namespace calibrant;

/// The scalar type of one lane: S for Wide<S, P>, Dual<S, N> for Dual<Wide<S, P>, N>.
template <class T>
struct LaneOf {
  using Type = ScalarOf<T>;
};
template <class Base, int N>
struct LaneOf<Dual<Base, N>> {
  using Type = Dual<ScalarOf<Base>, N>;
};
/// One virtual register, plain or dual: what forward_single works on.
template <class T>
struct BlockOf {
  using Type = Wide<ScalarOf<T>, 1>;
};
template <class Base, int N>
struct BlockOf<Dual<Base, N>> {
  using Type = Dual<Wide<ScalarOf<Base>, 1>, N>;
};

template <class S>
bool same_bits(S a, S b) noexcept {
  return std::memcmp(&a, &b, sizeof(S)) == 0 || (std::isnan(a) && std::isnan(b));
}

template <class M, class S>
Parameters<S, M::n_params> some_parameters(std::uint64_t seed) {
  Parameters<S, M::n_params> p;
  Random random(seed, Stream::initial_weights);
  M::template initialise<S>(p.view(), random);
  // Away from initial values that are the same for all units.
  for (S& value : p.span()) value += static_cast<S>(random.uniform(-0.1, 0.1));
  return p;
}

/// Features of one tile and cotangents of its outputs, standard normal in every lane and component.
template <class M, class T>
struct SomeTile {
  T x[M::n_in], dy[M::n_out];
  explicit SomeTile(std::uint64_t seed) {
    using S = ScalarOf<T>;
    Random random(seed);
    S* in = scalars(x);
    S* back = scalars(dy);
    for (int i = 0; i < M::n_in * stride<T>; ++i) in[i] = static_cast<S>(random.normal());
    for (int i = 0; i < M::n_out * stride<T>; ++i) back[i] = static_cast<S>(random.normal());
  }
  /// Element `index` of `values`, lane s.
  static typename LaneOf<T>::Type lane(const T* values, int index, int s) {
    typename LaneOf<T>::Type result;
    for (int c = 0; c < ScalarTraits<T>::n_components; ++c)
      scalars(&result)[c] = scalars(values + index)[c * ScalarTraits<T>::n_samples + s];
    return result;
  }
};

/// Elements whose components differ in any bit.
template <class Lane>
int different(const Lane& a, const Lane& b) {
  int result = 0;
  for (int c = 0; c < ScalarTraits<Lane>::n_components; ++c)
    result += same_bits(scalars(&a)[c], scalars(&b)[c]) ? 0 : 1;
  return result;
}

inline TileContext some_context(std::uint32_t first_sample) {
  TileContext context;
  context.seed = 5;
  context.step = 17;
  context.first_sample = first_sample;
  return context;
}

/// Forward and pullback of one tile: outputs, dL/dx, and dL/dp in an accumulator.
template <class M, class T>
void run(View<const ScalarOf<T>, M::n_params> p, const T* x, const T* dy, std::uint32_t first_sample, T* y, T* dx,
         typename M::template Accumulator<T>& dp) {
  typename M::template Workspace<T> workspace;
  workspace.start(some_context(first_sample));
  M::template forward<T>(p, View<const T, M::n_in>(x), View<T, M::n_out>(y), workspace);
  M::template pullback<T>(p, View<const T, M::n_in>(x), View<const T, M::n_out>(y), workspace,
                          View<const T, M::n_out>(dy), dp, View<T, M::n_in>(dx));
}

/// The gradient of a tile is made of sums over its samples of factors of the terms, not of the terms.
template <class M, class T>
constexpr bool sums_products_apart = [] {
  if constexpr (requires { M::template Together<T>::exists; })
    return M::template Together<T>::exists;
  else
    return false;
}();

/// The moduli of what a sample adds to the sums that the gradient of a rectified layer and its readout is made of.
template <class M, class S>
std::vector<double> products_of_rectified(View<const S, M::n_params> p, const S* x, const S* dy) {
  constexpr int n_inputs = M::inputs[0], units = M::outputs[0];
  const auto modulus = [](S a) { return std::fabs(static_cast<double>(a)); };
  std::vector<double> result(M::n_params);
  constexpr int bias = n_inputs * units, readout = M::n_params - units - 1;
  const double cotangent = modulus(dy[0]);
  for (int j = 0; j < units; ++j) {
    const double v = modulus(p[readout + j]);
    double z = modulus(p[bias + j]);
    for (int k = 0; k < n_inputs; ++k) {
      z += modulus(p[j * n_inputs + k] * x[k]);
      result[static_cast<std::size_t>(j * n_inputs + k)] = v * cotangent * modulus(x[k]);
    }
    result[static_cast<std::size_t>(bias + j)] = v * cotangent;
    if (readout > bias + units) result[static_cast<std::size_t>(bias + units + j)] = v * cotangent * z;
    result[static_cast<std::size_t>(readout + j)] = cotangent * z;
  }
  result.back() = cotangent;
  return result;
}

/// T is a Wide or a Dual of one. `Trains` is false for modules whose training forward differs (dropout).
template <class M, class T, bool InferenceIsTraining = true>
void check_tile(std::uint64_t seed) {
  using S = ScalarOf<T>;
  using Lane = typename LaneOf<T>::Type;
  using Block = typename BlockOf<T>::Type;
  using Tile = SomeTile<M, T>;
  constexpr int samples = ScalarTraits<T>::n_samples, components = ScalarTraits<T>::n_components;
  constexpr S eps = std::numeric_limits<S>::epsilon();
  INFO(M::describe(), ", ", samples, " samples, ", components, " components, ", sizeof(S), " bytes, seed ", seed);
  const auto p = some_parameters<M, S>(seed);
  const Tile tile(seed + 1), second(seed + 2);

  // Inference: tile, plain scalars, packed.
  T y[M::n_out];
  M::template forward<T>(p.view(), View<const T, M::n_in>(tile.x), View<T, M::n_out>(y));
  typename M::template Packed<S> packed;
  M::template pack<S>(p.view(), packed);
  int plain_differs = 0, packed_differs = 0, packed_not_finite = 0;
  for (int s = 0; s < samples; ++s) {
    Lane x_lane[M::n_in], y_lane[M::n_out];
    for (int i = 0; i < M::n_in; ++i) x_lane[i] = Tile::lane(tile.x, i, s);
    M::template forward<Lane>(p.view(), View<const Lane, M::n_in>(x_lane), View<Lane, M::n_out>(y_lane));
    for (int o = 0; o < M::n_out; ++o) plain_differs += different(Tile::lane(y, o, s), y_lane[o]);

    constexpr int L = lanes<S>;
    Block in[n_blocks<S>(M::n_in)], out[n_blocks<S>(M::n_out)];
    for (Block& block : in)
      for (int i = 0; i < stride<Block>; ++i) scalars(&block)[i] = S(1e3);  // lanes past the inputs: any finite number
    for (int i = 0; i < M::n_in; ++i)
      for (int c = 0; c < components; ++c) scalars(in + i / L)[c * L + i % L] = scalars(&x_lane[i])[c];
    M::template forward_single<Block>(packed, in, out);
    for (int o = 0; o < M::n_out; ++o)
      for (int c = 0; c < components; ++c)
        packed_differs += same_bits(scalars(out + o / L)[c * L + o % L], scalars(&y_lane[o])[c]) ? 0 : 1;
    for (const Block& block : out)
      for (int i = 0; i < stride<Block>; ++i) packed_not_finite += std::isfinite(scalars(&block)[i]) ? 0 : 1;
  }
  CHECK(plain_differs == 0);
  CHECK(packed_differs == 0);
  CHECK(packed_not_finite == 0);

  // Training. dx starts as NaN: it must be overwritten.
  T y_training[M::n_out], dx[M::n_in];
  for (T& d : dx) d = T(std::numeric_limits<S>::quiet_NaN());
  typename M::template Accumulator<T> dp;
  dp.clear();
  run<M, T>(p.view(), tile.x, tile.dy, 100, y_training, dx, dp);
  if constexpr (InferenceIsTraining) {
    // Values agree to the bit. Tangents take another way through the chain rule (see activate): to rounding.
    int values_differ = 0, tangents_differ = 0;
    for (int o = 0; o < M::n_out; ++o)
      for (int s = 0; s < samples; ++s) {
        const Lane inference = Tile::lane(y, o, s), training = Tile::lane(y_training, o, s);
        values_differ += same_bits(value_of(inference), value_of(training)) ? 0 : 1;
        for (int c = 1; c < components; ++c) {
          const S a = scalars(&inference)[c], b = scalars(&training)[c];
          tangents_differ += std::fabs(a - b) <= 64 * eps * (S(1) + std::fabs(a)) ? 0 : 1;
        }
      }
    CHECK(values_differ == 0);
    CHECK(tangents_differ == 0);
  }

  // One sample at a time: outputs and dL/dx to the bit, dL/dp to the rounding of the sum over samples.
  std::vector<double> sum(M::n_params), moduli(M::n_params);
  int y_differs = 0, dx_differs = 0;
  for (int s = 0; s < samples; ++s) {
    Lane x_lane[M::n_in], dy_lane[M::n_out], y_lane[M::n_out], dx_lane[M::n_in];
    for (int i = 0; i < M::n_in; ++i) x_lane[i] = Tile::lane(tile.x, i, s);
    for (int o = 0; o < M::n_out; ++o) dy_lane[o] = Tile::lane(tile.dy, o, s);
    typename M::template Accumulator<Lane> dp_lane;
    dp_lane.clear();
    run<M, Lane>(p.view(), x_lane, dy_lane, 100 + static_cast<std::uint32_t>(s), y_lane, dx_lane, dp_lane);
    for (int o = 0; o < M::n_out; ++o) y_differs += different(Tile::lane(y_training, o, s), y_lane[o]);
    for (int i = 0; i < M::n_in; ++i) dx_differs += different(Tile::lane(dx, i, s), dx_lane[i]);
    std::vector<S> gradient(M::n_params);
    dp_lane.collect(p.view(), gradient.data());
    std::vector<double> terms(gradient.begin(), gradient.end());
    if constexpr (sums_products_apart<M, T>) terms = products_of_rectified<M>(p.view(), x_lane, dy_lane);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      sum[i] += static_cast<double>(gradient[i]);
      moduli[i] += std::fabs(terms[i]);
    }
  }
  CHECK(y_differs == 0);
  CHECK(dx_differs == 0);
  std::vector<S> gradient(M::n_params);
  dp.collect(p.view(), gradient.data());
  // A sum of n terms in chains of at most `samples`, each with the rounding of the products that made it: 16 covers
  // cancellation between the two products of a dual's term.
  double worst = 0.0;
  for (std::size_t i = 0; i < gradient.size(); ++i)
    worst = std::max(worst, std::fabs(static_cast<double>(gradient[i]) - sum[i]) / (moduli[i] + 1e-30));
  CHECK(worst <= 16 * static_cast<double>(eps));

  // Two tiles in one accumulator; without dL/dx; and collect adds.
  T y_second[M::n_out], dx_second[M::n_in];
  typename M::template Accumulator<T> dp_second, dp_both;
  dp_second.clear();
  dp_both.clear();
  run<M, T>(p.view(), second.x, second.dy, 1000, y_second, dx_second, dp_second);
  typename M::template Workspace<T> workspace;
  for (const Tile* each : {&tile, &second}) {
    workspace.start(some_context(each == &tile ? 100 : 1000));
    M::template forward<T>(p.view(), View<const T, M::n_in>(each->x), View<T, M::n_out>(y), workspace);
    M::template pullback<T>(p.view(), View<const T, M::n_in>(each->x), View<const T, M::n_out>(y), workspace,
                            View<const T, M::n_out>(each->dy), dp_both, NoInputGradient{});
  }
  std::vector<S> both(M::n_params), separately(gradient), of_second(M::n_params);
  dp_both.collect(p.view(), both.data());
  dp_second.collect(p.view(), separately.data());
  dp_second.collect(p.view(), of_second.data());
  double worst_sum = 0.0;
  for (std::size_t i = 0; i < both.size(); ++i) {
    // Rounding is that of the terms of both tiles: a parameter that only few samples see may have its own in the
    // second.
    const double terms = moduli[i] + static_cast<double>(std::fabs(of_second[i]));
    worst_sum = std::max(worst_sum, static_cast<double>(std::fabs(both[i] - separately[i])) / (terms + 1e-30));
  }
  CHECK(worst_sum <= 32 * static_cast<double>(eps));
}

/// dL/dp, dL/dx and second order against differences of the forward pass, in double.
template <class M>
void check_gradients(int n_seeds = 3) {
  for (int seed = 1; seed <= n_seeds; ++seed) {
    GradientCheckOptions options;
    options.seed = static_cast<std::uint64_t>(seed);
    const GradientReport report = check_gradient<M>(options);
    std::ostringstream text;
    text << report;
    CHECK_MESSAGE(report.passed(), text.str());
  }
}

/// All of the above for every scalar type.
template <class M, bool InferenceIsTraining = true>
void check_module() {
  static_assert(Module<M, float, double, Wide<float, 4>, Wide<double, 2>, Dual<float, 1>, Dual<double, 1>,
                       Dual<Wide<float, 4>, 1>, Dual<Wide<double, 2>, 1>>);
  static_assert(PackedModule<M, float> && PackedModule<M, double>);
  check_gradients<M>();
  check_tile<M, Wide<float, 4>, InferenceIsTraining>(11);
  check_tile<M, Wide<double, 2>, InferenceIsTraining>(12);
  check_tile<M, Dual<Wide<float, 4>, 1>, InferenceIsTraining>(13);
  check_tile<M, Dual<Wide<double, 2>, 1>, InferenceIsTraining>(14);
}

}  // namespace checks
