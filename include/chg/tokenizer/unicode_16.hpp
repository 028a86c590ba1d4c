// SPDX-License-Identifier: MIT
// What Unicode 15.0, 15.1 and 16.0 changed in the sets of characters that patterns name, for a library with tables of 14.0 or 15:
// new characters, and a few older ones whose category or derived property became another.
//
// Source: the Unicode Character Database 16.0 (UnicodeData.txt, DerivedCoreProperties.txt, Scripts.txt).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace chg::tokenizer::unicode_16 {

/// The general categories of the characters below, and three derived properties.
namespace bit {
inline constexpr std::uint32_t lu = 1, ll = 1 << 1, lm = 1 << 2, lo = 1 << 3, mn = 1 << 4, mc = 1 << 5, nd = 1 << 6, no = 1 << 7,
                               pd = 1 << 8, po = 1 << 9, sm = 1 << 10, so = 1 << 11, cf = 1 << 12, alphabetic = 1 << 13,
                               lowercase = 1 << 14, uppercase = 1 << 15, all = (1 << 16) - 1;
}  // namespace bit

namespace classes {
inline constexpr auto lu = bit::lu | bit::alphabetic | bit::uppercase;
inline constexpr auto ll = bit::ll | bit::alphabetic | bit::lowercase;
inline constexpr auto lm = bit::lm | bit::alphabetic;
inline constexpr auto lm_lower = lm | bit::lowercase;
inline constexpr auto lo = bit::lo | bit::alphabetic;
inline constexpr auto mn = bit::mn, mc = bit::mc;
inline constexpr auto mn_alphabetic = mn | bit::alphabetic, mc_alphabetic = mc | bit::alphabetic;
inline constexpr auto nd = bit::nd, no = bit::no, pd = bit::pd, po = bit::po, sm = bit::sm, so = bit::so, cf = bit::cf;
}  // namespace classes

struct Characters {
  char32_t first, last;
  std::uint32_t bits;
};

inline constexpr auto changed = [] {
  using namespace classes;
  return std::to_array<Characters>({
    {0x363, 0x36F, mn_alphabetic}, {0x897, 0x897, mn_alphabetic}, {0xC04, 0xC04, mn_alphabetic},
    {0xCF3, 0xCF3, mc_alphabetic}, {0xECE, 0xECE, mn}, {0xF82, 0xF83, mn_alphabetic},
    {0x10FC, 0x10FC, lm_lower}, {0x1B4E, 0x1B4F, po}, {0x1B7F, 0x1B7F, po}, {0x1C89, 0x1C89, lu},
    {0x1C8A, 0x1C8A, ll}, {0x1DD3, 0x1DE6, mn_alphabetic}, {0x2427, 0x2429, so},
    {0x2FFC, 0x2FFF, so}, {0x31E4, 0x31E5, so}, {0x31EF, 0x31EF, so}, {0xA7CB, 0xA7CC, lu},
    {0xA7CD, 0xA7CD, ll}, {0xA7DA, 0xA7DA, lu}, {0xA7DB, 0xA7DB, ll}, {0xA7DC, 0xA7DC, lu},
    {0xA7F2, 0xA7F4, lm_lower}, {0xAB69, 0xAB69, lm_lower}, {0x105C0, 0x105F3, lo},
    {0x10D40, 0x10D49, nd}, {0x10D4A, 0x10D4D, lo}, {0x10D4E, 0x10D4E, lm},
    {0x10D4F, 0x10D4F, lo}, {0x10D50, 0x10D65, lu}, {0x10D69, 0x10D69, mn_alphabetic},
    {0x10D6A, 0x10D6D, mn}, {0x10D6E, 0x10D6E, pd}, {0x10D6F, 0x10D6F, lm},
    {0x10D70, 0x10D85, ll}, {0x10D8E, 0x10D8F, sm}, {0x10EC2, 0x10EC4, lo},
    {0x10EFC, 0x10EFC, mn_alphabetic}, {0x10EFD, 0x10EFF, mn}, {0x11080, 0x11081, mn_alphabetic},
    {0x1123F, 0x11240, lo}, {0x11241, 0x11241, mn_alphabetic}, {0x11380, 0x11389, lo},
    {0x1138B, 0x1138B, lo}, {0x1138E, 0x1138E, lo}, {0x11390, 0x113B5, lo},
    {0x113B7, 0x113B7, lo}, {0x113B8, 0x113BA, mc_alphabetic}, {0x113BB, 0x113C0, mn_alphabetic},
    {0x113C2, 0x113C2, mc_alphabetic}, {0x113C5, 0x113C5, mc_alphabetic},
    {0x113C7, 0x113CA, mc_alphabetic}, {0x113CC, 0x113CD, mc_alphabetic}, {0x113CE, 0x113CE, mn},
    {0x113CF, 0x113CF, mc}, {0x113D0, 0x113D0, mn}, {0x113D1, 0x113D1, lo},
    {0x113D2, 0x113D2, mn}, {0x113D3, 0x113D3, lo}, {0x113D4, 0x113D5, po},
    {0x113D7, 0x113D8, po}, {0x113E1, 0x113E2, mn}, {0x116D0, 0x116E3, nd},
    {0x1171E, 0x1171E, mc_alphabetic}, {0x11B00, 0x11B09, po}, {0x11BC0, 0x11BE0, lo},
    {0x11BE1, 0x11BE1, po}, {0x11BF0, 0x11BF9, nd}, {0x11F00, 0x11F01, mn_alphabetic},
    {0x11F02, 0x11F02, lo}, {0x11F03, 0x11F03, mc_alphabetic}, {0x11F04, 0x11F10, lo},
    {0x11F12, 0x11F33, lo}, {0x11F34, 0x11F35, mc_alphabetic}, {0x11F36, 0x11F3A, mn_alphabetic},
    {0x11F3E, 0x11F3F, mc_alphabetic}, {0x11F40, 0x11F40, mn_alphabetic}, {0x11F41, 0x11F41, mc},
    {0x11F42, 0x11F42, mn}, {0x11F43, 0x11F4F, po}, {0x11F50, 0x11F59, nd},
    {0x11F5A, 0x11F5A, mn}, {0x1342F, 0x1342F, lo}, {0x13439, 0x1343F, cf},
    {0x13440, 0x13440, mn}, {0x13441, 0x13446, lo}, {0x13447, 0x13455, mn},
    {0x13460, 0x143FA, lo}, {0x16100, 0x1611D, lo}, {0x1611E, 0x16129, mn_alphabetic},
    {0x1612A, 0x1612C, mc_alphabetic}, {0x1612D, 0x1612E, mn_alphabetic}, {0x1612F, 0x1612F, mn},
    {0x16130, 0x16139, nd}, {0x16D40, 0x16D42, lm}, {0x16D43, 0x16D6A, lo},
    {0x16D6B, 0x16D6C, lm}, {0x16D6D, 0x16D6F, po}, {0x16D70, 0x16D79, nd},
    {0x18CFF, 0x18CFF, lo}, {0x1B132, 0x1B132, lo}, {0x1B155, 0x1B155, lo},
    {0x1CC00, 0x1CCEF, so}, {0x1CCF0, 0x1CCF9, nd}, {0x1CD00, 0x1CEB3, so},
    {0x1D2C0, 0x1D2D3, no}, {0x1DF25, 0x1DF2A, ll}, {0x1E030, 0x1E06D, lm_lower},
    {0x1E08F, 0x1E08F, mn_alphabetic}, {0x1E4D0, 0x1E4EA, lo}, {0x1E4EB, 0x1E4EB, lm},
    {0x1E4EC, 0x1E4EF, mn}, {0x1E4F0, 0x1E4F9, nd}, {0x1E5D0, 0x1E5ED, lo},
    {0x1E5EE, 0x1E5EF, mn}, {0x1E5F0, 0x1E5F0, lo}, {0x1E5F1, 0x1E5FA, nd},
    {0x1E5FF, 0x1E5FF, po}, {0x1F6DC, 0x1F6DC, so}, {0x1F774, 0x1F776, so},
    {0x1F77B, 0x1F77F, so}, {0x1F7D9, 0x1F7D9, so}, {0x1F8B2, 0x1F8BB, so},
    {0x1F8C0, 0x1F8C1, so}, {0x1FA75, 0x1FA77, so}, {0x1FA87, 0x1FA89, so},
    {0x1FA8F, 0x1FA8F, so}, {0x1FAAD, 0x1FAAF, so}, {0x1FABB, 0x1FABF, so},
    {0x1FAC6, 0x1FAC6, so}, {0x1FACE, 0x1FACF, so}, {0x1FADA, 0x1FADC, so},
    {0x1FADF, 0x1FADF, so}, {0x1FAE8, 0x1FAE9, so}, {0x1FAF7, 0x1FAF8, so},
    {0x1FBCB, 0x1FBEF, so}, {0x2B739, 0x2B739, lo}, {0x2EBF0, 0x2EE5D, lo},
    {0x31350, 0x323AF, lo},
  });
}();

/// Null: the character was not changed.
inline Characters const* find_changed(char32_t character) {
  auto const* const row = std::lower_bound(changed.begin(), changed.end(), character,
                                           [](Characters const& r, char32_t c) { return r.last < c; });
  return row != changed.end() && row->first <= character ? row : nullptr;
}

/// Sets by their names in patterns. A character of the table above is in a set exactly if it has one of its bits.
struct Set {
  std::string_view name;
  std::uint32_t bits;
};
inline constexpr auto bits_of_word = bit::alphabetic | bit::mn | bit::mc | bit::nd;
inline constexpr auto sets = std::to_array<Set>({
    {"lu", bit::lu},
    {"ll", bit::ll},
    {"lm", bit::lm},
    {"lo", bit::lo},
    {"lc", bit::lu | bit::ll},
    {"l", bit::lu | bit::ll | bit::lm | bit::lo},
    {"mn", bit::mn},
    {"mc", bit::mc},
    {"m", bit::mn | bit::mc},
    {"nd", bit::nd},
    {"digit", bit::nd},
    {"no", bit::no},
    {"n", bit::nd | bit::no},
    {"pd", bit::pd},
    {"po", bit::po},
    {"p", bit::pd | bit::po},
    {"sm", bit::sm},
    {"so", bit::so},
    {"s", bit::sm | bit::so},
    {"cf", bit::cf},
    {"c", bit::cf},
    {"cn", 0},
    {"assigned", bit::all},
    {"graph", bit::all},
    {"print", bit::all},
    {"alpha", bit::alphabetic},
    {"alphabetic", bit::alphabetic},
    {"lower", bit::lowercase},
    {"lowercase", bit::lowercase},
    {"upper", bit::uppercase},
    {"uppercase", bit::uppercase},
    {"alnum", bit::alphabetic | bit::nd},
    {"word", bits_of_word},
    {"posixpunct", bit::pd | bit::po | bit::sm | bit::so},
});

/// Additions to scripts that the older tables have. Patterns that name a newer script do not compile there.
struct Script {
  std::string_view name;
  char32_t first, last;
};
inline constexpr auto scripts = std::to_array<Script>({
    {"arabic", 0x897, 0x897},
    {"arabic", 0x10EC2, 0x10EC4},
    {"arabic", 0x10EFC, 0x10EFF},
    {"balinese", 0x1B4E, 0x1B4F},
    {"balinese", 0x1B7F, 0x1B7F},
    {"cyrillic", 0x1C89, 0x1C8A},
    {"cyrillic", 0x1E030, 0x1E06D},
    {"cyrillic", 0x1E08F, 0x1E08F},
    {"devanagari", 0x11B00, 0x11B09},
    {"egyptianhieroglyphs", 0x1342F, 0x1342F},
    {"egyptianhieroglyphs", 0x13439, 0x13455},
    {"egyptianhieroglyphs", 0x13460, 0x143FA},
    {"han", 0x2B739, 0x2B739},
    {"han", 0x2EBF0, 0x2EE5D},
    {"han", 0x31350, 0x323AF},
    {"hiragana", 0x1B132, 0x1B132},
    {"kannada", 0xCF3, 0xCF3},
    {"katakana", 0x1B155, 0x1B155},
    {"khitansmallscript", 0x18CFF, 0x18CFF},
    {"khojki", 0x1123F, 0x11241},
    {"lao", 0xECE, 0xECE},
    {"latin", 0xA7CB, 0xA7CD},
    {"latin", 0xA7DA, 0xA7DC},
    {"latin", 0x1DF25, 0x1DF2A},
    {"myanmar", 0x116D0, 0x116E3},
});

/// Names of sets that changed too, and that no published pattern of a tokenizer names: these are not held here.
inline constexpr auto not_held = std::to_array<std::string_view>({
    "caseignorable", "cased", "changeswhencasefolded", "changeswhencasemapped", "changeswhenlowercased",
    "changeswhentitlecased", "changeswhenuppercased", "common", "dash", "diacritic", "emoji", "emojimodifierbase",
    "emojipresentation", "extender", "graphemebase", "graphemeextend", "graphemelink", "idcontinue", "idsbinaryoperator",
    "idstart", "ideographic", "inegyptianhieroglyphformatcontrols", "innoblock", "math", "otheralphabetic",
    "othergraphemeextend", "otheridcontinue", "otherlowercase", "sentenceterminal", "softdotted", "terminalpunctuation",
    "unifiedideograph", "unknown", "xidcontinue", "xidstart",
});

}  // namespace chg::tokenizer::unicode_16
