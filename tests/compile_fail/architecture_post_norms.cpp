// expects: chg::Architecture: post_norms needs a norm. Set .norm, or .post_norms = false.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.norm = chg::Norm::none, .post_norms = true}>;
