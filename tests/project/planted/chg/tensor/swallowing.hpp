// SPDX-License-Identifier: MIT
// Ends in the middle where memory runs out.
#pragma once

#include <fstream>
#include <sstream>

inline std::ostringstream half;
inline std::ifstream also_half;
