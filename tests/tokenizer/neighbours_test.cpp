// SPDX-License-Identifier: MIT
// What the files beside a tokenizer decide: ids are those that transformers 4.57.1 and 5.24.0 agree on, notices say the rest.
#include <chg/tokenizer/load_tokenizer.hpp>

#include "formats/gguf_files.hpp"
#include "formats/test_files.hpp"
#include "support/catch.hpp"

using chg::load_tokenizer;
using chg::test::has_all;
using chg::test::message_of;
using Ids = std::vector<chg::Token>;

namespace {

/// Keeps notices for as long as it lives.
class Notices {
 public:
  Notices() : before_(chg::set_notice_handler([this](std::string const& line) { all.push_back(line); })) {}
  ~Notices() { chg::set_notice_handler(before_); }
  std::vector<std::string> all;

 private:
  chg::NoticeHandler before_;
};

/// A byte-level tokenizer.json of single characters, in which <x> is an added token without attributes.
std::string json(bool prefix, std::string const& post = "null", bool in_sequence = false) {
  std::string const level =
      std::string(R"({"type": "ByteLevel", "add_prefix_space": )") + (prefix ? "true" : "false") + R"(, "use_regex": false})";
  return R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "\u0120": 2, "<": 3, "x": 4, ">": 5, "<s>": 6}, "merges": []},
    "pre_tokenizer": )" +
         (in_sequence ? R"({"type": "Sequence", "pretokenizers": [)" + level + "]}" : level) + R"(, "post_processor": )" + post +
         R"(, "added_tokens": [{"id": 7, "content": "<x>", "special": true}]})";
}
std::string const kTemplate =
    R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
    "special_tokens": {"<s>": {"ids": [6]}}})";

struct Folder : chg::test::TemporaryDirectory {
  explicit Folder(std::string const& tokenizer) { write("tokenizer.json", tokenizer); }
  Ids ids(std::string const& config, std::string const& text) {
    write("tokenizer_config.json", config);
    return load_tokenizer(path()).encode(text);
  }
};

}  // namespace

TEST_CASE("neighbours: attributes and tokens of tokenizer_config.json", "[tokenizer]") {
  Folder folder(json(false));
  CHECK(folder.ids("{}", "a<x> b") == Ids{0, 7, 2, 1});
  CHECK(folder.ids(R"({"added_tokens_decoder": {"7": {"content": "<x>", "rstrip": true}}})", "a<x> b") == Ids{0, 7, 1});
  CHECK(folder.ids(
            R"({"pad_token": "<", "bos_token": "<s>", "additional_special_tokens": ["ba", {"content": "bb", "lstrip": true}]})",
            "<s>a<ba bb") == Ids{6, 0, 3, 8, 9});
  CHECK(folder.ids(R"({"extra_special_tokens": {"image_token": "ba"}})", "aba") == Ids{0, 8});
  CHECK(folder.ids(R"({"split_special_tokens": true})", "a<x>") == Ids{0, 3, 4, 5});
  CHECK(folder.ids(R"({"pad_token": "<x>", "added_tokens_decoder": {}})", "<x>") == Ids{7});
  CHECK(has_all(message_of([&] { folder.ids(R"({"pad_token": 3})", "a"); }), {"tokenizer_config.json: pad_token", "got 3"}));
  CHECK(has_all(message_of([&] { folder.ids(R"({"added_tokens_decoder": {"7": {"content": "<x>", "rstrip": 1}}})", "a"); }),
                {"rstrip", "true or false"}));
}

TEST_CASE("neighbours: the older files count where there is no added_tokens_decoder", "[tokenizer]") {
  Folder folder(json(false));
  folder.write("special_tokens_map.json", R"({"pad_token": {"content": "ba", "rstrip": true}})");
  folder.write("added_tokens.json", R"({"bb": 8})");
  CHECK(folder.ids(R"({"pad_token": "b"})", "aba  bb") == Ids{0, 9, 8});
  CHECK(folder.ids(R"({"added_tokens_decoder": {}})", "ababb") == Ids{0, 1, 0, 1, 1});
}

TEST_CASE("neighbours: ids that a file names and no vocabulary gives are named in a notice", "[tokenizer]") {
  Notices notices;
  Folder folder(json(false));
  CHECK(folder.ids(R"({"added_tokens_decoder": {"30": {"content": "bb"}, "20": {"content": "ba"}}})", "babb") == Ids{8, 9});
  REQUIRE(notices.all.size() == 1);
  CHECK(has_all(notices.all[0], {"\"ba\" has the id 8, not 20", "\"bb\" has the id 9, not 30"}));
}

TEST_CASE("neighbours: add_prefix_space counts where versions of transformers agree, and is named where not", "[tokenizer]") {
  Notices notices;
  Folder plain(json(false)), prefixed(json(true)), sequence(json(false, "null", true));
  for (auto const* name : {"GPT2Tokenizer", "GPT2TokenizerFast", "GPTNeoXTokenizerFast", "Qwen2Tokenizer"}) {
    std::string const config = std::string(R"({"tokenizer_class": ")") + name + "\"";
    CHECK(plain.ids(config + R"(, "add_prefix_space": true})", "a<x>b") == Ids{2, 0, 7, 2, 1});
    CHECK(prefixed.ids(config + R"(, "add_prefix_space": false})", "a<x>b") == Ids{0, 7, 1});
  }
  CHECK(notices.all.empty());
  CHECK(prefixed.ids(R"({"tokenizer_class": "GPT2Tokenizer"})", "a") == Ids{0});
  REQUIRE(notices.all.size() == 1);
  CHECK(has_all(notices.all[0], {"add_prefix_space", "GPT2Tokenizer"}));
  CHECK(plain.ids(R"({"tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": true})", "a") == Ids{0});
  CHECK(sequence.ids(R"({"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true})", "a") == Ids{0});
  REQUIRE(notices.all.size() == 3);
  CHECK(has_all(notices.all[1], {"tokenizer.json", "not add_prefix_space true"}));
  CHECK(prefixed.ids(R"({"tokenizer_class": "PreTrainedTokenizerFast"})", "a") == Ids{2, 0});
  REQUIRE(notices.all.size() == 4);
  CHECK(has_all(notices.all[3], {"not add_prefix_space false", "no such key"}));
  plain.write("config.json", R"({"model_type": "gpt2"})");
  CHECK(plain.ids(R"({"add_prefix_space": true})", "a") == Ids{2, 0});
}

TEST_CASE("neighbours: the template of tokenizer.json is the rule, except for a GPTNeoXTokenizer", "[tokenizer]") {
  Notices notices;
  Folder folder(json(false, kTemplate));
  CHECK(folder.ids(R"({"add_bos_token": true, "bos_token": "<s>"})", "a") == Ids{6, 0});
  CHECK(notices.all.empty());
  CHECK(folder.ids(R"({"tokenizer_class": "LlamaTokenizer", "add_bos_token": false})", "a") == Ids{6, 0});
  CHECK(folder.ids(R"({"add_eos_token": true})", "a") == Ids{6, 0});
  CHECK(folder.ids(R"({"tokenizer_class": "GPTNeoXTokenizer"})", "a") == Ids{0});
  REQUIRE(notices.all.size() == 3);
  CHECK(has_all(notices.all[0], {"post_processor", "not add_bos_token false"}));
  CHECK(has_all(notices.all[1], {"not add_eos_token true"}));
  CHECK(has_all(notices.all[2], {"GPTNeoXTokenizer"}));
  Folder without(json(false));
  CHECK(without.ids(R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>"})", "a") == Ids{0});
  REQUIRE(notices.all.size() == 4);
  CHECK(has_all(notices.all[3], {"not add_bos_token true"}));
}

TEST_CASE("neighbours: a vocabulary without a tokenizer.json takes prefix, end and tokens from them", "[tokenizer]") {
  chg::test::TemporaryDirectory const folder;
  folder.write("vocab.json", R"({"a": 0, "b": 1, "\u0120": 2, "\u0120a": 3, "<|endoftext|>": 4})");
  folder.write("merges.txt", "\u0120 a\n");
  auto const ids = [&](std::string const& config, std::string const& text) {
    folder.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer")" + config + "}");
    return load_tokenizer(folder.path()).encode(text);
  };
  CHECK(ids(R"(, "add_prefix_space": true)", "a a<|endoftext|>a b") == Ids{3, 3, 4, 3, 2, 1});
  CHECK(ids(R"(, "add_eos_token": true, "eos_token": "<|endoftext|>", "pad_token": "ab")", "aab") == Ids{0, 5, 4});
  CHECK(has_all(message_of([&] { ids(R"(, "add_eos_token": true)", "a"); }), {"add_eos_token", "none"}));
  folder.write("config.json", R"({"model_type": "qwen2"})");
  folder.write("tokenizer_config.json", R"({"add_prefix_space": true})");
  CHECK(load_tokenizer(folder.path()).encode("a\nb") == Ids{3, 2, 2, 1});  // the line end has no piece
}

TEST_CASE("neighbours: a GGUF beside a model's config.json is not its tokenizer unless there is no other", "[tokenizer]") {
  Notices notices;
  Folder folder(json(false));
  folder.write("stranger.gguf", chg::test::GgufBuilder().string("general.name", "projector").file());
  CHECK(has_all(message_of([&] { load_tokenizer(folder.path()); }), {"stranger.gguf", "tokenizer.ggml.model"}));
  folder.write("config.json", R"({"model_type": "llama"})");
  CHECK(load_tokenizer(folder.path()).encode("ab") == Ids{0, 1});
  CHECK(notices.all.empty());
  std::filesystem::remove(folder.path() / "tokenizer.json");
  CHECK(has_all(message_of([&] { load_tokenizer(folder.path()); }), {"stranger.gguf"}));
  REQUIRE(notices.all.size() == 1);
  CHECK(has_all(notices.all[0], {"stranger.gguf", "no other file"}));
}

TEST_CASE("neighbours: a SentencePiece file named spiece.model is found in a directory", "[tokenizer]") {
  chg::test::TemporaryDirectory const folder;
  std::filesystem::copy_file(chg::test::repository("tests/tokenizer/golden/sp_unigram/tokenizer.model"),
                             folder.path() / "spiece.model");
  auto const by_path = load_tokenizer(folder.path() / "spiece.model");
  CHECK(load_tokenizer(folder.path()).encode("the dog") == by_path.encode("the dog"));
  folder.write("tokenizer_config.json", R"({"add_prefix_space": false})");
  CHECK(load_tokenizer(folder.path()).encode("the dog") != by_path.encode("the dog"));
}
