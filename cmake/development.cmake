# SPDX-License-Identifier: MIT
# What the project's own targets are built with. None of it reaches a user of chg::chg.
set(CMAKE_CXX_EXTENSIONS OFF)
add_library(chg_development INTERFACE)
target_compile_options(chg_development INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  # g++ 12 finds faults in its own AVX-512 intrinsics (GCC bug 105593) and std::string (105329) once they are inlined.
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-maybe-uninitialized;-Wno-uninitialized;-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread;-Wno-restrict>")
if(CHG_NATIVE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native CHG_HAS_MARCH_NATIVE)
  if(CHG_HAS_MARCH_NATIVE)
    target_compile_options(chg_development INTERFACE -march=native)
  endif()
endif()
target_link_libraries(chg_development INTERFACE chg)
get_property(chg_optional_rooms GLOBAL PROPERTY CHG_OPTIONAL_ROOMS)
foreach(room IN LISTS chg_optional_rooms)
  target_link_libraries(chg_development INTERFACE chg_${room})
endforeach()
