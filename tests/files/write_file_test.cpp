// SPDX-License-Identifier: MIT
#include <chg/files/write_file.hpp>

#include <Eigen/Core>

#include "files/places.hpp"
#include "support/catch.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <thread>

using namespace chg::test;
using chg::files::write_file;
namespace fs = std::filesystem;

TEST_CASE("write_file: the file holds exactly the bytes, replaces what was there, and leaves nothing beside it", "[files]") {
  TemporaryDirectory const directory;
  auto const path = directory.path() / "f";
  write_file(path, "first, longer");
  write_file(path, std::string("a\0b", 3));
  REQUIRE(contents(path) == std::string("a\0b", 3));
  write_file(path, "");
  REQUIRE(contents(path).empty());
  write_file(directory.path() / std::string(255, 'n'), "x");  // the longest name
  REQUIRE(files_in(directory.path()) == 2);
}

TEST_CASE("write_file: a place that cannot be written is refused by name, with the reason", "[files]") {
  TemporaryDirectory const directory;
  auto const inside = (directory.path() / "absent" / "f").string();
  REQUIRE(has_all(message_of([&] { write_file(inside, "x"); }), {inside, "cannot be written", "No such file or directory"}));
  fs::create_directory(directory.path() / "d");
  directory.write("d/inside", "");
  REQUIRE(has_all(message_of([&] { write_file(directory.path() / "d", "x"); }), {"cannot be written", "Is a directory"}));
  REQUIRE(has_all(message_of([&] { write_file(directory.path() / "d/inside/f", "x"); }), {"Not a directory"}));
  REQUIRE(has_all(message_of([&] { write_file(directory.path() / "new/", "x"); }), {"Not a directory"}));
  fs::create_symlink("loop", directory.path() / "loop");
  REQUIRE(has_all(message_of([&] { write_file(directory.path() / "loop", "x"); }), {"loop", "symbolic links"}));
  REQUIRE(files_in(directory.path()) == 2);  // nothing half-written
}

TEST_CASE("write_file: where there is no room, what was there before stays and nothing half-written does", "[files]") {
  TemporaryDirectory const directory;
  auto const path = directory.write("f", "before");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit const small{100'000, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  auto const message = message_of([&] { write_file(path, std::string(1'000'000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  REQUIRE(has_all(message, {path.string(), "cannot be written", "File too large"}));
  REQUIRE(contents(path) == "before");
  REQUIRE(files_in(directory.path()) == 1);
}

TEST_CASE("write_file: where no more files can be opened, that is the reason", "[files]") {
  TemporaryDirectory const directory;
  auto const path = directory.write("f", "before");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit const none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  auto const message = message_of([&] { write_file(path, "x"); });
  ::setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(has_all(message, {path.string(), "Too many open files", "ulimit -n"}));
  REQUIRE(contents(path) == "before");
}

TEST_CASE("write_file: a link stays, and what it leads to is replaced, in another folder too and where nothing is yet",
          "[files]") {
  TemporaryDirectory const directory;
  auto const at = [&](char const* name) { return directory.path() / name; };
  fs::create_directories(at("elsewhere/deep"));
  directory.write("elsewhere/real", "old");
  fs::create_symlink("elsewhere/real", at("link"));
  fs::create_symlink("elsewhere/deep", at("folder"));
  fs::create_symlink("../real", at("elsewhere/deep/up"));
  fs::create_symlink("later", at("new"));
  fs::create_symlink(at("new"), at("chain"));
  write_file(at("link"), "1");
  REQUIRE(contents(at("elsewhere/real")) == "1");
  write_file(at("folder/up"), "2");  // whose .. is that of the folder, not of the link to it
  REQUIRE(contents(at("elsewhere/real")) == "2");
  write_file(at("chain"), "3");
  REQUIRE(contents(at("later")) == "3");
  for (auto const* link : {"link", "folder", "folder/up", "new", "chain"}) REQUIRE(fs::is_symlink(at(link)));
  fs::create_symlink("absent/f", at("nowhere"));
  REQUIRE(has_all(message_of([&] { write_file(at("nowhere"), "x"); }), {"nowhere", "No such file or directory"}));
  REQUIRE(files_in(directory.path()) == 7);
}

TEST_CASE("write_file: files of the user with the names of old temporaries are left alone", "[files]") {
  TemporaryDirectory const directory;
  for (auto const* name : {"f.partial", "f.tmp", "f~", ".f.chg-aaaaaa"}) directory.write(name, "mine");
  fs::create_symlink("f~", directory.path() / ".f.chg-bbbbbb");
  for (int i = 0; i < 50; ++i) write_file(directory.path() / "f", "x");
  for (auto const* name : {"f.partial", "f.tmp", "f~", ".f.chg-aaaaaa"}) REQUIRE(contents(directory.path() / name) == "mine");
  REQUIRE(files_in(directory.path()) == 6);
}

TEST_CASE("write_file: the mode of the old file is kept, and a new one has that of the umask", "[files]") {
  TemporaryDirectory const directory;
  auto const mode = [&](char const* name) { return static_cast<int>(fs::status(directory.path() / name).permissions()); };
  for (int const old : {0600, 0640, 0644, 0755, 0622}) {
    directory.write("f", "old");
    ::chmod((directory.path() / "f").c_str(), static_cast<::mode_t>(old));
    write_file(directory.path() / "f", "new");
    REQUIRE(mode("f") == old);
    REQUIRE(contents(directory.path() / "f") == "new");
  }
  for (int const mask : {022, 077, 002}) {
    auto const before = ::umask(static_cast<::mode_t>(mask));
    fs::remove(directory.path() / "f");
    write_file(directory.path() / "f", "new");
    ::umask(before);
    REQUIRE(mode("f") == (0666 & ~mask));
  }
}

TEST_CASE("write_file: another hard link keeps the old bytes", "[files]") {
  TemporaryDirectory const directory;
  auto const path = directory.write("f", "old");
  fs::create_hard_link(path, directory.path() / "other");
  write_file(path, "new");
  REQUIRE(contents(path) == "new");
  REQUIRE(contents(directory.path() / "other") == "old");
}

TEST_CASE("write_file: a pipe's reader gets the bytes, more than it holds at once, and it is a pipe still", "[files]") {
  TemporaryDirectory const directory;
  auto const pipe = directory.path() / "p";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string const bytes(300'000, 'x');
  std::string got;
  std::thread reader([&] { got = contents(pipe); });
  write_file(pipe, bytes);
  reader.join();
  REQUIRE(got == bytes);
  REQUIRE(fs::is_fifo(pipe));
  REQUIRE(files_in(directory.path()) == 1);
}

TEST_CASE("write_file: what /dev/fd/N names is written into where it stands: a pipe, a socket, a file open to append",
          "[files]") {
  if (!fs::exists("/dev/fd/0")) return;
  TemporaryDirectory const directory;
  auto const through = [](int file) { return "/dev/fd/" + std::to_string(file); };
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  write_file(through(ends[1]), "abc");
  char got[8]{};
  REQUIRE(::read(ends[0], got, sizeof got) == 3);
  REQUIRE(std::string(got) == "abc");
  REQUIRE(has_all(message_of([&] { write_file(through(ends[0]), "x"); }), {"cannot be written"}));  // open for reading alone
  ::close(ends[0]), ::close(ends[1]);

  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  write_file(through(ends[1]), "abcd");
  REQUIRE(::read(ends[0], got, sizeof got) == 4);
  ::close(ends[0]), ::close(ends[1]);

  auto const path = directory.write("log", "before,");
  auto const appended = ::open(path.c_str(), O_WRONLY | O_APPEND);
  fs::create_symlink(through(appended), directory.path() / "link");
  write_file(directory.path() / "link", "after,");
  REQUIRE(::write(appended, "end", 3) == 3);
  ::close(appended);
  REQUIRE(contents(path) == "before,after,end");
}

TEST_CASE("write_file: a device is written into, and what it says counts", "[files]") {
  std::error_code unknown;
  if (!fs::is_character_file("/dev/full", unknown) || ::getuid() == 0) {
    // The superuser who breaks this would lose the device itself: a copy in a folder, where one can be made.
    TemporaryDirectory const directory;
    auto const null = directory.path() / "null", full = directory.path() / "full";
    if (::mknod(null.c_str(), S_IFCHR | 0666, static_cast<::dev_t>(1) << 8 | 3) != 0 ||
        ::mknod(full.c_str(), S_IFCHR | 0666, static_cast<::dev_t>(1) << 8 | 7) != 0 || ::access(null.c_str(), W_OK) != 0) {
      WARN("skipped: no device can be made here");
      return;
    }
    write_file(null, "x");
    REQUIRE(fs::is_character_file(null));
    REQUIRE(has_all(message_of([&] { write_file(full, "x"); }), {"full", "No space left"}));
    REQUIRE(fs::is_character_file(full));
    return;
  }
  REQUIRE(has_all(message_of([&] { write_file("/dev/full", "x"); }), {"/dev/full", "No space left"}));
}
