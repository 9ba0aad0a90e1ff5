// Every header in alphabetical order, and the program's main.
#include <cstdio>

#include "all_headers.hpp"

const void* version_seen_by_reversed();
const void* version_seen_by_hostile_macros();

int main() {
  // An inline variable has one address in the whole program.
  const bool same =
      version_seen_by_reversed() == &calibrant::version && version_seen_by_hostile_macros() == &calibrant::version;
  if (!same) std::puts("the translation units see different copies of calibrant::version");
  return same ? 0 : 1;
}
