// SPDX-License-Identifier: MIT
// Runs the built program chg in a temporary directory.
#pragma once

#include "formats/test_files.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace chg::test {

struct Outcome {
  int status = -1;  ///< exit status, or minus the signal that ended it
  std::string out, err;
};

/// In a child: signals as of a program that nobody set them for. The program keeps ignoring what was ignored when the tests began.
inline void take_signals() {
  for (auto const number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM}) ::signal(number, SIG_DFL);
}

/// A directory in which command lines run.
class Shell {
 public:
  /// Where the program is; null in a build without it.
  static char const* program() { return std::getenv("CHG_PROGRAM"); }

  rlim_t address_space = RLIM_INFINITY;  ///< bytes that a command may take
  int ignored = 0;                       ///< a signal that a command finds ignored
  std::string out = ".stdout";           ///< where its stdout goes; an Outcome has what is in .stdout

  std::filesystem::path path(std::string const& name) const { return directory_.path() / name; }
  std::string read(std::string const& name) const { return contents(path(name)); }
  void write(std::string const& name, std::string const& bytes) const { directory_.write(name, bytes); }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (auto const& entry : std::filesystem::directory_iterator(directory_.path())) {
      auto const name = entry.path().filename().string();
      if (!name.starts_with(".std")) all.push_back(name);
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  /// Words are parted by spaces outside single quotes; the first one, chg, stands for the program. input: what stdin holds.
  Outcome run(std::string const& line, std::string const& input = "") const { return finish(start(line, input)); }

  pid_t start(std::string const& line, std::string const& input = "") const {
    auto words = words_of(line);
    words[0] = program();
    write(".stdin", input);
    write(".stdout", "");
    auto const child = ::fork();
    if (child != 0) return child;
    take_signals();
    if (ignored != 0) ::signal(ignored, SIG_IGN);
    if (::chdir(directory_.path().c_str()) != 0) ::_exit(127);
    ::dup2(::open(".stdin", O_RDONLY), 0);
    for (auto const& [stream, name] : {std::pair(1, out.c_str()), std::pair(2, ".stderr")})
      ::dup2(::open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666), stream);
    ::rlimit const limit{address_space, address_space};
    ::setrlimit(RLIMIT_AS, &limit);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(words[0].c_str(), arguments.data());
    ::_exit(127);
  }
  Outcome finish(pid_t child) const {
    int status = 0;
    ::waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read(".stdout"), read(".stderr")};
  }
  /// Sends a signal after that long, unless the program has ended by itself.
  Outcome interrupt(pid_t child, int with, std::chrono::milliseconds after) const {
    std::this_thread::sleep_for(after);
    ::kill(child, with);
    return finish(child);
  }

 private:
  static std::vector<std::string> words_of(std::string const& line) {
    std::vector<std::string> words;
    bool quoted = false, inside = false;
    for (char const c : line) {
      if (c == '\'') quoted = !quoted;
      auto const space = c == ' ' && !quoted;
      if (!space && !inside) words.emplace_back();
      if (!space && c != '\'') words.back() += c;
      inside = !space;
    }
    return words;
  }

  TemporaryDirectory directory_;
};

}  // namespace chg::test
