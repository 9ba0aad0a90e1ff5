# The example on two ranks: it says that the bits are those of one process, and writes its summary. LAUNCH is what
# starts the ranks.
file(REMOVE_RECURSE ${FOLDER})
execute_process(COMMAND ${LAUNCH} ${PROGRAM} --output ${FOLDER} --epochs 2 --one-process yes RESULT_VARIABLE code
                TIMEOUT 120)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "train_mpi ended with ${code}")
endif()
file(READ ${FOLDER}/summary.json summary)
string(JSON ranks GET "${summary}" ranks)
string(JSON equal GET "${summary}" bits.equal_to_one_process)
if(NOT ranks EQUAL 2 OR NOT equal)
  message(FATAL_ERROR "train_mpi with two ranks wrote ${summary}")
endif()

# A file that one rank does not find ends the example on both.
execute_process(COMMAND ${LAUNCH} ${PROGRAM} --output ${FOLDER} --data ${DATA},missing.npy RESULT_VARIABLE code
                OUTPUT_VARIABLE out ERROR_VARIABLE out TIMEOUT 120)
if(code EQUAL 0 OR NOT out MATCHES "rank 1 of 2: .*missing.npy")
  message(FATAL_ERROR "train_mpi with a missing file ended with ${code}\n${out}")
endif()
