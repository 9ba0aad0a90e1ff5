// Dense at odd widths, first part: tiny. Split for compile time.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, 1 to 1") {
  using M = Dense<1, 1, PReLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 1 to 5") {
  using M = Dense<1, 5, Tanh>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 2 to 3") {
  using M = Dense<2, 3, PReLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 3 to 2") {
  using M = Dense<3, 2, Tanh>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
