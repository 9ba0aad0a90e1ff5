// Dense on tiles of other sizes than the usual: one register, three registers.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE_TEMPLATE("Dense on tiles of one and three registers", T, Wide<float, 1>, Wide<double, 1>, Wide<float, 3>,
                   Wide<double, 3>, Dual<Wide<double, 1>, 1>) {
  checks::check_tile<Dense<11, 7, SiLU>, T>(31);
  checks::check_tile<Dense<20, 2, PReLU>, T>(32);
}
