// The one session of this test program.
#pragma once

#include "calibrant/parallel/mpi.hpp"

calibrant::MpiSession& session();
