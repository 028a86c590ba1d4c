// SPDX-License-Identifier: MIT
// Views of the rows that operations work on.
#pragma once

#include <chg/tensor/matrix.hpp>

namespace chg::ops {

/// n contiguous numbers as an array, for element-by-element work.
template <class Scalar>
Eigen::Map<Eigen::Array<Scalar, 1, Eigen::Dynamic>> row(Scalar* data, Index n) {
  return {data, n};
}
template <class Scalar>
Eigen::Map<Eigen::Array<Scalar, 1, Eigen::Dynamic> const> row(Scalar const* data, Index n) {
  return {data, n};
}

/// Adds a bias to every row; a bias of size 0 is absent. y: [n, cols], contiguous.
template <class Scalar, class Real>
void add_bias(RowVector<Real> const& bias, Scalar* y, Index n) {
  auto const cols = bias.size();
  if (cols == 0) return;
  for (Index i = 0; i < n; ++i, y += cols) row(y, cols) += bias.array().template cast<Scalar>();
}

}  // namespace chg::ops
