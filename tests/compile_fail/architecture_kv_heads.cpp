// expects: chg::Architecture: kv_heads must be 1 or more, or chg::dynamic. Set .kv_heads (= .heads without grouping).
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.kv_heads = -3}>;
