// SPDX-License-Identifier: MIT
// Which file is read, which pre-tokenizer and which rule on BOS it gets; ranks and merges with faults.
#include <chg/tokenizer/load_tokenizer.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"
#include "tokenizer/gguf_vocabularies.hpp"

#include <thread>

using namespace chg::tokenizer;
using chg::test::gguf_file;
using chg::test::gguf_llama;
using chg::test::has_all;
using chg::test::message_of;
using Ids = std::vector<chg::Token>;

namespace {

std::string complaint(std::filesystem::path const& path, chg::LoadTokenizerOptions const& options = {}) {
  return message_of([&] { chg::load_tokenizer(path, options); });
}
std::string to_base64(std::string const& bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string code;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) code += i + k > bytes.size() ? '=' : alphabet[bits >> (18 - 6 * k) & 63];
  }
  return code;
}
std::string byte_ranks() {
  std::string lines;
  for (int b = 0; b < 256; ++b) lines += to_base64(std::string(1, static_cast<char>(b))) + " " + std::to_string(b) + "\n";
  return lines;
}
std::string ranks_complaint(std::string const& lines) {
  return message_of([&] { parse_ranks(lines, *find_pattern("gpt2"), "F"); });
}
std::string const kJson = R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})";
std::string const kVocab = R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})";

}  // namespace

TEST_CASE("load_tokenizer: the order of preference in a directory", "[tokenizer]") {
  chg::test::TemporaryDirectory const folder;
  CHECK(has_all(complaint(folder.path()), {"holds no tokenizer", "tokenizer.json", "none of these"}));
  folder.write("encoder.json", kVocab), folder.write("vocab.bpe", "#version: 0.2\na b\n");
  chg::LoadTokenizerOptions const options{.pretokenizer = "gpt2"};
  CHECK(chg::load_tokenizer(folder.path(), options).encode("ab") == Ids{2});
  folder.write("vocab.json", R"({"a": 7, "b": 8})"), folder.write("merges.txt", "");
  CHECK(chg::load_tokenizer(folder.path(), options).encode("ab") == Ids{7, 8});
  CHECK(chg::load_tokenizer(folder.path() / "vocab.bpe", options).encode("ab") == Ids{2});
  folder.write("tokenizer.model", byte_ranks());
  CHECK(chg::load_tokenizer(folder.path(), options).encode("ab") == Ids{97, 98});
  folder.write("tokenizer.json", kJson);
  CHECK(chg::load_tokenizer(folder.path()).encode("ab") == Ids{0, 1});
  folder.write("model.gguf", gguf_file(gguf_llama()));
  CHECK(chg::load_tokenizer(folder.path()).encode("a") == Ids{1, 4});
  CHECK(has_all(complaint(folder.path() / "absent.json"), {"absent.json cannot be read"}));
}

TEST_CASE("load_tokenizer: the pre-tokenizer by argument, class or family, or else an error", "[tokenizer]") {
  chg::test::TemporaryDirectory const folder;
  folder.write("vocab.json", R"({"a": 0, "1": 1, "2": 2, "12": 3})"), folder.write("merges.txt", "1 2\n");
  CHECK(has_all(complaint(folder.path()), {"names no pre-tokenizer", "gpt2, ", "--pretokenizer NAME"}));
  CHECK(has_all(complaint(folder.path(), {.pretokenizer = "x"}), {"--pretokenizer", "\"x\"", "llama3"}));
  CHECK(has_all(complaint(folder.path(), {.family = "llama"}), {"for the family \"llama\""}));
  CHECK(chg::load_tokenizer(folder.path(), {.family = "gpt2"}).encode("12") == Ids{3});
  CHECK(chg::load_tokenizer(folder.path(), {.pretokenizer = "smollm"}).encode("12") == Ids{1, 2});
  folder.write("config.json", R"({"model_type": "qwen2"})");
  CHECK(chg::load_tokenizer(folder.path()).encode("12") == Ids{1, 2});
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  CHECK(chg::load_tokenizer(folder.path()).encode("12") == Ids{3});
}

TEST_CASE("load_tokenizer: merges may begin with a byte order mark, and are UTF-8", "[tokenizer]") {
  chg::test::TemporaryDirectory const folder;
  folder.write("vocab.json", kVocab), folder.write("merges.txt", "\xEF\xBB\xBF#version: 0.2\na b\n");
  CHECK(chg::load_tokenizer(folder.path(), {.pretokenizer = "gpt2"}).encode("aba") == Ids{2, 0});
  folder.write("merges.txt", std::string("\xFF\xFE"
                                         "a\0 \0b\0",
                                         8));
  CHECK(has_all(message_of([&] { chg::load_tokenizer(folder.path(), {.pretokenizer = "gpt2"}); }),
                {"merges.txt: encoding", "UTF-16"}));
}

TEST_CASE("load_tokenizer: what the files beside a vocabulary say", "[tokenizer]") {
  chg::test::TemporaryDirectory const folder;
  folder.write("vocab.json", kVocab), folder.write("merges.txt", "#version: 0.2\na b\n");
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "bos_token": {"content": "<b>"},
                   "added_tokens_decoder": {"9": {"content": "<b>", "special": true}, "3": {"content": "<|endoftext|>", "special": true}}})");
  folder.write("added_tokens.json", R"({"c": 10})");  // does not count beside added_tokens_decoder
  auto const tokenizer = chg::load_tokenizer(folder.path());
  CHECK(tokenizer.bos() == 9);
  CHECK(tokenizer.adds_bos());
  CHECK(tokenizer.encode("aba<b>c") == Ids{9, 2, 0, 9});
  CHECK(tokenizer.encode("a", {.bos = chg::Bos::off}) == Ids{0});
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "bos_token": "<z>"})");
  auto const more = chg::load_tokenizer(folder.path());
  CHECK(more.bos() == 11);  // the next one after "c"
  CHECK(more.encode("ac<z>") == Ids{11, 0, 10, 11});
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": {"x": {"content": "<b>"}}})");
  CHECK(has_all(complaint(folder.path()), {"added_tokens_decoder", "token ids", "\"x\""}));
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": {"1": {"content": "<b>"}}})");
  CHECK(has_all(complaint(folder.path()), {"id 1", "\"b\" and \"<b>\""}));
}

TEST_CASE("load_tokenizer: a tokenizer.json goes before what tokenizer_config.json says, which may add tokens", "[tokenizer]") {
  chg::test::TemporaryDirectory const folder;
  folder.write("tokenizer.json", kJson);
  folder.write("tokenizer_config.json", R"({"add_bos_token": true, "bos_token": "b", "added_tokens_decoder":
               {"2": {"content": "<c>", "special": true}, "1": {"content": "b", "special": true}, "0": {"content": "other"}}})");
  auto const tokenizer = chg::load_tokenizer(folder.path());
  CHECK(tokenizer.bos() == 1);
  CHECK_FALSE(tokenizer.adds_bos());
  CHECK(tokenizer.encode("ab<c>other") == Ids{0, 1, 3, 2});  // the next free ids, in the order of those in the file
  CHECK(tokenizer.encode("a", {.bos = chg::Bos::on}) == Ids{1, 0});
  CHECK(tokenizer.decode(Ids{0, 1}, {.skip_special = true}) == "a");
}

TEST_CASE("ranks: lines that are no ranks are refused with their number", "[tokenizer]") {
  CHECK(has_all(ranks_complaint("IQ=="), {"F: line 1", "base64"}));
  CHECK(has_all(ranks_complaint("IQ== x"), {"line 1"}));
  CHECK(has_all(ranks_complaint("IQ== 0\n\nI*== 1"), {"line 3", "\"I*== 1\""}));
  CHECK(has_all(ranks_complaint("IQ== 0\nIQ== 1"), {"line 2", "not there yet"}));
  CHECK(has_all(ranks_complaint("IQ== 0\nIg== 0"), {"id 0"}));
  CHECK(has_all(ranks_complaint("IQ== 1152921504606846976"), {"line 1", "a rank from 0"}));
  CHECK(has_all(ranks_complaint("IQ== -1"), {"line 1"}));
  CHECK(has_all(ranks_complaint("IQ== 0"), {"a token for every byte", "the byte 0"}));
  CHECK(looks_like_ranks("IQ== 0\n"));
  CHECK_FALSE(looks_like_ranks("\n\x0e\n\x05<unk>"));
  chg::test::TemporaryDirectory const folder;
  CHECK(has_all(complaint(folder.write("tokenizer.model", "hello")), {"a SentencePiece model, or tiktoken ranks", "neither"}));
  CHECK(has_all(complaint(folder.write("tokenizer.model", "")), {"neither"}));
}

TEST_CASE("load_tokenizer: a vocabulary without tokens is refused", "[tokenizer]") {
  chg::test::TemporaryDirectory const directory;
  directory.write("vocab.json", "{}");
  directory.write("merges.txt", "");
  CHECK(has_all(complaint(directory.path(), {.pretokenizer = "gpt2"}), {"vocab.json", "one token or more", "none"}));
}

TEST_CASE("merges: a line of one or three pieces is refused", "[tokenizer]") {
  auto const vocab = chg::formats::parse_json(kVocab, "V");
  auto const complain = [&](std::string const& lines) {
    return message_of([&] { parse_vocab_merges(vocab, lines, *find_pattern("gpt2"), "V", "M"); });
  };
  CHECK(has_all(complain("a\n"), {"M: merge 0", "two pieces", "\"a\""}));
  CHECK(has_all(complain("a b\na b c\n"), {"M: merge 1"}));
  CHECK(has_all(complain("a c\n"), {"M: merge 0", "got \"c\""}));
  CHECK(has_all(message_of([&] { parse_vocab_merges(chg::formats::parse_json("[]", "V"), "", *find_pattern("gpt2"), "V", "M"); }),
                {"V", "an array"}));
  CHECK(chg::Tokenizer(parse_vocab_merges(vocab, "#version: 0.2\r\na b\r\n", *find_pattern("gpt2"), "V", "M"))
            .encode("ab<|endoftext|>") == Ids{2, 3});
}

TEST_CASE("tokenizer: one tokenizer encodes from several threads", "[tokenizer]") {
  auto const folder = chg::test::repository("tests/tokenizer/golden");
  for (auto const* name : {"llama3", "llama2", "sp_unigram"}) {
    auto const tokenizer = chg::load_tokenizer(folder / name);
    std::string text;
    for (int i = 0; i < 200; ++i) text += "The dog doesn't mind 1234, over there. ";
    auto const expected = tokenizer.encode(text);
    std::vector<Ids> found(4);
    std::vector<std::thread> threads;
    for (auto& ids : found) threads.emplace_back([&, copy = tokenizer] { ids = copy.encode(text); });
    for (auto& thread : threads) thread.join();
    for (auto const& ids : found) CHECK(ids == expected);
  }
}
