// SPDX-License-Identifier: MIT
// Mutation of JSON: of values, types, lengths and keys, with keys that are there twice. A text is
// taken apart once into places, and every file that is made of it is that text with one to four of
// them written anew: nothing is parsed or built for it.
#pragma once

#include "fuzz/mutate.hpp"

#include <charconv>
#include <memory>
#include <span>

namespace chg::fuzz {

/// Where the values and keys of a text lie. What stands for a number or a literal may be anything.
class JsonPlaces {
 public:
  static constexpr std::size_t kNone = ~std::size_t{0}, kMost = 1'000;

  /// One value. The entry of an object begins with the quote of its key, any other with the value.
  struct Place {
    std::size_t entry, begin, end;
    std::size_t before, after;  ///< the entries beside it in the same array or object, or kNone
    std::size_t parent;
    bool keyed;
    std::size_t key_end;  ///< after the quote of its key
  };

  /// Nothing where the text is no JSON, or one of more than a thousand values or 60 levels. Refers
  /// to `text`.
  static std::optional<JsonPlaces> of(std::string_view text) {
    JsonPlaces places(text);
    auto const whole = places.value(0, kNone, 0);
    places.blank();
    if (!whole || places.at_ != text.size()) return std::nullopt;
    return places;
  }

  std::string_view text() const { return text_; }
  std::vector<Place> const& all() const { return all_; }
  /// The strings and keys of the text, as they are written, without their quotes.
  std::vector<std::string_view> const& words() const { return words_; }
  std::string_view value_at(Place const& p) const { return text_.substr(p.begin, p.end - p.begin); }

 private:
  explicit JsonPlaces(std::string_view text) : text_(text) {}

  char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void blank() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  bool string() {
    auto const begin = ++at_;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    if (at_ >= text_.size()) return false;
    words_.push_back(text_.substr(begin, at_++ - begin));
    return true;
  }

  /// Passes over one value, whose number among the places it adds to `all_`.
  bool value(std::size_t entry, std::size_t parent, int depth) {
    blank();
    if (depth > 60 || all_.size() == kMost) return false;
    auto const mine = all_.size();
    all_.push_back({parent == kNone || !keyed_ ? at_ : entry, at_, at_, kNone, kNone, parent,
                    keyed_, key_end_});
    auto const open = here();
    if (open == '"') {
      if (!string()) return false;
    } else if (open == '{' || open == '[') {
      auto const close = open == '{' ? '}' : ']';
      ++at_, blank();
      auto last = kNone;
      for (auto more = here() != close; more; blank(), more = here() == ',', at_ += more ? 1 : 0) {
        blank();
        auto const begin = at_;
        if (open == '{') {
          if (here() != '"' || !string()) return false;
          key_end_ = at_, blank();
          if (here() != ':') return false;
          ++at_;
        }
        keyed_ = open == '{';
        auto const next = all_.size();
        if (!value(begin, mine, depth + 1)) return false;
        if (last != kNone) all_[last].after = next, all_[next].before = last;
        last = next;
      }
      if (here() != close) return false;
      ++at_;
    } else {
      while (at_ < text_.size() &&
             std::string_view(",:]}{[\" \n\r\t").find(text_[at_]) == std::string_view::npos)
        ++at_;
      if (at_ == all_[mine].begin) return false;
    }
    all_[mine].end = at_;
    return true;
  }

  std::string_view text_;
  std::vector<Place> all_;
  std::vector<std::string_view> words_;
  std::size_t at_ = 0, key_end_ = 0;
  bool keyed_ = false;
};

namespace detail {

/// How many bytes the character at the front of `s` has; 0 where it is no UTF-8.
inline std::size_t utf8_length(std::string_view s) {
  auto const byte = [&](std::size_t i) {
    return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u;
  };
  auto const lead = byte(0);
  auto const size = lead < 0x80u                    ? 1u
                    : lead >= 0xC2u && lead < 0xE0u ? 2u
                    : lead >= 0xE0u && lead < 0xF0u ? 3u
                    : lead >= 0xF0u && lead < 0xF5u ? 4u
                                                    : 0u;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xC0u) != 0x80u) return 0;
  if ((lead == 0xE0u && byte(1) < 0xA0u) || (lead == 0xEDu && byte(1) > 0x9Fu)) return 0;
  if ((lead == 0xF0u && byte(1) < 0x90u) || (lead == 0xF4u && byte(1) > 0x8Fu)) return 0;
  return size;
}

/// `s` as the inside of a JSON string; escapes stay, and bytes that are no UTF-8 are left out.
inline void append_inside(std::string& out, std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    auto const c = s[i];
    if (c == '\\') {
      auto const next = i + 1 < s.size() ? s[i + 1] : '\0';
      auto const unicode = next == 'u' && i + 5 < s.size() &&
                           std::all_of(s.begin() + static_cast<std::ptrdiff_t>(i) + 2,
                                       s.begin() + static_cast<std::ptrdiff_t>(i) + 6,
                                       [](char x) {
        return (x >= '0' && x <= '9') || (x >= 'a' && x <= 'f') || (x >= 'A' && x <= 'F');
                           });
      auto const whole = unicode || (next != '\0' && std::string_view("\"\\/bfnrt").find(next) !=
                                                         std::string_view::npos);
      out += '\\', out += whole ? next : '\\';
      i += whole ? 2 : 1;
    } else if (c == '"') {
      out += "\\\"", ++i;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      static constexpr char digits[] = "0123456789abcdef";
      out += "\\u00", out += digits[static_cast<unsigned char>(c) >> 4], out += digits[c & 15], ++i;
    } else if (auto const size = utf8_length(s.substr(i)); size > 0) {
      out.append(s.substr(i, size)), i += size;
    } else {
      ++i;
    }
  }
}

}  // namespace detail

/// Files made of one text by changes of its places. `extra`: keys and values of the format.
class JsonChanges {
 public:
  JsonChanges(JsonPlaces const& places, std::span<std::string_view const> extra, Random& random)
      : places_(places), extra_(extra), random_(random) {}

  /// The text after one to four changes, those left out that overlap others. Appended to `out`.
  void write(std::string& out) {
    for (auto rounds = random_.one_in(2) ? 1 : 1 + random_.below(4); rounds > 0; --rounds) change();
    if (random_.one_in(16)) {
      auto const& p = random_.of(places_.all());
      add({p.begin, p.begin}, random_.one_in(2) ? "\n  " : "\t\r\n ");
    }
    auto const text = places_.text();
    out.reserve(out.size() + text.size() + fresh_.size());
    std::size_t at = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      auto const& e = edits_[i];
      out.append(text.substr(at, e.begin - at)).append(fresh_, e.fresh, e.size);
      at = e.end;
    }
    out.append(text.substr(at));
  }

 private:
  struct Part {
    std::size_t begin, end;
  };
  struct Edit {
    std::size_t begin, end, fresh, size;
  };

  std::string_view word() {
    auto const i = random_.below(extra_.size() + places_.words().size() + 1);
    if (i < extra_.size()) return extra_[i];
    return i - extra_.size() < places_.words().size() ? places_.words()[i - extra_.size()]
                                                      : std::string_view();
  }
  void put_string(std::string_view inside) {
    fresh_ += '"';
    detail::append_inside(fresh_, inside);
    fresh_ += '"';
  }
  template <class Number>
  void put(Number number) {
    std::array<char, 400> digits;
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    fresh_.append(digits.data(), end);
  }
  void put_real() {
    static constexpr std::array<std::string_view, 8> others{
        "1e999", "-1e999", "1E-999", "-0", "0.0e+0", "18446744073709551616", "-9223372036854775809",
        "NaN"};
    auto const x = random_.real();
    if (x - x != 0)  // JSON has neither infinity nor NaN
      fresh_ += random_.one_in(4) ? random_.of(others) : "null";
    else
      put(x);
  }
  void put_any() {
    switch (random_.below(9)) {
      case 0: fresh_ += "null"; return;
      case 1: fresh_ += random_.one_in(2) ? "true" : "false"; return;
      case 2: put(random_.number()); return;
      case 3: put(-static_cast<std::int64_t>(random_.number() >> 1)); return;
      case 4: put_real(); return;
      case 5: fresh_ += "[]"; return;
      case 6: fresh_ += "{}"; return;
      case 7: put_string(word()); return;
      default:
        fresh_ += '"';
        fresh_.append(random_.below(40), 'x')
            .append(random_.one_in(2) ? "\\u0000" : "")
            .append("\u00e9\U0001F600");
        if (random_.one_in(8)) fresh_ += random_.one_in(2) ? "\xFF" : "\\ud800";
        fresh_ += '"';
    }
  }

  /// Takes what was written from `fresh` on for `part`, unless a change of it overlaps.
  void take(Part part, std::size_t fresh) {
    auto place = std::size_t{0};
    while (place < count_ && edits_[place].end <= part.begin && edits_[place].begin <= part.begin)
      ++place;
    if (count_ == edits_.size() || (place < count_ && edits_[place].begin < part.end)) return;
    for (auto i = count_++; i > place; --i) edits_[i] = edits_[i - 1];
    edits_[place] = {part.begin, part.end, fresh, fresh_.size() - fresh};
  }
  void add(Part part, std::string_view with) {
    auto const fresh = fresh_.size();
    fresh_ += with;
    take(part, fresh);
  }

  void change() {
    auto const& all = places_.all();
    auto const& p = random_.of(all);
    auto const& other = random_.of(all);
    auto const choice = random_.below(10);
    auto const fresh = fresh_.size();
    auto const value = Part{p.begin, p.end};
    if (choice == 0) {
      put_any();
      return take(value, fresh);
    }
    if (choice == 1) return add(value, places_.value_at(other));
    if (choice == 2) return wrap(p);
    auto const kind = places_.text()[p.begin];
    // An entry is as much a part of what holds it as a value.
    if (p.parent != JsonPlaces::kNone && random_.one_in(3)) return change_entry(p, other);
    if (kind == '{' || kind == '[') return change_list(p, other);
    if (kind == '"') {
      auto const inside = places_.text().substr(p.begin + 1, p.end - p.begin - 2);
      if (choice <= 5)
        put_string(word());
      else if (choice == 6)
        fresh_ += '"', fresh_ += inside, detail::append_inside(fresh_, word()), fresh_ += '"';
      else
        put_string(random_.bytes_like(inside));
    } else if (kind == '-' || (kind >= '0' && kind <= '9')) {
      std::uint64_t number = 0;
      auto const text = places_.value_at(p);
      auto const whole = std::from_chars(text.data(), text.data() + text.size(), number).ptr ==
                         text.data() + text.size();
      if (choice <= 5)
        put(random_.number());
      else if (choice <= 7 && whole)
        put(number + random_.below(5) - 2);
      else
        put_real();
    } else {
      put_any();
    }
    take(value, fresh);
  }

  void wrap(JsonPlaces::Place const& p) {
    if (count_ + 2 > edits_.size()) return;
    auto const before = count_;
    auto const fresh = fresh_.size();
    auto const list = random_.one_in(2);
    if (list)
      fresh_ += '[';
    else
      fresh_ += '{', put_string(word()), fresh_ += ':';
    take({p.begin, p.begin}, fresh);
    if (count_ > before) add({p.end, p.end}, list ? "]" : "}");
  }

  /// Leaves an entry out, has it twice, under another key or with another value, or beside another.
  void change_entry(JsonPlaces::Place const& p, JsonPlaces::Place const& other) {
    auto const& all = places_.all();
    auto const fresh = fresh_.size();
    auto const text = places_.text();
    switch (random_.below(6)) {
      case 0:
        if (p.before != JsonPlaces::kNone) return add({all[p.before].end, p.end}, "");
        return add({p.entry, p.after != JsonPlaces::kNone ? all[p.after].entry : p.end}, "");
      case 1:
        fresh_ += ',', fresh_ += text.substr(p.entry, p.end - p.entry);
        return take({p.end, p.end}, fresh);
      case 2:
      case 3:
        fresh_ += ',';
        if (p.keyed) {
          if (random_.one_in(2))
            put_string(word());
          else
            fresh_ += text.substr(p.entry, p.key_end - p.entry);
          fresh_ += ':';
        }
        if (random_.one_in(2))
          put_any();
        else
          fresh_ += places_.value_at(random_.one_in(2) ? other : p);
        return take({p.end, p.end}, fresh);
      case 4: {
        auto const beside = p.after != JsonPlaces::kNone ? p.after : p.before;
        if (beside == JsonPlaces::kNone) return;
        auto const &a = all[std::min(beside, static_cast<std::size_t>(&p - all.data()))],
                   &b = all[std::max(beside, static_cast<std::size_t>(&p - all.data()))];
        fresh_ += text.substr(b.entry, b.end - b.entry);
        fresh_ += text.substr(a.end, b.entry - a.end);
        fresh_ += text.substr(a.entry, a.end - a.entry);
        return take({a.entry, b.end}, fresh);
      }
      default:
        if (!p.keyed) return add({p.begin, p.end}, "");
        put_string(random_.one_in(3) ? std::string_view(random_.bytes_like(
                                           text.substr(p.entry + 1, p.key_end - p.entry - 2)))
                                     : word());
        return take({p.entry, p.key_end}, fresh);
    }
  }

  /// Puts an entry first in an array or object, or empties it.
  void change_list(JsonPlaces::Place const& p, JsonPlaces::Place const& other) {
    auto const fresh = fresh_.size();
    auto const text = places_.text();
    if (random_.one_in(8)) return add({p.begin, p.end}, text[p.begin] == '{' ? "{}" : "[]");
    if (text[p.begin] == '{') put_string(word()), fresh_ += ':';
    if (random_.one_in(2))
      put_any();
    else
      fresh_ += places_.value_at(other);
    auto const inside = text.substr(p.begin + 1, p.end - p.begin - 2);
    if (inside.find_first_not_of(" \n\r\t") != std::string_view::npos) fresh_ += ',';
    take({p.begin + 1, p.begin + 1}, fresh);
  }

  JsonPlaces const& places_;
  std::span<std::string_view const> extra_;
  Random& random_;
  std::string fresh_;
  std::array<Edit, 12> edits_;
  std::size_t count_ = 0;
};

/// Mutation of a text that is JSON; nothing where it is not. `extra` must outlive it.
inline Mutator json_mutator(std::string_view text, std::span<std::string_view const> extra) {
  auto const places = JsonPlaces::of(text);
  if (!places) return {};
  return [places = std::make_shared<JsonPlaces const>(*places), extra](Random& random) {
    std::string all;
    JsonChanges(*places, extra, random).write(all);
    return std::optional(std::move(all));
  };
}

/// The same for lines of JSON, one of which is changed, left out, or there again.
inline Mutator json_lines_mutator(std::string_view text, std::span<std::string_view const> extra) {
  struct Line {
    std::string_view text;
    std::optional<JsonPlaces> places;
  };
  auto const lines = std::make_shared<std::vector<Line>>();
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find('\n', begin), text.size());
    auto const line = text.substr(begin, end - begin);
    auto const mark = lines->empty() && line.starts_with("\xEF\xBB\xBF") ? std::size_t{3} : 0;
    lines->push_back({line.substr(mark), JsonPlaces::of(line.substr(mark))});
    begin = end + 1;
  }
  if (lines->empty()) return {};
  return [lines, extra](Random& random) -> std::optional<std::string> {
    static constexpr std::array<std::string_view, 4> ends{"\n", "\n", "\r\n", "\n\n"};
    auto const place = random.below(lines->size());
    auto const choice = random.below(8);
    if (choice > 1 && !(*lines)[place].places) return std::nullopt;
    std::string all(random.one_in(16) ? "\xEF\xBB\xBF" : "");
    auto const end = [&] { all += random.one_in(16) ? random.of(ends) : "\n"; };
    for (std::size_t i = 0; i < lines->size(); ++i) {
      auto const& line = (*lines)[i];
      if (i != place) {
        all += line.text, end();
      } else if (choice > 1) {
        JsonChanges(*line.places, extra, random).write(all), end();
      } else if (choice == 1) {
        all += random.of(*lines).text, end(), all += line.text, end();
      }
    }
    return all;
  };
}

}  // namespace chg::fuzz
