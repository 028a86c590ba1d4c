// SPDX-License-Identifier: MIT
// The sets of characters and the normal forms of the steps of a tokenizer.json, by the Unicode versions of the library that
// defines these steps (tokenizers 0.23.3), not by that of the ICU at hand.
//
// Its letters, digits and lower case are those of Unicode 16 (17 for digits and lower case), its normal forms, marks and scripts
// those of 9.0, its punctuation and control characters those of 8.0. ICU tells when a character was added; a few characters
// changed their category since and are listed. All tables were compared with the library over every character.
#pragma once

#include <chg/tokenizer/unicode.hpp>
#include <chg/tokenizer/unicode_16.hpp>

#include <unicode/normalizer2.h>
#include <unicode/ubrk.h>
#include <unicode/uniset.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace chg::tokenizer {

namespace detail {

struct CharacterRange {
  char32_t first, last;
};

template <std::size_t N>
constexpr bool in_ranges(std::array<CharacterRange, N> const& ranges, char32_t c) {
  auto const* const range =
      std::lower_bound(ranges.begin(), ranges.end(), c, [](auto const& r, char32_t x) { return r.last < x; });
  return range != ranges.end() && range->first <= c;
}

/// Whether Unicode had the character in version `major` already.
inline bool is_as_old_as(int major, char32_t c) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] != 0 && (age[0] < major || (age[0] == major && age[1] == 0));
}

inline bool has_category(char32_t c, std::uint32_t mask) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & mask) != 0; }

inline bool is_ascii_punctuation(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/// What Unicode 15.1 to 17 added to the digits, and to the capitals.
inline constexpr std::array<CharacterRange, 9> newer_digits{{{0x10D40, 0x10D49},
                                                             {0x116D0, 0x116E3},
                                                             {0x11BF0, 0x11BF9},
                                                             {0x11DE0, 0x11DE9},
                                                             {0x16130, 0x16139},
                                                             {0x16D70, 0x16D79},
                                                             {0x16FF4, 0x16FF6},
                                                             {0x1CCF0, 0x1CCF9},
                                                             {0x1E5F1, 0x1E5FA}}};
struct Capitals {
  char32_t first, last, lower;  ///< `lower` is that of `first`; the others follow
};
inline constexpr std::array<Capitals, 10> newer_capitals{{{0x1C89, 0x1C89, 0x1C8A},
                                                          {0xA7CB, 0xA7CB, 0x264},
                                                          {0xA7CC, 0xA7CC, 0xA7CD},
                                                          {0xA7CE, 0xA7CE, 0xA7CF},
                                                          {0xA7D2, 0xA7D2, 0xA7D3},
                                                          {0xA7D4, 0xA7D4, 0xA7D5},
                                                          {0xA7DA, 0xA7DA, 0xA7DB},
                                                          {0xA7DC, 0xA7DC, 0x19B},
                                                          {0x10D50, 0x10D65, 0x10D70},
                                                          {0x16EA0, 0x16EB8, 0x16EBB}}};

}  // namespace detail

/// `\w` of the pre-tokenizer Whitespace and of added tokens that are single words.
inline bool is_word_character(char32_t c) {
  auto const* const changed = unicode_16::find_changed(c);
  return changed ? (changed->bits & unicode_16::bits_of_word) != 0 : is_word(c);
}

/// What the pre-tokenizer Digits cuts out: numbers of every kind.
inline bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return detail::has_category(c, U_GC_N_MASK) || detail::in_ranges(detail::newer_digits, c);
}

/// What the pre-tokenizers Punctuation and BertPreTokenizer cut out: ASCII's symbols too.
inline bool is_punctuation(char32_t c) {
  if (c < 0x80) return detail::is_ascii_punctuation(c);
  return c == 0x166D || c == 0x111C9 || (detail::has_category(c, U_GC_P_MASK) && detail::is_as_old_as(8, c));
}

/// What the normalizer StripAccents takes away.
inline bool is_mark(char32_t c) {
  if (c < 0x300 || c == 0x111C9) return false;
  return c == 0x1CF2 || c == 0x1CF3 || (detail::has_category(c, U_GC_M_MASK) && detail::is_as_old_as(9, c));
}

/// What the normalizer BertNormalizer takes away for an accent.
inline bool is_nonspacing_mark(char32_t c) {
  if (c < 0x300 || c == 0x1885 || c == 0x1886 || c == 0xA9BD || c == 0x111C9) return false;
  return c == 0x1734 || (detail::has_category(c, U_GC_MN_MASK) && detail::is_as_old_as(8, c));
}

/// What the normalizer BertNormalizer takes away when it cleans a text. Tab and line ends are white space to it.
inline bool is_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return detail::has_category(c, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK) && detail::is_as_old_as(8, c);
}

/// An ideograph, around which BertNormalizer puts spaces.
inline bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/// The script that the pre-tokenizer UnicodeScripts goes by, Japanese syllables counting as Han; -1 for what goes with any script.
inline int script_of(char32_t c) {
  if (c == ' ') return -1;
  if (c == 0x30FC) return USCRIPT_HAN;
  if (c == 0x589) return USCRIPT_COMMON;
  if (c == 0x61C) return USCRIPT_ARABIC;
  auto status = U_ZERO_ERROR;
  auto const script = uscript_getScript(static_cast<UChar32>(c), &status);
  if (U_FAILURE(status) || script == USCRIPT_UNKNOWN || !detail::is_as_old_as(9, c)) return -1;
  return script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ? USCRIPT_HAN : script;
}

/// `text` in lower case, each character by itself.
inline std::string library_lowercase(std::string_view text) {
  auto lower = lowercase(text);
  // Capitals that ICU does not know begin with these bytes.
  if (lower.find_first_of("\xE1\xEA\xF0") == std::string::npos) return lower;
  std::string out;
  for (std::size_t at = 0; at < lower.size(); at += character_length(lower[at])) {
    auto c = first_character(std::string_view(lower).substr(at));
    for (auto const& range : detail::newer_capitals)
      if (c >= range.first && c <= range.last) {
        c = range.lower + (c - range.first);
        break;
      }
    append_character(out, c);
  }
  return out;
}

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// `text`, valid UTF-8, in a normal form of Unicode 9.0: characters that are newer stand apart from their neighbours.
inline std::string normal_form(std::string_view text, NormalForm form) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return std::string(text);
  struct Filtered {
    icu::UnicodeSet known;
    icu::FilteredNormalizer2 nfc, nfd, nfkc, nfkd;

    static icu::UnicodeSet of_version_9(UErrorCode& status) {
      icu::UnicodeSet set(icu::UnicodeString("[:age=9.0:]"), status);
      set.freeze();
      return set;
    }
    explicit Filtered(UErrorCode& status)
        : known(of_version_9(status)),
          nfc(*icu::Normalizer2::getNFCInstance(status), known),
          nfd(*icu::Normalizer2::getNFDInstance(status), known),
          nfkc(*icu::Normalizer2::getNFKCInstance(status), known),
          nfkd(*icu::Normalizer2::getNFKDInstance(status), known) {}
  };
  static auto start = U_ZERO_ERROR;
  static Filtered const filtered(start);
  auto status = start;
  std::string out;
  if (U_SUCCESS(status)) {
    icu::Normalizer2 const& normalizer = form == NormalForm::nfc    ? filtered.nfc
                                         : form == NormalForm::nfd  ? filtered.nfd
                                         : form == NormalForm::nfkc ? filtered.nfkc
                                                                    : filtered.nfkd;
    icu::StringByteSink<std::string> sink(&out, static_cast<std::int32_t>(text.size()));
    normalizer.normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr, status);
  }
  check(U_SUCCESS(status), "normalising a text with ICU", "success", u_errorName(status));
  return out;
}

/// Calls found(begin, end) for each of what readers take for one character (UAX 29), from left to right.
template <class Found>
void each_grapheme(std::string_view text, Found&& found) {
  if (text.empty()) return;
  auto status = U_ZERO_ERROR;
  struct Close {
    void operator()(UText* u) const { utext_close(u); }
    void operator()(UBreakIterator* b) const { ubrk_close(b); }
  };
  std::unique_ptr<UText, Close> const source(
      utext_openUTF8(nullptr, text.data(), static_cast<std::int64_t>(text.size()), &status));
  std::unique_ptr<UBreakIterator, Close> const breaks(ubrk_open(UBRK_CHARACTER, "", nullptr, 0, &status));
  if (U_SUCCESS(status)) ubrk_setUText(breaks.get(), source.get(), &status);
  check(U_SUCCESS(status), "cutting a text into characters with ICU", "success", u_errorName(status));
  auto begin = ubrk_first(breaks.get());
  for (auto end = ubrk_next(breaks.get()); end != UBRK_DONE; begin = end, end = ubrk_next(breaks.get()))
    found(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
}

}  // namespace chg::tokenizer
