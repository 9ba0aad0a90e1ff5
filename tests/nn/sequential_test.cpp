// Sequential: layout of parameters, equality with calling the modules one by one, nesting.
#include "calibrant/nn/sequential.hpp"

#include "calibrant/nn/combinators.hpp"
#include "calibrant/nn/dense.hpp"
#include "calibrant/nn/elementwise.hpp"
#include "module_checks.hpp"

using namespace calibrant;

using First = Dense<3, 5, Tanh>;
using Second = Dense<5, 2, PReLU>;

TEST_CASE("Sequential of one, of many, of everything") {
  checks::check_module<Sequential<First>>();
  checks::check_module<Sequential<First, Activate<5, PReLU>, Residual<Dense<5, 5, SiLU>>, Second>>();
}

TEST_CASE("parameters of the modules in order; the same as one module after the other") {
  using Both = Sequential<First, Second>;
  static_assert(Both::n_in == 3 && Both::n_out == 2 && Both::n_params == First::n_params + Second::n_params);
  static_assert(Both::depth == 2 && Both::widest == 5);
  const auto p = checks::some_parameters<Both, double>(1);
  const double x[] = {0.5, -1.5, 2.0};
  double middle[5], expected[2], found[2], nested[2];
  First::forward<double>(p.view().part<0, First::n_params>(), x, middle);
  Second::forward<double>(p.view().part<First::n_params, Second::n_params>(), middle, expected);
  Both::forward<double>(p.view(), x, found);
  Sequential<Sequential<First>, Sequential<Second>>::forward<double>(p.view(), x, nested);
  for (int i = 0; i < 2; ++i) {
    CHECK(found[i] == expected[i]);
    CHECK(nested[i] == expected[i]);
  }
  CHECK(Both::describe() == "dense(3, 5, tanh) > dense(5, 2, prelu)");
}

TEST_CASE("initial parameters are drawn module by module") {
  using Both = Sequential<First, Second>;
  Parameters<float, Both::n_params> together, separately;
  Random a(4), b(4);
  Both::initialise<float>(together.view(), a);
  First::initialise<float>(separately.view().part<0, First::n_params>(), b);
  Second::initialise<float>(separately.view().part<First::n_params, Second::n_params>(), b);
  for (int i = 0; i < Both::n_params; ++i) CHECK(together[i] == separately[i]);
}
