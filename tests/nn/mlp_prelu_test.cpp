// Mlp of the published jet response: one hidden layer of 50 PReLU. Split for compile time.
#include "calibrant/nn/mlp.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("2-50-1 PReLU") { checks::check_module<Mlp<Inputs<2>, Hidden<50, PReLU>, Outputs<1>>>(); }
