// The umbrella header, and nothing done with it.
#include "calibrant/calibrant.hpp"

int major_version();
int major_version() { return CALIBRANT_VERSION_MAJOR; }
