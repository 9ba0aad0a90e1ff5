// Everything of the core room: scalar types, elementary functions, fixed shapes, parameters, random numbers.
#pragma once

#include "calibrant/core/compiler.hpp"
#include "calibrant/core/denormals.hpp"
#include "calibrant/core/dual.hpp"
#include "calibrant/core/interval.hpp"
#include "calibrant/core/math.hpp"
#include "calibrant/core/matrix_view.hpp"
#include "calibrant/core/parameters.hpp"
#include "calibrant/core/random.hpp"
#include "calibrant/core/transpose.hpp"
#include "calibrant/core/view.hpp"
#include "calibrant/core/wide.hpp"
