// Dense with each activation, third part: the smooth ones.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, tanh") { checks::check_module<Dense<5, 7, Tanh>>(); }
TEST_CASE("Dense, sigmoid") { checks::check_module<Dense<5, 7, Sigmoid>>(); }
