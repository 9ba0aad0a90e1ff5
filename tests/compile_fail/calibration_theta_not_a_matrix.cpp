// expect: theta: an Eigen or xtensor array in memory, or row_major
#include <vector>

#include "calibrant/inference.hpp"

void wrong(const calibrant::Calibration<calibrant::Model<calibrant::Dense<2, 1>>>& calibration) {
  std::vector<float> y(3), theta(3), value(3);
  calibration({y, theta, value});
}
