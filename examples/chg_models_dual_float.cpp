// SPDX-License-Identifier: MIT
// Every transformer on dual numbers over float.
#include "chg_models.hpp"

CHG_DEFINE_TRANSFORMER(chg::any_architecture, chg::Dual<float>)
