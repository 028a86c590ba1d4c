// SPDX-License-Identifier: MIT
#include <chg/run/finished_run.hpp>

#include "formats/test_files.hpp"
#include "run/runs.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using namespace chg::run;
namespace fs = std::filesystem;

TEST_CASE("finished_run: a result that is damaged, missing or another's is refused by name, each byte of it", "[run]") {
  TemporaryDirectory const directory;
  std::string const good = "0123456789";
  auto const name = finished_run(directory.path() / "run", {{"a.npy", good}, {"b.csv", "b"}});
  FinishedRun const run(name);
  REQUIRE(std::string(run.read("a.npy").chars()) == good);
  REQUIRE_NOTHROW(run.check_all());
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] ^= 1;
    directory.write("run/a.npy", bad);
    auto const message = message_of([&] { FinishedRun(name).read("a.npy"); });
    REQUIRE(has_all(message, {"run/a.npy is damaged", chg::files::sha256(good), chg::files::sha256(bad), "--force"}));
    REQUIRE(message_of([&] { FinishedRun(name).check_all(); }) == message);
    REQUIRE_NOTHROW(FinishedRun(name).read("b.csv"));
  }
  directory.write("run/a.npy", good + "x");
  auto const path = (name / "a.npy").string();
  std::string const advice = " Put back the file of this run, or make the run again with --force.";
  REQUIRE(message_of([&] { FinishedRun(name).read("a.npy"); }) ==
          path + " is damaged, or another file: bytes. Expected 10, as run.json says, got 11." + advice);
  directory.write("run/a.npy", "9876543210");
  REQUIRE(message_of([&] { FinishedRun(name).read("a.npy"); })
              .starts_with(path + " is damaged, or another file: SHA-256. Expected \"" + chg::files::sha256(good)));
  fs::remove(name / "a.npy");
  REQUIRE(message_of([&] { FinishedRun(name).check_all(); }) ==
          path + " is missing. Expected the file that run.json lists, got none." + advice);
  directory.write("run/c.npy", "another's");
  REQUIRE(message_of([&] { FinishedRun(name).read("c.npy"); }) ==
          (name / "c.npy").string() + ". Expected a result that run.json lists, got none of that name.");

  auto const other = finished_run(directory.path() / "other", {{"a.npy", "9876543210"}, {"b.csv", "b"}});
  directory.write("run/a.npy", good);
  fs::copy_file(other / "run.json", name / "run.json", fs::copy_options::overwrite_existing);
  REQUIRE(has_all(message_of([&] { FinishedRun(name).check_all(); }), {"a.npy is damaged, or another file"}));
}

TEST_CASE("finished_run: the run of an older version, which lists nothing, is read with a notice", "[run]") {
  TemporaryDirectory const directory;
  fs::create_directory(directory.path() / "run");
  directory.write("run/run.json", R"({"chg": "0", "kind": "fit", "status": "finished"})");
  directory.write("run/Uplus.npy", "x");
  std::vector<std::string> said;
  auto const before = chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  FinishedRun const run(directory.path() / "run");
  REQUIRE(std::string(run.read("Uplus.npy").chars()) == "x");
  REQUIRE_NOTHROW(run.check_all());
  REQUIRE(run.has("Uplus.npy"));
  directory.write("run/notes.txt", "mine");
  REQUIRE_FALSE(run.has("notes.txt"));
  REQUIRE_FALSE(run.has("Uminus.npy"));  // which such a run may write, and did not
  REQUIRE(said.size() == 1);
  REQUIRE(has_all(said[0], {"run.json lists no results"}));
  chg::set_notice_handler(before);
}

TEST_CASE("finished_run: a manifest of odd values is an error of one short line, and reaches no file outside the run", "[run]") {
  TemporaryDirectory const directory;
  directory.write("precious", "text");
  fs::create_directory(directory.path() / "run");
  auto const said = [&](std::string const& rest) {
    directory.write("run/run.json", R"({"chg": "0", "kind": "fit", )" + rest + "}");
    auto const message = message_of([&] { FinishedRun(directory.path() / "run").check_all(); });
    CHECK(message.size() < 400);
    CHECK(message.find("json.exception") == std::string::npos);
    return message;
  };
  CHECK(has_all(said(R"("status": 1)"), {"run.json: status", "a string"}));
  CHECK(has_all(said(R"("status": ")" + std::string(100'000, 'x') + '"'), {"a finished run"}));
  CHECK(said(R"("status": "running")") == (directory.path() / "run").string() +
                                              ": status. Expected a finished run, got \"running\". Go on with it by --resume.");
  CHECK(has_all(said(R"("status": "finished", "results": 1)"), {"results", "an array"}));
  CHECK(has_all(said(R"("status": "finished", "results": ["a"])"), {"results[0]", "a JSON object"}));
  for (auto const* name : {"../precious", "/etc/passwd", "", ".", "..", "state", "run.json", "state/fit.bin"})
    CHECK(has_all(said(chg::text(R"("status": "finished", "results": [{"bytes": 4, "sha256": "", "name": ")", name, "\"}]")),
                  {"results[0]: name", "the name of a result"}));
}

TEST_CASE("finished_run: it is found from one of its files, through links, and not from a file of the user's", "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.npy", "a"}});
  directory.write("run/mine.npy", "mine");
  directory.write("alone.npy", "mine");
  fs::create_symlink("run", directory.path() / "link");
  fs::create_symlink("link/a.npy", directory.path() / "gates.npy");
  REQUIRE(fs::equivalent(run_of(directory.path() / "gates.npy")->path(), name));
  REQUIRE(run_of(name / "a.npy"));
  for (auto const* other : {"run/mine.npy", "alone.npy", "absent.npy", "run/run.json"})
    REQUIRE_FALSE(run_of(directory.path() / other));
  directory.write("run/a.npy", "b");
  REQUIRE(has_all(message_of([&] { run_of(directory.path() / "gates.npy"); }), {"a.npy is damaged"}));
}

TEST_CASE("finished_run: a file of an unfinished run is that of no finished one", "[run]") {
  TemporaryDirectory const directory;
  RunDirectory run(directory.path() / "run");
  run.begin(kRunning);
  run.write("a.npy", "a");
  run.finish(kInterrupted);
  CHECK(fs::exists(directory.path() / "run" / "a.npy"));
  CHECK_FALSE(run_of(directory.path() / "run" / "a.npy"));
}

TEST_CASE("finished_run: without a lock nothing is moved, and results that wait are read where they are", "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.npy", "old"}});
  auto const other = finished_run(directory.path() / "other", {{"a.npy", "new"}});
  fs::create_directories(name / "state" / "lock");  // a folder, which cannot be locked
  fs::rename(other, name / "state" / "done");
  CHECK(std::string(FinishedRun(name).read("a.npy").chars()) == "new");
  CHECK(contents(name / "a.npy") == "old");
  CHECK(contents(name / "state/done/a.npy") == "new");
  directory.write("run/state/done/run.json", "{");
  CHECK(has_all(message_of([&] { FinishedRun run(name); }), {"state/done/run.json"}));
}
