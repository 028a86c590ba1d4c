# SPDX-License-Identifier: MIT
# Finds the 8-bit library of PCRE2: target PCRE2::PCRE2, PCRE2_VERSION. Debian installs no configuration file for CMake.
find_path(PCRE2_INCLUDE_DIR pcre2.h)
find_library(PCRE2_LIBRARY pcre2-8)
mark_as_advanced(PCRE2_INCLUDE_DIR PCRE2_LIBRARY)

set(PCRE2_VERSION "")
if(PCRE2_INCLUDE_DIR)
  file(STRINGS "${PCRE2_INCLUDE_DIR}/pcre2.h" pcre2_lines REGEX "#define PCRE2_(MAJOR|MINOR) +[0-9]+")
  foreach(part IN ITEMS MAJOR MINOR)
    if(pcre2_lines MATCHES "PCRE2_${part} +([0-9]+)")
      list(APPEND PCRE2_VERSION ${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(JOIN PCRE2_VERSION "." PCRE2_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(PCRE2 REQUIRED_VARS PCRE2_LIBRARY PCRE2_INCLUDE_DIR VERSION_VAR PCRE2_VERSION)
if(PCRE2_FOUND AND NOT TARGET PCRE2::PCRE2)
  add_library(PCRE2::PCRE2 UNKNOWN IMPORTED)
  set_target_properties(PCRE2::PCRE2 PROPERTIES
    IMPORTED_LOCATION "${PCRE2_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${PCRE2_INCLUDE_DIR}")
endif()
