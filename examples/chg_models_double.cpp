// SPDX-License-Identifier: MIT
// Every transformer in double.
#include "chg_models.hpp"

CHG_DEFINE_TRANSFORMER(chg::any_architecture, double)
