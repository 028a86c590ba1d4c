// SPDX-License-Identifier: MIT
// Two models' weights, tensor by tensor.
#pragma once

#include <chg/model/tensors.hpp>

#include <string>
#include <utility>
#include <vector>

namespace chg::test {

/// Names every tensor of which `a` differs from `b`; empty when they are the same.
template <class Real>
std::string difference(Config const& config, Weights<float> const& a, Weights<Real> const& b) {
  std::vector<std::pair<std::string, Matrix<double>>> all;
  std::string names;
  for_each_tensor(config, a, [&](TensorSpec const& spec, auto const& t, std::string const& where) {
    all.emplace_back(where + std::string(spec.name), t.template cast<double>());
  });
  auto next = all.begin();
  for_each_tensor(config, b, [&](TensorSpec const& spec, auto const& t, std::string const& where) {
    auto const name = where + std::string(spec.name);
    if (next == all.end()) {
      names += name + " ";
      return;
    }
    auto const& [other, tensor] = *next++;
    auto const same_shape = tensor.rows() == t.rows() && tensor.cols() == t.cols();
    if (name != other || !same_shape || tensor != t.template cast<double>()) names += name + " ";
  });
  for (; next != all.end(); ++next) names += next->first + " ";
  return names;
}

}  // namespace chg::test
