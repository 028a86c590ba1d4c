// SPDX-License-Identifier: MIT
// What a run directory does where calls of the operating system fail, and in which order its
// names get onto the disk: some calls of this program are looked at before they are made, and may
// fail instead.
#include <chg/run/results.hpp>

#include "formats/test_files.hpp"
#include "run/runs.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <functional>

#if defined(__linux__) && defined(__GLIBC__) && defined(SYS_unlink) && defined(F_OFD_SETLK)

using namespace chg::test;
using namespace chg::run;
namespace fs = std::filesystem;

namespace {

using Look = std::function<int(fs::path const&)>;  // an errno to fail with, or 0

/// What looks at the calls; of fsync the path is that of the open file.
struct Looks {
  Look fsync, link, unlink, mkdir, stat;
  std::function<int(int command)> lock;
};
Looks looks;

/// The looks of one test.
struct Looking {
  Looking() = default;
  Looking(Looking const&) = delete;
  Looking& operator=(Looking const&) = delete;
  ~Looking() { looks = {}; }
};

template <class Call>
int looked_at(Look const& look, fs::path const& path, Call const& call) {
  if (auto const failed = look ? look(path) : 0; failed != 0) return errno = failed, -1;
  return static_cast<int>(call());
}

}  // namespace

// Definitions under the names of functions of libc, whose declarations they do not repeat: those
// have noexcept in some versions.
#define CHG_IN_PLACE_OF(name, parameters)                   \
  extern "C" int chg_test_##name parameters __asm__(#name); \
  extern "C" int chg_test_##name parameters

CHG_IN_PLACE_OF(fsync, (int file)) {
  if (!looks.fsync) return static_cast<int>(::syscall(SYS_fsync, file));
  return looked_at(looks.fsync, fs::read_symlink("/proc/self/fd/" + std::to_string(file)),
                   [&] { return ::syscall(SYS_fsync, file); });
}
CHG_IN_PLACE_OF(link, (char const* from, char const* to)) {
  return looked_at(looks.link, from, [&] { return ::syscall(SYS_link, from, to); });
}
CHG_IN_PLACE_OF(unlink, (char const* path)) {
  return looked_at(looks.unlink, path, [&] { return ::syscall(SYS_unlink, path); });
}
CHG_IN_PLACE_OF(mkdir, (char const* path, ::mode_t mode)) {
  return looked_at(looks.mkdir, path, [&] { return ::syscall(SYS_mkdir, path, mode); });
}
CHG_IN_PLACE_OF(stat, (char const* path, struct ::stat* status)) {
  return looked_at(looks.stat, path, [&] { return ::fstatat(AT_FDCWD, path, status, 0); });
}
CHG_IN_PLACE_OF(fcntl, (int file, int command, ...)) {
  va_list more;
  va_start(more, command);
  auto* const argument = va_arg(more, void*);
  va_end(more);
  auto const locks = command == F_OFD_SETLK || command == F_SETLK;
  if (auto const failed = locks && looks.lock ? looks.lock(command) : 0; failed != 0)
    return errno = failed, -1;
  return static_cast<int>(::syscall(SYS_fcntl, file, command, argument));
}

namespace {

auto const nothing = [] {};

chg::Fit part_of_a_fit(chg::Index updates) {
  auto options = small_options();
  options.progress = [updates](chg::Progress const& p) { return p.done < updates; };
  return chg::fit(small_model(), small_examples(1), options);
}

}  // namespace

TEST_CASE(
    "run_directory: what others depend on is on disk before them: results in state/done, in their "
    "places, then run.json",
    "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "old"}});
  RunDirectory run(name);
  run.begin(kRunning);
  run.write("a.csv", "new");
  auto const new_json = [&] {
    return Json::parse(contents(name / "run.json"))["results"][0]["bytes"] == 3 &&
           !fs::exists(name / "state/done/run.json");
  };
  std::vector<std::string> synced;
  looks.fsync = [&](fs::path const& path) {
    if (path == name / "state")
      synced.push_back(fs::exists(name / "state/done/run.json") ? "results" : "too early");
    if (path == name)
      synced.push_back(contents(name / "a.csv") != "new" ? "too early"
                       : new_json()                      ? "run.json"
                                                         : "places");
    return 0;
  };
  run.finish(kFinished);
  CHECK(synced == std::vector<std::string>{"results", "places", "run.json"});
}

TEST_CASE(
    "run_directory: a folder that cannot be synced is an error, and the results are put in place "
    "the next time",
    "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  for (auto const* folder : {"state", "."}) {
    auto const name = directory.path() / "run";
    auto const failing = (name / folder).lexically_normal().string();
    {
      RunDirectory run(name);
      run.begin(kRunning);
      run.write("a.csv", "x");
      auto committed = false;
      looks.fsync = [&](fs::path const& path) {
        committed = committed || fs::exists(name / "state/done");
        return committed &&
                       (path / "").lexically_normal() == fs::path(failing + "/").lexically_normal()
                   ? EIO
                   : 0;
      };
      auto const message = message_of([&] { run.finish(kFinished); });
      CHECK(has_all(message, {" cannot be synced", "Input/output error"}));
      CHECK(message.starts_with((folder == std::string(".") ? name : name / folder).string() +
                                " cannot"));
      looks = {};
    }
    CHECK(RunDirectory(name).found() == Found::finished);
    CHECK(names_in(name) == Names{"a.csv", "run.json"});
    fs::remove_all(name);
  }
}

TEST_CASE(
    "run_directory: a checkpoint that cannot be written leaves the one before and the one before "
    "that as they were",
    "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  auto const name = directory.path() / "run";
  RunDirectory run(name);
  run.begin(kRunning);
  run.checkpoint(part_of_a_fit(1));
  run.checkpoint(part_of_a_fit(2));
  auto const last = contents(name / "state/fit.bin");
  CHECK(contents(name / "state/fit.previous.bin") != last);
  looks.fsync = [](fs::path const& path) {
    return path.string().find(".fit.bin.chg-") != std::string::npos ? EIO : 0;
  };
  CHECK(message_of([&] { run.checkpoint(part_of_a_fit(3)); }) ==
        (name / "state/fit.bin").string() +
            " cannot be written. Expected a file that can be written, got Input/output error.");
  CHECK(contents(name / "state/fit.bin") == last);
  CHECK(contents(name / "state/fit.previous.bin") == last);
}

TEST_CASE(
    "run_directory: where a file system has no second names, the checkpoint before is kept all the "
    "same",
    "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  auto const name = directory.path() / "run";
  looks.link = [](fs::path const&) { return EPERM; };
  RunDirectory run(name);
  run.begin(kRunning);
  run.checkpoint(part_of_a_fit(1));
  auto const first = contents(name / "state/fit.bin");
  run.checkpoint(part_of_a_fit(2));
  CHECK(contents(name / "state/fit.previous.bin") == first);
  CHECK(run.saved<chg::Fit>()->point == part_of_a_fit(2).point);
}

TEST_CASE("run_directory: folders that cannot be made are named", "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "old"}});
  auto const before = snapshot(name);
  for (std::string const folder : {"state/next", "state/done.writing"}) {
    looks.mkdir = [&](fs::path const& path) { return path == name / folder ? ENOSPC : 0; };
    RunDirectory run(name);
    auto const message = message_of([&] {
      run.begin(kRunning);
      run.write("a.csv", "new");
    });
    CHECK(has_all(message,
                  {(name / folder).string() + " cannot be made", "No space left", "Make room"}));
  }
  looks = {};
  CHECK(without_state(snapshot(name)) == before);
}

TEST_CASE("run_directory: a result of the run before that cannot be removed is named in a notice",
          "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "a"}, {"b.csv", "b"}});
  std::vector<std::string> said;
  auto const before =
      chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  looks.unlink = [&](fs::path const& path) { return path == name / "b.csv" ? EPERM : 0; };
  finished_run(name, {{"a.csv", "new"}});
  chg::set_notice_handler(before);
  CHECK(said == std::vector<std::string>{
                    (name / "b.csv").string() +
                    " is of the run before and could not be removed: Operation not permitted"});
  CHECK(contents(name / "a.csv") == "new");
}

TEST_CASE(
    "run_lock: locks of open files, then those of processes, where there are none it goes without",
    "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  auto const file = directory.path() / "lock";
  auto const take = [&](std::vector<int> const& answers) {
    std::vector<int> commands;
    looks.lock = [&](int command) {
      commands.push_back(command);
      errno = EAGAIN;  // left by something before
      return commands.size() <= answers.size() ? answers[commands.size() - 1] : 0;
    };
    RunLock lock;
    auto const failed = lock.take(file, "run", nothing);
    CHECK(failed == 0);
    CHECK(lock.held());
    return commands;
  };
  CHECK(take({}) == std::vector{F_OFD_SETLK});
  CHECK(take({EINTR, EINTR}) == std::vector{F_OFD_SETLK, F_OFD_SETLK, F_OFD_SETLK});
  CHECK(take({ENOLCK}) == std::vector{F_OFD_SETLK});
  CHECK(take({EINVAL}) == std::vector{F_OFD_SETLK, F_SETLK});
  CHECK(take({EINVAL, EINTR}) == std::vector{F_OFD_SETLK, F_SETLK, F_SETLK});
  CHECK(take({EINVAL, ENOLCK}) == std::vector{F_OFD_SETLK, F_SETLK});
  for (auto const other : {EACCES, EAGAIN})
    for (auto const first : {0, EINVAL}) {
      auto const answers = first == 0 ? std::vector{other} : std::vector{first, other};
      CHECK(has_all(message_of([&] { take(answers); }), {"is being written by another program"}));
    }
}

TEST_CASE(
    "run_lock: a file whose name another program took away, or gave to another file, keeps nobody "
    "out",
    "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  auto const file = directory.path() / "lock";
  auto const open_before = open_files();
  for (auto const given : {false, true}) {
    auto calls = 0;
    looks.lock = [&](int) {
      if (++calls == 1) {
        fs::remove(file);
        if (given) directory.write("lock", "");
      }
      return 0;
    };
    RunLock lock, other;
    CHECK(lock.take(file, "run", nothing) == 0);
    CHECK(calls == 2);
    CHECK(has_all(message_of([&] { other.take(file, "run", nothing); }), {"is being written"}));
    lock.release(true);
    CHECK(open_files() == open_before);
  }
  looks.lock = [&](int) { return fs::remove(file), 0; };  // again and again
  RunLock lock;
  CHECK(lock.take(file, "run", nothing) == EBUSY);
  CHECK_FALSE(lock.held());
  CHECK(open_files() == open_before);
}

#if __GLIBC_PREREQ(2, 33)  // before, stat was no function of this name
TEST_CASE("run_lock: a file that cannot be looked at is an error, and is not left behind", "[run]") {
  TemporaryDirectory const directory;
  Looking const looking;
  auto const file = directory.path() / "lock";
  auto const open_before = open_files();
  auto calls = 0;
  looks.stat = [&](fs::path const& path) { return path == file ? ++calls, EIO : 0; };
  for (auto const there : {false, true}) {
    if (there) directory.write("lock", "");
    RunLock lock;
    CHECK(lock.take(file, "run", nothing) == EIO);
    CHECK_FALSE(lock.held());
    CHECK(fs::exists(fs::symlink_status(file)) == there);
    CHECK(open_files() == open_before);
  }
  CHECK(calls == 2);
  auto const name = directory.path() / "run";
  looks.stat = [&](fs::path const& path) { return path == name / "state/lock" ? EIO : 0; };
  {
    RunDirectory run(name);
    CHECK(has_all(message_of([&] { run.begin(kRunning); }),
                  {"state/lock cannot be opened", "Input/output error"}));
  }
  CHECK_FALSE(fs::exists(fs::symlink_status(name)));
}
#endif

#endif
