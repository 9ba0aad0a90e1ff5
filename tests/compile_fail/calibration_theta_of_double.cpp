// expect: theta: of the scalar type of the calibration
#include <vector>

#include "calibrant/inference.hpp"

void wrong(const calibrant::Calibration<calibrant::Model<calibrant::Dense<2, 1>>>& calibration) {
  std::vector<float> y(3), value(3);
  const std::vector<double> theta(3);
  calibration({y, calibrant::row_major<double>(theta, 1), value});
}
