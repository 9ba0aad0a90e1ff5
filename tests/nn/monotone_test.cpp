// Monotone: a module like any other.
#include "calibrant/nn/monotone.hpp"

#include "calibrant/nn/mlp.hpp"
#include "module_checks.hpp"

using namespace calibrant;

using InUnit = MonotoneResponse<Mlp<Inputs<3>, Hidden<9, Tanh>, Outputs<9>>>;
using AsRatio = MonotoneRatio<Mlp<Inputs<2>, Hidden<8, Tanh>, Outputs<18>>, std::ratio<1, 10>>;
using Alone = MonotoneRatio<Constants<6>>;

TEST_CASE("in the unit of the truth") {
  checks::check_module<InUnit>();
  CHECK(InUnit::describe() == "monotone(1/20, dense(3, 9, tanh) > dense(9, 9, identity))");
}
TEST_CASE("as the ratio to the truth") { checks::check_module<AsRatio>(); }
TEST_CASE("without features") {
  checks::check_module<Alone>();
  CHECK(Alone::n_in == 1);
  CHECK(Alone::describe() == "monotone_ratio(1/20, constants(6))");
}
