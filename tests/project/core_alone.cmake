# SPDX-License-Identifier: MIT
# Compiles ${target} in ${build} from scratch, with the compiler naming every header that it reads: none may be of a library
# that the core does without. Says how long the compiler took.
cmake_minimum_required(VERSION 3.25)

file(REMOVE "${object}")
execute_process(COMMAND bash -c "TIMEFORMAT='processor time %U'; time \"$@\"" bash "${CMAKE_COMMAND}" --build "${build}" --target ${target}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${output}")
endif()
if(NOT output MATCHES "chg/tensor/matrix.hpp" OR NOT output MATCHES "processor time ([0-9]+)")
  message(FATAL_ERROR "no list of headers, or no time, in:\n${output}")
endif()
set(took ${CMAKE_MATCH_1})
string(REGEX MATCHALL "[^\n]*/(nlohmann|CLI|fmt|catch2|benchmark|mpi|chg/(formats|run|cli))[^\n]*" foreign "${output}")
if(foreign)
  list(JOIN foreign "\n" foreign)
  message(FATAL_ERROR "a program of the core reads\n${foreign}")
endif()
message(STATUS "compiled in ${took} s")
