// Everything of the loss room.
#pragma once

#include "calibrant/loss/composed.hpp"
#include "calibrant/loss/loss.hpp"
#include "calibrant/loss/point.hpp"
