# A rank is killed in the middle of an epoch: mpirun ends the run, the checkpoint is whole, and a second run goes on from
# it to the bits of one process. A rank whose exception nobody shares ends the others with an error. LAUNCH is the
# command line that starts the ranks.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})

execute_process(COMMAND ${LAUNCH} ${PROGRAM} leave ${FOLDER} RESULT_VARIABLE code OUTPUT_VARIABLE out TIMEOUT 60)
if(NOT code EQUAL 0 OR NOT out MATCHES "rank 0: rank 1 of 2: an exception ended its work" OR NOT out MATCHES "rank 1 leaves")
  message(FATAL_ERROR "the end of one rank did not end the others: ${code}\n${out}")
endif()

execute_process(COMMAND ${LAUNCH} ${PROGRAM} kill ${FOLDER} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out
                TIMEOUT 60)
if(code EQUAL 0 OR code MATCHES "timeout" OR out MATCHES "was to be killed")
  message(FATAL_ERROR "a killed rank did not end the run: ${code}\n${out}")
endif()

execute_process(COMMAND ${LAUNCH} ${PROGRAM} resume ${FOLDER} RESULT_VARIABLE code OUTPUT_VARIABLE out TIMEOUT 60)
if(NOT code EQUAL 0 OR NOT out MATCHES "rank 0: the bits" OR NOT out MATCHES "rank 1: the bits")
  message(FATAL_ERROR "the run was not resumed to the same bits: ${code}\n${out}")
endif()
