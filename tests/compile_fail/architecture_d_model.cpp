// expects: chg::Architecture: d_model must be 1 or more, or chg::dynamic. Set .d_model.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.d_model = 0}>;
