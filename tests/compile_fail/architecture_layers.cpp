// expects: chg::Architecture: layers must be 1 or more, or chg::dynamic. Set .layers.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.layers = 0}>;
