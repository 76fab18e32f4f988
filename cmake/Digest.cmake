# Puts the SHA-256 of a library beside it, as sha256sum writes it: whoever loads the library compares.
function(lrfinder_digest target)
  set(_file "$<TARGET_FILE_NAME:${target}>")
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND "${CMAKE_COMMAND}" -E sha256sum "${_file}" > "${_file}.sha256"
    WORKING_DIRECTORY "$<TARGET_FILE_DIR:${target}>" VERBATIM)
endfunction()
