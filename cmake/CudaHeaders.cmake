# lrfinder_cuda_headers(DIRECTORY WHY): the folder that holds the headers of CUDA's runtime, which libtorch's headers for
# CUDA include, or an empty DIRECTORY and WHY there is none. In this order:
#   LRFINDER_CUDA_HEADERS  a folder with cuda_runtime_api.h, given by the caller
#   a toolkit              that of CUDA_HOME or /usr/local/cuda, if it is installed
#   pip                    two small packages of NVIDIA's, kept in LRFINDER_CACHE_DIR, their SHA-256 checked each time
# Any version from 12 on serves: only types and constants are taken from them, no function.

include("${CMAKE_CURRENT_LIST_DIR}/TorchHeaders.cmake")

set(LRFINDER_CUDA_HEADERS "" CACHE PATH "Folder of CUDA's headers, instead of a toolkit's or pip's")

# Both halves: the first includes the second.
function(_lrfinder_has_cuda_headers directory variable)
  set(${variable} FALSE PARENT_SCOPE)
  if(EXISTS "${directory}/cuda_runtime_api.h" AND EXISTS "${directory}/crt/host_defines.h")
    set(${variable} TRUE PARENT_SCOPE)
  endif()
endfunction()

function(lrfinder_cuda_headers directory why)
  set(${why} "" PARENT_SCOPE)
  foreach(candidate IN ITEMS "${LRFINDER_CUDA_HEADERS}" "$ENV{CUDA_HOME}/include" /usr/local/cuda/include)
    _lrfinder_has_cuda_headers("${candidate}" found)
    if(found)
      set(${directory} "${candidate}" PARENT_SCOPE)
      return()
    endif()
    if(candidate AND candidate STREQUAL LRFINDER_CUDA_HEADERS)
      message(FATAL_ERROR "LRFINDER_CUDA_HEADERS=${candidate} has no cuda_runtime_api.h with crt/host_defines.h")
    endif()
  endforeach()
  set(${directory} "" PARENT_SCOPE)
  find_program(LRFINDER_PYTHON NAMES python3 python)
  if(NOT LRFINDER_PYTHON)
    set(${why} "Python with pip" PARENT_SCOPE)
    return()
  endif()
  set(unpacked "${CMAKE_CURRENT_BINARY_DIR}/cuda-headers-${CUDA_HEADERS_VERSION}")
  set(include "${unpacked}/nvidia/cu13/include")
  _lrfinder_has_cuda_headers("${include}" found)
  if(NOT found)
    foreach(package IN ITEMS runtime crt)
      string(TOUPPER "CUDA_${package}_WHEEL_SHA256" sha256)
      set(file "nvidia_cuda_${package}-${CUDA_HEADERS_VERSION}-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl")
      _lrfinder_fetch_wheel("${LRFINDER_PYTHON}" "nvidia-cuda-${package}==${CUDA_HEADERS_VERSION}" "${file}" "${${sha256}}"
                            wheel problem --platform manylinux2014_x86_64)
      if(problem)
        set(${why} "${problem}" PARENT_SCOPE)
        return()
      endif()
      file(ARCHIVE_EXTRACT INPUT "${wheel}" DESTINATION "${unpacked}" PATTERNS "nvidia/cu13/include/*")
    endforeach()
  endif()
  set(${directory} "${include}" PARENT_SCOPE)
endfunction()
