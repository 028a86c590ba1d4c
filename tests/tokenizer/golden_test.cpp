// SPDX-License-Identifier: MIT
// Tiny tokenizers of every kind give the ids and the texts of the libraries that define them: Hugging Face tokenizers,
// SentencePiece and tiktoken, as golden.py recorded them.
#include <chg/tokenizer/load_tokenizer.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using chg::Bos;
using chg::SpecialTokens;
using Ids = std::vector<chg::Token>;

TEST_CASE("golden: ids and texts of every kind of tokenizer are those of the reference libraries", "[tokenizer]") {
  auto const folder = chg::test::repository("tests/tokenizer/golden");
  auto const texts = chg::formats::read_json(folder / "texts.json").get<std::vector<std::string>>();
  REQUIRE(texts.size() > 60);
  std::size_t tokenizers = 0;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    ++tokenizers;
    auto const name = entry.path().filename().string();
    auto const tokenizer = chg::load_tokenizer(entry.path(), {.pretokenizer = name == "ranks"    ? "cl100k"
                                                                              : name == "merges" ? "gpt2"
                                                                                                 : ""});
    auto const golden = chg::formats::read_json(folder / (name + ".json"));
    // The SentencePiece library finds no control pieces in a text, adds none, and leaves them out of what it decodes.
    auto const sentencepiece = name.starts_with("sp_");
    auto const special = sentencepiece ? SpecialTokens::plain_text : SpecialTokens::recognised;
    auto const rule = sentencepiece ? Bos::off : Bos::automatic;
    auto const unknown = sentencepiece ? tokenizer.find("<unk>") : std::nullopt;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(name, i, texts[i]);
      auto const ids = golden.at("ids").at(i).get<Ids>();
      CHECK(tokenizer.encode(texts[i], {.bos = rule, .special = special}) == ids);
      CHECK(tokenizer.encode(texts[i], {.bos = Bos::off, .special = special}) == golden.at("plain").at(i).get<Ids>());
      // That library writes an unknown piece as U+2047 between spaces.
      if (!unknown || std::find(ids.begin(), ids.end(), *unknown) == ids.end())
        CHECK(chg::tokenizer::valid_utf8(tokenizer.decode(ids, {.skip_special = sentencepiece})) ==
              golden.at("decoded").at(i).get<std::string>());
    }
  }
  REQUIRE(tokenizers >= 40);
}

TEST_CASE("golden: tokenizers of every kind that the tokenizers library can save, both ways", "[tokenizer]") {
  auto const golden = chg::formats::read_json(chg::test::repository("tests/tokenizer/golden_kinds.json"));
  auto const texts = golden.at("texts").get<std::vector<std::string>>();
  REQUIRE(golden.at("kinds").size() >= 50);
  std::size_t compared = 0;
  for (std::size_t k = 0; k < golden.at("kinds").size(); ++k) {
    auto const& kind = golden.at("kinds")[k];
    chg::Tokenizer const tokenizer(chg::tokenizer::parse_tokenizer_json(kind.at("tokenizer"), "kind " + std::to_string(k)));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (kind.at("ids")[i].is_null()) continue;  // the library fails
      CAPTURE(k, texts[i]);
      auto const ids = kind.at("ids")[i].get<Ids>();
      CHECK(tokenizer.encode(texts[i]) == ids);
      ++compared;
      for (auto const without_special : {false, true}) {
        auto const& decoded = kind.at(without_special ? "without_special" : "decoded")[i];
        if (decoded.is_null()) continue;
        CHECK(chg::tokenizer::valid_utf8(tokenizer.decode(ids, {.skip_special = without_special})) == decoded.get<std::string>());
      }
    }
  }
  REQUIRE(compared > 1000);
}

TEST_CASE("golden: byte-level tokenizers give every text back", "[tokenizer]") {
  auto const folder = chg::test::repository("tests/tokenizer/golden");
  std::uint64_t state = 1;
  auto const draw = [&](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  for (auto const* name : {"gpt2", "llama3", "smollm", "o200k", "falcon", "ruby_syntax", "ranks", "merges"}) {
    auto const tokenizer = chg::load_tokenizer(folder / name, {.pretokenizer = name == std::string("ranks")    ? "cl100k"
                                                                               : name == std::string("merges") ? "gpt2"
                                                                                                               : ""});
    for (int i = 0; i < 300; ++i) {
      std::string text;
      for (auto left = draw(40); left > 0; --left) {
        auto const kind = draw(4);
        auto const c = kind == 0   ? draw(0x80)
                       : kind == 1 ? draw(0x800)
                       : kind == 2 ? draw(0xD800)
                                   : 0xE000 + draw(0x110000 - 0xE000);
        chg::tokenizer::append_character(text, static_cast<char32_t>(c));
      }
      CAPTURE(name, text);
      auto const ids = tokenizer.encode(text, {.bos = Bos::off});
      REQUIRE(tokenizer.decode(ids) == text);
    }
  }
}
