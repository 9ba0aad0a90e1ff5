// Everything of the calibration room.
#pragma once

#include "calibrant/calibration/batch.hpp"
#include "calibrant/calibration/calibration.hpp"
