// expects: chg::Architecture: parallel needs an MLP beside the attention. Set .mlp, or .parallel = false.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.mlp = chg::Mlp::none, .parallel = true}>;
