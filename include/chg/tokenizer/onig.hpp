// SPDX-License-Identifier: MIT
// Oniguruma as tokenizers use it: UTF-8, made ready once, and with the sets of characters of version 6.9.10, which go by Unicode
// 16.0, where an older one is installed. That is the version in Hugging Face tokenizers 0.22 and 0.23.
#pragma once

#include <chg/tensor/notice.hpp>
#include <chg/tokenizer/unicode.hpp>
#include <chg/tokenizer/unicode_16.hpp>

#include <oniguruma.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace chg::tokenizer::detail {

/// Versions of Unicode are in tenths.
inline constexpr int reference_unicode = 160;

/// A set of characters as Oniguruma keeps it: the number of ranges, then the first and the last character of each.
using OnigSet = std::vector<OnigCodePoint>;

struct Onig {
  OnigEncodingType encoding = OnigEncodingUTF8;
  OnigCtype unassigned = 0;  ///< the number of \p{Cn}
  int unicode = 0;           ///< version of the installed tables
  bool before_6_9_9 = false;
  std::map<OnigCtype, OnigSet> sets;  ///< what takes the place of the library's own
  std::vector<OnigCtype> not_held;    ///< sets that other versions have otherwise
  std::atomic<bool> doubt_said{false};
  std::mutex compiling;  ///< one pattern at a time: Oniguruma's documentation promises no more
  // Of the pattern that is compiled:
  std::string name_not_held;  ///< the last one of these sets that it names
  bool folds = false;         ///< it disregards the case of characters beyond ASCII
};

inline Onig& onig();

/// What \p{Punct} stands for, as opposed to [[:punct:]], which is punctuation and symbols since version 6.9.9.
inline constexpr OnigCtype named_punct = 0x10'0000;

inline int own_property(OnigEncodingType* encoding, OnigUChar* begin, OnigUChar* end) {
  auto const set = OnigEncodingUTF8.property_name_to_ctype(encoding, begin, end);
  if (set < 0) return set;
  auto& library = onig();
  auto const ctype = static_cast<OnigCtype>(set);
  if (std::find(library.not_held.begin(), library.not_held.end(), ctype) != library.not_held.end())
    library.name_not_held.assign(begin, end);
  // \p{Word} is \w outside brackets since version 6.9.9; before, it lacked U+00B2, B3, B9 and BC to BE.
  if (library.before_6_9_9 && ctype == ONIGENC_CTYPE_WORD) return ONIGERR_INVALID_CHAR_PROPERTY_NAME;
  return library.before_6_9_9 && ctype == ONIGENC_CTYPE_PUNCT ? static_cast<int>(named_punct) : set;
}

inline int own_ranges(OnigCtype ctype, OnigCodePoint* single_bytes, OnigCodePoint const** ranges) {
  auto const& sets = onig().sets;
  auto const own = sets.find(ctype);
  if (own == sets.end()) return OnigEncodingUTF8.get_ctype_code_range(ctype, single_bytes, ranges);
  *single_bytes = 0x80;
  *ranges = own->second.data();
  return ONIG_NORMAL;
}

/// Asked for \w and \b while matching.
inline int own_is_in_set(OnigCodePoint character, OnigCtype ctype) {
  if (ctype == ONIGENC_CTYPE_WORD)
    if (auto const* const changed = unicode_16::find_changed(character))
      return (changed->bits & unicode_16::bits_of_word) != 0 ? 1 : 0;
  return OnigEncodingUTF8.is_code_ctype(character, ctype);
}

inline int own_folds_of_string(OnigCaseFoldType flag, OnigUChar const* begin, OnigUChar const* end, OnigCaseFoldCodeItem* items) {
  if (begin < end && *begin >= 0x80) onig().folds = true;
  return OnigEncodingUTF8.get_case_fold_codes_by_str(flag, begin, end, items);
}

inline int own_folds(OnigCaseFoldType flag, OnigApplyAllCaseFoldFunc each, void* argument) {
  onig().folds = true;
  return OnigEncodingUTF8.apply_all_case_fold(flag, each, argument);
}

/// The number of an installed set, negative where there is none of this name.
inline int property(std::string name) {
  auto* const bytes = reinterpret_cast<OnigUChar*>(name.data());
  return OnigEncodingUTF8.property_name_to_ctype(&OnigEncodingUTF8, bytes, bytes + name.size());
}

using OnigRanges = std::vector<std::pair<OnigCodePoint, OnigCodePoint>>;

inline OnigRanges installed_ranges(int property) {
  OnigCodePoint single_bytes = 0;
  OnigCodePoint const* set = nullptr;
  OnigEncodingUTF8.get_ctype_code_range(static_cast<OnigCtype>(property), &single_bytes, &set);
  OnigRanges ranges;
  for (OnigCodePoint i = 0; i < set[0]; ++i) ranges.emplace_back(set[1 + 2 * i], set[2 + 2 * i]);
  return ranges;
}

inline OnigSet onig_set(OnigRanges ranges) {
  std::sort(ranges.begin(), ranges.end());
  OnigSet set{0};
  for (auto const& [first, last] : ranges) {
    if (set[0] > 0 && first <= set.back() + 1) {
      set.back() = std::max(set.back(), last);
    } else {
      ++set[0];
      set.insert(set.end(), {first, last});
    }
  }
  return set;
}

/// Ranges with the changed characters that have one of `bits`, and no others of them.
inline OnigRanges with_changes(OnigRanges const& ranges, std::uint32_t bits) {
  OnigRanges out;
  for (auto [first, last] : ranges) {
    for (auto const& changed : unicode_16::changed) {
      if (changed.last < first || changed.first > last) continue;
      if (changed.first > first) out.emplace_back(first, changed.first - 1);
      first = changed.last + 1;
    }
    if (first <= last) out.emplace_back(first, last);
  }
  for (auto const& changed : unicode_16::changed)
    if ((changed.bits & bits) != 0) out.emplace_back(changed.first, changed.last);
  return out;
}

/// The version of the installed tables, by one character that each version added.
inline int installed_unicode(OnigCtype unassigned) {
  struct Added {
    int version;
    OnigCodePoint character;
  };
  constexpr Added all[] = {{170, 0x323B0}, {160, 0x10D50}, {151, 0x2EBF0}, {150, 0x31350}};
  for (auto const& added : all)
    if (OnigEncodingUTF8.is_code_ctype(added.character, unassigned) == 0) return added.version;
  return 140;
}

/// Puts the sets of version 6.9.10 in the place of those of an older one.
inline void correct_sets(Onig& library) {
  auto& sets = library.sets;
  if (library.unicode < reference_unicode) {
    for (auto const& [name, bits] : unicode_16::sets)
      if (auto const set = property(std::string(name)); set >= 0)
        sets[static_cast<OnigCtype>(set)] = onig_set(with_changes(installed_ranges(set), bits));
    std::map<int, OnigRanges> scripts;
    for (auto const& [name, first, last] : unicode_16::scripts) {
      auto const script = property(std::string(name));
      auto const [place, fresh] = scripts.try_emplace(script);
      if (fresh) place->second = installed_ranges(script);
      place->second.emplace_back(first, last);
    }
    for (auto& [script, ranges] : scripts) sets[static_cast<OnigCtype>(script)] = onig_set(std::move(ranges));
    for (auto const name : unicode_16::not_held)
      if (auto const set = property(std::string(name)); set >= 0) library.not_held.push_back(static_cast<OnigCtype>(set));
  }
  if (library.before_6_9_9) {
    auto const p = property("p"), s = property("s");
    sets[named_punct] = onig_set(with_changes(installed_ranges(p), unicode_16::bit::pd | unicode_16::bit::po));
    auto both = installed_ranges(p);
    for (auto const& range : installed_ranges(s)) both.push_back(range);
    using namespace unicode_16;
    sets[ONIGENC_CTYPE_PUNCT] = onig_set(with_changes(both, bit::pd | bit::po | bit::sm | bit::so));
  }
}

/// Oniguruma's words for an error. They quote from the pattern, and may cut inside a character.
inline std::string onig_message(int code, OnigErrorInfo* info = nullptr) {
  OnigUChar buffer[ONIG_MAX_ERROR_MESSAGE_LEN] = {};
  auto const length = info != nullptr ? onig_error_code_to_str(buffer, code, info) : onig_error_code_to_str(buffer, code);
  return valid_utf8({reinterpret_cast<char const*>(buffer), static_cast<std::size_t>(length)});
}

inline Onig& onig() {
  static auto const started = [] {
    auto library = std::make_unique<Onig>();
    OnigEncodingType* encodings[] = {&OnigEncodingUTF8};
    auto const code = onig_initialize(encodings, 1);
    check(code == ONIG_NORMAL, "starting Oniguruma", "success", onig_message(code));
    library->unassigned = static_cast<OnigCtype>(property("cn"));
    library->unicode = installed_unicode(library->unassigned);
    library->before_6_9_9 = property("posixpunct") < 0;
    correct_sets(*library);
    if (!library->sets.empty()) {
      library->encoding.property_name_to_ctype = own_property;
      library->encoding.get_ctype_code_range = own_ranges;
      library->encoding.is_code_ctype = own_is_in_set;
      library->encoding.get_case_fold_codes_by_str = own_folds_of_string;
      library->encoding.apply_all_case_fold = own_folds;
    }
    return library;
  }();
  return *started;
}

inline std::string unicode_versions() {
  auto const version = [](int tenths) { return text("Unicode ", tenths / 10, ".", tenths % 10); };
  return text("the installed Oniguruma ", onig_version(), " goes by ", version(onig().unicode),
              ", Hugging Face tokenizers 0.23 by ", version(reference_unicode), ": ids may differ");
}

/// Bytes beyond ASCII that a pattern begins with as escapes, \xHH or \OOO in octal, and the length of these.
struct ByteEscapes {
  std::string bytes;
  std::size_t length = 0;
};

inline ByteEscapes byte_escapes(std::string_view pattern) {
  ByteEscapes out;
  for (; pattern.size() >= out.length + 4 && pattern[out.length] == '\\'; out.length += 4) {
    auto const digits = pattern.substr(out.length + 1, 3);
    auto const hexadecimal = digits.front() == 'x';
    auto const* const end = digits.data() + 3;
    unsigned byte = 0;
    auto const read = std::from_chars(digits.data() + (hexadecimal ? 1 : 0), end, byte, hexadecimal ? 16 : 8);
    if (read.ec != std::errc() || read.ptr != end || byte < 0x80 || byte > 0xFF) break;
    out.bytes += static_cast<char>(byte);
  }
  return out;
}

/// The first part of a pattern that versions before 6.9.9 read otherwise than 6.9.10 does; empty: there is none. It may be found
/// where it means nothing, as in brackets.
inline std::string_view misread_part(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    auto const rest = pattern.substr(i);
    if (rest.starts_with("\\R") || rest.starts_with("(?(")) return rest.substr(0, rest[0] == '(' ? 3 : 2);
    if (auto const escapes = byte_escapes(rest); escapes.length > 0) {
      if (valid_length(escapes.bytes) != escapes.bytes.size()) return rest.substr(0, escapes.length);
      i += escapes.length - 1;
      continue;
    }
    if (rest.starts_with('\\')) ++i;
    if (rest.starts_with("(?")) {  // options of the whole pattern
      auto const end = rest.find_first_not_of("imxWDSPCIL-", 2);
      if (end != rest.npos && (rest[end] == ')' || rest[end] == ':') && rest.substr(0, end).find_first_of("CIL") != rest.npos)
        return rest.substr(0, end);
    }
    if (rest.starts_with("[:")) {  // a name of a POSIX bracket
      auto const end = rest.find(']', 2);
      auto const letters = rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz", rest.substr(2).starts_with('^') ? 3 : 2);
      if (end != rest.npos && end > 2 && rest[end - 1] == ':' && letters != end - 1) return rest.substr(0, end + 1);
    }
  }
  return {};
}

/// Whether a pattern may split by \X, \y or \Y, whose text segments are those of the installed tables.
inline bool names_segments(std::string_view pattern) {
  for (std::size_t i = 0; i + 1 < pattern.size(); ++i)
    if (pattern[i] == '\\' && std::string_view("XyY").find(pattern[++i]) != std::string_view::npos) return true;
  return false;
}

/// Whether patterns may take a character for another than the reference does: with older tables, where they disregard case, for
/// letters that came with their other case since; with newer ones, for what these have added, as far as ICU knows.
inline bool is_doubtful(char32_t character, Onig const& library) {
  if (library.unicode < reference_unicode) {
    auto const* const changed = unicode_16::find_changed(character);
    return changed != nullptr && (changed->bits & (unicode_16::bit::lu | unicode_16::bit::ll)) != 0;
  }
  UVersionInfo age = {};
  u_charAge(static_cast<UChar32>(character), age);
  return (age[0] == 0 || age[0] * 10 + age[1] > reference_unicode) &&
         OnigEncodingUTF8.is_code_ctype(character, library.unassigned) == 0;
}

/// Says once that a text, valid UTF-8, holds a character of which is_doubtful is true.
inline void notice_doubtful(std::string_view text) {
  auto& library = onig();
  if (library.doubt_said.load(std::memory_order_relaxed)) return;
  auto const found = find_character(text, [&](char32_t c) { return is_doubtful(c, library); });
  if (found && !library.doubt_said.exchange(true))
    notice(chg::text("a text holds ", code_point(*found), ": ", unicode_versions()));
}

}  // namespace chg::tokenizer::detail
