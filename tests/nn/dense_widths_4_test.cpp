// Dense at odd widths, fourth part: the widest. Split for compile time.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, 64 to 126") {
  using M = Dense<64, 126, ReLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 126 to 1") {
  using M = Dense<126, 1, Softplus>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 126 to 5") {
  using M = Dense<126, 5, SiLU>;
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
