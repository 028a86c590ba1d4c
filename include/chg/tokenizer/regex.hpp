// SPDX-License-Identifier: MIT
// Regular expressions of tokenizer files, by Oniguruma, for which they are written, with bounded effort.
//
// Syntax, options and the order of the searches are those of Hugging Face tokenizers 0.23 (find_iter of its crate onig 6.5).
#pragma once

#include <chg/tokenizer/onig.hpp>
#include <chg/tokenizer/unicode.hpp>

#include <oniguruma.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace chg::tokenizer {

/// A half-open range of bytes.
struct Range {
  std::size_t begin, end;
};

namespace detail {

inline constexpr std::size_t longest_pattern = 20'000;

inline OnigUChar const* onig_bytes(std::string_view text) { return reinterpret_cast<OnigUChar const*>(text.data()); }

struct FreeOnig {
  void operator()(OnigRegexType* regex) const { onig_free(regex); }
  void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
  void operator()(OnigMatchParam* param) const { onig_free_match_param(param); }
};

}  // namespace detail

/// A compiled pattern. Copies share it; matching from several threads is safe.
class Regex {
 public:
  /// `name` stands for the pattern in errors. Throws Error when it is longer than 20000 bytes or does not compile.
  Regex(std::string_view pattern, std::string name) : name_(std::move(name)) {
    check(pattern.size() <= detail::longest_pattern, name_, "a pattern of at most 20000 bytes", pattern.size());
    check_text(pattern, name_);
    auto& library = detail::onig();
    std::lock_guard const lock(library.compiling);
    if (library.before_6_9_9)
      if (auto const part = detail::misread_part(pattern); !part.empty())
        throw Error({name_, text("a pattern that the installed Oniguruma ", onig_version(), " reads as 6.9.10 does"),
                     std::string(part), "Install Oniguruma 6.9.9 or newer, or write it in another way."});
    library.name_not_held.clear();
    library.folds = false;
    OnigRegexType* compiled = nullptr;
    OnigErrorInfo info{};
    auto const* const bytes = detail::onig_bytes(pattern);
    auto const code =
        onig_new(&compiled, bytes, bytes + pattern.size(), ONIG_OPTION_NONE, &library.encoding, ONIG_SYNTAX_ONIGURUMA, &info);
    if (code == ONIGERR_MEMORY) throw std::bad_alloc();
    auto const word = code == ONIGERR_INVALID_CHAR_PROPERTY_NAME && library.before_6_9_9 &&
                      OnigEncodingUTF8.property_name_to_ctype(&OnigEncodingUTF8, info.par, info.par_end) == ONIGENC_CTYPE_WORD;
    if (code != ONIG_NORMAL)
      throw Error({name_, "a regular expression of Oniguruma", detail::onig_message(code, &info),
                   word ? "Oniguruma reads this otherwise since version 6.9.9: write \\w." : ""});
    code_ = std::shared_ptr<OnigRegexType>(compiled, detail::FreeOnig{});
    auto const older = library.unicode < detail::reference_unicode;
    doubtful_texts_ = older ? library.folds : library.unicode > detail::reference_unicode;
    if (doubtful_texts_) detail::notice_doubtful(pattern);
    if (!library.name_not_held.empty())
      notice(text(name_, " names the property ", library.name_not_held, ": ", detail::unicode_versions()));
    if (older && detail::names_segments(pattern))
      notice(text(name_, " names text segments (\\X, \\y, \\Y): ", detail::unicode_versions()));
  }

  /// Calls found(range) for every match in `subject`, valid UTF-8, from left to right; matches do not overlap, and may be empty,
  /// but not where the match before ends. An empty text has none. Throws Error when the effort at one place, or the time that
  /// all of it takes, passes a limit that grows with the size of the subject, and for a match that \K lets begin inside the one
  /// before.
  template <class Found>
  void each_match(std::string_view subject, Found&& found) const {
    if (subject.empty()) return;
    if (doubtful_texts_) detail::notice_doubtful(subject);
    std::unique_ptr<OnigRegion, detail::FreeOnig> const region(onig_region_new());
    std::unique_ptr<OnigMatchParam, detail::FreeOnig> const param(onig_new_match_param());
    if (!region || !param) throw std::bad_alloc();
    set_limits(*param, subject.size());
    auto const* const bytes = detail::onig_bytes(subject);
    auto const* const bytes_end = bytes + subject.size();
    std::optional<Clock::time_point> start;
    for (std::size_t at = 0, last_end = none, matches = 0; at <= subject.size();) {
      auto const code = onig_search_with_param(code_.get(), bytes, bytes_end, bytes + at, bytes_end, region.get(),
                                               ONIG_OPTION_NONE, param.get());
      if (code == ONIG_MISMATCH) return;
      if (code == ONIGERR_MEMORY) throw std::bad_alloc();
      if (code < 0)
        throw Error({place(subject.size()), "a match within the limits on effort", detail::onig_message(code),
                     "Cut the text into parts, or use a pattern that backtracks less."});
      auto const begin = static_cast<std::size_t>(region->beg[0]), end = static_cast<std::size_t>(region->end[0]);
      if (begin == end && end == last_end) {
        at += at < subject.size() ? character_length(subject[at]) : 1;
        continue;
      }
      if (last_end != none && begin < last_end)
        throw Error({place(subject.size()), text("matches from byte ", last_end, " on"), text("one from ", begin),
                     "A \\K in a look-behind moves the beginning of a match back: write it another way."});
      at = last_end = end;
      if (++matches % 16 == 0) check_time(start, subject.size());
      found(Range{begin, end});
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  std::string place(std::size_t bytes) const { return name_ + " on a text of " + text(bytes) + " bytes"; }

  /// The limit on the way back at one place is Oniguruma's own for short texts. An entry of the stack has 40 bytes.
  static void set_limits(OnigMatchParam& param, std::size_t bytes) {
    onig_initialize_match_param(&param);
    onig_set_retry_limit_in_match_of_match_param(&param, 10'000'000 + 16 * bytes);
    onig_set_retry_limit_in_search_of_match_param(&param, 100'000'000 + 64 * bytes);
    onig_set_match_stack_limit_size_of_match_param(&param, 10'000'000);
  }

  /// A pattern may look at the rest of a text from every place in it, within the limits at each: n^2 steps. Published patterns
  /// take 0.1 microseconds a byte; the clock starts at the first call.
  void check_time(std::optional<Clock::time_point>& start, std::size_t bytes) const {
    auto const now = Clock::now();
    if (!start) start = now;
    auto const limit = std::chrono::seconds(10) + std::chrono::microseconds(10 * bytes);
    if (now - *start > limit)
      throw Error({place(bytes), text("at most ", std::chrono::duration<double>(limit).count(), " seconds"), "more",
                   "Cut the text into parts, or use a pattern that backtracks less."});
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::string name_;
  std::shared_ptr<OnigRegexType> code_;
  bool doubtful_texts_ = false;  ///< some texts deserve a notice
};

}  // namespace chg::tokenizer
