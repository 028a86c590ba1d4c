// SPDX-License-Identifier: MIT
// The one exception of the library: what is wrong, what was expected, what was found, and what to do about it.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace chg {

/// The four parts of every error message, in the order in which a person needs them.
struct Complaint {
  std::string what;      ///< the argument, file or tensor at fault, by name
  std::string expected;  ///< the requirement
  std::string got;       ///< the actual value
  std::string advice;    ///< the next thing to try; may be empty
};

/// Thrown for every bad argument, file or state. what() reads "WHAT. Expected X, got Y. TRY".
class Error : public std::runtime_error {
 public:
  explicit Error(Complaint complaint) : std::runtime_error(sentence(complaint)), complaint_(std::move(complaint)) {}

  Complaint const& complaint() const { return complaint_; }

 private:
  static std::string sentence(Complaint const& c) {
    auto text = c.what + ". Expected " + c.expected + ", got " + c.got + ".";
    if (!c.advice.empty()) text += " " + c.advice;
    return text;
  }

  Complaint complaint_;
};

/// Text of anything that can be streamed, joined: `text("layer ", 3, " of ", 8)`.
template <class... Parts>
std::string text(Parts const&... parts) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);  // memory that runs out is thrown on: the stream would swallow it, and the text's rest with it
  out.precision(17);
  (out << ... << parts);
  return out.str();
}

/// Throws Error unless `holds`. The message parts are built only when it does not.
template <class Got>
void check(bool holds, std::string_view what, std::string_view expected, Got const& got, std::string_view advice = "") {
  if (!holds) [[unlikely]]
    throw Error({std::string(what), std::string(expected), text(got), std::string(advice)});
}

}  // namespace chg
