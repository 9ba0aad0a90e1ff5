// Where the sample is that comes with the source; the build says so.
#pragma once

#ifndef CALIBRANT_EXAMPLE_DATA
#define CALIBRANT_EXAMPLE_DATA "examples/data"
#endif

namespace examples {

inline constexpr const char* sample_folder = CALIBRANT_EXAMPLE_DATA;

}  // namespace examples
