// SPDX-License-Identifier: MIT
// Aliases over Eigen for the matrices of the network: one token a row, channels contiguous.
#pragma once

#include <chg/tensor/error.hpp>

#include <Eigen/Core>

namespace chg {

using Index = Eigen::Index;

/// Owns [rows, cols], row-major.
template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Owns [n], laid out as one row of a Matrix.
template <class Scalar>
using RowVector = Eigen::Matrix<Scalar, 1, Eigen::Dynamic, Eigen::RowMajor>;

/// A view of [rows, cols] whose rows may lie further apart than cols.
template <class Scalar>
using MatrixMap = Eigen::Map<Matrix<Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class Scalar>
using ConstMatrixMap = Eigen::Map<Matrix<Scalar> const, Eigen::Unaligned, Eigen::OuterStride<>>;

/// Parameters that accept any row-major matrix or view without a copy.
template <class Scalar>
using MatrixRef = Eigen::Ref<Matrix<Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class Scalar>
using ConstMatrixRef = Eigen::Ref<Matrix<Scalar> const, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class Scalar>
MatrixMap<Scalar> map(Scalar* data, Index rows, Index cols, Index stride) {
  return {data, rows, cols, Eigen::OuterStride<>(stride)};
}
template <class Scalar>
MatrixMap<Scalar> map(Scalar* data, Index rows, Index cols) {
  return map(data, rows, cols, cols);
}
template <class Scalar>
ConstMatrixMap<Scalar> map(Scalar const* data, Index rows, Index cols, Index stride) {
  return {data, rows, cols, Eigen::OuterStride<>(stride)};
}
template <class Scalar>
ConstMatrixMap<Scalar> map(Scalar const* data, Index rows, Index cols) {
  return map(data, rows, cols, cols);
}

/// "[3, 5]", for messages.
inline std::string shape_text(Index rows, Index cols) { return text("[", rows, ", ", cols, "]"); }

/// Throws Error naming both shapes unless `m` is [rows, cols].
template <class Derived>
void check_shape(std::string_view name, Eigen::DenseBase<Derived> const& m, Index rows, Index cols) {
  if (m.rows() != rows || m.cols() != cols) [[unlikely]]
    throw Error({std::string(name) + " has the wrong shape", shape_text(rows, cols), shape_text(m.rows(), m.cols()), ""});
}

/// Whether no number is NaN or infinite: x 0 is NaN for those, and their sum stays so. Eigen's allFinite() takes some forty times as long.
template <class Derived>
bool all_finite(Eigen::DenseBase<Derived> const& m) {
  using Real = typename Derived::Scalar;
  return m.size() == 0 || (m.derived().array() * Real(0)).sum() == Real(0);
}

}  // namespace chg
