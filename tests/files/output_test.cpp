// SPDX-License-Identifier: MIT
#include <chg/files/output.hpp>

#include <Eigen/Core>

#include "files/places.hpp"
#include "support/catch.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace chg::test;
using chg::files::check_output;
namespace fs = std::filesystem;

TEST_CASE("output: one that is an input is refused, by whatever name it is given", "[files]") {
  TemporaryDirectory const directory;
  auto const at = [&](char const* name) { return directory.path() / name; };
  directory.write("data", "x");
  directory.write("other", "x");
  fs::create_directory(at("d"));
  fs::create_symlink("data", at("link"));
  fs::create_symlink("link", at("chain"));
  fs::create_symlink(".", at("here"));
  fs::create_hard_link(at("data"), at("hard"));
  for (auto const* name : {"data", "link", "chain", "hard", "d/../data", "here/data", "here/here/link"}) {
    INFO(name);
    auto const message = message_of([&] { check_output(at(name), {at("other"), at("data")}); });
    CHECK(has_all(message, {name, "would be overwritten", at("data").string(), "Choose another name"}));
    CHECK(has_all(message_of([&] { check_output(at("data"), {at(name)}); }), {"would be overwritten"}));
  }
  for (auto const* name : {"other", "new", "d/data"}) CHECK_NOTHROW(check_output(at(name), {at("data"), at("absent"), ""}));
  CHECK(contents(at("data")) == "x");
}

TEST_CASE("output: a place that cannot be written is refused before any work, and nothing is made", "[files]") {
  TemporaryDirectory const directory;
  auto const at = [&](char const* name) { return directory.path() / name; };
  fs::create_directory(at("d"));
  directory.write("f", "x");
  fs::create_symlink("absent/f", at("nowhere"));
  CHECK(has_all(message_of([&] { check_output(at("absent/f")); }), {"the folder of", "absent/f", "Make it first"}));
  CHECK(has_all(message_of([&] { check_output(at("nowhere")); }), {"the folder of", "nowhere"}));
  CHECK(has_all(message_of([&] { check_output(at("d")); }), {"a name for a file", "a folder"}));
  CHECK(has_all(message_of([&] { check_output(at("f/f")); }), {"Not a directory"}));
  CHECK(has_all(message_of([&] { check_output(""); }), {"cannot be written"}));
  CHECK_NOTHROW(check_output(at("f")));
  CHECK_NOTHROW(check_output(at("new")));
  REQUIRE(::mkfifo(at("p").c_str(), 0600) == 0);
  CHECK_NOTHROW(check_output(at("p")));  // and waits for no reader
  CHECK(files_in(directory.path()) == 4);
}

TEST_CASE("output: where a file cannot be replaced, it is taken when it is empty and nothing can be lost", "[files]") {
  if (::getuid() == 0) {
    WARN("skipped: the superuser may write everywhere");
    return;
  }
  TemporaryDirectory const directory;
  auto const at = [&](char const* name) { return directory.path() / name; };
  fs::create_directory(at("d"));
  directory.write("d/full", "x");
  directory.write("d/empty", "");
  directory.write("fixed", "x");
  ::chmod(at("fixed").c_str(), 0444);
  ::chmod(at("d").c_str(), 0555);
  CHECK(has_all(message_of([&] { check_output(at("d/new")); }), {"d/new", "Permission denied"}));
  CHECK(has_all(message_of([&] { check_output(at("d/full")); }), {"d/full", "Permission denied", "empty it first"}));
  CHECK(has_all(message_of([&] { check_output(at("fixed")); }), {"fixed", "Permission denied"}));
  CHECK_NOTHROW(check_output(at("d/empty")));
  chg::files::write_file(at("d/empty"), "new");
  CHECK(contents(at("d/empty")) == "new");
  CHECK(has_all(message_of([&] { chg::files::write_file(at("d/full"), "new"); }), {"d/full", "empty it first"}));
  CHECK(contents(at("d/full")) == "x");
  ::chmod(at("d").c_str(), 0755);
}
