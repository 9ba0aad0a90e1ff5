# Writes three headers into OUTPUT_DIR: all_headers.hpp includes HEADERS, all_headers_reversed.hpp includes them in the
# opposite order, foreign_headers.hpp includes what they include from elsewhere.
set(includes "")
set(reversed "")
set(foreign "")
foreach(header IN LISTS HEADERS)
  string(APPEND includes "#include \"${header}\"\n")
  string(PREPEND reversed "#include \"${header}\"\n")
  file(STRINGS ${INCLUDE_DIR}/${header} lines REGEX "^ *# *include *<")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE ".*<(.*)>.*" "\\1" name "${line}")
    list(APPEND foreign ${name})
  endforeach()
endforeach()

list(SORT foreign)
list(REMOVE_DUPLICATES foreign)
set(foreign_includes "")
foreach(name IN LISTS foreign)
  # Some exist on one system or in one release only; our headers ask before they include those.
  string(APPEND foreign_includes "#if __has_include(<${name}>)\n#include <${name}>\n#endif\n")
endforeach()

file(WRITE ${OUTPUT_DIR}/all_headers.hpp "${includes}")
file(WRITE ${OUTPUT_DIR}/all_headers_reversed.hpp "${reversed}")
file(WRITE ${OUTPUT_DIR}/foreign_headers.hpp "${foreign_includes}")
