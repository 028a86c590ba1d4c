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
  CHECK(has_all(complaint(R"({"model": {"type": "Rwkv", "vocab": {}}})"),
                {"F: model: type", "BPE, Unigram, WordLevel or WordPiece", "\"Rwkv\""}));
  CHECK(has_all(complaint(R"({"model": {"type": "WordPiece", "vocab": {}, "unk_token": "u"}})"), {"continuing_subword_prefix"}));
  CHECK(has_all(complaint(bpe(R"(, "dropout": 0.5)")), {"dropout"}));
  CHECK(has_all(complaint(step("normalizer", R"({"type": "Upper"})")), {"F: normalizer: type", "\"Upper\""}));
  CHECK(has_all(complaint(step("normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "X"}]})")),
                {"normalizers[1]: type", "\"X\""}));
  CHECK(has_all(complaint(step("normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "*"})")),
                {"precompiled_charsmap", "base64"}));
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "Delimiter"})")), {"pre_tokenizer: type", "\"Delimiter\""}));
  CHECK(has_all(complaint(step("pre_tokenizer", R"({"type": "FixedLength", "length": 0})")), {"length", "got 0"}));
  CHECK(has_all(complaint(step("decoder", R"({"type": "X"})")), {"decoder: type", "\"X\""}));
  CHECK(has_all(complaint(step("post_processor", R"({"type": "X"})")), {"post_processor: type", "\"X\""}));
  CHECK(has_all(complaint(step("post_processor", R"({"type": "BertProcessing", "sep": ["b", 9], "cls": ["a", 0]})")),
                {"post_processor: sep", "a token and its id", "got 9"}));
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

TEST_CASE("tokenizer_json: added tokens have the vocabulary's id or the next free one, and the file's other ids are named once",
          "[tokenizer]") {
  std::vector<std::string> said;
  auto const handler = chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  auto const tokenizer = parse(step("added_tokens", R"([{"id": 9, "content": "x"}, {"id": 7, "content": "a", "special": true},
      {"id": 1, "content": "y", "rstrip": true, "normalized": false}, {"id": 5, "content": ""}, {"id": 4, "content": "x", "lstrip": true}])"));
  chg::set_notice_handler(handler);
  CHECK(tokenizer.encode("x a yb y  b") == Ids{3, 0, 4, 1, 4, 1});
  CHECK(tokenizer.encode("b x") == Ids{1, 3});  // the later attributes of x count
  REQUIRE(said.size() == 1);
  CHECK(has_all(said[0], {"\"x\" has the id 3, not 9", "\"a\" has the id 0, not 7", "\"y\" has the id 4, not 1"}));
}

TEST_CASE("tokenizer_json: what the model makes of a text is never an added token", "[tokenizer]") {
  auto const words = parse(R"({"model": {"type": "WordLevel", "vocab": {"a": 0, "u": 1}, "unk_token": "u"},
      "added_tokens": [{"id": 2, "content": "[x]", "special": true}]})");
  CHECK(words.encode("[x]") == Ids{2});
  CHECK(words.encode("[x]", {.special = chg::SpecialTokens::plain_text}) == Ids{1});
  CHECK(words.find("[x]") == 2);
}

TEST_CASE("tokenizer_json: cls and sep go around a text, and around what a step before has put there", "[tokenizer]") {
  std::string const bert = R"({"type": "BertProcessing", "sep": ["b", 1], "cls": ["a", 0]})";
  CHECK(parse(step("post_processor", bert)).encode("ab") == Ids{0, 2, 1});
  std::string const roberta =
      R"({"type": "RobertaProcessing", "sep": ["b", 1], "cls": ["a", 0], "trim_offsets": true, "add_prefix_space": true})";
  CHECK(parse(step("post_processor", roberta)).encode("ab", {.ends = false}) == Ids{0, 2});
  auto const both = [&](std::string const& first, std::string const& second) {
    return step("post_processor", R"({"type": "Sequence", "processors": [)" + first + "," + second + "]}");
  };
  CHECK(parse(both(bert, roberta)).encode("ab") == Ids{0, 0, 2, 1, 1});
  std::string const around =
      R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}}, {"Sequence": {"id": "A"}}],
      "special_tokens": {"a": {"ids": [0]}}})";
  CHECK(parse(both(bert, around)).encode("ab") == Ids{0, 0, 2, 1});
  CHECK(has_all(complaint(both(around, bert)), {"processors[1]: type", "ByteLevel after a template"}));
}

TEST_CASE("tokenizer_json: scores are read as the tokenizers library reads them", "[tokenizer]") {
  using chg::tokenizer::detail::as_serde_reads;
  CHECK(as_serde_reads(-2.5) == -2.5);
  CHECK(as_serde_reads(0.0) == 0.0);
  CHECK(as_serde_reads(-1e-7) == -1e-7);
  CHECK(as_serde_reads(1.7976931348623157e308) == 1.7976931348623157e308);
  // 17 digits are more than a double holds: they are rounded as a whole number before they are divided.
  CHECK(as_serde_reads(-10.507436259985301) == -10.5074362599853);
  CHECK(as_serde_reads(-10.452342465006595) == -10.452342465006597);
  CHECK(as_serde_reads(-3.9493945741755203) == -3.94939457417552);
}

TEST_CASE("tokenizer_json: ByteLevel decodes added tokens too, as the library does: a letter of its alphabet is a byte",
          "[tokenizer]") {
  auto const tokenizer =
      parse(bpe("", R"(, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"},
    "added_tokens": [{"id": 3, "content": "<caf\u00e9>", "special": true}])"));
  auto const ids = tokenizer.encode("ab<caf\u00e9>");
  CHECK(ids == Ids{2, 3});
  CHECK(tokenizer.decode(ids) == "ab<caf\xe9>");
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
