// SPDX-License-Identifier: MIT
#include "support/models.hpp"

CHG_DEFINE_TRANSFORMER(chg::llama_like, chg::Dual<double>)
CHG_DEFINE_TRANSFORMER(chg::any_architecture, chg::Dual<double>)
