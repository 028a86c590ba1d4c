// SPDX-License-Identifier: MIT
// The models that ship with chg: transformers by construction, whose circuits are known, and the trained teaching model.
#pragma once

#include <chg/builtin/induction.hpp>
#include <chg/builtin/redundant.hpp>
#include <chg/builtin/teaching.hpp>
#include <chg/builtin/two_formats.hpp>
