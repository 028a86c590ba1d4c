// SPDX-License-Identifier: MIT
// The transformers of the program chg, compiled in chg_models_float.cpp and chg_models_double.cpp.
#pragma once

#include <chg/model/instances.hpp>

CHG_DECLARE_TRANSFORMER(chg::any_architecture, float)
CHG_DECLARE_TRANSFORMER(chg::any_architecture, double)
CHG_DECLARE_TRANSFORMER(chg::any_architecture, chg::Dual<float>)
CHG_DECLARE_TRANSFORMER(chg::any_architecture, chg::Dual<double>)
