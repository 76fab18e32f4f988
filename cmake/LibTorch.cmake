# Imported targets LibTorch::torch_cpu and LibTorch::c10: headers from the wheel of the pinned version, libraries from the
# Maven jars of the presets for PyTorch and OpenBLAS, unpacked into the build tree. The GPU jar's libraries have the same
# symbols, so that what links these two alone runs with either; libtorch.so would pull CUDA in and is left out.

include("${CMAKE_CURRENT_LIST_DIR}/Versions.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/TorchHeaders.cmake")

set(LRFINDER_MAVEN_REPOSITORY "$ENV{HOME}/.m2/repository" CACHE PATH "Local Maven repository that holds the presets' jars")

set(_libraries "${CMAKE_CURRENT_BINARY_DIR}/libtorch")

function(_lrfinder_unpack artifact version)
  set(jar "${LRFINDER_MAVEN_REPOSITORY}/org/bytedeco/${artifact}/${version}/${artifact}-${version}-${LRFINDER_PLATFORM}.jar")
  if(NOT EXISTS "${jar}")
    message(FATAL_ERROR "${jar} is missing; fetch it with: "
                        "mvn dependency:get -Dartifact=org.bytedeco:${artifact}:${version}:jar:${LRFINDER_PLATFORM} -Dtransitive=false")
  endif()
  set(stamp "${_libraries}/${artifact}-${version}")
  if(NOT EXISTS "${stamp}")
    set(patterns "")
    foreach(name IN LISTS ARGN)
      list(APPEND patterns "org/bytedeco/${artifact}/${LRFINDER_PLATFORM}/${name}")
    endforeach()
    file(ARCHIVE_EXTRACT INPUT "${jar}" DESTINATION "${_libraries}" PATTERNS ${patterns})
    foreach(name IN LISTS ARGN)
      file(RENAME "${_libraries}/org/bytedeco/${artifact}/${LRFINDER_PLATFORM}/${name}" "${_libraries}/${name}")
    endforeach()
    file(TOUCH "${stamp}")
  endif()
endfunction()

_lrfinder_unpack(pytorch ${PYTORCH_PRESETS_VERSION} libc10.so libtorch_cpu.so libgomp.so.1)
_lrfinder_unpack(openblas ${OPENBLAS_PRESETS_VERSION} libopenblas.so.0 libgfortran.so.5 libquadmath.so.0)

lrfinder_torch_headers(LRFINDER_TORCH_DIRECTORY _why)
if(_why)
  message(FATAL_ERROR "libtorch's headers are missing: ${_why}")
endif()
set(_include "${LRFINDER_TORCH_DIRECTORY}/torch/include")

foreach(_name c10 torch_cpu)
  add_library(LibTorch::${_name} SHARED IMPORTED)
  set_target_properties(LibTorch::${_name} PROPERTIES IMPORTED_LOCATION "${_libraries}/lib${_name}.so")
  target_include_directories(LibTorch::${_name} SYSTEM INTERFACE "${_include}" "${_include}/torch/csrc/api/include")
  target_compile_features(LibTorch::${_name} INTERFACE cxx_std_17)
endforeach()
target_link_libraries(LibTorch::torch_cpu INTERFACE LibTorch::c10)

# The jar's libtorch_cpu.so looks for its libraries in the folders of the machine that built it.
set(LRFINDER_LIBTORCH_LIBRARIES "${_libraries}")
