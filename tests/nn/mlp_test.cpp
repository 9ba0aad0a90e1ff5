// Mlp: the same module as the Sequential that it names.
#include "calibrant/nn/mlp.hpp"

#include <type_traits>

#include "module_checks.hpp"

using namespace calibrant;

using Net = Mlp<Inputs<4>, Hidden<20, Tanh>, Hidden<9>, Outputs<1>>;
static_assert(std::is_base_of_v<Sequential<Dense<4, 20, Tanh>, Dense<20, 9, SiLU>, Dense<9, 1, Identity>>, Net>);
static_assert(Net::n_in == 4 && Net::n_out == 1 && Net::n_params == 4 * 20 + 20 + 20 * 9 + 9 + 9 + 1);
static_assert(Mlp<Inputs<3>, Outputs<2, Softplus>>::n_params == 8);

TEST_CASE("Mlp is a module") { checks::check_module<Net>(); }
TEST_CASE("Mlp without hidden layers, with positive outputs") {
  using Direct = Mlp<Inputs<3>, Outputs<2, Softplus>>;
  checks::check_module<Direct>();
  CHECK(Direct::describe() == "dense(3, 2, softplus)");
}
