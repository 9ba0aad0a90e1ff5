// Dense at odd widths, second part: beside one register. Split for compile time.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, 5 to 4") {
  using M = Dense<5, 4, ReLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 7 to 11") {
  using M = Dense<7, 11, SiLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 11 to 15") {
  using M = Dense<11, 15, PReLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 15 to 17") {
  using M = Dense<15, 17, Tanh>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
