// Dense with each activation, second part.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, prelu: a learned slope per unit") { checks::check_module<Dense<5, 7, PReLU>>(); }
TEST_CASE("Dense, narrow, prelu") { checks::check_module<Dense<17, 3, PReLU>>(); }
TEST_CASE("Dense, elu") { checks::check_module<Dense<5, 7, ELU>>(); }
