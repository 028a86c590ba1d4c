// SPDX-License-Identifier: MIT
// Published tokenizers give the ids that were recorded elsewhere: by transformers.js, llama.cpp and the authors' own code. Their
// files are not in the repository: CHG_TEST_DATA names the folder that holds them.
#include <chg/tokenizer/load_tokenizer.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <sstream>

using chg::Bos;
using chg::Token;
using chg::Tokenizer;
using Ids = std::vector<Token>;

namespace {

#define WITH_TOKENIZERS(root)                                                                                             \
  auto const root = chg::test::test_data("tokenizers");                                                                   \
  if (root.empty()) {                                                                                                     \
    WARN("skipped: there is no folder tokenizers below the directory that the environment variable CHG_TEST_DATA names"); \
    return;                                                                                                               \
  }

/// Pairs of text and ids that llama.cpp tests a vocabulary with; the ids are without BOS.
std::vector<std::pair<std::string, Ids>> llama_cpp_cases(std::filesystem::path const& folder, std::string const& name) {
  auto const texts = chg::test::contents(folder / ("ggml-vocab-" + name + ".gguf.inp"));
  std::istringstream ids(chg::test::contents(folder / ("ggml-vocab-" + name + ".gguf.out")));
  std::string const separator = "\n__ggml_vocab_test__\n";
  std::vector<std::pair<std::string, Ids>> cases;
  for (std::size_t at = 0; at < texts.size();) {
    auto const end = texts.find(separator, at);
    if (end == std::string::npos) break;
    std::string line;
    std::getline(ids, line);
    std::istringstream numbers(line);
    Ids expected;
    for (Token id = 0; numbers >> id;) expected.push_back(id);
    cases.emplace_back(texts.substr(at, end - at), expected);
    at = end + separator.size();
  }
  return cases;
}

void check_llama_cpp(Tokenizer const& tokenizer, std::filesystem::path const& root, std::string const& name) {
  auto const cases = llama_cpp_cases(root / "llama_cpp_vocab", name);
  REQUIRE(cases.size() >= 45);
  for (auto const& [text, ids] : cases) {
    CAPTURE(name, text);
    CHECK(tokenizer.encode(text, {.bos = Bos::off}) == ids);
    CHECK(tokenizer.decode(ids).ends_with(text));
  }
}

void check_transformers_js(Tokenizer const& tokenizer, std::filesystem::path const& root, std::string const& file,
                           std::string const& name, Bos bos) {
  auto const all = chg::formats::read_json(root / "vectors" / "transformers_js" / (file + ".json"));
  auto const& cases = all.at(name);
  REQUIRE(cases.size() >= 25);
  for (auto const& item : cases.items()) {
    CAPTURE(name, item.key());
    auto const text = item.value().at("text").get<std::string>();
    auto const ids = item.value().at("ids").get<Ids>();
    CHECK(tokenizer.encode(text, {.bos = bos}) == ids);
    // That library also takes spaces before punctuation away, unless it is told not to.
    if (text.find(" !") == std::string::npos && text.find(" '") == std::string::npos)
      CHECK(tokenizer.decode(ids) == item.value().at("decoded").get<std::string>());
  }
}

}  // namespace

TEST_CASE("published tokenizers: GPT-2 from encoder.json and vocab.bpe", "[tokenizer]") {
  WITH_TOKENIZERS(root);
  auto const tokenizer = chg::load_tokenizer(root / "gpt2", {.family = "gpt2"});
  REQUIRE(tokenizer.vocab_size() == 50257);
  REQUIRE(tokenizer.kind() == chg::TokenizerKind::byte_level_bpe);
  REQUIRE(tokenizer.bos() == 50256);
  REQUIRE_FALSE(tokenizer.adds_bos());
  check_llama_cpp(tokenizer, root, "gpt-2");
  check_transformers_js(tokenizer, root, "gpt2", "Xenova/gpt2", Bos::automatic);
  for (auto const& item : chg::formats::read_json(root / "vectors" / "small" / "gpt3_encoder.json")) {
    auto const text = item.at("text").get<std::string>();
    CHECK(tokenizer.encode(text) == item.at("ids").get<Ids>());
    CHECK(tokenizer.decode(item.at("ids").get<Ids>()) == text);
  }
  CHECK(tokenizer.encode("a<|endoftext|>b") == Ids{64, 50256, 65});
}

TEST_CASE("published tokenizers: Llama 3 from tiktoken ranks, and from encoder.json and vocab.bpe", "[tokenizer]") {
  WITH_TOKENIZERS(root);
  for (auto const* file : {"tokenizer.model", "encoder.json"}) {
    CAPTURE(file);
    auto const tokenizer = chg::load_tokenizer(root / "llama3" / file, {.pretokenizer = "llama3"});
    REQUIRE(tokenizer.vocab_size() == 128256);
    REQUIRE(tokenizer.bos() == 128000);
    REQUIRE(tokenizer.adds_bos());
    check_llama_cpp(tokenizer, root, "llama-bpe");
    check_transformers_js(tokenizer, root, "llama", "Xenova/llama3-tokenizer", Bos::off);
    check_transformers_js(tokenizer, root, "llama", "Xenova/llama3-tokenizer-new", Bos::automatic);

    auto const chat = chg::formats::read_json(root / "vectors" / "small" / "llama3_chat.json");
    for (auto const& item : chat.at("special").items()) CHECK(tokenizer.find(item.key()) == item.value().get<Token>());
    auto const with_end = chat.at("encode").at("ids").get<Ids>();
    CHECK(tokenizer.encode(chat.at("encode").at("text").get<std::string>()) == Ids(with_end.begin(), with_end.end() - 1));
    std::string dialog = "<|begin_of_text|>";
    for (auto const& message : chat.at("encode_dialog_prompt").at("messages"))
      dialog += "<|start_header_id|>" + message.at("role").get<std::string>() + "<|end_header_id|>\n\n" +
                message.at("content").get<std::string>() + "<|eot_id|>";
    dialog += "<|start_header_id|>assistant<|end_header_id|>\n\n";
    CHECK(tokenizer.encode(dialog, {.bos = Bos::off}) == chat.at("encode_dialog_prompt").at("ids").get<Ids>());
  }
  CHECK(chg::load_tokenizer(root / "llama3" / "tokenizer.model", {.family = "llama"}).encode("a") == Ids{128000, 64});
}

TEST_CASE("published tokenizers: Llama 2 from a SentencePiece model", "[tokenizer]") {
  WITH_TOKENIZERS(root);
  auto const tokenizer = chg::load_tokenizer(root / "llama2" / "tokenizer.model");
  REQUIRE(tokenizer.vocab_size() == 32000);
  REQUIRE(tokenizer.kind() == chg::TokenizerKind::sentencepiece_bpe);
  REQUIRE(tokenizer.bos() == 1);
  REQUIRE(tokenizer.adds_bos());
  check_llama_cpp(tokenizer, root, "llama-spm");
  check_transformers_js(tokenizer, root, "llama", "Xenova/llama-tokenizer", Bos::automatic);
  for (auto const& item : chg::formats::read_json(root / "vectors" / "small" / "llama2_c.json"))
    CHECK(tokenizer.encode(item.at("text").get<std::string>()) == item.at("ids").get<Ids>());
  CHECK(tokenizer.encode("x<s>y", {.bos = Bos::off}) == Ids{921, 1, 343});
  CHECK(tokenizer.encode("<s>", {.bos = Bos::off, .special = chg::SpecialTokens::plain_text}) == Ids{529, 29879, 29958});
}

TEST_CASE("published tokenizers: SmolLM2 splits digits, and its tokenizer.json sets no BOS", "[tokenizer]") {
  WITH_TOKENIZERS(root);
  auto const tokenizer = chg::load_tokenizer(root / "smollm2");
  REQUIRE(tokenizer.vocab_size() == 49152);
  REQUIRE_FALSE(tokenizer.adds_bos());
  CHECK(tokenizer.encode("Hello <|im_start|>world 1234  na\u00efve \u65e5\u672c") ==
        Ids{19556, 216, 1, 6693, 216, 33, 34, 35, 36, 216, 15486, 46494, 17097, 241, 115, 40993});
}
