// SPDX-License-Identifier: MIT
#include "support/models.hpp"

CHG_DEFINE_TRANSFORMER(chg::llama_like, float)
CHG_DEFINE_TRANSFORMER(chg::llama_like, double)
CHG_DEFINE_TRANSFORMER(chg::any_architecture, double)
