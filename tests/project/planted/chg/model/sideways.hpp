// SPDX-License-Identifier: MIT
#pragma once

#include <chg/ops/fine.hpp>
#include <format>
#include "quoted.hpp"
