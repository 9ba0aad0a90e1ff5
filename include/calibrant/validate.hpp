// Statistics with errors, binned profiles, closure, resolution and residual dependence.
#pragma once

#include "calibrant/validate/bin_edges.hpp"
#include "calibrant/validate/calibrated.hpp"
#include "calibrant/validate/closure.hpp"
#include "calibrant/validate/column.hpp"
#include "calibrant/validate/conformal.hpp"
#include "calibrant/validate/core_fit.hpp"
#include "calibrant/validate/coverage.hpp"
#include "calibrant/validate/profile.hpp"
#include "calibrant/validate/quadrature.hpp"
#include "calibrant/validate/statistics.hpp"
#include "calibrant/validate/text_table.hpp"
