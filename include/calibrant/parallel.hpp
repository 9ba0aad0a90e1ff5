// Everything of the parallel room but parallel/mpi.hpp, which needs MPI and the target calibrant::mpi.
#pragma once

#include "calibrant/parallel/pool.hpp"
#include "calibrant/parallel/ranks.hpp"
