# Run by Maven before the build: cmake -DOUTPUT=FILE -DBINARY_DIR=DIR -DREQUIRED=ON|OFF -P Preflight.cmake
# Writes the properties native.missing, what the native engine cannot be built without and this machine lacks, and
# native.tests, whether its own tests can be built.

cmake_minimum_required(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/Versions.cmake")

set(missing "")
find_program(compiler NAMES "$ENV{CXX}" c++ g++ clang++)
if(NOT compiler)
  list(APPEND missing "a C++ compiler")
endif()
find_program(ninja NAMES ninja ninja-build samu) # the names that CMake's generator tries
if(NOT ninja)
  list(APPEND missing "Ninja")
endif()
if(NOT missing)
  set(CMAKE_CURRENT_BINARY_DIR "${BINARY_DIR}")
  include("${CMAKE_CURRENT_LIST_DIR}/TorchHeaders.cmake")
  lrfinder_torch_headers(directory why)
  if(why)
    list(APPEND missing "${why}")
  endif()
endif()
# The engine can do without its tests, unless it is required.
set(tests ON)
find_path(gtest gtest/gtest.h PATHS /usr/include /usr/local/include) # a script knows no default folders
if(NOT gtest)
  set(tests OFF)
  if(REQUIRED)
    list(APPEND missing "GoogleTest (Debian's libgtest-dev)")
  endif()
endif()
list(JOIN missing ", " missing)
file(WRITE "${OUTPUT}" "native.missing=${missing}\nnative.tests=${tests}\n")
