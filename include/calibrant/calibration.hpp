// Everything of the calibration room.
#pragma once

#include "calibrant/calibration/batch.hpp"
#include "calibrant/calibration/calibration.hpp"
#include "calibrant/calibration/check_edges.hpp"
#include "calibrant/calibration/intervals.hpp"
#include "calibrant/calibration/joint.hpp"
#include "calibrant/calibration/residual_calibration.hpp"
#include "calibrant/calibration/resolution.hpp"
#include "calibrant/calibration/sequence.hpp"
