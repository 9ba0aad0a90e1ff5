// expect: (no matching function for call to 'calibrant::Dense|no known conversion).*View<float, 4>
#include "calibrant/nn.hpp"

// Four features for a layer of three.
void evaluate(calibrant::View<const float, 8> p, calibrant::View<float, 4> x, calibrant::View<float, 2> y) {
  calibrant::Dense<3, 2>::forward<float>(p, x, y);
}
