// SPDX-License-Identifier: MIT
#include "cli/script.hpp"

#include <csignal>

using namespace chg;
using namespace chg::test;

namespace {

std::string const kLong =
    "chg fit builtin:induction aba.jsonl --seeds 1 --batch 2 --updates 4000000 --updates-pressed 1 "
    "--threads 1 --quiet --out ";

/// Waits until the file is there, or the program has ended.
void wait_for(Shell const& shell, std::string const& name) {
  for (auto i = 0; i < 600 && !std::filesystem::exists(shell.path(name)); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

Outcome ended_by(Shell const& shell, pid_t child, int signal) {
  ::kill(child, signal);
  return shell.finish(child);
}

}  // namespace

TEST_CASE("program: every signal that asks for an end saves a fit and says how to go on", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  for (auto const signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM}) {
    auto const run = "run" + std::to_string(signal);
    auto const child = shell.start(kLong + run);
    wait_for(shell, run + "/state/fit.bin");
    auto const stopped = ended_by(shell, child, signal);
    INFO(signal << ": " << stopped.err);
    CHECK(stopped.status == 130);
    CHECK(has_all(stopped.err, {"chg: interrupted; all updates so far are saved", "--resume"}));
    CHECK(json_of(shell, run + "/run.json")["status"] == "interrupted");
  }
}

TEST_CASE("program: a signal that comes twice, from timeout, from a terminal and its shell, saves too", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  for (auto const signal : {SIGTERM, SIGHUP, SIGXCPU}) {
    auto const run = "run" + std::to_string(signal);
    auto const child = shell.start(kLong + run);
    wait_for(shell, run + "/state/fit.bin");
    for (auto i = 0; i < 20; ++i) ::kill(child, signal);
    CHECK(shell.finish(child).status == 130);
    CHECK(json_of(shell, run + "/run.json")["status"] == "interrupted");
  }
}

TEST_CASE("program: a signal that was ignored from the start stays ignored", "[cli]") {
  NEEDS_PROGRAM();
  Shell shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  for (auto const signal : {SIGINT, SIGHUP, SIGUSR1}) {
    auto const run = "run" + std::to_string(signal);
    shell.ignored = signal;
    auto const child = shell.start(kLong + run);
    wait_for(shell, run + "/state/fit.bin");
    ::kill(child, signal);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    CHECK(::waitpid(child, nullptr, WNOHANG) == 0);  // still there
    auto const stopped = ended_by(shell, child, SIGTERM);
    CHECK(stopped.status == 130);
    CHECK(json_of(shell, run + "/run.json")["status"] == "interrupted");
  }
}

TEST_CASE("program: an update of many chunks is left in the middle, and the fit goes on to the same bits", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 64);
  // One update of these takes minutes.
  std::string const fit = "chg fit builtin:teaching aba.jsonl --updates 1 --updates-pressed 0 --threads 1 --quiet --out run ";
  auto const child = shell.start(fit + "--seeds 20000");
  wait_for(shell, "run/run.json");
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  auto const stopped = ended_by(shell, child, SIGUSR1);
  INFO(stopped.err);
  CHECK(stopped.status == 130);
  CHECK(json_of(shell, "run/run.json")["status"] == "interrupted");
}

TEST_CASE("program: a fit that is ended while it is scored for summary.csv goes on from there", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 64);
  auto const some = shell.read("aba.jsonl");
  std::string many;
  for (auto i = 0; i < 300; ++i) many += some;
  shell.write("many.jsonl", many);
  auto const child = shell.start(
      "chg fit builtin:teaching aba.jsonl --seeds 2 --updates 2 --updates-pressed 2 --threads 1 --quiet "
      "--out run --validation many.jsonl");
  wait_for(shell, "run/state/done.writing/Uminus.npy");
  REQUIRE_FALSE(std::filesystem::exists(shell.path("run/Uminus.npy")));
  auto const stopped = ended_by(shell, child, SIGTERM);
  INFO(stopped.err);
  CHECK(stopped.status == 130);
  CHECK(json_of(shell, "run/run.json")["status"] == "interrupted");
}

TEST_CASE("program: where nothing can be saved every signal ends it at once, with 130", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  for (auto const* signal : {"TERM", "HUP", "USR1", "XCPU"}) {
    std::string const begin = "mkfifo in; { sleep 5 >in & } ; \"$CHG\" tokenize builtin:teaching --jsonl <in & sleep 0.5; ";
    auto const stopped = sh(shell, begin + "kill -" + signal + " $!; wait $!; s=$?; rm in; exit $s");
    CHECK(stopped.status == 130);
    CHECK(stopped.err.find("chg: interrupted") != std::string::npos);
  }
}
