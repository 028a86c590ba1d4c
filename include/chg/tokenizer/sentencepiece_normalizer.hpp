// SPDX-License-Identifier: MIT
// The normaliser of a SentencePiece model: a map of character sequences compiled into the file, then the rules on spaces.
//
// The map is a double-array trie of 32-bit units (Darts-clone) followed by its zero-terminated replacements. Of a unit: bit 8
// has_leaf, bits 0-7 with bit 31 the label, bits 10-30 the offset (times 256 when bit 9 is set), bits 0-30 of a leaf its value.
#pragma once

#include <chg/tokenizer/unicode.hpp>
#include <chg/tokenizer/vocabulary.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chg::tokenizer {

/// The U+2581 that stands for a space.
inline constexpr std::string_view space_symbol = "\u2581";

/// A precompiled_charsmap. Empty: it maps nothing.
class CharacterMap {
 public:
  CharacterMap() = default;

  /// Throws Error naming `file` when the sizes inside disagree, or the replacements are not UTF-8 with a zero at the end.
  CharacterMap(std::string_view bytes, std::string const& file) {
    if (bytes.empty()) return;
    auto const name = file + ": precompiled_charsmap";
    std::uint32_t size = 0;
    check(bytes.size() >= sizeof(size), name, "4 bytes or more", bytes.size());
    std::memcpy(&size, bytes.data(), sizeof(size));
    check(size >= 1024 && size % 4 == 0 && size < bytes.size() - sizeof(size), name + ": size of the trie",
          text("a multiple of 4 from 1024 to ", bytes.size() - sizeof(size) - 1, " bytes"), size);
    units_.resize(size / 4);
    std::memcpy(units_.data(), bytes.data() + sizeof(size), size);
    replacements_ = bytes.substr(sizeof(size) + size);
    check(replacements_.back() == '\0', name + ": last byte", "0", int{replacements_.back()});
    check_text(replacements_, name + ": replacements");
  }

  bool empty() const { return units_.empty(); }

  struct Match {
    std::size_t length = 0;  ///< of what is replaced; 0: nothing is
    std::string_view replacement;
  };

  /// The longest entry that `text` starts with. A damaged trie gives some answer within bounds.
  Match longest_prefix(std::string_view text) const {
    Match longest;
    each_prefix(text, [&](Match entry) {
      longest = entry;
      return true;
    });
    // An entry that ends inside a character cannot be meant.
    if (longest.length < text.size() && (static_cast<unsigned char>(text[longest.length]) & 0xC0u) == 0x80) return {};
    return longest;
  }

  /// What the shortest entry that `text` starts with is replaced by; nothing when there is none.
  std::optional<std::string_view> shortest_prefix(std::string_view text) const {
    std::optional<std::string_view> shortest;
    each_prefix(text, [&](Match entry) {
      shortest = entry.replacement;
      return false;
    });
    return shortest;
  }

 private:
  /// Calls found(match) for the entries that `text` starts with, the shortest first, as long as it returns true. No entry holds a
  /// zero byte.
  template <class Found>
  void each_prefix(std::string_view text, Found const& found) const {
    if (empty()) return;
    std::size_t place = offset(units_[0]);
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto const byte = static_cast<unsigned char>(text[i]);
      if (byte == 0) return;
      place ^= byte;
      if (place >= units_.size() || (units_[place] & 0x8000'00FFu) != byte) return;
      auto const unit = units_[place];
      place ^= offset(unit);
      if ((unit >> 8 & 1) == 0) continue;
      auto const value = place < units_.size() ? units_[place] & 0x7FFF'FFFFu : 0xFFFF'FFFFu;
      if (value >= replacements_.size()) return;
      if (!found(Match{i + 1, std::string_view(replacements_.c_str() + value)})) return;
    }
  }

  static std::size_t offset(std::uint32_t unit) { return std::size_t{unit >> 10} << ((unit & 1u << 9) >> 6); }

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

/// Normalises as the `normalizer_spec` of a model says. User-defined symbols are left as they stand in the text.
struct SentencePieceNormalizer {
  CharacterMap map;
  std::shared_ptr<PrefixTree const> user_defined;  ///< null: none
  bool add_dummy_prefix = true;                    ///< a space before the text
  bool remove_extra_whitespaces = true;            ///< at the ends, and all but one of a run
  bool escape_whitespaces = true;                  ///< a space is written as U+2581
  bool whitespace_as_suffix = false;               ///< the space of add_dummy_prefix goes behind the text

  void operator()(std::string& string, std::size_t& start) const {
    (*this)(string);
    start = start > 0 && !string.empty() ? character_length(string.front()) : 0;
  }
  void operator()(std::string& string) const {
    constexpr std::size_t most = 1'000'000'000;
    std::string_view const space = escape_whitespaces ? space_symbol : std::string_view(" ");
    std::string_view rest = string;
    if (remove_extra_whitespaces)
      while (!rest.empty()) {
        auto const part = next(rest);
        if (part.text != " ") break;
        rest.remove_prefix(part.length);
      }
    std::string out;
    if (!rest.empty()) {
      out.reserve(rest.size() + rest.size() / 2);
      if (add_dummy_prefix && !whitespace_as_suffix) out += space;
      auto after_space = remove_extra_whitespaces;
      while (!rest.empty()) {
        auto part = next(rest);
        while (after_space && part.text.starts_with(' ')) part.text.remove_prefix(1);
        for (auto const c : part.text) c == ' ' ? out += space : out += c;
        if (!part.text.empty()) after_space = remove_extra_whitespaces && part.text.ends_with(' ');
        rest.remove_prefix(part.length);
        check(out.size() <= most, "a normalised text", chg::text("at most ", most, " bytes"), out.size());
      }
      if (remove_extra_whitespaces)
        while (out.ends_with(space)) out.erase(out.size() - space.size());
      if (add_dummy_prefix && whitespace_as_suffix) out += space;
    }
    string = std::move(out);
  }

 private:
  struct Part {
    std::size_t length;
    std::string_view text;
  };

  Part next(std::string_view rest) const {
    if (user_defined)
      if (auto const symbol = user_defined->longest_prefix(rest); symbol.length > 0)
        return {symbol.length, rest.substr(0, symbol.length)};
    if (auto const match = map.longest_prefix(rest); match.length > 0) return {match.length, match.replacement};
    auto const length = character_length(rest.front());
    return {length, rest.substr(0, length)};
  }
};

}  // namespace chg::tokenizer
