// SPDX-License-Identifier: MIT
// The trained teaching model that ships with chg: its vocabulary, and where its files are.
//
//     <bos> (x ^ y ^ x \n) four times, x ^ y ^  ->  x           ABA, and ABB with y, over 224 words
//     <bos> (Q: x A: f(x) \n) ten times, Q: x A:  ->  f(x)      six mappings of 32 inputs, shown by examples
//     <bos> give the TASK word \n Q: x A:  ->  f(x)             the same, named
//
// Files in the published Hugging Face layout, read by chg::load of the room formats.
#pragma once

#include <chg/task/vocabulary.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace chg::builtin {

inline constexpr Index teaching_inputs = 32;
inline constexpr std::array<std::string_view, 6> teaching_mappings{"capital", "french", "spanish",
                                                                   "german",  "plural", "reversed"};

/// 240 ids: separators, instruction words, 32 inputs, then 32 outputs a mapping. The surfaces are in the model's own files; names
/// are left empty.
inline task::Vocabulary teaching_vocabulary() {
  constexpr Token kGive = 5, kThe = 6, kFirstTask = 7, kWord = 13, kFirstInput = 16;
  constexpr auto kInputs = static_cast<Token>(teaching_inputs);
  task::Vocabulary v;
  v.bos = 0, v.caret = 1, v.newline = 2, v.question = 3, v.answer = 4;
  for (std::size_t t = 0; t < teaching_mappings.size(); ++t) {
    auto const number = static_cast<Token>(t);
    auto const first_output = kFirstInput + kInputs * (number + 1);
    task::Mapping m{.name = std::string(teaching_mappings[t]),
                    .instruction = {kGive, kThe, kFirstTask + number, kWord},
                    .inputs = {},
                    .outputs = {}};
    for (Token i = 0; i < kInputs; ++i) m.inputs.push_back(kFirstInput + i), m.outputs.push_back(first_output + i);
    v.mappings.push_back(std::move(m));
  }
  v.size = kFirstInput + kInputs * (1 + static_cast<Token>(teaching_mappings.size()));
  for (Token id = kFirstInput; id < v.size; ++id) v.words.push_back(id);
  return v;
}

/// The folder of the teaching model: in the folder that the environment variable CHG_MODELS names, otherwise where chg was
/// built or installed. Throws Error when it is not there.
inline std::filesystem::path teaching_directory() {
  constexpr auto advice =
      "Set the environment variable CHG_MODELS to the folder examples/models of chg's sources, or to share/chg/models of an "
      "installation.";
  std::filesystem::path models;
  if (auto const* const set = std::getenv("CHG_MODELS"); set && *set) {
    models = set;
  } else {
#ifdef CHG_MODEL_DIR
    models = CHG_MODEL_DIR;
#else
    throw Error({"teaching model: its folder",
                 "CHG_MODELS in the environment, since this program was built without chg's CMake target", "nothing", advice});
#endif
  }
  auto directory = models / "teaching";
  check(std::filesystem::is_directory(directory), "teaching model: " + directory.string(),
        "a folder with config.json and model.safetensors", "none", advice);
  return directory;
}

}  // namespace chg::builtin
