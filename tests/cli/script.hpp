// SPDX-License-Identifier: MIT
// Runs lines of sh around the built program chg: streams that are closed, limits, signals that are ignored, peaks of memory.
#pragma once

#include "cli/program.hpp"
#include "support/catch.hpp"

#include <chg/formats/json.hpp>

#include <string>

#define NEEDS_PROGRAM()                                                    \
  if (!Shell::program()) {                                                 \
    WARN("CHG_PROGRAM is not set: this build has no program chg to test"); \
    return;                                                                \
  }

namespace chg::test {

/// In the shell's directory; $CHG is the program. What the last line says.
inline Outcome sh(Shell const& shell, std::string const& lines) {
  shell.write(".stdscript", lines);
  shell.write(".stdout", "");
  auto const child = ::fork();
  if (child == 0) {
    take_signals();
    if (::chdir(shell.path("").c_str()) != 0) ::_exit(127);
    ::setenv("CHG", Shell::program(), 1);
    ::dup2(::open("/dev/null", O_RDONLY), 0);
    for (auto const& [stream, name] : {std::pair(1, ".stdout"), std::pair(2, ".stderr")})
      ::dup2(::open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666), stream);
    ::execl("/bin/sh", "sh", ".stdscript", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return shell.finish(child);
}

inline void make_aba(Shell const& shell, std::string const& model, std::string const& name, int examples) {
  auto const made =
      shell.run("chg tasks make aba --model builtin:" + model + " --out " + name + " --examples " + std::to_string(examples));
  INFO(made.err);
  REQUIRE(made.status == 0);
}

inline nlohmann::json json_of(Shell const& shell, std::string const& name) { return formats::parse_json(shell.read(name), name); }

}  // namespace chg::test
