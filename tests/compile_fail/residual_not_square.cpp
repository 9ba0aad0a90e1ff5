// expect: Residual: the inner module must have as many outputs as inputs
#include "calibrant/nn.hpp"

using Net = calibrant::Residual<calibrant::Dense<3, 5>>;
static_assert(Net::n_in == 3);
