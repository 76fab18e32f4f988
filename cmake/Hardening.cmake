# What ships checks its stack and, where the optimizer knows a buffer's size, its copies; and no table of functions stays
# writable. Sanitizers check more, and a build without an optimizer cannot do the second.
if(NOT LRFINDER_SANITIZE AND NOT LRFINDER_SANITIZE_THREAD)
  add_compile_options(-fstack-protector-strong)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
  add_link_options(-Wl,-z,relro,-z,now)
endif()
