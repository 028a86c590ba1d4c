// SPDX-License-Identifier: MIT
#include <chg/tensor/list_folder.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg;
using test::TemporaryDirectory;

TEST_CASE("list_folder: names are in order, without . and .., and of folders too", "[tensor]") {
  TemporaryDirectory const directory;
  std::vector<std::string> names{"left from before"};
  REQUIRE(list_folder(directory.path(), names) == 0);
  CHECK(names.empty());
  for (auto const* name : {"c", "a", ".hidden"}) directory.write(name, "");
  std::filesystem::create_directory(directory.path() / "b");
  CHECK(names_in_folder(directory.path()) == std::vector<std::string>{".hidden", "a", "b", "c"});
}

TEST_CASE("list_folder: what cannot be listed is an errno, or an error with the reason", "[tensor]") {
  TemporaryDirectory const directory;
  std::vector<std::string> names;
  CHECK(list_folder(directory.path() / "absent", names) == ENOENT);
  CHECK(list_folder(directory.write("file", ""), names) == ENOTDIR);
  auto const message = test::message_of([&] { names_in_folder(directory.path() / "absent"); });
  CHECK(message == (directory.path() / "absent").string() +
                       " cannot be listed. Expected a directory that can be read, got No such file "
                       "or directory.");
}
