// expects: chg::Architecture: parallel attention and MLP have no norm of their outputs. Set .parallel or .post_norms to false.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.post_norms = true, .parallel = true}>;
