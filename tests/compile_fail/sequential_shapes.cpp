// expect: Sequential: n_in of each module must equal n_out of the one before it
#include "calibrant/nn.hpp"

using Net = calibrant::Sequential<calibrant::Dense<3, 5>, calibrant::Dense<4, 1>>;
static_assert(Net::n_in == 3);
