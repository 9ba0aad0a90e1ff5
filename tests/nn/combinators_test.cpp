// Residual and Concat: what they compute, and what holds for every module.
#include "calibrant/nn/combinators.hpp"

#include "calibrant/nn/dense.hpp"
#include "calibrant/nn/sequential.hpp"
#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Residual and Concat of a dense layer") {
  checks::check_module<Residual<Dense<17, 17, Tanh>>>();
  checks::check_module<Concat<Dense<5, 3, SiLU>, 2>>();
}

TEST_CASE("Concat across register boundaries, Residual of a Residual") {
  checks::check_module<Concat<Dense<17, 20>, 15>>();
  checks::check_module<Residual<Residual<Dense<3, 3, Sigmoid>>>>();
}

TEST_CASE("a joining input that is NaN stays out of the inner module, on every path") {
  const auto check = []<class Inner>(Inner) {
    using M = Concat<Inner, 1>;
    const auto p = checks::some_parameters<M, float>(1);
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    const float x[] = {0.1f, 0.2f, 0.3f, nan};
    float y[M::n_out];
    M::template forward<float>(p.view(), x, y);
    typename M::template Packed<float> packed;
    M::template pack<float>(p.view(), packed);
    float in[16] = {0.1f, 0.2f, 0.3f, nan};
    const Wide<float, 1> block = Wide<float, 1>::load(in);
    Wide<float, 1> out;
    M::template forward_single<Wide<float, 1>>(packed, &block, &out);
    for (int i = 0; i + 1 < M::n_out; ++i) {
      CHECK(std::isfinite(y[i]));
      CHECK(out[i] == y[i]);
    }
    CHECK(std::isnan(y[M::n_out - 1]));
    CHECK(std::isnan(out[M::n_out - 1]));
  };
  check(Dense<3, 2, Tanh>{});
  check(Dense<3, 7, Tanh>{});
}

TEST_CASE("y = x + inner(x)") {
  using Inner = Dense<2, 2>;
  using M = Residual<Inner>;
  static_assert(M::n_params == Inner::n_params);
  const float p[] = {1, 2, 3, 4, 5, 6}, x[] = {10, 100};
  float y[2];
  M::forward<float>(p, x, y);
  CHECK(y[0] == 10 + (1 * 10 + 2 * 100 + 5));
  CHECK(y[1] == 100 + (3 * 10 + 4 * 100 + 6));
  CHECK(M::describe() == "residual(dense(2, 2, identity))");
}

TEST_CASE("y = (inner(the first inputs), the others)") {
  using M = Concat<Dense<2, 1>, 3>;
  static_assert(M::n_in == 5 && M::n_out == 4 && M::n_params == 3);
  const double p[] = {1, 2, 5}, x[] = {10, 100, 7, 8, 9};
  double y[4];
  M::forward<double>(p, x, y);
  CHECK(y[0] == 10 + 200 + 5);
  CHECK(y[1] == 7);
  CHECK(y[2] == 8);
  CHECK(y[3] == 9);
  CHECK(M::describe() == "concat(dense(2, 1, identity), 3)");
}
