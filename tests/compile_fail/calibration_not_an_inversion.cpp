// expect: Calibration: the second is an Inversion
#include "calibrant/inference.hpp"

using Response = calibrant::Model<calibrant::Dense<2, 1>>;
using Wrong = calibrant::Calibration<Response, calibrant::extrapolate::Linear>;
static_assert(Wrong::n_theta == 1);
