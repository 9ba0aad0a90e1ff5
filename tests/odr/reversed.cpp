// Every header in reverse alphabetical order.
#include "all_headers_reversed.hpp"

const void* version_seen_by_reversed();
const void* version_seen_by_reversed() { return &calibrant::version; }
