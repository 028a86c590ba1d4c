// SPDX-License-Identifier: MIT
#include <chg/run/finished_run.hpp>

#include "formats/test_files.hpp"
#include "run/runs.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using namespace chg::run;
namespace fs = std::filesystem;

TEST_CASE("run_files: the results of a fit with phases and of a contrastive one go by these names",
          "[run]") {
  CHECK(result_names<chg::ContrastiveFit>() ==
        std::vector<std::string>{"G.npy", "U.npy", "metrics.csv", "summary.csv"});
  CHECK(result_names<chg::Fit>() ==
        std::vector<std::string>{"G0.npy", "Gplus.npy", "Gminus.npy", "U0.npy", "Uplus.npy",
                                 "Uminus.npy", "heads.csv", "metrics.csv", "summary.csv"});
}

TEST_CASE(
    "run_files: a failure names the place, what was to be done and the reason; a full disk has "
    "advice",
    "[run]") {
  auto const said = [](int reason) {
    return message_of([&] { detail::fail("run", "cannot be made", reason); });
  };
  CHECK(said(EIO) ==
        "run cannot be made. Expected a directory that can be read and written, got Input/output "
        "error.");
  for (auto const full : {ENOSPC, EDQUOT})
    CHECK(said(full).ends_with(". Make room, or write elsewhere."));
}

TEST_CASE("run_files: what cannot be looked at, or listed, is an error and not taken for nothing",
          "[run]") {
  TemporaryDirectory const directory;
  auto const too_long = directory.path() / std::string(300, 'x');
  CHECK(has_all(message_of([&] { detail::there(too_long); }),
                {"cannot be looked at", "File name too long"}));
  CHECK_FALSE(detail::there(directory.path() / "absent"));
  auto const file = directory.write("file", "");
  CHECK_FALSE(detail::there(file / "below"));
  fs::create_symlink("absent", directory.path() / "link");
  CHECK(detail::there(directory.path() / "link"));
  CHECK(has_all(message_of([&] { chg::names_in_folder(directory.path() / "absent"); }),
                {"absent cannot be listed", "No such file"}));
}

TEST_CASE("run_files: names in a folder are in order, and without . and ..", "[run]") {
  TemporaryDirectory const directory;
  std::vector<std::string> names;
  for (int i = 10; i < 60; ++i) names.push_back(std::to_string(i));
  for (auto name = names.rbegin(); name != names.rend(); ++name) directory.write(*name, "");
  CHECK(chg::names_in_folder(directory.path()) == names);
  for (auto const& name : names) fs::remove(directory.path() / name);
  CHECK(chg::names_in_folder(directory.path()).empty());
}

TEST_CASE("run_files: only what write_file leaves of run.json and a checkpoint is a leftover",
          "[run]") {
  for (auto const* name : {".run.json.chg-abcdef", ".fit.bin.chg-abc234"})
    CHECK(detail::leftover_file(name));
  for (auto const* name : {".run.json.chg-abcdefg", ".run.json.chg-abcde", ".notes.txt.chg-abcdef",
                           "run.json.chg-abcdef", "run.json"})
    CHECK_FALSE(detail::leftover_file(name));
}

TEST_CASE("run_files: a folder of ours goes with its files, and stays with what is another's",
          "[run]") {
  TemporaryDirectory const directory;
  fs::create_directories(directory.path() / "ours");
  directory.write("ours/a", "");
  detail::remove_folder(directory.path() / "ours");
  CHECK_FALSE(fs::exists(directory.path() / "ours"));
  fs::create_directories(directory.path() / "mixed" / "theirs");
  directory.write("mixed/a", "");
  detail::remove_folder(directory.path() / "mixed");
  CHECK(names_in(directory.path() / "mixed") == Names{"theirs"});
  fs::create_symlink("mixed", directory.path() / "link");
  directory.write("mixed/b", "");
  detail::remove_folder(directory.path() / "link");
  CHECK(names_in(directory.path() / "mixed") == Names{"b", "theirs"});
}

TEST_CASE("run_files: errors about a manifest say what is wrong with it, then what is due",
          "[run]") {
  TemporaryDirectory const directory;
  auto const file = directory.write("run.json", R"({"chg": "0"})");
  CHECK(message_of([&] { detail::read_manifest(file); }) ==
        file.string() +
            " is not one of chg's. Expected the manifest of a run: chg, kind, status, got "
            "something else. Choose another "
            "directory.");
  nlohmann::json const odd{{"results", {{{"name", "state"}, {"bytes", 1}, {"sha256", ""}}}}};
  CHECK(message_of([&] { detail::listed(odd, "m"); }) ==
        "m: results[0]: name. Expected the name of a result, got \"state\". The file is damaged.");
}

TEST_CASE("run_files: a run of an older version, which lists nothing, owns what such a run wrote",
          "[run]") {
  nlohmann::json const older{{"chg", "0"}, {"kind", "fit"}, {"status", "finished"}};
  for (auto const* name : {"U0.npy", "summary.csv", "G.npy", "U.npy", "ablation.csv"})
    CHECK(detail::owns(older, "m", name));
  CHECK_FALSE(detail::owns(older, "m", "notes.txt"));
  nlohmann::json const newer{{"results", {{{"name", "a.csv"}, {"bytes", 0}, {"sha256", ""}}}}};
  CHECK(detail::owns(newer, "m", "a.csv"));
  CHECK_FALSE(detail::owns(newer, "m", "ablation.csv"));
}

TEST_CASE("run_files: a result may be empty", "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", ""}});
  CHECK(FinishedRun(name).read("a.csv").bytes().empty());
}

TEST_CASE(
    "run_files: of the run before, what is a link by now is the user's, and nothing is said of "
    "what went away",
    "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "a"}, {"b.csv", "b"}});
  fs::rename(name / "b.csv", directory.path() / "b.csv");
  fs::create_symlink("../b.csv", name / "b.csv");
  std::vector<std::string> said;
  auto const before =
      chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  finished_run(name, {{"c.csv", "c"}});
  chg::set_notice_handler(before);
  CHECK(names_in(name) == Names{"b.csv", "c.csv", "run.json"});
  CHECK(contents(name / "b.csv") == "b");
  CHECK(said.empty());
}

TEST_CASE("run_files: results that cannot be put in place stay whole, and the error says where",
          "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "old"}});
  auto const other = finished_run(directory.path() / "other", {{"a.csv", "new"}});
  fs::create_directory(name / "state");
  fs::rename(other, name / "state" / "done");
  fs::remove(name / "a.csv");
  fs::create_directories(name / "a.csv" / "in the way");
  auto const message = message_of([&] { RunDirectory run(name); });
  CHECK(message ==
        (name / "a.csv").string() +
            " cannot be put in place. Expected a place where files can be renamed, got Is a "
            "directory. All results are whole in " +
            (name / "state" / "done").string() + ": they are put in place by --resume.");
  CHECK(contents(name / "state" / "done" / "a.csv") == "new");
  fs::remove_all(name / "a.csv");
  CHECK(RunDirectory(name).found() == Found::finished);
  CHECK(contents(name / "a.csv") == "new");
}
