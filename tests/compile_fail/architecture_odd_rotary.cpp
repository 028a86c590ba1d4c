// expects: chg::Architecture: head_dim must be even with Position::rotary, which turns pairs of channels. Change .head_dim or .position.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.head_dim = 63}>;
