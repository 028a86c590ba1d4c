// SPDX-License-Identifier: MIT
// Regular expressions of tokenizer files, by PCRE2, with bounded effort.
//
// The files are written for Oniguruma's Ruby syntax. What means something else in PCRE2 is translated, the rest of Ruby's own
// syntax is refused: \s and \w by Unicode properties, \h a hexadecimal digit, \uHHHH, ^ and $ at every line, and X{1,m}+, which
// repeats a repetition there and is possessive here.
#pragma once

#include <chg/tokenizer/unicode.hpp>

// The functions of the 8-bit library are called by their full names, whatever width the rest of a program uses.
#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 0
#endif
#include <pcre2.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chg::tokenizer {

/// A half-open range of bytes.
struct Range {
  std::size_t begin, end;
};

namespace detail {

inline constexpr std::size_t longest_pattern = 20'000;

[[noreturn]] inline void refuse_pattern(std::string const& name, std::string_view why) {
  throw Error({name, "a regular expression that PCRE2 and Oniguruma understand alike", std::string(why),
               "Patterns with this are not supported."});
}

/// PCRE2's spelling of a pattern in Oniguruma's Ruby syntax.
inline std::string translated(std::string_view pattern, std::string const& name) {
  // Oniguruma counts the superscript digits and the fractions of Latin-1 in, but no others.
  constexpr std::string_view word = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
  std::string out;
  auto in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    auto const c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      auto const escape = pattern[++i];
      if (escape == 's') {
        out += R"(\p{White_Space})";
      } else if (escape == 'S') {
        out += R"(\P{White_Space})";
      } else if (escape == 'w') {
        out += in_class ? std::string(word) : "[" + std::string(word) + "]";
      } else if (escape == 'h' || escape == 'H') {
        if (in_class && escape == 'H') refuse_pattern(name, "\\H inside brackets");
        out += in_class ? "0-9a-fA-F" : escape == 'h' ? "[0-9a-fA-F]" : "[^0-9a-fA-F]";
      } else if (escape == 'W' && !in_class) {
        out += "[^" + std::string(word) + "]";
      } else if (escape == 'u' && i + 4 < pattern.size()) {
        out += "\\x{" + std::string(pattern.substr(i + 1, 4)) + "}";
        i += 4;
      } else if (std::string_view("WyYOgKRX").find(escape) != std::string_view::npos) {
        refuse_pattern(name, std::string("\\") + escape + (in_class ? " inside brackets" : ""));
      } else {
        out += c;
        out += escape;
      }
    } else if (in_class) {
      if (c == '[' && i + 1 < pattern.size() && pattern[i + 1] == ':') {
        auto const end = std::min(pattern.find(":]", i + 2), pattern.size() - 2);
        out += pattern.substr(i, end + 2 - i);
        i = end + 1;
        continue;
      }
      if (c == '[') refuse_pattern(name, "brackets inside brackets");
      if (c == '&' && i + 1 < pattern.size() && pattern[i + 1] == '&') refuse_pattern(name, "&& inside brackets");
      if (c == ']') in_class = false;
      out += c;
    } else if (c == '[') {
      in_class = true;
      out += c;
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') out += pattern[++i];
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') out += pattern[++i];
    } else if (c == '+' && !out.empty() && out.back() == '}' && i >= 2) {
      // A property \p{L}+ ends in a brace too; a repetition holds digits and a comma alone.
      auto const open = pattern.rfind('{', i);
      auto const count = open == std::string_view::npos ? std::string_view("x") : pattern.substr(open + 1, i - 2 - open);
      auto const repeats =
          pattern[i - 1] == '}' && !count.empty() && count.find_first_not_of("0123456789,") == std::string_view::npos;
      if (repeats) {
        if (count != "1" && !count.starts_with("1,") && !count.starts_with("0,") && count.front() != ',')
          refuse_pattern(name, "{" + std::string(count) + "}+");
        out.erase(out.rfind('{'));
      }
      out += repeats && count.front() != '1' ? '*' : '+';
    } else if (c == '(' && i + 2 < pattern.size() && pattern[i + 1] == '?' &&
               std::string_view("m~").find(pattern[i + 2]) != std::string_view::npos) {
      refuse_pattern(name, std::string("(?") + pattern[i + 2]);
    } else {
      out += c;
    }
  }
  return out;
}

inline std::string pcre2_message(int code) {
  PCRE2_UCHAR8 buffer[256] = {};
  pcre2_get_error_message_8(code, buffer, sizeof(buffer));
  return reinterpret_cast<char const*>(buffer);
}

struct FreePcre2 {
  void operator()(pcre2_match_data_8* data) const { pcre2_match_data_free_8(data); }
  void operator()(pcre2_match_context_8* context) const { pcre2_match_context_free_8(context); }
  void operator()(pcre2_compile_context_8* context) const { pcre2_compile_context_free_8(context); }
  void operator()(pcre2_jit_stack_8* stack) const { pcre2_jit_stack_free_8(stack); }
};

}  // namespace detail

/// A compiled pattern. Copies share it; matching from several threads is safe.
class Regex {
 public:
  /// `name` stands for the pattern in errors. Throws Error when it is longer than 20000 bytes, does not compile, or holds syntax
  /// that the two libraries read differently.
  Regex(std::string_view pattern, std::string name) : name_(std::move(name)) {
    check(pattern.size() <= detail::longest_pattern, name_, "a pattern of at most 20000 bytes", pattern.size());
    check_text(pattern, name_);
    auto const source = detail::translated(pattern, name_);
    int code = 0;
    PCRE2_SIZE at = 0;
    std::unique_ptr<pcre2_compile_context_8, detail::FreePcre2> const context(pcre2_compile_context_create_8(nullptr));
    pcre2_set_newline_8(context.get(), PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit_8(context.get(), 50);
    pcre2_set_max_pattern_length_8(context.get(), 20 * detail::longest_pattern);
    // A repetition of repetitions multiplies the size of the compiled pattern; published ones have below 10 kB.
    auto* const compiled = pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(source.data()), source.size(),
                                           PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK,
                                           &code, &at, context.get());
    check(compiled != nullptr, name_, "a regular expression", detail::pcre2_message(code) + text(", at byte ", at));
    code_ = std::shared_ptr<pcre2_code_8>(compiled, [](pcre2_code_8* c) { pcre2_code_free_8(c); });
    std::size_t size = 0;
    pcre2_pattern_info_8(compiled, PCRE2_INFO_SIZE, &size);
    check(size <= 1'000'000, name_, "a pattern that compiles to at most 1000000 bytes", size);
    jit_ = pcre2_jit_compile_8(compiled, PCRE2_JIT_COMPLETE) == 0;
  }

  /// Calls found(range) for every match in `subject`, valid UTF-8, from left to right; matches do not overlap, and may be empty.
  /// Throws Error when the effort at one place, or the time that all of it takes, passes a limit that grows with the size of the
  /// subject.
  template <class Found>
  void each_match(std::string_view subject, Found&& found) const {
    std::unique_ptr<pcre2_match_data_8, detail::FreePcre2> const data(pcre2_match_data_create_8(1, nullptr));
    std::unique_ptr<pcre2_match_context_8, detail::FreePcre2> const context(pcre2_match_context_create_8(nullptr));
    pcre2_set_match_limit_8(context.get(),
                            static_cast<std::uint32_t>(10'000 + 16 * std::min<std::size_t>(subject.size(), 10'000'000)));
    pcre2_set_heap_limit_8(context.get(), heap_kibibytes);
    std::unique_ptr<pcre2_jit_stack_8, detail::FreePcre2> stack;
    if (jit_ && subject.size() > 1000) {  // shorter ones do with the stack of the thread
      stack.reset(pcre2_jit_stack_create_8(32 << 10, 16 << 20, nullptr));
      pcre2_jit_stack_assign_8(context.get(), nullptr, stack.get());
    }
    auto const* const bytes = reinterpret_cast<PCRE2_SPTR8>(subject.data());
    auto const* const offsets = pcre2_get_ovector_pointer_8(data.get());
    std::optional<Clock::time_point> start;
    for (std::size_t at = 0, last_end = none, matches = 0; at <= subject.size();) {
      auto code = pcre2_match_8(code_.get(), bytes, subject.size(), at, PCRE2_NO_UTF_CHECK, data.get(), context.get());
      if (code == PCRE2_ERROR_JIT_STACKLIMIT)
        code =
            pcre2_match_8(code_.get(), bytes, subject.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data.get(), context.get());
      if (code == PCRE2_ERROR_NOMATCH) return;
      if (code < 0)
        throw Error({name_ + " on a text of " + text(subject.size()) + " bytes", "a match within the limits on effort",
                     detail::pcre2_message(code), "Cut the text into parts, or use a pattern that backtracks less."});
      auto const begin = offsets[0], end = offsets[1];
      if (begin > end) detail::refuse_pattern(name_, "a match that ends before it begins (\\K)");
      if (++matches % 1024 == 0) check_time(start, subject.size());
      if (begin != end || begin != last_end) found(Range{begin, end});
      last_end = end;
      at = end;
      if (begin == end) at += at < subject.size() ? character_length(subject[at]) : 1;
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// A pattern may look at the rest of a text from every place in it, within the limits at each: n^2 steps. Published patterns
  /// take 0.1 microseconds a byte; the clock starts at the first call.
  void check_time(std::optional<Clock::time_point>& start, std::size_t bytes) const {
    auto const now = Clock::now();
    if (!start) start = now;
    auto const limit = std::chrono::seconds(10) + std::chrono::microseconds(10 * bytes);
    if (now - *start > limit)
      throw Error({name_ + " on a text of " + text(bytes) + " bytes",
                   text("at most ", std::chrono::duration<double>(limit).count(), " seconds"), "more",
                   "Cut the text into parts, or use a pattern that backtracks less."});
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr std::uint32_t heap_kibibytes = 256 << 10;

  std::string name_;
  std::shared_ptr<pcre2_code_8> code_;
  bool jit_ = false;
};

}  // namespace chg::tokenizer
