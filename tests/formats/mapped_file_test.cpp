// SPDX-License-Identifier: MIT
#include <chg/formats/mapped_file.hpp>

#include <Eigen/Core>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

using chg::formats::MappedFile;
using chg::test::message_of;

TEST_CASE("mapped_file: the bytes are those of the file, and stay where they are when the object moves", "[formats]") {
  chg::test::TemporaryDirectory const directory;
  MappedFile first(directory.write("a", "some bytes"));
  auto const* const address = first.bytes().data();
  MappedFile second(std::move(first));
  REQUIRE(second.chars() == "some bytes");
  REQUIRE(second.bytes().data() == address);
  REQUIRE(first.bytes().empty());  // NOLINT: a moved-from file is empty
  first = std::move(second);
  REQUIRE(first.chars() == "some bytes");
  REQUIRE(first.path() == directory.path() / "a");
  MappedFile other(directory.write("b", "x"));  // of one byte
  REQUIRE(other.chars() == "x");
  other = std::move(first);
  REQUIRE(other.chars() == "some bytes");
  REQUIRE(other.path() == directory.path() / "a");
}

TEST_CASE("mapped_file: released bytes are those of the file still, but no longer in memory", "[formats]") {
  chg::test::TemporaryDirectory const directory;
  auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::string const contents(64 * page, 'x');
  MappedFile const file(directory.write("pages", contents));
  // How many pages of a quarter are mapped by this process (Linux; bit 63 of an entry).
  auto const resident = [&](std::size_t quarter) {
    std::ifstream map("/proc/self/pagemap", std::ios::binary);
    map.seekg(static_cast<std::streamoff>(reinterpret_cast<std::uintptr_t>(file.bytes().data()) / page + 16 * quarter) * 8);
    std::uint64_t entries[16] = {};
    map.read(reinterpret_cast<char*>(entries), sizeof(entries));
    return map ? std::count_if(entries, entries + 16, [](auto e) { return e >> 63 == 1; }) : -1;
  };
  REQUIRE(file.chars() == contents);
  auto const before = resident(1);
  file.release(file.bytes().subspan(16 * page - 1, 32 * page + 2));
  if (before > 0) {
    CHECK(resident(1) == 0);
    CHECK(resident(2) == 0);
    CHECK(resident(0) == 16);
    CHECK(resident(3) == 16);
  }
  CHECK(before != 0);
  REQUIRE(file.chars() == contents);
  file.release(file.bytes().first(1));  // less than a page: nothing to release
  REQUIRE(file.chars() == contents);
}

TEST_CASE("mapped_file: an empty file gives no bytes and no error", "[formats]") {
  chg::test::TemporaryDirectory const directory;
  REQUIRE(MappedFile(directory.write("empty", "")).bytes().empty());
}

TEST_CASE("mapped_file: what is not a readable regular file is refused by name", "[formats]") {
  chg::test::TemporaryDirectory const directory;
  auto const absent = (directory.path() / "absent").string(), pipe = (directory.path() / "pipe").string();
  REQUIRE(chg::test::ordered(message_of([&] { MappedFile f(absent); }), {absent, "No such file or directory"}));
  REQUIRE(chg::test::ordered(message_of([&] { MappedFile f(directory.path()); }),
                             {directory.path().string(), "a regular file", "a directory"}));
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  REQUIRE(chg::test::ordered(message_of([&] { MappedFile f(pipe); }), {pipe, "a regular file"}));
}
