// A program that uses the component mpi: one rank, as it is not started by mpirun.
#include <calibrant/parallel/mpi.hpp>
#include <iostream>

int main() {
  calibrant::MpiSession session;
  std::cout << "rank " << session.rank() << " of " << session.size() << '\n';
  return session.size() == 1 ? 0 : 1;
}
