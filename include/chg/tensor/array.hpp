// SPDX-License-Identifier: MIT
// Aliases over xtensor for what has many axes: gate sets [S, L, H], scores, statistics.
#pragma once

// xtensor 0.26 moved its headers into folders.
#if __has_include(<xtensor/xtensor.hpp>)
#include <xtensor/xtensor.hpp>
#else
#include <xtensor/containers/xtensor.hpp>
#endif

#include <cstddef>

namespace chg {

/// Owns an array of `Axes` axes, C order.
template <class T, std::size_t Axes>
using Array = xt::xtensor<T, Axes>;

}  // namespace chg
