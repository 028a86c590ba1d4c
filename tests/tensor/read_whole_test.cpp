// SPDX-License-Identifier: MIT
#include <chg/tensor/read_whole.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <thread>

using namespace chg;
using test::TemporaryDirectory;

TEST_CASE("read_whole: all bytes of a file, whatever they are, behind what was there", "[tensor]") {
  TemporaryDirectory const directory;
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 31);
  for (auto const size : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 14, bytes.size()}) {
    std::string read = "x";
    CHECK(read_whole(directory.write("file", bytes.substr(0, size)), read) == 0);
    CHECK(read == "x" + bytes.substr(0, size));
  }
}

TEST_CASE("read_whole: what cannot be read is an errno, and no end of the file", "[tensor]") {
  TemporaryDirectory const directory;
  std::string bytes;
  CHECK(read_whole(directory.path() / "absent", bytes) == ENOENT);
  CHECK(read_whole(directory.path(), bytes) == EISDIR);
  CHECK(read_whole(-1, bytes) == EBADF);
  CHECK(bytes.empty());
}

TEST_CASE("read_whole: a pipe that does not block is waited for", "[tensor]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
  std::thread writer([to = ends[1]] {
    for (char const* part : {"one ", "two"}) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (::write(to, part, std::char_traits<char>::length(part)) < 0) return;
    }
    ::close(to);
  });
  std::string bytes;
  auto const failed = read_whole(ends[0], bytes);
  writer.join();
  ::close(ends[0]);
  CHECK(failed == 0);
  CHECK(bytes == "one two");
}

TEST_CASE("read_whole: lines and words, with and without an end of the last line", "[tensor]") {
  std::string_view rest = "first\n\nlast";
  CHECK(detail::take_line(rest) == "first");
  CHECK(detail::take_line(rest).empty());
  CHECK(detail::take_line(rest) == "last");
  CHECK(rest.empty());
  CHECK(detail::words_of(" a\tbc\n d ") == std::vector<std::string>{"a", "bc", "d"});
  CHECK(detail::words_of("x") == std::vector<std::string>{"x"});
  CHECK(detail::words_of(" \n").empty());
}

TEST_CASE("read_whole: a file of the system that cannot be read says nothing", "[tensor]") {
  TemporaryDirectory const directory;
  CHECK(detail::system_text(directory.write("file", "text\n")) == "text\n");
  CHECK(detail::system_text(directory.path() / "absent").empty());
}
