// SPDX-License-Identifier: MIT
// The tokenizer of a model on the command line, and the BOS rule that --bos asks for.
#pragma once

#include <chg/cli/model_word.hpp>
#include <chg/cli/settings.hpp>
#include <chg/tokenizer/load_tokenizer.hpp>

namespace chg::cli {

inline Bos bos_of(Settings const& s) { return s.bos == "on" ? Bos::on : s.bos == "off" ? Bos::off : Bos::automatic; }

/// The model's family decides where its files name no pre-tokenizer, unless --pretokenizer does. Throws Error for a constructed
/// model, which has no texts, and as load_tokenizer does.
inline Tokenizer model_tokenizer(ModelWord const& word, Settings const& s) {
  check(!word.constructed(), "tokenizer of " + word.name(), "a model with a tokenizer", "a model of tokens only");
  return load_tokenizer(word.path(), {.pretokenizer = s.pretokenizer, .family = word.description().model_type});
}

}  // namespace chg::cli
