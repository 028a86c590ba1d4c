// expects: chg::Architecture: vocab must be 1 or more, or chg::dynamic. Set .vocab.
// SPDX-License-Identifier: MIT
#include <chg/model/architecture.hpp>

template struct chg::CheckArchitecture<chg::Architecture{.vocab = 0}>;
