// SPDX-License-Identifier: MIT
// Any bytes as a tokenizer.json, with a text to encode after a zero byte.
#include <chg/tokenizer/tokenizer_json.hpp>

#include "fuzz/mutate_json.hpp"
#include "fuzz/tokenizer.hpp"

void chg::fuzz::read(std::string_view bytes) {
  FileAndText const input(bytes);
  auto const json = formats::parse_json(input.file, "FILE", {.bytes = 100'000});
  encode_and_decode(tokenizer::parse_tokenizer_json(json, "FILE"), input.text);
}

std::vector<std::string> chg::fuzz::seeds() {
  std::string const bpe = R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3}, "merges": [["a", "b"]], )";
  std::string const steps = R"("unk_token": "<unk>", "ignore_merges": true},
"added_tokens": [{"id": 4, "content": "<s>", "special": true, "lstrip": true, "rstrip": false, "single_word": false, "normalized": false}],
"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "_"},
  {"type": "Replace", "pattern": {"String": " "}, "content": "_"}]},
"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true},
  {"type": "Split", "pattern": {"Regex": "\\s+|\\p{L}+"}, "behavior": "Isolated", "invert": false},
  {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
  "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [4], "tokens": ["<s>"]}}},
"decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "_"}, "content": " "}, {"type": "ByteFallback"},
  {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}})";
  std::vector<std::string> all{
      bpe + R"("unk_token": "<unk>", "byte_fallback": true, "fuse_unk": true}})" + std::string("\0aab", 4), bpe + steps,
      R"({"model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab": [["<unk>", 0.0], ["a", -1.5], ["ab", -2.0]]},
"pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": true},
"decoder": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": true}})",
      R"({"model": {"type": "WordLevel", "unk_token": "x", "vocab": {"x": 0, "Hello": 1}}, "pre_tokenizer": {"type": "WhitespaceSplit"}})"};
  // One step each: small files, which are read soon.
  constexpr std::array<std::string_view, 11> single{
      R"("normalizer": {"type": "NFKC"})",
      R"("normalizer": {"type": "Lowercase"})",
      R"("normalizer": {"type": "Replace", "pattern": {"Regex": "l+"}, "content": "_"})",
      R"("normalizer": {"type": "Strip", "strip_left": true, "strip_right": false})",
      R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s"}, "behavior": "Removed", "invert": false})",
      R"("pre_tokenizer": {"type": "Digits", "individual_digits": false})",
      R"("pre_tokenizer": {"type": "Punctuation"})",
      R"("decoder": {"type": "ByteLevel"})",
      R"("decoder": {"type": "Strip", "content": "x", "start": 0, "stop": 1})",
      R"("added_tokens": [{"id": 2, "content": "<s>", "special": true, "normalized": false}])",
      R"("post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {}})"};
  for (auto const step : single)
    all.push_back(R"({"model": {"type": "WordLevel", "unk_token": "x", "vocab": {"x": 0, "w": 1}}, )" + std::string(step) + "}");
  all.push_back(R"({"model": {"type": "BPE", "vocab": {"l": 0, "o": 1, "lo": 2}, "merges": ["l o"]}})");
  all.push_back(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["x", 0], ["lo", -1]]}})");
  return all;
}

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  static constexpr std::array<std::string_view, 78> words{"model",
                                                          "type",
                                                          "BPE",
                                                          "Unigram",
                                                          "WordLevel",
                                                          "WordPiece",
                                                          "vocab",
                                                          "merges",
                                                          "unk_token",
                                                          "unk_id",
                                                          "byte_fallback",
                                                          "fuse_unk",
                                                          "ignore_merges",
                                                          "dropout",
                                                          "continuing_subword_prefix",
                                                          "end_of_word_suffix",
                                                          "added_tokens",
                                                          "id",
                                                          "content",
                                                          "special",
                                                          "lstrip",
                                                          "rstrip",
                                                          "single_word",
                                                          "normalized",
                                                          "normalizer",
                                                          "normalizers",
                                                          "NFC",
                                                          "NFD",
                                                          "NFKC",
                                                          "NFKD",
                                                          "Lowercase",
                                                          "Strip",
                                                          "Prepend",
                                                          "prepend",
                                                          "Replace",
                                                          "pattern",
                                                          "String",
                                                          "Regex",
                                                          "Sequence",
                                                          "pre_tokenizer",
                                                          "pretokenizers",
                                                          "Digits",
                                                          "individual_digits",
                                                          "Split",
                                                          "behavior",
                                                          "Isolated",
                                                          "Removed",
                                                          "MergedWithNext",
                                                          "MergedWithPrevious",
                                                          "Contiguous",
                                                          "invert",
                                                          "ByteLevel",
                                                          "add_prefix_space",
                                                          "trim_offsets",
                                                          "use_regex",
                                                          "Metaspace",
                                                          "replacement",
                                                          "prepend_scheme",
                                                          "first",
                                                          "always",
                                                          "never",
                                                          "split",
                                                          "Whitespace",
                                                          "WhitespaceSplit",
                                                          "Punctuation",
                                                          "post_processor",
                                                          "TemplateProcessing",
                                                          "single",
                                                          "pair",
                                                          "special_tokens",
                                                          "decoder",
                                                          "decoders",
                                                          "ByteFallback",
                                                          "Fuse",
                                                          "Precompiled",
                                                          "[0-9]{1,3}",
                                                          "\\s+(?!\\S)",
                                                          "<0x41>"};
  FileAndText const input(bytes);
  auto const change = json_mutator(input.file, words);
  if (!change) return {};
  return [input, change](Random& random) {
    auto const new_text = random.one_in(6);
    auto all = new_text ? std::optional(std::string(input.file)) : change(random);
    if (new_text)
      all->append(1, '\0').append(random.bytes_like(input.text));
    else if (input.text != kText)
      all->append(1, '\0').append(input.text);
    return all;
  };
}
