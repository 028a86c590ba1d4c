// SPDX-License-Identifier: MIT
// What nearly every test reads and what takes the compiler longest to read.
#pragma once

#include "support/catch.hpp"

#include <chg/tensor/array.hpp>
#include <chg/tensor/matrix.hpp>

#if __has_include(<nlohmann/json.hpp>)
#include <chg/formats/json.hpp>
#endif
