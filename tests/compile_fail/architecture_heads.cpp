// expects: chg::Architecture: heads must be 1 or more, or chg::dynamic. Set .heads.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.heads = 0}>;
