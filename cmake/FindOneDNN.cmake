# SPDX-License-Identifier: MIT
# Finds oneDNN: target OneDNN::OneDNN, OneDNN_VERSION, OneDNN_CPU_RUNTIME (OMP, TBB, SEQ, THREADPOOL).
# The configuration file that oneDNN installs also demands OpenCL's headers, which no CPU program needs, so it is not used.
find_path(OneDNN_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
find_library(OneDNN_LIBRARY dnnl)
mark_as_advanced(OneDNN_INCLUDE_DIR OneDNN_LIBRARY)

set(OneDNN_VERSION "")
if(OneDNN_INCLUDE_DIR)
  file(STRINGS "${OneDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" onednn_lines REGEX "#define DNNL_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
  foreach(part IN ITEMS MAJOR MINOR PATCH)
    if(onednn_lines MATCHES "DNNL_VERSION_${part} +([0-9]+)")
      list(APPEND OneDNN_VERSION ${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(JOIN OneDNN_VERSION "." OneDNN_VERSION)
  file(STRINGS "${OneDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_config.h" onednn_lines REGEX "#define DNNL_CPU_THREADING_RUNTIME ")
  if(onednn_lines MATCHES "DNNL_RUNTIME_([A-Z]+)")
    set(OneDNN_CPU_RUNTIME ${CMAKE_MATCH_1})
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OneDNN REQUIRED_VARS OneDNN_LIBRARY OneDNN_INCLUDE_DIR VERSION_VAR OneDNN_VERSION)
if(OneDNN_FOUND AND NOT TARGET OneDNN::OneDNN)
  add_library(OneDNN::OneDNN UNKNOWN IMPORTED)
  set_target_properties(OneDNN::OneDNN PROPERTIES
    IMPORTED_LOCATION "${OneDNN_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${OneDNN_INCLUDE_DIR}")
endif()
