// Activate: activations as modules of their own. With elementwise_test.cpp it covers nn/elementwise.hpp.
#include "calibrant/nn/elementwise.hpp"

#include "module_checks.hpp"

using namespace calibrant;

TEST_CASE("Activate, without a workspace, with parameters, with a saved slope") {
  checks::check_module<Activate<17, Tanh>>();
  checks::check_module<Activate<5, PReLU>>();
  checks::check_module<Activate<20, SiLU>>();
}

TEST_CASE("Activate has the parameters of its activation") {
  static_assert(Activate<5, PReLU>::n_params == 5 && Activate<5, Tanh>::n_params == 0);
  Parameters<float, 5> p;
  Random random(1);
  Activate<5, PReLU>::initialise<float>(p.view(), random);
  for (const float slope : p.span()) CHECK(slope == 0.25f);
  CHECK(Activate<5, PReLU>::describe() == "prelu(5)");
}
