// SPDX-License-Identifier: MIT
#include <chg/formats/mapped_file.hpp>

#include <Eigen/Core>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <sys/stat.h>

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
}

TEST_CASE("mapped_file: an empty file gives no bytes and no error", "[formats]") {
  chg::test::TemporaryDirectory const directory;
  REQUIRE(MappedFile(directory.write("empty", "")).bytes().empty());
}

TEST_CASE("mapped_file: what is not a readable regular file is refused by name", "[formats]") {
  chg::test::TemporaryDirectory const directory;
  auto const absent = (directory.path() / "absent").string(), pipe = (directory.path() / "pipe").string();
  REQUIRE(chg::test::has_all(message_of([&] { MappedFile f(absent); }), {absent, "No such file or directory"}));
  REQUIRE(chg::test::has_all(message_of([&] { MappedFile f(directory.path()); }),
                             {directory.path().string(), "a regular file", "a directory"}));
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  REQUIRE(chg::test::has_all(message_of([&] { MappedFile f(pipe); }), {pipe, "a regular file"}));
}
