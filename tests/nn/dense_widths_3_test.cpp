// Dense at odd widths, third part: several registers. Split for compile time.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, 17 to 50") {
  using M = Dense<17, 50, PReLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 50 to 64") {
  using M = Dense<50, 64, SiLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 50 to 2") {
  using M = Dense<50, 2, Identity>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
