// SPDX-License-Identifier: MIT
#include <chg/tokenizer/tokenizer_json.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using chg::test::has_all;
using chg::test::message_of;
using Ids = std::vector<chg::Token>;

namespace {
chg::Tokenizer parse(std::string const& json) {
  return chg::Tokenizer(chg::tokenizer::parse_tokenizer_json(chg::formats::parse_json(json, "F"), "F"));
}
std::string complaint(std::string const& json) {
  return message_of([&] { parse(json); });
}
/// A BPE of "a", "b" and "ab" with more keys, of the model and of the file.
std::string bpe(std::string const& model = "", std::string const& file = "") {
  return R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]])" + model + "}" + file + "}";
}
std::string step(std::string const& key, std::string const& value) { return bpe("", ", \"" + key + "\": " + value); }
}  // namespace

TEST_CASE("tokenizer_json: merges in both spellings, and without a type", "[tokenizer]") {
  CHECK(parse(bpe()).encode("aab") == Ids{0, 2});
  CHECK(parse(R"({"model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})").encode("ab") == Ids{2});
  CHECK(parse(bpe()).decode(Ids{0, 2}) == "a ab");  // without a decoder, as words
}

TEST_CASE("tokenizer_json: what is not supported is refused by name", "[tokenizer]") {
  CHECK(has_all(complaint(R"({"model": {"type": "WordPiece", "vocab": {}}})"),
                {"F: model: type", "BPE, Unigram or WordLevel", "\"WordPiece\""}));
  CHECK(has_all(complaint(bpe(R"(, "dropout": 0.5)")), {"dropout"}));
  CHECK(has_all(complaint(bpe(R"(, "continuing_subword_prefix": "##")")), {"continuing_subword_prefix", "\"##\""}));
  CHECK(has_all(complaint(bpe(R"(, "end_of_word_suffix": "</w>")")), {"end_of_word_suffix"}));
  CHECK(has_all(complaint(step("normalizer", R"({"type": "BertNormalizer"})")), {"F: normalizer: type", "\"BertNormalizer\""}));
  CHECK(
      has_all(complaint(step("normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Precompiled"}]})")),
              {"normalizers[1]: type", "\"Precompiled\""}));
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "BertPreTokenizer"})")),
                {"pre_tokenizer: type", "\"BertPreTokenizer\""}));
  CHECK(has_all(complaint(step("decoder", R"({"type": "WordPiece"})")), {"decoder: type", "\"WordPiece\""}));
  CHECK(has_all(complaint(step("post_processor", R"({"type": "BertProcessing"})")),
                {"post_processor: type", "\"BertProcessing\""}));
}

TEST_CASE("tokenizer_json: steps with bad settings are refused", "[tokenizer]") {
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"})")),
                {"pattern: Regex", "a regular expression"}));
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "Split", "pattern": {}, "behavior": "Isolated"})")),
                {"a String or a Regex"}));
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "X"})")),
                {"behavior", "\"X\""}));
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "Split", "pattern": {"String": "a"}})")), {"behavior", "\"?\""}));
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "Metaspace", "replacement": "__"})")), {"one character"}));
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "x"})")),
                {"prepend_scheme"}));
  CHECK(has_all(complaint(step("normalizer", R"({"type": "Replace", "pattern": {"String": "a"}})")), {"content", "no such key"}));
  CHECK(has_all(complaint(step("decoder", R"({"type": "Strip", "content": " ", "start": -1, "stop": 0})")), {"start", "got -1"}));
  std::string steps = R"({"type": "NFC"})";
  for (int i = 0; i < 100; ++i) steps += R"(, {"type": "NFC"})";
  CHECK(has_all(complaint(step("normalizer", R"({"type": "Sequence", "normalizers": [)" + steps + "]}")), {"at most 100 steps"}));
}

TEST_CASE("tokenizer_json: vocabularies and merges that do not fit together are refused", "[tokenizer]") {
  auto const model = [](std::string const& rest) { return complaint(R"({"model": {"type": "BPE", )" + rest + "}}"); };
  CHECK(has_all(model(R"("merges": [])"), {"vocab", "no such key"}));
  CHECK(has_all(model(R"("vocab": [], "merges": [])"), {"vocab", "an array"}));
  CHECK(has_all(model(R"("vocab": {"a": 0})"), {"merges", "no such key"}));
  CHECK(has_all(model(R"("vocab": {"a": 0, "b": 0}, "merges": [])"), {"id 0", "\"a\" and \"b\""}));
  CHECK(has_all(model(R"("vocab": {"a": 1152921504606846976}, "merges": [])"), {"vocab: a", "got 1152921504606846976"}));
  CHECK(has_all(model(R"("vocab": {"a": -1}, "merges": [])"), {"got -1"}));
  CHECK(has_all(model(R"("vocab": {"a": 0}, "merges": ["a c"])"), {"merges: merge 0", "\"c\""}));
  CHECK(has_all(model(R"("vocab": {"a": 0}, "merges": [["a", "a"]])"), {"\"aa\""}));
  CHECK(has_all(model(R"("vocab": {"a": 0}, "merges": ["a a a"])"), {"merges[0]", "two pieces"}));
  CHECK(has_all(model(R"("vocab": {"a": 0}, "merges": [["a"]])"), {"merges[0]"}));
  CHECK(has_all(model(R"("vocab": {"a": 0}, "merges": [7])"), {"merges[0]", "got 7"}));
  auto const unigram = [](std::string const& rest) { return complaint(R"({"model": {"type": "Unigram", )" + rest + "}}"); };
  CHECK(has_all(unigram(R"("vocab": [])"), {"vocab", "one piece or more"}));
  CHECK(has_all(unigram(R"("vocab": [["a"]])"), {"vocab[0]", "[piece, log-probability]"}));
  CHECK(has_all(unigram(R"("vocab": [["a", -1]], "unk_id": 1)"), {"unk_id", "from 0 to 0"}));
}

TEST_CASE("tokenizer_json: added tokens and templates must name tokens", "[tokenizer]") {
  CHECK(has_all(complaint(step("added_tokens", R"([{"id": 5, "content": "a"}])")),
                {"added_tokens: id of \"a\"", "0, as in the vocabulary", "got 5"}));
  CHECK(has_all(complaint(step("added_tokens", R"([{"id": 1, "content": "x"}])")), {"id 1", "\"b\" and \"x\""}));
  CHECK(has_all(complaint(step("added_tokens", R"([{"content": "x"}])")), {"added_tokens: id", "no such key"}));
  auto const added = [](std::string const& single, std::string const& special) {
    return bpe("", R"(, "post_processor": {"type": "TemplateProcessing", "single": )" + single + R"(, "special_tokens": )" +
                       special + "}");
  };
  std::string const text = R"({"Sequence": {"id": "A"}})", start = R"({"SpecialToken": {"id": "<s>"}})";
  CHECK(has_all(complaint(added("[" + start + "]", R"({"<s>": {"ids": [0]}})")), {"the sequence A once", "never"}));
  CHECK(has_all(complaint(added("[" + text + "," + text + "]", "{}")), {"the sequence A once"}));
  CHECK(has_all(complaint(added(R"([{"Sequence": {"id": "B"}}])", "{}")), {"\"B\""}));
  CHECK(has_all(complaint(added("[" + start + "," + text + "]", "{}")), {"special_tokens: <s>"}));
  CHECK(has_all(complaint(added("[" + start + "," + text + "]", R"({"<s>": {"ids": [9]}})")), {"ids of tokens", "got 9"}));
  auto const tokenizer = parse(added("[" + start + "," + text + "," + start + "]", R"({"<s>": {"ids": [1]}})"));
  CHECK(tokenizer.encode("a") == Ids{1, 0, 1});
  CHECK(tokenizer.encode("a", {.bos = chg::Bos::on}) == Ids{1, 0, 1});
  CHECK(tokenizer.encode("a", {.bos = chg::Bos::off}) == Ids{0});
  CHECK(tokenizer.bos() == 1);
}

TEST_CASE("tokenizer_json: an added token outside the alphabet is decoded as it is spelled", "[tokenizer]") {
  auto const tokenizer =
      parse(bpe("", R"(, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"},
    "added_tokens": [{"id": 3, "content": "<caf\u00e9>", "special": true}])"));
  auto const ids = tokenizer.encode("ab<caf\u00e9>");
  CHECK(ids == Ids{2, 3});
  CHECK(tokenizer.decode(ids) == "ab<caf\u00e9>");
  CHECK(tokenizer.decode(ids, {.skip_special = true}) == "ab");
  CHECK(tokenizer.kind() == chg::TokenizerKind::byte_level_bpe);
}

TEST_CASE("tokenizer_json: the tokenizer of the teaching model", "[tokenizer]") {
  auto const path = chg::test::repository("examples/models/teaching/tokenizer.json");
  chg::Tokenizer const tokenizer(chg::tokenizer::read_tokenizer_json(path));
  CHECK(tokenizer.kind() == chg::TokenizerKind::word_level);
  auto const ids = tokenizer.encode("<bos>Q: cat\nA:");
  CHECK(ids == Ids{0, 3, 16, 2, 4});
  CHECK(has_all(message_of([&] { tokenizer.encode("Q: zebra"); }), {"words of the vocabulary", "\"zebra\""}));
}
