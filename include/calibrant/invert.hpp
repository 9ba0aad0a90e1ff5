// Everything of the invert room.
#pragma once

#include "calibrant/invert/bisection.hpp"
#include "calibrant/invert/certificate.hpp"
#include "calibrant/invert/edges.hpp"
#include "calibrant/invert/extrapolate.hpp"
#include "calibrant/invert/factor.hpp"
#include "calibrant/invert/fit_inverse.hpp"
#include "calibrant/invert/function_response.hpp"
#include "calibrant/invert/joint_certificate.hpp"
#include "calibrant/invert/joint_function_response.hpp"
#include "calibrant/invert/joint_newton.hpp"
#include "calibrant/invert/learned.hpp"
#include "calibrant/invert/monotonicity.hpp"
#include "calibrant/invert/newton.hpp"
#include "calibrant/invert/output_of.hpp"
