// The tests of calibrant::mpi: every rank runs every case; a rank that fails makes mpirun fail.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "session.hpp"

namespace {
calibrant::MpiSession* the_session = nullptr;
}
calibrant::MpiSession& session() { return *the_session; }

int main(int argc, char** argv) {
  calibrant::MpiSession mpi;
  the_session = &mpi;
  doctest::Context context(argc, argv);
  return context.run();
}
