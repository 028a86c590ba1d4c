// SPDX-License-Identifier: MIT
// The transformers that many tests run, compiled in models_real.cpp and models_dual.cpp.
#pragma once

#include <chg/model/instances.hpp>

#ifndef CHG_TEST_MODELS_HERE  // defined where all tests are one file: tests/mutants
CHG_DECLARE_TRANSFORMER(chg::llama_like, float)
CHG_DECLARE_TRANSFORMER(chg::llama_like, double)
CHG_DECLARE_TRANSFORMER(chg::any_architecture, double)
CHG_DECLARE_TRANSFORMER(chg::llama_like, chg::Dual<double>)
CHG_DECLARE_TRANSFORMER(chg::any_architecture, chg::Dual<double>)
#endif
