# SPDX-License-Identifier: MIT
# Finds Oniguruma: target Oniguruma::Oniguruma, Oniguruma_VERSION. Debian installs no configuration file for CMake.
find_path(Oniguruma_INCLUDE_DIR oniguruma.h)
find_library(Oniguruma_LIBRARY onig)
mark_as_advanced(Oniguruma_INCLUDE_DIR Oniguruma_LIBRARY)

set(Oniguruma_VERSION "")
if(Oniguruma_INCLUDE_DIR)
  file(STRINGS "${Oniguruma_INCLUDE_DIR}/oniguruma.h" oniguruma_lines REGEX "#define ONIGURUMA_VERSION_(MAJOR|MINOR|TEENY) +[0-9]+")
  foreach(part IN ITEMS MAJOR MINOR TEENY)
    if(oniguruma_lines MATCHES "VERSION_${part} +([0-9]+)")
      list(APPEND Oniguruma_VERSION ${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(JOIN Oniguruma_VERSION "." Oniguruma_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Oniguruma REQUIRED_VARS Oniguruma_LIBRARY Oniguruma_INCLUDE_DIR VERSION_VAR Oniguruma_VERSION)
if(Oniguruma_FOUND AND NOT TARGET Oniguruma::Oniguruma)
  add_library(Oniguruma::Oniguruma UNKNOWN IMPORTED)
  set_target_properties(Oniguruma::Oniguruma PROPERTIES
    IMPORTED_LOCATION "${Oniguruma_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${Oniguruma_INCLUDE_DIR}")
endif()
