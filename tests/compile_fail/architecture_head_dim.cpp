// expects: chg::Architecture: head_dim must be 1 or more, or chg::dynamic. Set .head_dim.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.head_dim = 0}>;
