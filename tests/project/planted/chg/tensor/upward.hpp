// SPDX-License-Identifier: MIT
// Looks up at the model, which stands on it.
#pragma once

#include <chg/model/sideways.hpp>
#include <nlohmann/json.hpp>
#include <vector>
