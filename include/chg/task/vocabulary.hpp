// SPDX-License-Identifier: MIT
// What a task generator needs to know of a vocabulary: ids of separators, of words that prompts are made of, and mappings
// between words. No text, no tokenizer.
#pragma once

#include <chg/tensor/examples.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace chg::task {

/// A one-to-one task on single tokens: outputs[i] answers inputs[i].
struct Mapping {
  std::string name;
  std::vector<Token> instruction;  ///< describes the task in its instruction format; without the newline that follows it
  std::vector<Token> inputs;
  std::vector<Token> outputs;
};

/// Ids of one vocabulary. A separator that the vocabulary lacks is left out of the prompts.
struct Vocabulary {
  Index size = 0;
  std::optional<Token> bos{};       ///< begins every prompt, unless an option says otherwise
  std::optional<Token> caret{};     ///< `^` between the items of a symbolic example
  std::optional<Token> newline{};   ///< ends an example
  std::optional<Token> question{};  ///< `Q:`
  std::optional<Token> answer{};    ///< `A:`
  std::vector<Token> words{};       ///< what symbolic prompts draw their items from
  std::vector<Mapping> mappings{};
  std::vector<std::string> names{};  ///< surface of each id, for printing; may be empty

  /// The mapping of that name. Throws Error listing the names there are.
  Mapping const& mapping(std::string_view name) const {
    std::string known;
    for (auto const& m : mappings) {
      if (m.name == name) return m;
      known += (known.empty() ? "" : ", ") + m.name;
    }
    throw Error({"vocabulary: mapping", known.empty() ? "a vocabulary with mappings" : "one of " + known, std::string(name), ""});
  }
};

namespace detail {

inline void validate_ids(Vocabulary const& v, std::string const& what, std::vector<Token> const& ids, bool distinct) {
  std::unordered_set<Token> seen;
  for (auto const id : ids) {
    check(id >= 0 && id < v.size, what, text("ids of the vocabulary, 0 to ", v.size - 1), id);
    check(!distinct || seen.insert(id).second, what, "every id once", text("id ", id, " twice"));
  }
}

inline void validate(Vocabulary const& v, Mapping const& m) {
  auto const what = "vocabulary: mapping \"" + m.name + "\": ";
  check(!m.inputs.empty(), what + "inputs", "at least one", "none");
  check(m.inputs.size() == m.outputs.size(), what + "outputs", text(m.inputs.size(), ", one for each input"), m.outputs.size());
  validate_ids(v, what + "instruction", m.instruction, false);
  validate_ids(v, what + "inputs", m.inputs, true);
  validate_ids(v, what + "outputs", m.outputs, false);
}

}  // namespace detail

/// Throws Error naming the first entry that is no id of the vocabulary, is repeated, or has another count than it should.
inline void validate(Vocabulary const& v) {
  check(v.size >= 1, "vocabulary: size", "1 or more", v.size);
  auto const separator = [&](char const* name, std::optional<Token> id) {
    if (id) detail::validate_ids(v, text("vocabulary: ", name), {*id}, false);
  };
  separator("bos", v.bos), separator("caret", v.caret), separator("newline", v.newline);
  separator("question", v.question), separator("answer", v.answer);
  detail::validate_ids(v, "vocabulary: words", v.words, true);
  for (auto const& m : v.mappings) detail::validate(v, m);
  check(v.names.empty() || static_cast<Index>(v.names.size()) == v.size, "vocabulary: names",
        text("none, or one for each of ", v.size, " ids"), v.names.size());
}

}  // namespace chg::task
