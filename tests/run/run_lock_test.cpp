// SPDX-License-Identifier: MIT
#include <chg/run/run_lock.hpp>

#include "formats/test_files.hpp"
#include "run/runs.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using chg::run::RunLock;
namespace fs = std::filesystem;

namespace {

auto const nothing = [] {};

}  // namespace

TEST_CASE("run_lock: one at a time holds it, from take to release", "[run]") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "lock";
  auto const open_before = open_files();
  RunLock first, second;
  CHECK_FALSE(first.held());
  CHECK_FALSE(first.made());
  REQUIRE(first.take(file, "run", nothing) == 0);
  CHECK(first.held());
  CHECK(first.made());
  CHECK(message_of([&] { second.take(file, "run", nothing); }) ==
        "run is being written by another program. Expected a run that nobody is writing, got one "
        "with a lock on it. Wait for it, "
        "or end it.");
  CHECK_FALSE(second.held());
  CHECK_FALSE(second.made());
  CHECK(open_files() == open_before + 1);
  first.release(true);
  CHECK_FALSE(first.held());
  CHECK_FALSE(first.made());
  CHECK_FALSE(fs::exists(file));
  REQUIRE(second.take(file, "run", nothing) == 0);
  CHECK(second.made());
  second.release(false);
  CHECK(fs::exists(file));
  REQUIRE(first.take(file, "run", nothing) == 0);
  CHECK(first.held());
  CHECK_FALSE(first.made());
  first.release(false);
  CHECK(open_files() == open_before);
}

TEST_CASE("run_lock: it ends with its object, and the file stays", "[run]") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "lock";
  auto const open_before = open_files();
  {
    RunLock lock;
    errno = EEXIST;  // of something before
    REQUIRE(lock.take(file, "run", nothing) == 0);
    CHECK(open_files() == open_before + 1);
  }
  CHECK(open_files() == open_before);
  CHECK(fs::exists(file));
  RunLock next;
  CHECK(next.take(file, "run", nothing) == 0);
}

TEST_CASE(
    "run_lock: the file gets the lowest descriptor where stdin is closed, and is a lock all the "
    "same",
    "[run]") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "lock";
  auto const kept = ::dup(0);
  ::close(0);
  RunLock lock, other;
  auto const taken = lock.take(file, "run", nothing);
  auto const held = lock.held(), made = lock.made(), lowest = ::fcntl(0, F_GETFD) >= 0;
  auto const refused = message_of([&] { other.take(file, "run", nothing); });
  lock.release(true);
  auto const open_after = ::fcntl(0, F_GETFD) >= 0;
  ::dup2(kept, 0);
  ::close(kept);
  CHECK(taken == 0);
  CHECK(held);
  CHECK(made);
  CHECK(lowest);
  CHECK(has_all(refused, {"is being written by another program"}));
  CHECK_FALSE(open_after);
  CHECK_FALSE(fs::exists(file));
}

TEST_CASE(
    "run_lock: a folder that another program has just removed is made again, and what cannot be "
    "opened is said at once",
    "[run]") {
  TemporaryDirectory const directory;
  RunLock lock;
  auto made = 0;
  CHECK(lock.take(directory.path() / "state" / "lock", "run", [&] {
    if (++made == 2) fs::create_directory(directory.path() / "state");
  }) == 0);
  CHECK(made == 2);
  RunLock none;
  CHECK(none.take(directory.path() / "absent" / "lock", "run", nothing) == ENOENT);
  CHECK_FALSE(none.held());
  directory.write("file", "");
  made = 0;
  CHECK(none.take(directory.path() / "file" / "lock", "run", [&] { ++made; }) == ENOTDIR);
  CHECK(made == 1);
  fs::create_directory(directory.path() / "folder");
  CHECK(none.take(directory.path() / "folder", "run", nothing) == EISDIR);
  fs::create_symlink("precious", directory.path() / "link");  // another's, to a place of theirs
  CHECK(none.take(directory.path() / "link", "run", nothing) == ELOOP);
  CHECK_FALSE(fs::exists(directory.path() / "precious"));
}
