# cmake -DNM=... -DLIBRARY=... -P check_symbols.cmake: what the linker does not say of the library for CUDA.

execute_process(COMMAND "${NM}" -D "${LIBRARY}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
# Unique in the process, or libtorch would not see that it is asked to count waits.
if(NOT symbols MATCHES " u _ZZN3c104cuda13warning_stateEvE14warning_state_")
  message(FATAL_ERROR "${LIBRARY} has a warning_state of its own")
endif()
# CUDA's runtime has a version in its file's name, and libtorch brings its own.
string(REGEX MATCHALL " U (cuda|cu)[A-Z][A-Za-z]*" found "${symbols}")
if(found)
  message(FATAL_ERROR "${LIBRARY} calls CUDA itself:${found}")
endif()
