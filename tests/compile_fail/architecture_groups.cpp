// expects: chg::Architecture: heads must be a multiple of kv_heads, since query heads share key-value heads in equal groups. Change .heads or .kv_heads.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.heads = 9, .kv_heads = 4}>;
