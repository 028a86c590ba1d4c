# SPDX-License-Identifier: MIT
# Configures, builds and runs the project in ${source}, in the empty directory ${work}.
cmake_minimum_required(VERSION 3.25)

function(run)
  list(JOIN ARGN " " line)
  message(STATUS "${line}")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${work}")
set(options -G "${generator}" "-DCMAKE_CXX_COMPILER=${compiler}" -DCMAKE_BUILD_TYPE=Release)
if(way STREQUAL "find_package")
  run("${CMAKE_COMMAND}" --install "${chg_build}" --prefix "${work}/installed")
  # Moved after it was installed: a package must not remember where it was put.
  file(RENAME "${work}/installed" "${work}/moved")
  list(APPEND options "-DCMAKE_PREFIX_PATH=${work}/moved")
  # The core asks for no library of another room.
  run("${CMAKE_COMMAND}" -S "${source}" -B "${work}/core" ${options} -DROOMS=OFF -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
  run("${CMAKE_COMMAND}" --build "${work}/core")
  run("${work}/core/core")
  run("${CMAKE_COMMAND}" -S "${source}" -B "${work}/rooms" ${options} -DROOMS=ON)
  run("${CMAKE_COMMAND}" --build "${work}/rooms" --target rooms)
  run("${work}/rooms/rooms")
else()
  run("${CMAKE_COMMAND}" -S "${source}" -B "${work}/build" ${options} "-DCHG_SOURCE=${chg_source}" -DCHG_GEMM=${gemm})
  run("${CMAKE_COMMAND}" --build "${work}/build")
  run("${work}/build/core")
  # As a subproject chg brings no tests, examples or benchmarks along.
  file(GLOB_RECURSE programs "${work}/build/*chg_test_*")
  if(programs)
    message(FATAL_ERROR "the subproject built ${programs}")
  endif()
endif()
