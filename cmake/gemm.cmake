# SPDX-License-Identifier: MIT
# Chooses the back end of the matrix products, and gives it to the target chg: CHG_GEMM_ONEDNN (float products by oneDNN),
# CHG_GEMM_BLAS (all others by sgemm_ and dgemm_), or neither (Eigen). Result: chg_gemm, one of onednn, blas, eigen.

if(NOT CHG_GEMM MATCHES "^(auto|onednn|blas|eigen)$")
  message(FATAL_ERROR "CHG_GEMM. Expected auto, onednn, blas or eigen, got ${CHG_GEMM}.")
endif()

list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
if(CHG_GEMM STREQUAL "auto")
  find_package(BLAS)
  find_package(OneDNN 2)
elseif(CHG_GEMM STREQUAL "onednn")
  find_package(BLAS REQUIRED)
  find_package(OneDNN 2 REQUIRED)
elseif(CHG_GEMM STREQUAL "blas")
  find_package(BLAS REQUIRED)
endif()
list(POP_BACK CMAKE_MODULE_PATH)

# A program holds one OpenMP runtime: a oneDNN that was built on GNU's does not go with Clang's own.
set(chg_onednn_fits TRUE)
if(OneDNN_FOUND AND OneDNN_CPU_RUNTIME STREQUAL "OMP" AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(chg_onednn_fits FALSE)
  if(CHG_GEMM STREQUAL "onednn")
    message(FATAL_ERROR "CHG_GEMM=onednn. Expected g++, since ${OneDNN_LIBRARY} runs on GNU's OpenMP, "
                        "got ${CMAKE_CXX_COMPILER_ID}. Use CHG_GEMM=blas or g++.")
  endif()
endif()

if(CHG_GEMM STREQUAL "auto")
  if(OneDNN_FOUND AND BLAS_FOUND AND chg_onednn_fits)
    set(chg_gemm onednn)
  elseif(BLAS_FOUND)
    set(chg_gemm blas)
  else()
    set(chg_gemm eigen)
  endif()
else()
  set(chg_gemm ${CHG_GEMM})
endif()

if(chg_gemm STREQUAL "onednn")
  target_compile_definitions(chg INTERFACE CHG_GEMM_ONEDNN CHG_GEMM_BLAS)
  target_link_libraries(chg INTERFACE OneDNN::OneDNN BLAS::BLAS)
elseif(chg_gemm STREQUAL "blas")
  target_compile_definitions(chg INTERFACE CHG_GEMM_BLAS)
  target_link_libraries(chg INTERFACE BLAS::BLAS)
endif()
if(NOT chg_gemm STREQUAL "onednn")
  set_target_properties(chg PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)
endif()
message(STATUS "chg: matrix products by ${chg_gemm}")
