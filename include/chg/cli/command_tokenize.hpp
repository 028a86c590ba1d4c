// SPDX-License-Identifier: MIT
// chg tokenize: texts to ids and back, by a tokenizer alone.
#pragma once

#include <chg/builtin/teaching.hpp>
#include <chg/cli/console.hpp>
#include <chg/cli/model_tokenizer.hpp>
#include <chg/formats/json.hpp>
#include <chg/tensor/read_whole.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace chg::cli {

struct TokenizeWords {
  std::string model, text;
  bool jsonl = false, decode = false;
};

/// Of a tokenizer's own files, a model's, or builtin:teaching; no weights are looked at.
inline Tokenizer tokenizer_of(std::string const& model, Settings const& s) {
  if (model.starts_with("builtin:") && model != "builtin:teaching") return model_tokenizer(ModelWord(model), s);
  auto const path = model == "builtin:teaching" ? builtin::teaching_directory() : std::filesystem::path(model);
  std::error_code unreadable;
  check(std::filesystem::exists(path, unreadable), "tokenizer " + model,
        "a .gguf file, tokenizer.json, tokenizer.model, vocab.json with merges.txt, a directory with one of these, or "
        "builtin:teaching",
        "nothing there");
  return load_tokenizer(path, {.pretokenizer = s.pretokenizer});
}

/// What `f` returns; an Error that it throws begins with `name`.
template <class F>
auto with_name(std::string const& name, F&& f) {
  try {
    return f();
  } catch (Error const& e) {
    auto complaint = e.complaint();
    complaint.what = name + ": " + complaint.what;
    throw Error(std::move(complaint));
  }
}

/// One line for one line of the input: {"text": ...} to {"ids": [...]}, or back. Lines end in \n or \r\n. Throws Error naming the
/// line; nothing is returned then.
inline std::string tokenize_lines(std::string_view input, Tokenizer const& tokenizer, Bos bos, bool decode) {
  constexpr Index kMostIds = std::numeric_limits<Token>::max();
  std::string output;
  for (Index number = 1; !input.empty(); ++number) {
    auto const end = std::min(input.find('\n'), input.size());
    auto const name = text("standard input, line ", number);
    auto const json = formats::parse_json(input.substr(0, end), name);
    input.remove_prefix(std::min(end + 1, input.size()));
    formats::JsonObject const line(json, name);
    nlohmann::json result;
    if (decode) {
      std::vector<Token> ids;
      for (auto const& id : line.array("ids")) {
        auto const whole = id.is_number_unsigned() && id.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMostIds);
        check(whole, line.at("ids"), "ids of tokens", formats::shown(id));
        ids.push_back(id.get<Token>());
      }
      result["text"] = with_name(name, [&] { return tokenizer.decode(ids); });
    } else {
      auto const words = line.string("text");
      result["ids"] = with_name(name, [&] { return tokenizer.encode(words, {.bos = bos}); });
    }
    // Half a character, which ids may well stand for, becomes U+FFFD.
    output += result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return output;
}

/// A table of ids and the pieces that they stand for, in quotes.
inline std::string token_table(std::vector<Token> const& ids, Tokenizer const& tokenizer) {
  std::string out = fmt::format("{:>8}  piece\n", "id");
  for (auto const id : ids) {
    nlohmann::json const piece = tokenizer.piece(id);
    out += fmt::format("{:>8}  {}\n", id, piece.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return out + fmt::format("{} tokens\n", ids.size());
}

inline void tokenize(TokenizeWords const& w, Settings const& s) {
  auto const tokenizer = tokenizer_of(w.model, s);
  if (!w.jsonl) return print_out(token_table(tokenizer.encode(w.text, {.bos = bos_of(s)}), tokenizer));
  std::string input;
  auto const failed = read_whole(0, input);
  check(failed == 0, "standard input", "texts that can be read", std::generic_category().message(failed));
  print_out(tokenize_lines(input, tokenizer, bos_of(s), w.decode));
}

inline void add_tokenize(CLI::App& program, Settings& s) {
  auto* const command = program.add_subcommand("tokenize", "Texts to the ids of a model's tokenizer, and back");
  auto const w = std::make_shared<TokenizeWords>();
  command
      ->add_option("MODEL", w->model,
                   "A model, or its tokenizer alone: .gguf, tokenizer.json, tokenizer.model, vocab.json beside merges.txt "
                   "(encoder.json beside vocab.bpe), or a directory with one of these")
      ->required()
      ->type_name("");
  auto* const text = command->add_option("--text", w->text, "Show the ids and pieces of this text")->type_name("T");
  auto* const jsonl =
      command->add_flag("--jsonl", w->jsonl, "{\"text\": ...} a line of stdin to {\"ids\": [...]} a line of stdout");
  command->add_flag("--decode", w->decode, "The way back: {\"ids\": [...]} to {\"text\": ...}")->needs(jsonl);
  text->excludes(jsonl);
  add_settings(*command, s);
  command->footer("Example:\n  chg tokenize builtin:teaching --text 'Q: cat'");
  command->callback([=, &s] {
    if (!w->jsonl && text->count() == 0) throw CLI::RequiredError("--text or --jsonl");
    tokenize(*w, s);
  });
}

}  // namespace chg::cli
