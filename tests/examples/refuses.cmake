# Passes when PROGRAM with ARGUMENTS ends with an error whose text matches EXPECTED, and prints no result.
execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(code EQUAL 0 OR NOT code MATCHES "^[0-9]+$")
  message(FATAL_ERROR "${PROGRAM} ${ARGUMENTS} ended with ${code}\n${err}")
elseif(NOT err MATCHES "${EXPECTED}")
  message(FATAL_ERROR "${PROGRAM} ${ARGUMENTS} fails, but not with '${EXPECTED}':\n${err}")
endif()
