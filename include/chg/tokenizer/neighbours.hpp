// SPDX-License-Identifier: MIT
// What the files beside a tokenizer say about it: tokenizer_config.json, special_tokens_map.json, added_tokens.json, config.json.
//
// They are read as transformers does where its versions 4.57 and 5.24 agree. Where they differ, tokenizer.json is the rule, and a
// notice says so. README.md in this folder has the table.
#pragma once

#include <chg/tokenizer/tokenizer_json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::tokenizer {

namespace detail {

struct Neighbours {
  std::optional<bool> add_bos, add_eos, add_prefix_space, legacy;
  bool split_special_tokens = false, has_config = false;
  std::string tokenizer_class, model_type;
  /// bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token, then the additional ones; all special.
  std::vector<AddedToken> special{};
  std::optional<std::string> bos_token{}, eos_token{};
  std::vector<std::pair<AddedToken, Index>> added{};  ///< with the ids that the files name, in rising order

  bool is_special(std::string_view content) const {
    return std::any_of(special.begin(), special.end(), [&](auto const& t) { return t.content == content; });
  }
};

/// A token as a string, or as an object with its attributes.
inline AddedToken read_special_token(nlohmann::json const& value, std::string const& name) {
  AddedToken token;
  if (value.is_string())
    token.content = value.get<std::string>();
  else
    token = read_added_token(JsonObject(value, name));
  token.normalized = value.is_object() && value.value("normalized", false);
  token.special = true;
  return token;
}

inline Index read_id(std::string_view digits, std::string const& name) {
  Index id = -1;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  check(error == std::errc() && end == digits.data() + digits.size() && id >= 0, name, "token ids", in_quotes(digits));
  return id;
}

inline Neighbours read_neighbours(std::filesystem::path const& directory) {
  constexpr std::array<char const*, 7> names{"bos_token", "eos_token", "unk_token", "sep_token",
                                             "pad_token", "cls_token", "mask_token"};
  Neighbours n;
  std::array<std::optional<AddedToken>, names.size()> named;
  std::vector<AddedToken> more;
  auto const each = [&](char const* name, auto&& read) {
    auto const path = directory / name;
    if (!std::filesystem::exists(path)) return;
    auto const json = formats::read_json(path, {.bytes = 100'000'000});
    read(JsonObject(json, path.string()));
  };
  auto const add_more = [&](nlohmann::json const& value, std::string const& name) {
    if (!value.is_string() && !value.is_object()) return;
    auto token = read_special_token(value, name);
    if (std::none_of(more.begin(), more.end(), [&](auto const& t) { return t.content == token.content; }))
      more.push_back(std::move(token));
  };
  auto const read_names = [&](JsonObject const& file) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (file.has(names[i])) {
        auto const& value = file.items()[names[i]];
        check(value.is_string() || value.is_object(), file.at(names[i]), "a token, as a string or an object",
              formats::shown(value));
        named[i] = read_special_token(value, file.at(names[i]));
      }
    for (auto const* key : {"additional_special_tokens", "extra_special_tokens"})
      if (file.has(key))
        for (auto const& item : file.items()[key].items()) add_more(item.value(), file.at(key));
  };

  each("config.json", [&](JsonObject const& file) { n.model_type = file.string("model_type", ""); });
  auto decoder = false;  // then the older files do not count
  each("tokenizer_config.json", [&](JsonObject const& file) {
    auto const flag = [&](char const* key) { return file.has(key) ? std::optional(file.boolean(key, false)) : std::nullopt; };
    n.add_bos = flag("add_bos_token"), n.add_eos = flag("add_eos_token"), n.legacy = flag("legacy");
    n.add_prefix_space = flag("add_prefix_space");
    n.has_config = true;
    n.split_special_tokens = file.boolean("split_special_tokens", false);
    n.tokenizer_class = file.string("tokenizer_class", "");
    read_names(file);
    decoder = file.has("added_tokens_decoder");
    if (!decoder) return;
    auto const tokens = file.object("added_tokens_decoder");
    for (auto const& item : tokens.items().items())
      n.added.emplace_back(read_added_token(tokens.object(item.key())), read_id(item.key(), tokens.name()));
  });
  if (!decoder) each("special_tokens_map.json", read_names);
  for (auto& token : named)
    if (token) n.special.push_back(*token);
  n.special.insert(n.special.end(), more.begin(), more.end());
  if (named[0]) n.bos_token = named[0]->content;
  if (named[1]) n.eos_token = named[1]->content;
  if (!decoder)
    each("added_tokens.json", [&](JsonObject const& file) {
      for (auto const& item : file.items().items()) {
        auto const special = n.is_special(item.key());
        n.added.emplace_back(AddedToken{.content = item.key(), .special = special, .normalized = !special},
                             file.integer(item.key(), 0, Index{1} << 28));
      }
    });
  for (auto& [token, id] : n.added) token.special = token.special || n.is_special(token.content);
  std::stable_sort(n.added.begin(), n.added.end(), [](auto const& a, auto const& b) { return a.second < b.second; });
  return n;
}

/// The class of the tokenizer without "Fast": that of tokenizer_config.json, or the one that goes with the kind of model.
inline std::string class_of(Neighbours const& n) {
  auto name = n.tokenizer_class;
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (!name.empty()) return name;
  auto const& type = n.model_type;
  if (type == "gpt2" || type == "gpt_neo" || type == "gptj" || type == "opt") return "GPT2Tokenizer";
  if (type == "gpt_neox" || type == "olmo") return "GPTNeoXTokenizer";
  if (type == "qwen2" || type == "qwen2_moe" || type == "qwen3" || type == "qwen3_moe") return "Qwen2Tokenizer";
  if (type == "phi") return "CodeGenTokenizer";
  return type == "cohere" ? "CohereTokenizer" : "";
}

/// Tokens that tokenizer.json lists without them, or with other attributes.
inline void add_neighbouring_tokens(Parts& parts, Neighbours const& n, std::string const& name) {
  std::vector<AddedToken> tokens;
  std::vector<std::pair<std::string, Index>> named;
  for (auto const& [token, id] : n.added) {
    tokens.push_back(token);
    named.emplace_back(token.content, id);
  }
  auto const there = [&](std::string const& content) {
    auto const same = [&](auto const& t) { return t.content == content; };
    return std::any_of(parts.added_tokens.begin(), parts.added_tokens.end(), same) ||
           std::any_of(tokens.begin(), tokens.end(), same);
  };
  for (auto const& token : n.special)
    if (!there(token.content)) tokens.push_back(token);
  add_in_order(parts, std::move(tokens), name);
  notice_other_ids(parts, named, name);
}

inline bool any_prefix(Parts const& parts) {
  auto any = false;
  for (auto const& step : parts.normalizer) any = any || std::holds_alternative<PrependStep>(step);
  for (auto const& step : parts.pre_tokenizer) {
    if (auto const* level = std::get_if<ByteLevel>(&step)) any = any || level->add_prefix_space;
    if (auto const* meta = std::get_if<Metaspace>(&step)) any = any || meta->prefix != Metaspace::Prefix::never;
  }
  return any;
}

/// add_prefix_space. Both versions of transformers go by tokenizer_config.json for these classes, whose own default is no, when
/// the pre-tokenizer is nothing but ByteLevel; they differ for all others.
inline void apply_prefix_space(Parts& parts, Neighbours const& n, bool only_byte_level, std::string const& name) {
  constexpr std::array<std::string_view, 5> classes{"GPT2Tokenizer", "GPTNeoXTokenizer", "Qwen2Tokenizer", "CodeGenTokenizer",
                                                    "CohereTokenizer"};
  auto const is = class_of(n);
  if (only_byte_level && std::find(classes.begin(), classes.end(), is) != classes.end()) {
    auto& level = std::get<ByteLevel>(parts.pre_tokenizer.front());
    auto const wanted = n.add_prefix_space.value_or(false);
    if (level.add_prefix_space != wanted && !n.add_prefix_space)
      notice(name + ": add_prefix_space true does not count, as in transformers: a " + is +
             " has it in tokenizer_config.json alone");
    level.add_prefix_space = wanted;
    return;
  }
  auto const unsaid = !n.add_prefix_space && only_byte_level && n.has_config && any_prefix(parts);
  if (unsaid || (n.add_prefix_space && *n.add_prefix_space != any_prefix(parts)))
    notice(name + " is the rule, not add_prefix_space " + (n.add_prefix_space.value_or(false) ? "true" : "false") +
           " of tokenizer_config.json" + (unsaid ? ", which has no such key" : "") +
           ": versions of transformers differ about it");
}

/// add_bos_token and add_eos_token. Both versions leave the tokens of a template away for a GPTNeoXTokenizer that is not told to
/// add any; they differ for all others.
inline void apply_template_flags(Parts& parts, Neighbours const& n, std::string const& name) {
  auto const adds = !parts.before.empty() || !parts.after.empty();
  if (adds && class_of(n) == "GPTNeoXTokenizer" && !n.add_bos.value_or(false) && !n.add_eos.value_or(false)) {
    parts.before.clear(), parts.after.clear();
    notice(name +
           ": the tokens of post_processor are not added, as in transformers: a GPTNeoXTokenizer adds those of "
           "tokenizer_config.json alone");
    return;
  }
  auto const says = [&](std::optional<bool> flag, bool there, char const* key) {
    if (flag && *flag != there)
      notice(name + ": its post_processor is the rule, not " + key + (*flag ? " true" : " false") +
             " of tokenizer_config.json: versions of transformers differ about it");
  };
  // Version 4.57 adds a BOS for these classes unless it is told not to.
  constexpr std::array<std::string_view, 4> with_bos{"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer"};
  auto const unsaid = !n.add_bos && parts.before.empty() && n.bos_token && !n.tokenizer_class.empty() &&
                      std::find(with_bos.begin(), with_bos.end(), class_of(n)) != with_bos.end();
  says(unsaid ? std::optional(true) : n.add_bos, !parts.before.empty(), "add_bos_token");
  says(n.add_eos, !parts.after.empty(), "add_eos_token");
}

/// What the files beside a tokenizer.json add to it.
inline Parts with_neighbours_of_json(Parts parts, Neighbours const& n, bool only_byte_level, std::string const& name) {
  add_neighbouring_tokens(parts, n, name);
  apply_prefix_space(parts, n, only_byte_level, name);
  apply_template_flags(parts, n, name);
  parts.special_are_plain = n.split_special_tokens;
  if (n.bos_token)
    if (auto const bos = parts.vocabulary.find_any(*n.bos_token); bos != no_token) parts.bos = bos;
  return parts;
}

/// The same for a vocabulary that holds none of this: the ids that the files name count, and special tokens that have none get
/// the next ones. Throws Error for a rule that adds a token which the files do not name.
inline Parts with_neighbours(Parts parts, Neighbours const& n, std::string const& name) {
  for (auto [token, id] : n.added) {
    token.normalized = false;  // the tokenizers that read such files look in the text as given
    add_token(parts, std::move(token), id, name);
  }
  std::vector<AddedToken> rest;
  for (auto const& token : n.special)
    if (std::none_of(n.added.begin(), n.added.end(), [&](auto const& a) { return a.first.content == token.content; }))
      rest.push_back(token);
  add_in_order(parts, std::move(rest), name);
  auto const id_of = [&](std::optional<std::string> const& content, char const* key) {
    auto const id = content ? parts.vocabulary.find_any(*content) : no_token;
    check(id != no_token, name + ": " + key, "a token of the vocabulary that it names", "none");
    return id;
  };
  if (n.bos_token)
    if (auto const bos = parts.vocabulary.find_any(*n.bos_token); bos != no_token) parts.bos = bos;
  if (n.add_bos) {
    check(!*n.add_bos || parts.bos, name + ": add_bos_token", "a bos_token of the vocabulary", "none");
    parts.before = *n.add_bos ? std::vector<Token>{*parts.bos} : std::vector<Token>{};
  }
  if (n.add_eos) parts.after = *n.add_eos ? std::vector<Token>{id_of(n.eos_token, "add_eos_token")} : std::vector<Token>{};
  parts.special_are_plain = n.split_special_tokens;
  return parts;
}

}  // namespace detail
}  // namespace chg::tokenizer
