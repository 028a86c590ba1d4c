// expects: chg: a fit needs a Transformer over float or double, since its logits are double.
// SPDX-License-Identifier: MIT
#include <chg/gate/fit.hpp>

using Model = chg::Transformer<chg::llama_like, chg::Dual<double>>;

chg::Fit never(Model const& model, chg::Examples const& data) { return chg::fit(model, data); }
