// SPDX-License-Identifier: MIT
// The pre-tokenizers that GGUF files name by tokenizer.ggml.pre, beside those of named_patterns.hpp.
//
// Names and flags are those that llama.cpp reads; the patterns are those of the tokenizer.json of the models, which llama.cpp
// rewrites where its own engine lacks something.
#pragma once

#include <chg/tokenizer/named_patterns.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace chg::tokenizer {

/// What tokenizer.ggml.pre stands for: splits one after the other, each by its matches.
struct GgufPreTokenizer {
  std::string_view names;  ///< each between spaces
  std::array<std::string_view, 6> patterns;
  bool whole_words_first = false;  ///< a word that is a piece is that piece, whatever the merges say
  bool add_bos = false;            ///< unless the file says otherwise
};

namespace detail {

inline constexpr std::string_view digit = R"(\p{N})", three_digits = "[0-9][0-9][0-9]";
inline constexpr std::string_view tekken_split =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view bloom_split = R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C})]+)";
inline constexpr std::string_view deepseek3_split =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+)"
    R"(|\s+(?!\S)|\s+)";
inline constexpr std::string_view cjk_and_hangul = R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
inline constexpr std::string_view cjk = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
/// The letters of the scripts that DeepSeek LLM keeps together: Latin, Greek, Cyrillic, Armenian and a few more.
inline constexpr std::string_view deepseek_letters =
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})"
    R"(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1})"
    R"(\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5})"
    R"(\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A})"
    R"(\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B})"
    R"(\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC})"
    R"(\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})"
    R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134})"
    R"(\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4})"
    R"(\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787})"
    R"(\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A})"
    R"(\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2})"
    R"(\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+)";

}  // namespace detail

inline constexpr std::array gguf_pre_tokenizers{
    GgufPreTokenizer{" default ", {R"([\p{P}$+<=>^~|]+)", gpt2_pattern, R"(\p{N}+)", detail::three_digits}},
    GgufPreTokenizer{" falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano ", {llama3_pattern}, true, true},
    GgufPreTokenizer{" dbrx smaug-bpe glm4 chatglm-bpe ", {llama3_pattern}},
    GgufPreTokenizer{" tekken ", {detail::tekken_split}, true, true},
    GgufPreTokenizer{" llama4 kanana2 talkie minimax-m2 ", {o200k_pattern}},
    GgufPreTokenizer{" granite-embed-multi-97m ", {o200k_pattern}, true},
    GgufPreTokenizer{" tiny_aya cohere2moe ", {R"(\d{1,3}(?=(?:\d{3})*\b))", o200k_pattern}},
    GgufPreTokenizer{" stablelm2 kormo f2llmv2 hunyuan solar-open megrez grok-2 ", {qwen2_pattern}},
    GgufPreTokenizer{
        " qwen35 ",
        {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+)"
         R"(|\s+(?!\S)|\s+)"}},
    GgufPreTokenizer{" ufakzeka ", {R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
    GgufPreTokenizer{" laguna ", {R"([^\n]+|\n+)", qwen2_pattern}},
    GgufPreTokenizer{
        " minicpm5 ",
        {R"(\p{N}{1,3})",
         R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
        true},
    GgufPreTokenizer{" command-r codeshell exaone minerva-7b mellum2 ", {detail::digit, gpt2_pattern}},
    GgufPreTokenizer{
        " jina-es jina-de jina-v2-es jina-v2-de jina-v1-en jina-v2-code roberta-bpe gigachat a.x-4.0 mellum modern-bert "
        "exaone4 jais trillion granite-docling ",
        {gpt2_pattern}},
    GgufPreTokenizer{" falcon ", {R"([\p{P}$+<=>^~|`]+)", gpt2_pattern, detail::three_digits}},
    GgufPreTokenizer{" bloom poro-chat gpt3-finnish ", {detail::bloom_split}},
    GgufPreTokenizer{" viking ", {detail::bloom_split, detail::digit}},
    GgufPreTokenizer{" deepseek-llm ",
                     {R"([\r\n])", detail::deepseek_letters,
                      R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)", R"(\s+$)",
                      detail::cjk_and_hangul, R"(\p{N}+)"}},
    GgufPreTokenizer{" deepseek-coder ", {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", detail::cjk_and_hangul, detail::digit}},
    GgufPreTokenizer{" deepseek-v3 hunyuan-dense joyai-llm hy_v4 ", {R"(\p{N}{1,3})", detail::cjk, detail::deepseek3_split}},
    GgufPreTokenizer{
        " spark2_5 ",
        {R"(\p{N}{1,3})", detail::cjk,
         R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n])"
         R"(|\s+(?!\S)|\s+)",
         detail::digit}},
    GgufPreTokenizer{
        " youtu ",
        {R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+)"
         R"(|[\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B}\x{FF0C}\x{3001}-\x{303F}\x{FE30})"
         R"(-\x{FE4F}]+|[\x{3105}-\x{312F}]+|[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
         R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
         R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N})"
         R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
        true},
    GgufPreTokenizer{
        " bailingmoe bailingmoe2 llada-moe ",
        {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"}},
    GgufPreTokenizer{
        " seed-coder ",
        {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
    GgufPreTokenizer{
        " exaone-moe ",
        {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?)"
         R"(|\s*[\r\n]|\s+(?!\S)|\s+)"}},
    GgufPreTokenizer{
        " jais-2 ",
        {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+)"
         R"(|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S))"
         R"(|\s{1,2}(?!\S)|\s{1})"}},
    GgufPreTokenizer{" superbpe ", {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"}},
    GgufPreTokenizer{" chameleon ",
                     {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", R"(([\t\n]|    |  ))", detail::digit,
                      R"([\p{P}!-/:-@\[-`{-~])", gpt2_pattern},
                     false,
                     true},
    GgufPreTokenizer{
        " kimi-k2 ",
        {R"([\p{Han}]+)"
         R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t)"
         R"(|'re|'ve|'m|'ll|'d)?)"
         R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t)"
         R"(|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}},
};

/// The entry of a name; null: there is none.
inline GgufPreTokenizer const* find_gguf_pre_tokenizer(std::string_view name) {
  if (name.empty()) return nullptr;
  auto const spaced = " " + std::string(name) + " ";
  for (auto const& entry : gguf_pre_tokenizers)
    if (entry.names.find(spaced) != std::string_view::npos) return &entry;
  return nullptr;
}

/// All names, for messages.
inline std::string gguf_pre_tokenizer_names() {
  std::string all = pattern_names();
  for (auto const& entry : gguf_pre_tokenizers)
    for (auto rest = entry.names.substr(1); !rest.empty(); rest.remove_prefix(rest.find(' ') + 1))
      all.append(", ").append(rest.substr(0, rest.find(' ')));
  return all;
}

/// The steps of an entry, up to the words in the printable characters of their bytes.
inline std::vector<PreTokenizerStep> gguf_pre_tokenizer_steps(GgufPreTokenizer const& entry) {
  std::vector<PreTokenizerStep> steps;
  auto const name = "the pre-tokenizer" + std::string(entry.names.substr(0, entry.names.find(' ', 1)));
  for (auto const pattern : entry.patterns)
    if (!pattern.empty()) steps.emplace_back(Split{Regex(pattern, name), SplitBehavior::isolated});
  steps.emplace_back(ByteLevel{false, {}});
  return steps;
}

}  // namespace chg::tokenizer
