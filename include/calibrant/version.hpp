// The version of Calibrant, and the only place that states it: CMake reads it from here.
#pragma once

#define CALIBRANT_VERSION_MAJOR 0
#define CALIBRANT_VERSION_MINOR 1
#define CALIBRANT_VERSION_PATCH 0

namespace calibrant {

/// Version of the headers, "major.minor.patch". Written into every model file.
inline constexpr const char* version = "0.1.0";

}  // namespace calibrant
