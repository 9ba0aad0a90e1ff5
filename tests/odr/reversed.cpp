// Every header in reverse alphabetical order.
#include "all_headers_reversed.hpp"

const char* version_seen_by_reversed();
const char* version_seen_by_reversed() { return calibrant::version; }
