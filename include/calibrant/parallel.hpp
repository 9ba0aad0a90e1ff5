// Everything of the parallel room.
#pragma once

#include "calibrant/parallel/pool.hpp"
