// SPDX-License-Identifier: MIT
// Transformers that a program of several source files compiles once, since they take the compiler
// longest.
//
//     models.hpp    CHG_DECLARE_TRANSFORMER(chg::llama_like, float)    included where it is used
//     models.cpp    CHG_DEFINE_TRANSFORMER(chg::llama_like, float)
//
// All that use it then have the same bits, whatever the compiler would have made of their copies.
#pragma once

#include <chg/model/transformer.hpp>

#define CHG_DETAIL_TRANSFORMER(KEYWORD, A, SCALAR)                                              \
  KEYWORD template class chg::Transformer<A, SCALAR>;                                           \
  KEYWORD template void chg::Transformer<A, SCALAR>::backward(                                  \
      chg::PrefixTree const&, SCALAR const*, chg::Pass<SCALAR>&, std::span<SCALAR const>,       \
      chg::Accumulator<SCALAR>*, chg::LayerReplacements<SCALAR>) const;

/// Says that chg::Transformer<A, SCALAR> is compiled in another source file. At global scope.
#define CHG_DECLARE_TRANSFORMER(A, SCALAR) CHG_DETAIL_TRANSFORMER(extern, A, SCALAR)
/// Compiles it here.
#define CHG_DEFINE_TRANSFORMER(A, SCALAR) CHG_DETAIL_TRANSFORMER(, A, SCALAR)
