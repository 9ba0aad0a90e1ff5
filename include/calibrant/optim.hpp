// Everything of the optim room.
#pragma once

#include "calibrant/optim/adam.hpp"
#include "calibrant/optim/schedule.hpp"
