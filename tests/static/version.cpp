// The version string and the version numbers say the same.
#include "calibrant/version.hpp"

#include <string_view>

#define CALIBRANT_TEXT_OF(number) #number
#define CALIBRANT_TEXT(number) CALIBRANT_TEXT_OF(number)

static_assert(std::string_view(calibrant::version) ==
              CALIBRANT_TEXT(CALIBRANT_VERSION_MAJOR) "." CALIBRANT_TEXT(CALIBRANT_VERSION_MINOR) "." CALIBRANT_TEXT(
                  CALIBRANT_VERSION_PATCH));
