// SPDX-License-Identifier: MIT
#include "cli/script.hpp"

#include <chg/cli/console.hpp>

#include <sys/ioctl.h>

#include <cstdlib>
#include <sstream>

using namespace chg;
using namespace chg::test;

namespace {

std::string const kLong = "\"$CHG\" fit builtin:induction aba.jsonl --seeds 1 --updates-pressed 10 --threads 1 --updates ";
std::string const kFit = kLong + "30 ";

struct Exceptions {};
std::ostream& operator<<(std::ostream& out, Exceptions) {
  return out << ((out.exceptions() & std::ios::badbit) != 0 ? "thrown on" : "lost");
}

/// A pseudo terminal: the program's stderr is its slave.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    ::winsize const size{24, columns, 0, 0};
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  ~Terminal() { hang_up(); }

  std::string name() const { return ::ptsname(master_); }
  /// What comes until the other end is closed, or until it is `most` characters.
  std::string read(std::size_t most = std::string::npos) {
    std::string all;
    char some[512];
    while (all.size() < most) {
      auto const n = ::read(master_, some, sizeof some);
      if (n <= 0) break;
      all.append(some, static_cast<std::size_t>(n));
    }
    return all;
  }
  void hang_up() {
    if (master_ >= 0) ::close(master_);
    master_ = -1;
  }

 private:
  int master_;
};

/// A program whose stderr is the terminal.
pid_t run_on(Terminal const& terminal, Shell const& shell, std::string const& line) {
  auto const name = terminal.name();
  shell.write(".script", "exec " + line + " 2>" + name + "\n");
  shell.write(".stderr", "");
  auto const child = ::fork();
  if (child == 0) {
    take_signals();
    if (::chdir(shell.path("").c_str()) != 0) ::_exit(127);
    ::setenv("CHG", Shell::program(), 1);
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("NO_COLOR");
    ::execl("/bin/sh", "sh", ".script", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return child;
}

}  // namespace

TEST_CASE("console: a line of progress gives up its parts in their order, and is cut at last", "[cli]") {
  auto const line = [](std::size_t columns) { return cli::joined({{"[##..]", 2}, {"none 3/9", 0}, {"nll 1", 1}}, columns); };
  CHECK(line(80) == "[##..]  none 3/9  nll 1");
  CHECK(line(23) == "[##..]  none 3/9  nll 1");
  CHECK(line(22) == "none 3/9  nll 1");
  CHECK(line(14) == "none 3/9");
  CHECK(line(4) == "none");
  CHECK(line(0).empty());
}

TEST_CASE("console: a bar takes what is left of a line, and is left out where that is little", "[cli]") {
  CHECK(cli::with_bar(1, 2, "rest", 99) == "[############............]  rest");
  CHECK(cli::with_bar(1, 2, "rest", 18) == "[#####.....]  rest");
  CHECK(cli::with_bar(9, 9, "rest", 14) == "[######]  rest");
  CHECK(cli::with_bar(9, 9, "rest", 13) == "rest");
  CHECK(cli::with_bar(0, 0, "rest", 14) == "[......]  rest");
}

TEST_CASE("console: what is shown on one line has no control characters, and no half of a letter", "[cli]") {
  CHECK(cli::shortened("a\tb\x1b[2Jc\x7f", 99) == "a b [2Jc ");
  CHECK(cli::shortened("\u00e4bc", 1).empty());
  CHECK(cli::shortened("\u00e4bc", 3) == "\u00e4b");
}

TEST_CASE("console: texts are put together by streams that throw on when memory runs out", "[cli]") {
  CHECK((cli::TextStream().exceptions() & std::ios::badbit) != 0);
  CHECK(text(Exceptions()) == "thrown on");
}

TEST_CASE("program: an stderr that takes nothing changes no exit status and no result", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  REQUIRE(sh(shell, kFit + "--quiet --out plain").status == 0);
  for (std::string const lost : {"2>/dev/full", "2>&-", "2</dev/null"}) {
    INFO(lost);
    CHECK(sh(shell, "\"$CHG\" score nosuch x " + lost).status == 1);
    CHECK(sh(shell, "\"$CHG\" nosuch " + lost).status == 2);
    CHECK(sh(shell, kFit + "--progress --out run " + lost).status == 0);
    CHECK(shell.read("run/Gplus.npy") == shell.read("plain/Gplus.npy"));
    CHECK(sh(shell, "rm -r run").status == 0);
  }
  // A reader that goes away: head ends after the first line.
  CHECK(sh(shell, "{ " + kFit + "--progress --out run 2>&1 >so; echo $? >status; } | head -c 20 >first").status == 0);
  CHECK(shell.read("status") == "0\n");
  CHECK(json_of(shell, "run/run.json")["status"] == "finished");
}

TEST_CASE("program: standard streams that are closed are not taken by files", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  std::string const score = "\"$CHG\" score builtin:induction aba.jsonl --threads 1 ";
  REQUIRE(sh(shell, score + "--out plain.json").status == 0);
  CHECK(sh(shell, score + "--out closed.json <&- >&- 2>&-").status == 0);
  CHECK(shell.read("closed.json") == shell.read("plain.json"));
  CHECK(sh(shell, score + ">&- 2>&-").status == 1);  // its result had no place
  shell.write("bad.jsonl", shell.read("aba.jsonl") + "{}\n");
  auto const unheard = sh(shell, "\"$CHG\" score builtin:induction bad.jsonl >&-");
  CHECK(unheard.status == 1);
  CHECK(unheard.err.starts_with("chg: error: bad.jsonl, line 17"));
  // The lock of a RUN is held open for as long as it runs: progress must not go into it.
  auto const stopped = sh(shell, kLong +
                                     "4000000 --progress --out run 2>&- & n=0; "
                                     "while ! [ -e run/state/fit.bin ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done; "
                                     "kill $!; wait $!");
  CHECK(stopped.status == 130);
  for (auto const& file : std::filesystem::recursive_directory_iterator(shell.path("run")))
    if (file.is_regular_file()) CHECK(contents(file.path()).find("updates/s") == std::string::npos);
}

TEST_CASE("program: progress fits a terminal of any width, and is no reason to end when the terminal is gone", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  for (unsigned short const columns : {20, 40, 120}) {
    Terminal terminal(columns);
    auto const child = run_on(terminal, shell, kFit + "--out run" + std::to_string(columns));
    auto const shown = terminal.read();
    CHECK(shell.finish(child).status == 0);
    CHECK(shown.find(columns > 100 ? "updates/s" : "remove 10/10") != std::string::npos);
    std::istringstream lines(shown);
    for (std::string line; std::getline(lines, line, '\r');) {
      for (std::string const escape : {"\x1b[32m", "\x1b[0m", "\x1b[K"})
        if (auto const at = line.find(escape); at != std::string::npos) line.erase(at, escape.size());
      CHECK(line.find('\x1b') == std::string::npos);
      CHECK(line.size() < columns);
    }
  }
  Terminal terminal(80);
  auto const child = run_on(terminal, shell, kLong + "3000 --out gone");
  CHECK(terminal.read(20).size() >= 20);
  terminal.hang_up();
  CHECK(shell.finish(child).status == 0);
  CHECK(json_of(shell, "gone/run.json")["status"] == "finished");
}

TEST_CASE("program: a file that grows too large is an error of one line, and no signal", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  auto const stopped = sh(shell, "ulimit -f 2; " + kFit + "--quiet --out run");
  CHECK(stopped.status == 1);
  CHECK(stopped.err.starts_with("chg: error: "));
  CHECK(has_all(stopped.err, {"File too large"}));
  CHECK(std::count(stopped.err.begin(), stopped.err.end(), '\n') == 1);
}

TEST_CASE("program: threads that cannot be started are an error of one line, and one thread starts no other", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 16);
  std::string const score = "ulimit -v 400000; \"$CHG\" score builtin:teaching aba.jsonl --out o.json --threads ";
  auto const refused = sh(shell, score + "600");
  CHECK(refused.status == 1);
  CHECK(has_all(refused.err, {"chg: error: threads. Expected 600 that run at once", "--threads"}));
  CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
  CHECK(sh(shell, score + "1").status == 0);
  // So little that there is no room for the stack of another thread.
  auto const alone = sh(shell,
                        "ulimit -s 1000000; ulimit -v 900000; OMP_STACKSIZE=1000000k \"$CHG\" score builtin:teaching "
                        "aba.jsonl --out o.json --threads 1");
  INFO(alone.err);
  CHECK(alone.status == 0);
}
