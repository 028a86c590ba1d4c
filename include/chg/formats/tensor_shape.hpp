// SPDX-License-Identifier: MIT
// The shape of a tensor in a file, for messages.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <string>
#include <vector>

namespace chg::formats {

/// "[3, 5]".
inline std::string shape_text(std::vector<Index> const& shape) {
  std::string all = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) all += text(i > 0 ? ", " : "", shape[i]);
  return all + "]";
}

}  // namespace chg::formats
