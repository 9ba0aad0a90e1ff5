// Only what an embedded, trained calibration needs: no JSON, no trainer, no xtensor, no Eigen.
#pragma once

#include "calibrant/calibration.hpp"
#include "calibrant/head/quantiles.hpp"
#include "calibrant/nn.hpp"
#include "calibrant/version.hpp"
