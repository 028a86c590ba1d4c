// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/cli/checkpoint_pace.hpp>
#include <chg/cli/console.hpp>
#include <chg/cli/settings.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

using namespace chg;
using namespace chg::cli;

namespace {

/// What the environment says about terminals, and nothing else about them; as it was before at the end.
class Environment {
 public:
  explicit Environment(std::map<std::string, std::string> const& set) {
    for (auto const* name : {"TERM", "NO_COLOR"}) {
      if (auto const* const old = std::getenv(name)) before_[name] = old;
      ::unsetenv(name);
      if (set.contains(name)) ::setenv(name, set.at(name).c_str(), 1);
    }
  }
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;
  ~Environment() {
    for (auto const* name : {"TERM", "NO_COLOR"}) {
      ::unsetenv(name);
      if (before_.contains(name)) ::setenv(name, before_.at(name).c_str(), 1);
    }
  }

 private:
  std::map<std::string, std::string> before_;
};

/// A terminal that is nobody's: what is written to its stream can be read back.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    stream_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    REQUIRE(stream_ >= 0);
    ::fcntl(master_, F_SETFL, O_NONBLOCK);
  }
  Terminal(Terminal const&) = delete;
  Terminal& operator=(Terminal const&) = delete;
  ~Terminal() { ::close(stream_), ::close(master_); }

  int stream() const { return stream_; }
  std::string written() const {
    std::string all;
    char part[256];
    for (ssize_t n; (n = ::read(master_, part, sizeof part)) > 0;) all.append(part, static_cast<std::size_t>(n));
    return all;
  }

 private:
  int master_, stream_ = -1;
};

/// The progress of a fit of three updates, on a stream in the place of stderr.
void show_progress_on(int stream) {
  auto const before = ::dup(2);
  ::dup2(stream, 2);
  {
    Settings const settings;
    ProgressLine line(settings);
    for (Index done : {1, 2, 3}) line.show({.update = done, .updates = 3, .done = done, .total = 3, .nll = 1.5});
  }
  ::dup2(before, 2);
  ::close(before);
}

}  // namespace

TEST_CASE("settings: sizes are powers of 1024, with or without a B", "[cli]") {
  CHECK(memory_size("512") == 512);
  CHECK(memory_size("2K") == 2048);
  CHECK(memory_size("1.5G") == 1.5 * 1024 * 1024 * 1024);
  CHECK(memory_size("4GiB") == memory_size("4G"));
  CHECK(memory_size("4MB") == memory_size("4M"));
  CHECK(std::isinf(memory_size("none")));
  for (auto const* bad : {"", "G", "-1G", "0", "4X", "1G1", "nan", "inf"})
    CHECK_THROWS_AS(memory_size(bad), CLI::ValidationError);
}

TEST_CASE("settings: rates are START:END, bounds a number or none", "[cli]") {
  CHECK(learning_rate("0.5:0.1") == LearningRate{0.5, 0.1});
  for (auto const* bad : {"0.5", "0.5:", ":1", "a:b", "0.5:0.1:2"})
    CHECK_THROWS_AS(learning_rate(bad), CLI::ValidationError);
  CHECK(number_or_none("4") == 4);
  CHECK(std::isinf(number_or_none("none")));
  CHECK_THROWS_AS(number_or_none("inf"), CLI::ValidationError);
}

TEST_CASE("settings: a seed is a whole number of 64 bits", "[cli]") {
  CHECK(whole_number("18446744073709551615") == 18446744073709551615u);
  for (auto const* bad : {"", "-1", "+1", "1.0", "18446744073709551616", "1e3", " 1"})
    CHECK_THROWS_AS(whole_number(bad), CLI::ValidationError);
}

TEST_CASE("console: a word for the shell is quoted when it must be", "[cli]") {
  CHECK(shell_word("builtin:teaching") == "builtin:teaching");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("") == "''");
  CHECK(duration_text(59.9) == "0:59");
  CHECK(duration_text(3909) == "1:05:09");
}

TEST_CASE("console: colours and lines that are rewritten go to a terminal alone, one that is not dumb, without NO_COLOR",
          "[cli]") {
  Terminal const terminal;
  using Set = std::map<std::string, std::string>;
  auto const shown = [&](Set const& set, int stream) {
    Environment const environment(set);
    CHECK(escapes(stream) == (stream == terminal.stream() && set.contains("TERM") && set.at("TERM") == "xterm" &&
                              (!set.contains("NO_COLOR") || set.at("NO_COLOR").empty())));
    show_progress_on(stream);
    return terminal.written();
  };
  for (auto const& set : {Set{{"TERM", "xterm"}}, Set{{"TERM", "xterm"}, {"NO_COLOR", ""}}}) {
    auto const rewritten = shown(set, terminal.stream());
    CHECK(rewritten.starts_with("\r\x1b[32m["));
    CHECK(rewritten.ends_with("\r\x1b[K"));
    CHECK(rewritten.find('\n') == std::string::npos);
  }
  for (auto const& set : {Set{{"TERM", "dumb"}}, Set{{"TERM", ""}}, Set{}, Set{{"TERM", "xterm"}, {"NO_COLOR", "1"}}}) {
    auto const lines = shown(set, terminal.stream());
    CHECK(lines.starts_with("[####"));
    CHECK(lines.ends_with("nll 1.5000\r\n"));  // a terminal makes \r\n of \n
    CHECK(lines.find('\x1b') == std::string::npos);
  }
  auto const nowhere = ::open("/dev/null", O_WRONLY);
  CHECK(shown({{"TERM", "xterm"}}, nowhere).empty());
  ::close(nowhere);
}

TEST_CASE("checkpoint_pace: five updates, or two seconds, but twenty times what saving costs", "[cli]") {
  // Updates of one length; the numbers of updates that each checkpoint after the first one saves.
  auto const saved = [](double update, double cost) {
    CheckpointPace pace;
    std::vector<int> each;
    double now = 100;
    for (int checkpoint = 0; checkpoint < 4; ++checkpoint, now += cost) {
      double in_call = 0;
      int updates = 0;
      do now += update, in_call += update, ++updates;
      while (!pace.due(now, in_call));
      each.push_back(updates);
    }
    CHECK(each.front() == (update < 0.45 ? 5 : update < 1.5 ? 2 : 1));  // whose cost nobody knows yet
    each.erase(each.begin());
    return each;
  };
  CHECK(saved(0.025, 0.001) == std::vector<int>{5, 5, 5});
  CHECK(saved(0.0001, 0) == std::vector<int>{5, 5, 5});
  CHECK(saved(0.001, 0.00988) == std::vector<int>{198, 198, 198});  // the cost is a twentieth of 197.6 updates
  CHECK(saved(1.25, 0.01) == std::vector<int>{2, 2, 2});
  CHECK(saved(30, 0.1) == std::vector<int>{1, 1, 1});
  CHECK(saved(30, 4) == std::vector<int>{3, 3, 3});
}
