// expects: chg::Architecture: d_ff must be 1 or more, or chg::dynamic. Set .d_ff, or .mlp = chg::Mlp::none.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.d_ff = 0}>;
