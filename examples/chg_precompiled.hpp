// SPDX-License-Identifier: MIT
// What the sources of the program chg read of other libraries.
#pragma once

#include <CLI/CLI.hpp>
#include <chg/tensor/array.hpp>
#include <chg/tensor/matrix.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
