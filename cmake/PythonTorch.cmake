# The targets of LibTorch.cmake from the torch of an installed Python, in the version that it has: for machines without
# Maven, such as those with a GPU. LibTorch::torch_cuda besides, where that torch has CUDA. Not by find_package(Torch),
# which of a CUDA build wants the CUDA toolkit.

include("${CMAKE_CURRENT_LIST_DIR}/Versions.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/TorchHeaders.cmake")

set(_built_against 2.10 2.11)

find_program(LRFINDER_PYTHON NAMES python3 python)
if(NOT LRFINDER_PYTHON)
  message(FATAL_ERROR "LRFINDER_TORCH=python: there is no python3 on the PATH; -DLRFINDER_PYTHON=... names one that has torch")
endif()
_lrfinder_python_torch("${LRFINDER_PYTHON}" LRFINDER_TORCH_DIRECTORY)
if(NOT LRFINDER_TORCH_DIRECTORY)
  message(FATAL_ERROR "LRFINDER_TORCH=python: ${LRFINDER_PYTHON} has no torch; install it, or -DLRFINDER_PYTHON=... names "
                      "a Python that has it")
endif()

# What is compiled here is for that torch, not for the presets'.
_lrfinder_header_version("${LRFINDER_TORCH_DIRECTORY}" TORCH_VERSION)
set(LRFINDER_LIBTORCH_LIBRARIES "${LRFINDER_TORCH_DIRECTORY}/torch/lib")
list(JOIN _built_against " and " _known)
if(NOT TORCH_VERSION MATCHES "^([0-9]+\\.[0-9]+)\\.[0-9]+$" OR NOT EXISTS "${LRFINDER_LIBTORCH_LIBRARIES}/libtorch_cpu.so")
  message(FATAL_ERROR "LRFINDER_TORCH=python: the torch in ${LRFINDER_TORCH_DIRECTORY} has not the headers and libraries of a "
                      "wheel for Linux (version: ${TORCH_VERSION}); the core was built against torch ${_known}")
endif()
if(NOT CMAKE_MATCH_1 IN_LIST _built_against)
  message(WARNING "LRFINDER_TORCH=python: the core was never built against torch ${TORCH_VERSION}, only against ${_known}: "
                  "it may not compile, and if it does its tests may fail")
endif()
message(STATUS "libtorch ${TORCH_VERSION} of ${LRFINDER_TORCH_DIRECTORY}")

set(_include "${LRFINDER_TORCH_DIRECTORY}/torch/include")
foreach(_name c10 torch_cpu c10_cuda torch_cuda)
  set(_library "${LRFINDER_LIBTORCH_LIBRARIES}/lib${_name}.so")
  if(EXISTS "${_library}")
    add_library(LibTorch::${_name} SHARED IMPORTED)
    set_target_properties(LibTorch::${_name} PROPERTIES IMPORTED_LOCATION "${_library}")
    target_include_directories(LibTorch::${_name} SYSTEM INTERFACE "${_include}" "${_include}/torch/csrc/api/include")
    target_compile_features(LibTorch::${_name} INTERFACE cxx_std_17)
  endif()
endforeach()
target_link_libraries(LibTorch::torch_cpu INTERFACE LibTorch::c10)
if(TARGET LibTorch::torch_cuda)
  target_link_libraries(LibTorch::torch_cuda INTERFACE LibTorch::torch_cpu LibTorch::c10_cuda)
endif()
