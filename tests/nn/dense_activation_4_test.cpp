// Dense with each activation, fourth part: those that save their slope.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, softplus") { checks::check_module<Dense<5, 7, Softplus>>(); }
TEST_CASE("Dense, silu") { checks::check_module<Dense<5, 7, SiLU>>(); }
TEST_CASE("Dense, narrow, silu") { checks::check_module<Dense<17, 3, SiLU>>(); }
