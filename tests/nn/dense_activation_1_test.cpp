// Dense with each activation, first part: none, and the rectifiers, which run inside the kernel. Split for compile
// time.
#include "calibrant/nn/dense.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Dense, identity") { checks::check_module<Dense<5, 7>>(); }
TEST_CASE("Dense, relu") { checks::check_module<Dense<5, 7, ReLU>>(); }
TEST_CASE("Dense, leaky relu") { checks::check_module<Dense<5, 7, LeakyReLU>>(); }
