// expect: Dropout: the rate is a std::ratio in
#include "calibrant/nn.hpp"

using Net = calibrant::Dropout<3, std::ratio<1, 1>>;
static_assert(Net::n_in == 3);
