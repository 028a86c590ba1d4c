// SPDX-License-Identifier: MIT
// Vocabularies of GGUF files: their rules on BOS, spaces and pieces, and metadata with faults.
#include <chg/tokenizer/load_tokenizer.hpp>

#include "support/catch.hpp"
#include "tokenizer/gguf_vocabularies.hpp"

using namespace chg::tokenizer;
using chg::test::gguf_file;
using chg::test::gguf_gpt2;
using chg::test::gguf_llama;
using chg::test::gguf_numbers;
using chg::test::gguf_strings;
using chg::test::has_all;
using chg::test::message_of;
using Ids = std::vector<chg::Token>;

namespace {
std::string complaint(std::filesystem::path const& path) {
  return message_of([&] { chg::load_tokenizer(path); });
}
std::string gguf_complaint(GgufVocabulary const& v) {
  return message_of([&] { gguf_parts(v, "F"); });
}
}  // namespace

TEST_CASE("gguf: SentencePiece and byte-level vocabularies, and their rule on BOS", "[tokenizer]") {
  auto llama = gguf_llama();
  CHECK(chg::Tokenizer(gguf_parts(llama, "F")).encode("a a") == Ids{1, 4, 4});
  CHECK(chg::Tokenizer(gguf_parts(llama, "F")).encode("a  a") == Ids{1, 4, 2, 4});
  llama.add_bos_token = false, llama.add_space_prefix = false;
  CHECK(chg::Tokenizer(gguf_parts(llama, "F")).encode("a") == Ids{3});
  auto gpt2 = gguf_gpt2();
  CHECK(chg::Tokenizer(gguf_parts(gpt2, "F")).encode("ab[y]<|x|>") == Ids{3, 2, 4, 3});
  gpt2.pre = "gpt-2", gpt2.eos_token_id = 3, gpt2.add_eos_token = true;
  CHECK(chg::Tokenizer(gguf_parts(gpt2, "F")).encode("ab") == Ids{2, 3});
  gpt2.pre = "unheard of";
  CHECK(chg::Tokenizer(gguf_parts(gpt2, "F", "qwen2")).encode("ab") == Ids{2, 3});
  CHECK(has_all(gguf_complaint(gpt2), {"tokenizer.ggml.pre", "llama3", "\"unheard of\""}));
}

TEST_CASE("gguf: a file gives the vocabulary that its metadata hold; values of another type are named", "[tokenizer]") {
  chg::test::TemporaryDirectory const folder;
  auto const encoded = [&](GgufVocabulary const& v, char const* text) {
    folder.write("model.gguf", gguf_file(v));
    return chg::load_tokenizer(folder.path() / "model.gguf").encode(text);
  };
  CHECK(encoded(gguf_llama(), "a a") == Ids{1, 4, 4});
  CHECK(encoded(gguf_gpt2(), "ab[y]<|x|>") == Ids{3, 2, 4, 3});
  auto without = gguf_llama();
  without.add_bos_token = false;
  CHECK(encoded(without, "a") == Ids{4});
  folder.write("model.gguf", chg::test::GgufBuilder().string("tokenizer.ggml.model", "llama").file());
  CHECK(has_all(complaint(folder.path() / "model.gguf"), {"model.gguf", "tokenizer.ggml.tokens"}));
  folder.write("model.gguf", chg::test::GgufBuilder().integer("tokenizer.ggml.model", 3).file());
  CHECK(has_all(complaint(folder.path() / "model.gguf"), {"tokenizer.ggml.model", "a string"}));
}

TEST_CASE("gguf: arrays of other lengths, ids and types out of bounds are refused", "[tokenizer]") {
  auto const with = [](auto&& change, GgufVocabulary v = gguf_llama()) {
    change(v);
    return gguf_complaint(v);
  };
  CHECK(has_all(with([](auto& v) { v.model = "bert"; }), {"tokenizer.ggml.model", "\"bert\""}));
  CHECK(has_all(with([](auto& v) { v.tokens.clear(); }), {"tokenizer.ggml.tokens"}));
  CHECK(has_all(with([](auto& v) { v.token_type.pop_back(); }), {"token_type", "5, one a token", "got 4"}));
  CHECK(has_all(with([](auto& v) { v.scores.pop_back(); }), {"scores", "5, one a token"}));
  CHECK(has_all(with([](auto& v) { v.scores[2] = std::numeric_limits<float>::quiet_NaN(); }), {"score of token 2"}));
  CHECK(has_all(with([](auto& v) { v.token_type[1] = 7; }), {"type of token 1", "got 7"}));
  CHECK(has_all(with([](auto& v) { v.tokens[3] = "\xff"; }), {"token 3", "valid UTF-8"}));
  CHECK(has_all(with([](auto& v) { v.bos_token_id = 5; }), {"ids of special tokens", "got 5"}));
  CHECK(has_all(with([](auto& v) { v.bos_token_id.reset(), v.add_bos_token = true; }, gguf_gpt2()), {"bos_token_id", "none"}));
  CHECK(has_all(with([](auto& v) { v.eos_token_id.reset(), v.add_eos_token = true; }, gguf_gpt2()), {"eos_token_id"}));
  CHECK(has_all(with([](auto& v) { v.merges.clear(); }, gguf_gpt2()), {"F: tokenizer.ggml.merges", "\"ab\"", "none"}));
  CHECK(has_all(with([](auto& v) { v.merges = {"a c"}; }, gguf_gpt2()), {"merge 0", "\"c\""}));
}

TEST_CASE("gguf: user-defined pieces are looked for in the text as given, the longest first", "[tokenizer]") {
  auto v = gguf_llama();
  v.tokens.insert(v.tokens.end(), {"  ", "   ", "aa", "aaz"});
  v.scores.insert(v.scores.end(), {-3, -3, 0, 0});
  v.token_type.insert(v.token_type.end(), {4, 4, 4, 3});
  v.add_space_prefix = false;
  auto const tokenizer = chg::Tokenizer(gguf_parts(v, "F"));
  CHECK(tokenizer.encode("a  a") == Ids{1, 3, 5, 3});
  CHECK(tokenizer.encode("a     a") == Ids{1, 3, 6, 5, 3});
  CHECK(tokenizer.encode("aaaz") == Ids{1, 3, 8});  // aaz is longer than the aa before it
  CHECK(tokenizer.encode("aaaz", {.special = chg::SpecialTokens::plain_text}) == Ids{1, 7, 3, 0});
  CHECK(tokenizer.decode(Ids{3, 5, 3}) == "a  a");
  v.add_space_prefix = true;  // what follows such a piece gets the space of a text again
  CHECK(chg::Tokenizer(gguf_parts(v, "F")).encode("a  a") == Ids{1, 4, 5, 4});
}

TEST_CASE("gguf: Phi-3's tokens take the white space after them along", "[tokenizer]") {
  auto v = gguf_llama();
  v.tokens.push_back("<|user|>"), v.scores.push_back(0), v.token_type.push_back(3);
  auto const ids = [&] { return chg::Tokenizer(gguf_parts(v, "F")).encode("<|user|> \na<s> a"); };
  CHECK(ids() == Ids{1, 5, 2, 2, 0, 3, 1, 2, 4});
  v.name = "My PHI-3 mini";
  CHECK(ids() == Ids{1, 5, 4, 1, 2, 4});
  std::vector<std::string> said;
  auto const handler = chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  v.name = "mini", v.architecture = "phi3";
  CHECK(ids() == Ids{1, 5, 4, 1, 2, 4});
  chg::set_notice_handler(handler);
  REQUIRE(said.size() == 1);
  CHECK(has_all(said[0], {"white space", "general.name"}));
}

TEST_CASE("gguf: what a file leaves out, or has twice, where it does not matter", "[tokenizer]") {
  auto v = gguf_llama();
  v.bos_token_id.reset(), v.token_type.clear();
  CHECK(chg::Tokenizer(gguf_parts(v, "F")).encode("a") == Ids{1, 4});  // BOS is 1 by default
  v.tokens.push_back("a"), v.scores.push_back(-9);
  CHECK(chg::Tokenizer(gguf_parts(v, "F")).encode("aa") == Ids{1, 4, 3});  // of two tokens with one string the first
  CHECK(chg::Tokenizer(gguf_parts(v, "F")).decode(Ids{5}) == "a");
  auto bytes = gguf_gpt2();
  bytes.merges.clear(), bytes.tokens = {"a", "b", "c", "<|x|>", "[y]"}, bytes.add_space_prefix = true;
  CHECK(chg::Tokenizer(gguf_parts(bytes, "F")).encode("ab[y]") == Ids{3, 0, 1, 4});
  chg::test::TemporaryDirectory const folder;
  auto const scores = chg::test::GgufBuilder()
                          .string("tokenizer.ggml.model", "gpt2")
                          .string("tokenizer.ggml.pre", "gpt-2")
                          .value("tokenizer.ggml.tokens", 9, gguf_strings({"a", "b"}))
                          .value("tokenizer.ggml.scores", 9, gguf_numbers<std::int32_t>(5, {0, 0}))
                          .file();
  folder.write("model.gguf", scores);
  CHECK(chg::load_tokenizer(folder.path() / "model.gguf").encode("ab") == Ids{0, 1});
  auto whole = gguf_llama();
  folder.write("model.gguf", gguf_file(whole, true));
  CHECK(chg::load_tokenizer(folder.path() / "model.gguf").encode("aa") == Ids{1, 4, 3});
}

TEST_CASE("gguf: every pre-tokenizer that is named compiles, and the names that llama.cpp reads are there", "[tokenizer]") {
  for (auto const* name : {"default",         "tekken",       "dbrx",           "smaug-bpe",   "llama4",
                           "command-r",       "exaone",       "exaone4",        "falcon",      "falcon3",
                           "stablelm2",       "deepseek-llm", "deepseek-coder", "deepseek-v3", "viking",
                           "bloom",           "gpt3-finnish", "poro-chat",      "jais",        "chatglm-bpe",
                           "minerva-7b",      "megrez",       "superbpe",       "trillion",    "bailingmoe",
                           "seed-coder",      "hunyuan",      "grok-2",         "codeshell",   "pixtral",
                           "granite-docling", "minimax-m2",   "qwen35",         "kimi-k2"})
    CHECK(find_gguf_pre_tokenizer(name) != nullptr);
  for (auto const* name :
       {"gpt-2", "mpt", "olmo", "phi-2", "refact", "starcoder", "smollm", "qwen2", "deepseek-r1-qwen", "gpt-4o"})
    CHECK(find_pattern(name) != nullptr);
  for (auto const& entry : gguf_pre_tokenizers)
    if (entry.names != " kimi-k2 ") CHECK_FALSE(gguf_pre_tokenizer_steps(entry).empty());
  CHECK(find_gguf_pre_tokenizer("x") == nullptr);
  CHECK(find_gguf_pre_tokenizer("") == nullptr);
}

TEST_CASE("gguf: what a named pre-tokenizer cuts, and its flags", "[tokenizer]") {
  auto const words = [](std::string const& name, std::string const& text) {
    Words w{text, {{0, text.size()}}, 1};
    auto steps = gguf_pre_tokenizer_steps(*find_gguf_pre_tokenizer(name));
    steps.pop_back();
    pre_tokenize(steps, w);
    std::string all;
    for (auto const range : w.ranges) all.append(w.word(range)) += '|';
    return all;
  };
  CHECK(words("tekken", "XMLHttp 12's") == "XMLHttp| |1|2|'s|");
  CHECK(words("llama4", "XMLHttp 1234's") == "XMLHttp| |123|4|'s|");
  CHECK(words("default", "a<= 1234's") == "a|<=| |123|4|'|s|");
  CHECK(words("falcon", "a 12345`") == "a| |123|45|`|");
  CHECK(words("command-r", "a 12") == "a| |1|2|");
  CHECK(words("deepseek-llm", "ab 12\n, \u4e00\u4e8c") == "ab| |12|\n|,| |\u4e00\u4e8c|");
  CHECK(words("deepseek-coder", "a  12") == "a|  |1|2|");
  CHECK(words("deepseek-v3", "12345 .ab\u3042c") == "123|45| .|ab|\u3042|c|");
  CHECK(words("superbpe", "ab 12345") == "ab |12|345|");
  CHECK(words("bloom", "ab, cd") == "ab|,| cd|");
  CHECK(words("chameleon", "IMGIMGABZ  a1") == "IMGIMGABZ|  |a|1|");
  auto tekken = gguf_gpt2();
  tekken.pre = "tekken", tekken.merges.clear(), tekken.token_type[2] = 6;
  CHECK(chg::Tokenizer(gguf_parts(tekken, "F")).encode("ab") == Ids{3, 2});  // a word that is a piece, behind a BOS
  tekken.pre = "dbrx";
  CHECK(chg::Tokenizer(gguf_parts(tekken, "F")).encode("ab") == Ids{0, 1});
}
