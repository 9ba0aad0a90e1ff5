// Sequential inside Sequential, with everything else in between. Split for compile time.
#include "calibrant/nn/sequential.hpp"

#include <ratio>

#include "calibrant/nn/combinators.hpp"
#include "calibrant/nn/dense.hpp"
#include "calibrant/nn/elementwise.hpp"
#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("nested, with a joining input and dropout") {
  using First = Dense<3, 5, Tanh>;
  using Inner = Sequential<Concat<Sequential<First, Dense<5, 4, SiLU>>, 2>, Dense<6, 6, ReLU>>;
  using Outer = Sequential<Inner, Dropout<6, std::ratio<1, 3>>, Residual<Sequential<Dense<6, 9, ELU>, Dense<9, 6>>>>;
  checks::check_module<Outer, false>();
}
