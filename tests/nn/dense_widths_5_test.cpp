// Dense at odd widths, fifth part: sums in several parts, weights that are copied before they are multiplied. Split for
// compile time.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, 200 to 13") {
  using M = Dense<200, 13, PReLU>;
  static_assert(kernel::terms_at_once<200> < 200);
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
TEST_CASE("Dense, 130 to 127") {
  using M = Dense<130, 127, Tanh>;
  static_assert(130 * 127 > kernel::few_weights);
  checks::check_gradients<M>(1);
  checks::check_tile<M, Wide<float, 4>>(21);
  checks::check_tile<M, Dual<Wide<double, 2>, 1>>(22);
}
