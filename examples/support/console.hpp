// SPDX-License-Identifier: MIT
// What the examples share: a few options, a progress line, and errors as one line.
#pragma once

#include <chg/gate/fit_options.hpp>
#include <chg/tensor/notice.hpp>

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace chg::examples {

/// `--name value` from the command line, or the default. Throws Error when the value is not a number of that type.
template <class Number>
Number option(int argc, char** argv, std::string_view name, Number otherwise) {
  for (int i = 1; i + 1 < argc; ++i)
    if (argv[i] == name) {
      std::string_view const given = argv[i + 1];
      auto const [end, failure] = std::from_chars(given.data(), given.data() + given.size(), otherwise);
      check(failure == std::errc() && end == given.data() + given.size(), text("option ", name), "a number", given);
    }
  return otherwise;
}
inline std::string option(int argc, char** argv, std::string_view name, char const* otherwise) {
  for (int i = 1; i + 1 < argc; ++i)
    if (argv[i] == name) return argv[i + 1];
  return otherwise;
}

/// Throws Error for anything on the command line that is not one of `known`, each followed by its value.
inline void check_options(int argc, char** argv, std::initializer_list<std::string_view> known) {
  std::string names;
  for (auto const name : known) names += (names.empty() ? "" : ", ") + std::string(name);
  for (int i = 1; i < argc; i += 2) {
    auto found = false;
    for (auto const name : known) found = found || name == argv[i];
    check(found, "command line", "options among " + names, argv[i]);
    check(i + 1 < argc, text("option ", argv[i]), "a value after it", "nothing");
  }
}

/// Whether a stream takes colours and lines that are rewritten: a terminal, not called dumb by TERM, and NO_COLOR is not set.
inline bool escapes(int stream) {
  auto const *const term = std::getenv("TERM"), *const off = std::getenv("NO_COLOR");
  auto const named = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
  return isatty(stream) != 0 && named && (off == nullptr || *off == '\0');
}

/// A line on stderr that says how far a fit is and how long it will take; where it cannot be rewritten, a line a phase.
inline ProgressCallback progress_line(std::string what) {
  return [what = std::move(what), terminal = escapes(2)](Progress const& p) {
    auto const last = p.update == p.updates;
    if (!terminal && !last) return true;
    char line[256];
    std::snprintf(line, sizeof line, "phase %-6s update %lld of %lld, nll %.4f, %.0f s, %.0f s left ",
                  std::string(name(p.phase)).c_str(), static_cast<long long>(p.update), static_cast<long long>(p.updates), p.nll,
                  p.seconds, p.seconds_left);
    write_stderr((terminal ? "\r" : "") + what + ": " + line + (!terminal || p.done == p.total ? "\n" : ""));
    return true;
  };
}

/// Runs a main program; an Error becomes one line on stderr and exit status 1.
template <class Main>
int guarded(Main const& main) {
  occupy_closed_streams();
  try {
    main();
    return 0;
  } catch (std::exception const& e) {
    write_stderr(text("error: ", e.what(), '\n'));
    return 1;
  }
}

}  // namespace chg::examples
