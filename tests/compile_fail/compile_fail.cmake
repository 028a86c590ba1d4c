# SPDX-License-Identifier: MIT
# Builds ${target} in ${build}, which must fail with the message that the first line of ${source} expects.
cmake_minimum_required(VERSION 3.25)

file(STRINGS "${source}" first_line LIMIT_COUNT 1)
if(NOT first_line MATCHES "^// expects: (.+)$")
  message(FATAL_ERROR "${source}: the first line. Expected \"// expects: PART OF THE MESSAGE\", got \"${first_line}\".")
endif()
set(expected "${CMAKE_MATCH_1}")
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" --target ${target}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "${source} compiles, and should not.")
endif()
string(FIND "${output}" "${expected}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "${source}: the message. Expected \"${expected}\", got:\n${output}")
endif()
