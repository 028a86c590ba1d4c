// SPDX-License-Identifier: MIT
// A user's program: the core and the other rooms, on the model that was installed with them.
#include <chg/builtin/teaching.hpp>
#include <chg/files/sha256.hpp>
#include <chg/formats/load.hpp>
#if __has_include(<chg/tokenizer/load_tokenizer.hpp>)  // where chg was configured with Oniguruma and ICU
#include <chg/tokenizer/load_tokenizer.hpp>
#endif

#include <iostream>

int main() {
  auto const model = chg::load<chg::llama_like>(chg::builtin::teaching_directory());
  std::cout << model.layers() << " layers of " << model.heads() << " heads, " << chg::files::sha256("abc") << '\n';
#if __has_include(<chg/tokenizer/load_tokenizer.hpp>)
  auto const tokenizer = chg::load_tokenizer(chg::builtin::teaching_directory());
  std::cout << tokenizer.vocab_size() << " tokens, " << tokenizer.encode("Q: cat").size() << " of them in a text\n";
#endif
}
