# SPDX-License-Identifier: MIT
# Chooses what multiplies with frozen weights, and tells the target chg: nothing (chg's own packed products), CHG_GEMM_BLAS
# (sgemm_ and dgemm_) or CHG_GEMM_EIGEN.

if(NOT CHG_GEMM MATCHES "^(packed|blas|eigen)$")
  message(FATAL_ERROR "CHG_GEMM. Expected packed, blas or eigen, got ${CHG_GEMM}.")
endif()
if(CHG_GEMM STREQUAL "blas")
  find_package(BLAS REQUIRED)
  target_compile_definitions(chg INTERFACE CHG_GEMM_BLAS)
  target_link_libraries(chg INTERFACE BLAS::BLAS)
elseif(CHG_GEMM STREQUAL "eigen")
  target_compile_definitions(chg INTERFACE CHG_GEMM_EIGEN)
endif()
message(STATUS "chg: matrix products by ${CHG_GEMM}")
