// Dense layers in a row hand dL/dz down, while it is in registers, instead of dL/dy: the same bits as one layer after
// the other.
#include <doctest/doctest.h>

#include <memory>
#include <utility>

#include "calibrant/core/random.hpp"
#include "calibrant/nn/sequential.hpp"

using namespace calibrant;

namespace {

template <class M, class T>
struct Run {
  using S = ScalarOf<T>;
  T x[M::n_in], y[M::n_out], dy[M::n_out], dx[M::n_in];
  typename M::template Workspace<T> workspace;
  typename M::template Accumulator<T> accumulator;
  S gradient[M::n_params] = {};

  void forward(View<const S, M::n_params> p) {
    workspace.start({});
    M::template forward<T>(p, View<const T, M::n_in>(x), View<T, M::n_out>(y), workspace);
  }
  void pullback(View<const S, M::n_params> p) {
    accumulator.clear();
    M::template pullback<T>(p, View<const T, M::n_in>(x), View<const T, M::n_out>(y), workspace,
                            View<const T, M::n_out>(dy), accumulator, View<T, M::n_in>(dx));
    accumulator.collect(p, gradient);
  }
};

template <class T, int n>
int differing(const T (&a)[n], const T (&b)[n]) {
  int count = 0;
  for (int i = 0; i < n; ++i)
    for (int s = 0; s < T::n_samples; ++s) count += a[i][s] == b[i][s] ? 0 : 1;
  return count;
}

template <class T, class Activation>
void compare() {
  using S = ScalarOf<T>;
  using Lower = Dense<19, 13, Activation>;
  using Upper = Dense<13, 7, Tanh>;
  using Both = Sequential<Lower, Upper>;
  static_assert(pulls_through<T, Lower, Upper>);
  const auto lower = std::make_unique<Run<Lower, T>>();
  const auto upper = std::make_unique<Run<Upper, T>>();
  const auto both = std::make_unique<Run<Both, T>>();
  Parameters<S, Both::n_params> p;
  Random random(5);
  Both::template initialise<S>(p.view(), random);
  const auto draw = [&](T& value) {
    S lanes_of[T::n_samples];
    for (S& one : lanes_of) one = static_cast<S>(random.normal());
    value = T::load(lanes_of);
  };
  for (T& value : both->x) draw(value);
  for (T& value : both->dy) draw(value);

  const auto parameters = std::as_const(p).view();
  both->forward(parameters);
  both->pullback(parameters);

  const auto of_lower = parameters.template part<0, Lower::n_params>();
  const auto of_upper = parameters.template part<Lower::n_params, Upper::n_params>();
  for (int i = 0; i < Lower::n_in; ++i) lower->x[i] = both->x[i];
  lower->forward(of_lower);
  for (int i = 0; i < Upper::n_in; ++i) upper->x[i] = lower->y[i];
  upper->forward(of_upper);
  for (int i = 0; i < Upper::n_out; ++i) upper->dy[i] = both->dy[i];
  upper->pullback(of_upper);
  for (int i = 0; i < Lower::n_out; ++i) lower->dy[i] = upper->dx[i];
  lower->pullback(of_lower);

  CHECK(differing(both->y, upper->y) == 0);
  CHECK(differing(both->dx, lower->dx) == 0);
  int different = 0;
  for (int i = 0; i < Both::n_params; ++i)
    different +=
        both->gradient[i] == (i < Lower::n_params ? lower->gradient[i] : upper->gradient[i - Lower::n_params]) ? 0 : 1;
  CHECK(different == 0);
}

TEST_CASE_TEMPLATE("dense layers hand dL/dz down", T, Wide<float, 4>, Wide<double, 4>, Wide<double, 1>) {
  compare<T, SiLU>();
  compare<T, Softplus>();
  compare<T, Tanh>();
  compare<T, Sigmoid>();
  compare<T, ELU>();
  compare<T, ReLU>();
}

TEST_CASE("but not over duals, through a parameter, or to a layer whose gradient is summed in lanes") {
  using Tile = Wide<float, 4>;
  CHECK(pulls_through<Tile, Dense<19, 13, SiLU>, Dense<13, 7>>);
  CHECK(!pulls_through<Dual<Tile, 1>, Dense<19, 13, SiLU>, Dense<13, 7>>);
  CHECK(!pulls_through<float, Dense<19, 13, SiLU>, Dense<13, 7>>);
  CHECK(!pulls_through<Tile, Dense<19, 13, PReLU>, Dense<13, 7>>);
  CHECK(!pulls_through<Tile, Dense<19, 13, Identity>, Dense<13, 7>>);
  CHECK(!pulls_through<Tile, Dense<3, 13, SiLU>, Dense<13, 7>>);
}

}  // namespace
