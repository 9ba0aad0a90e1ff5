// Constants: learned numbers without inputs; values, gradients and the form for one object.
#include "calibrant/nn/constants.hpp"

#include <doctest/doctest.h>

#include "calibrant/core/random.hpp"

using namespace calibrant;

namespace {

using Three = Constants<3>;

template <class T>
ScalarOf<T> lane(const T& value, int sample) {
  if constexpr (is_wide<T>)
    return value[sample];
  else
    return value;
}

TEST_CASE_TEMPLATE("every event gets the parameters, whose gradient is the sum of cotangents", T, double,
                   Wide<double, 1>, Wide<float, 4>) {
  using S = ScalarOf<T>;
  constexpr int samples = ScalarTraits<T>::n_samples;
  const S p[] = {S(1.5), S(-2), S(0.25)};
  T y[3], dy[3];
  NoWorkspace<T> workspace;
  Three::forward<T>(View<const S, 3>(p), View<const T, 0>(nullptr), View<T, 3>(y), workspace);
  for (int i = 0; i < 3; ++i)
    for (int s = 0; s < samples; ++s) CHECK(lane(y[i], s) == p[i]);
  Three::Accumulator<T> accumulator;
  accumulator.clear();
  for (int i = 0; i < 3; ++i) dy[i] = T(S(i + 1));
  for (int tile = 0; tile < 2; ++tile)
    Three::pullback<T>(View<const S, 3>(p), View<const T, 0>(nullptr), View<const T, 3>(y), workspace,
                       View<const T, 3>(dy), accumulator, NoInputGradient{});
  S gradient[] = {S(10), S(10), S(10)};
  accumulator.collect(View<const S, 3>(p), gradient);
  for (int i = 0; i < 3; ++i) CHECK(gradient[i] == S(10) + S(2 * (i + 1) * samples));
}

TEST_CASE("the form for one object, padded with zeros") {
  const float p[] = {1.5f, -2.0f, 0.25f};
  Three::Packed<float> packed;
  Three::pack<float>(View<const float, 3>(p), packed);
  Wide<float, 1> y[1];
  Three::forward_single<Wide<float, 1>>(packed, nullptr, y);
  for (int i = 0; i < lanes<float>; ++i) CHECK(y[0][i] == (i < 3 ? p[i] : 0.0f));
}

TEST_CASE("they start at zero and have a name") {
  float p[] = {1, 2, 3};
  Random random(1);
  Three::initialise<float>(View<float, 3>(p), random);
  for (const float value : p) CHECK(value == 0.0f);
  CHECK(Three::describe() == "constants(3)");
}

}  // namespace
