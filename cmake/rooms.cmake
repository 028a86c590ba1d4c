# SPDX-License-Identifier: MIT
# A room is a folder under include/chg. The rooms of the core are one target, chg::chg; each other room is its own.

# chg_add_header_target(TARGET EXPORT_NAME HEADERS...): an interface target that owns these headers.
function(chg_add_header_target target export_name)
  add_library(${target} INTERFACE)
  add_library(chg::${export_name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${export_name} VERIFY_INTERFACE_HEADER_SETS ${CHG_BUILD_TESTS})
  target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${ARGN})
endfunction()

# chg_add_core(ROOMS ... LIBRARIES ...)
function(chg_add_core)
  cmake_parse_arguments(PARSE_ARGV 0 core "" "" "ROOMS;LIBRARIES")
  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/chg/*.hpp")
  foreach(room IN LISTS core_ROOMS)
    file(GLOB_RECURSE room_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/chg/${room}/*.hpp")
    list(APPEND headers ${room_headers})
  endforeach()
  chg_add_header_target(chg chg ${headers})
  target_compile_features(chg INTERFACE cxx_std_20)
  target_link_libraries(chg INTERFACE ${core_LIBRARIES})
  # Where the models that ship with chg are found.
  target_compile_definitions(chg INTERFACE
    "$<BUILD_INTERFACE:CHG_MODEL_DIR=\"${PROJECT_SOURCE_DIR}/examples/models\">"
    "$<INSTALL_INTERFACE:CHG_MODEL_DIR=\"$<INSTALL_PREFIX>/${CMAKE_INSTALL_DATADIR}/chg/models\">")
endfunction()

# chg_add_room(ROOM LIBRARIES ...): the target chg::ROOM, or a note when one of its libraries was not found.
function(chg_add_room room)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "LIBRARIES")
  foreach(library IN LISTS room_LIBRARIES)
    if(NOT TARGET ${library})
      message(STATUS "chg: without chg::${room}, which needs ${library}")
      return()
    endif()
  endforeach()
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/chg/${room}/*.hpp")
  chg_add_header_target(chg_${room} ${room} ${headers})
  target_link_libraries(chg_${room} INTERFACE chg ${room_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY CHG_OPTIONAL_ROOMS ${room})
endfunction()
