// SPDX-License-Identifier: MIT
// Fits with gates of one's own, as if they had run.
#pragma once

#include <chg/gate/fit_record.hpp>

namespace chg::tests {

inline Fit fit_with_gates(Gates const& plus, Gates const& minus) {
  Fit fit;
  fit.options.gate_sets = plus.sets();
  fit.u0 = logit(plus), fit.u_plus = logit(plus), fit.u_minus = logit(minus);
  return fit;
}

}  // namespace chg::tests
