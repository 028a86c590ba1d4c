// SPDX-License-Identifier: MIT
#include <chg/run/finished_run.hpp>
#include <chg/run/results.hpp>

#include "formats/test_files.hpp"
#include "run/runs.hpp"
#include "support/catch.hpp"

#include <sys/stat.h>

#if __has_include(<xtensor/xnpy.hpp>)
#include <xtensor/xnpy.hpp>
#else
#include <xtensor/io/xnpy.hpp>
#endif

using namespace chg::test;
using namespace chg::run;
namespace fs = std::filesystem;

TEST_CASE("run_directory: run.json says running until the results take their places together", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "some" / "run";
  RunDirectory run(name);
  run.begin(kRunning);
  run.write("a.csv", "x\n");
  REQUIRE(names_in(name) == Names{"run.json", "state"});
  REQUIRE(has_all(contents(name / "run.json"), {"\"status\": \"running\""}));
  run.finish(kFinished);
  REQUIRE(names_in(name) == Names{"a.csv", "run.json"});
  auto const manifest = Json::parse(contents(name / "run.json"));
  REQUIRE(manifest["status"] == "finished");
  REQUIRE(manifest["results"] == Json({{{"name", "a.csv"}, {"bytes", 2}, {"sha256", chg::files::sha256("x\n")}}}));
}

TEST_CASE("run_directory: a run that is given up leaves nothing, of the folders above neither", "[run]") {
  TemporaryDirectory const directory;
  for (auto const* name : {"run/", "some/deep/run"}) {
    REQUIRE_THROWS_AS(
        [&] {
      RunDirectory run(directory.path() / name);
      run.begin(kRunning);
      run.write("a.csv", "x\n");
      throw std::runtime_error("the program failed");
        }(),
        std::runtime_error);
    REQUIRE(names_in(directory.path()).empty());
  }
  fs::create_directory(directory.path() / "empty");  // made by the user, so it stays
  { RunDirectory(directory.path() / "empty").begin(kRunning); }
  REQUIRE(names_in(directory.path()) == Names{"empty"});
  REQUIRE(names_in(directory.path() / "empty").empty());
}

TEST_CASE("run_directory: a first checkpoint that failed after it had its name is taken away with the run", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  {
    RunDirectory run(name);
    run.begin(kRunning);
    directory.write("run/state/fit.bin", "whole, but its folder could not be synced, which was an error");
  }
  REQUIRE_FALSE(fs::exists(name));
}

TEST_CASE("run_directory: the older run stays whole until the new one is, and files of the user always", "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "old a"}, {"b.csv", "old b"}, {"c.csv", "old c"}});
  directory.write("run/notes.txt", "mine");
  directory.write("run/c.csv", "old c, with a remark");  // the user's since then
  auto const before = snapshot(name);
  {
    RunDirectory abandoned(name);
    abandoned.begin(kRunning);
    abandoned.write("a.csv", "new a");
    REQUIRE(without_state(snapshot(name)) == before);
  }
  REQUIRE(snapshot(name) == before);
  RunDirectory run(name);
  REQUIRE(run.found() == Found::finished);
  run.begin(kRunning);
  run.write("a.csv", "new a");
  run.write("d.csv", "new d");
  run.finish(kFinished);
  REQUIRE(names_in(name) == Names{"a.csv", "c.csv", "d.csv", "notes.txt", "run.json"});
  REQUIRE(contents(name / "a.csv") == "new a");
  REQUIRE(contents(name / "c.csv") == "old c, with a remark");
  REQUIRE_NOTHROW(FinishedRun(name).check_all());
}

TEST_CASE("run_directory: what is no run of chg's is refused, and stays as it is", "[run]") {
  TemporaryDirectory const directory;
  auto const folder = [&](std::string const& name, std::string const& file, std::string const& bytes) {
    fs::create_directories((directory.path() / name / file).parent_path());
    directory.write(name + "/" + file, bytes);
  };
  folder("documents", "precious", "text");
  folder("other", "run.json", R"({"tool": "other", "status": "done"})");
  folder("array", "run.json", "[1]");
  folder("odd", "run.json", R"({"chg": 1, "kind": "fit", "status": "running"})");
  folder("book", "state/precious", "text");
  folder("beside", "precious", "text");
  fs::create_directory(directory.path() / "beside" / "state");
  directory.write("file", "text");
  fs::create_symlink("nowhere", directory.path() / "link");
  auto const before = snapshot(directory.path());
  for (auto const* name : {"documents", "book", "beside", "file", "link"})
    CHECK(has_all(message_of([&] { RunDirectory run(directory.path() / name); }), {name, "is no run directory"}));
  for (auto const* name : {"other", "array", "odd"})
    CHECK(has_all(message_of([&] { RunDirectory run(directory.path() / name); }), {name, "run.json is not one of chg's"}));
  CHECK(has_all(message_of([&] { RunDirectory run(""); }), {"run directory: name"}));
  CHECK(snapshot(directory.path()) == before);
}

TEST_CASE("run_directory: a result does not take the place of a file that the run did not write", "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "old"}});
  directory.write("run/heads.csv", "mine");
  auto const before = snapshot(name);
  {
    RunDirectory run(name);
    CHECK(has_all(message_of([&] {
                    run.begin(kRunning, {"a.csv", "heads.csv"});
                  }),
                  {"heads.csv would be overwritten", "Move it away"}));
  }
  CHECK(snapshot(name) == before);
  {
    RunDirectory run(name);
    run.begin(kRunning, {"a.csv"});
    run.write("heads.csv", "ours");
    CHECK(has_all(message_of([&] { run.finish(kFinished); }), {"heads.csv would be overwritten"}));
  }
  CHECK(snapshot(name) == before);
}

TEST_CASE("run_directory: every way to name a directory will do: empty, the current one, a link, a slash behind it", "[run]") {
  TemporaryDirectory const directory;
  auto const here = fs::current_path();
  fs::create_directories(directory.path() / "real");
  fs::create_directories(directory.path() / "volume" / "lost+found");
  fs::create_symlink("real", directory.path() / "link");
  fs::current_path(directory.path());
  auto const write = [](char const* name) {
    RunDirectory run(name);
    run.begin(kRunning);
    run.write("a.csv", "x");
    run.finish(kFinished);
  };
  write("link");
  write("volume");
  write("slash/");
  write("dot/.");
  fs::create_directory("current");
  fs::current_path("current");
  write(".");
  fs::current_path(here);
  CHECK(fs::is_symlink(directory.path() / "link"));
  for (auto const* name : {"real", "slash", "dot", "current"})
    CHECK(names_in(directory.path() / name) == Names{"a.csv", "run.json"});
  CHECK(names_in(directory.path() / "volume") == Names{"a.csv", "lost+found", "run.json"});
}

TEST_CASE("run_directory: what killed programs leave does not block", "[run]") {
  TemporaryDirectory const directory;
  for (auto const* leftover : {"state/lock", "state/done.writing/a.csv", "state/done/b.csv", "state/next/run.json",
                               ".run.json.chg-abcdef"}) {
    INFO(leftover);
    auto const name = directory.path() / "run";
    fs::create_directories((name / leftover).parent_path());
    directory.write(std::string("run/") + leftover, "");
    RunDirectory run(name);
    REQUIRE(run.found() == Found::nothing);
    run.begin(kRunning);
    run.write("a.csv", "x");
    run.finish(kFinished);
    REQUIRE(names_in(name) == Names{"a.csv", "run.json"});
    fs::remove_all(name);
  }
}

TEST_CASE("run_directory: of two programs that begin one run, one does", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  RunDirectory late(name);  // finds nothing
  {
    RunDirectory run(name);
    RunDirectory other(name);
    run.begin(kRunning);
    CHECK(has_all(message_of([&] { other.begin(kRunning); }), {"run is being written by another program"}));
    run.write("a.csv", "x");
    run.finish(kFinished);
  }
  CHECK(has_all(message_of([&] { late.begin(kRunning); }), {"run has changed", "a name that is free"}));
  CHECK(names_in(name) == Names{"a.csv", "run.json"});
}

TEST_CASE("run_directory: results that were written whole before a program was killed are put in place, from every step",
          "[run]") {
  // The steps of roll_forward, by what is where: the old run lists a and b, the new one a and c.
  std::map<std::string, std::string> const old{{"a.csv", "old a"}, {"b.csv", "old b"}},
      fresh{{"a.csv", "new a"}, {"c.csv", "new c"}};
  auto const steps = GENERATE(0, 1, 2, 3);
  auto const reader = GENERATE(false, true);
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", old);
  directory.write("run/notes.txt", "mine");
  auto const other = finished_run(directory.path() / "other", fresh);
  fs::create_directories(name / "state");
  directory.write("run/state/fit.bin", "x");
  fs::rename(other, name / "state" / "done");
  if (steps >= 1) fs::rename(name / "state/done/a.csv", name / "a.csv");
  if (steps >= 2) fs::rename(name / "state/done/c.csv", name / "c.csv");
  if (steps >= 3) fs::remove(name / "b.csv");
  if (reader) {
    CHECK(std::string(FinishedRun(name).read("a.csv").chars()) == "new a");
  } else {
    CHECK(RunDirectory(name).found() == Found::finished);
  }
  CHECK(names_in(name) == Names{"a.csv", "c.csv", "notes.txt", "run.json"});
  CHECK_NOTHROW(FinishedRun(name).check_all());
}

TEST_CASE("run_directory: results that wait to be put in place are read where they are while another program has the lock",
          "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "old a"}, {"b.csv", "old b"}});
  auto const other = finished_run(directory.path() / "other", {{"a.csv", "new a"}, {"c.csv", "new c"}});
  RunDirectory busy(name);
  busy.begin(kRunning);
  fs::rename(other, name / "state" / "done");
  fs::rename(name / "state/done/a.csv", name / "a.csv");
  FinishedRun const run(name);
  CHECK(std::string(run.read("a.csv").chars()) == "new a");
  CHECK(std::string(run.read("c.csv").chars()) == "new c");
  CHECK(fs::exists(name / "state/done/c.csv"));
}

TEST_CASE("run_directory: a place that cannot be written is refused by name, with the reason", "[run]") {
  TemporaryDirectory const directory;
  directory.write("file", "");
  RunDirectory run(directory.path() / "file" / "run");
  REQUIRE(has_all(message_of([&] { run.begin(kRunning); }), {"run cannot be made", "Not a directory"}));
}

TEST_CASE("run_directory: a fit is written as gates, logits, log and heads, from which numpy and pandas get it back", "[run]") {
  TemporaryDirectory const directory;
  auto const model = small_model();
  auto const fit = chg::fit(model, small_examples(1), small_options());
  RunDirectory run(directory.path() / "run");
  run.begin(kRunning, result_names<chg::Fit>());
  write_fit(run, fit);
  run.finish(kFinished);
  REQUIRE(names_in(run.path()) == Names{"G0.npy", "Gplus.npy", "Gminus.npy", "U0.npy", "Uplus.npy", "Uminus.npy", "metrics.csv",
                                        "heads.csv", "run.json"});

  auto const u = xt::load_npy<double>((run.path() / "Uminus.npy").string());
  REQUIRE(std::vector<std::size_t>(u.shape().begin(), u.shape().end()) == std::vector<std::size_t>{2, 2, 3});
  REQUIRE(std::equal(u.begin(), u.end(), fit.u_minus.values().begin()));
  auto const g = xt::load_npy<float>((run.path() / "Gplus.npy").string());
  REQUIRE(std::equal(g.begin(), g.end(), fit.g_plus().values().begin(),
                     [](float a, double b) { return a == static_cast<float>(b); }));
}

TEST_CASE("run_directory: a fit without the phases with pressure writes only what it has", "[run]") {
  TemporaryDirectory const directory;
  auto options = small_options();
  options.updates_pressed = 0;
  RunDirectory run(directory.path() / "run");
  run.begin(kRunning);
  write_fit(run, chg::fit(small_model(), small_examples(1), options));
  run.finish(kFinished);
  REQUIRE(names_in(run.path()) == Names{"G0.npy", "U0.npy", "metrics.csv", "run.json"});
}

TEST_CASE("run_directory: an interrupted fit is written so that it can be resumed to the same bits", "[run]") {
  TemporaryDirectory const directory;
  auto const model = small_model();
  auto const data = small_examples(1);
  auto options = small_options();
  auto const whole = chg::fit(model, data, options);
  options.progress = [](chg::Progress const& p) { return p.done < 4; };  // in the second phase
  for (int attempt = 0; attempt < 2; ++attempt) {                        // the second one replaces the first
    RunDirectory run(directory.path() / "run");
    run.begin(kRunning);
    write_fit(run, chg::fit(model, data, options));
    run.finish(kInterrupted);
    REQUIRE(names_in(run.path()) == Names{"G0.npy", "U0.npy", "metrics.csv", "run.json", "state"});
    REQUIRE(names_in(run.path() / "state") == Names{"fit.bin"});
    auto const resumed = chg::resume(model, data, chg::load_fit(run.path() / "state" / "fit.bin"));
    REQUIRE(resumed.u_minus == whole.u_minus);
    REQUIRE(resumed.metrics == whole.metrics);
  }
}

TEST_CASE("run_directory: a contrastive fit is written as G, U and its log", "[run]") {
  TemporaryDirectory const directory;
  chg::ContrastiveExamples const data(small_examples(1), small_examples(2));
  RunDirectory run(directory.path() / "run");
  run.begin(kRunning, result_names<chg::ContrastiveFit>());
  write_fit(run, chg::contrast(small_model(), data, {.gate_sets = 2, .batch = 4, .updates = 2}));
  run.finish(kFinished);
  REQUIRE(names_in(run.path()) == Names{"G.npy", "U.npy", "metrics.csv", "run.json"});
}

TEST_CASE("run_directory: a checkpoint that was torn gives way to the one before, with a notice", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  auto const model = small_model();
  auto const part = [&](chg::Index after) {
    auto options = small_options();
    options.progress = [after](chg::Progress const& p) { return p.done < after; };
    return chg::fit(model, small_examples(1), options);
  };
  std::vector<std::string> said;
  auto const before = chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  {
    RunDirectory run(name);
    run.begin(kRunning);
    REQUIRE_FALSE(run.saved<chg::Fit>());
    run.checkpoint(part(2));
    run.checkpoint(part(4));
    REQUIRE(run.saved<chg::Fit>()->point == part(4).point);
  }
  RunDirectory run(name);
  run.reopen();
  REQUIRE(said.empty());
  auto const good = contents(name / "state/fit.bin");
  for (auto const& bytes : {std::string(), good.substr(0, good.size() / 2), good.substr(0, good.size() - 1) + "x"}) {
    directory.write("run/state/fit.bin", bytes);
    REQUIRE(run.saved<chg::Fit>()->point == part(2).point);
  }
  REQUIRE(said.size() == 1);
  REQUIRE(has_all(said[0], {"state/fit.bin", "the checkpoint before"}));
  fs::remove(name / "state/fit.bin");
  REQUIRE(run.saved<chg::Fit>()->point == part(2).point);
  directory.write("run/state/fit.bin", "");
  directory.write("run/state/fit.previous.bin", "");
  REQUIRE(has_all(message_of([&] { run.saved<chg::Fit>(); }), {"state/fit.bin", "is no fit", "--force"}));
  chg::set_notice_handler(before);
}

TEST_CASE("run_directory: an attempt to replace a run is what is gone on with, and leaves the run alone", "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "old a"}});
  auto const before = snapshot(name);
  auto options = small_options();
  options.progress = [](chg::Progress const& p) { return p.done < 2; };
  auto const part = chg::fit(small_model(), small_examples(1), options);
  {
    RunDirectory run(name);
    run.begin(kRunning);
    run.checkpoint(part);
  }
  REQUIRE(without_state(snapshot(name)) == before);
  REQUIRE(std::string(FinishedRun(name).read("a.csv").chars()) == "old a");
  RunDirectory run(name);
  REQUIRE(run.found() == Found::unfinished);
  REQUIRE(run.replacing());
  REQUIRE(run.manifest()["status"] == "running");
  run.reopen();
  REQUIRE(run.saved<chg::Fit>()->point == part.point);
  run.write_manifest(kInterrupted);
  REQUIRE(without_state(snapshot(name)) == before);
  run.write("a.csv", "new a");
  run.finish(kFinished);
  REQUIRE(names_in(name) == Names{"a.csv", "run.json"});
  REQUIRE(contents(name / "a.csv") == "new a");
}

TEST_CASE("run_directory: whether its place can be written is told before the work, and nothing is changed", "[run]") {
  TemporaryDirectory const directory;
  auto const here = fs::current_path();
  directory.write("file", "");
  fs::create_directory(directory.path() / "empty");
  fs::current_path(directory.path());
  for (auto const* name : {"run", "some/deep/run", "empty"}) CHECK_NOTHROW(RunDirectory(name).check_place());
  CHECK_NOTHROW(RunDirectory(directory.path() / "run").check_place());
  CHECK(message_of([] { RunDirectory("file/run").check_place(); }) ==
        "file/run cannot be made. Expected a directory that can be read and written, got Permission denied.");
  fs::permissions("empty", fs::perms::owner_read | fs::perms::owner_exec);
  if (::geteuid() != 0)  // root may write everywhere
    CHECK(has_all(message_of([] { RunDirectory("empty").check_place(); }), {"empty cannot be written", "Permission denied"}));
  fs::permissions("empty", fs::perms::owner_all);
  fs::current_path(here);
  CHECK(names_in(directory.path()) == Names{"empty", "file"});
}

TEST_CASE("run_directory: errors say what is wrong, what is due and what to do", "[run]") {
  TemporaryDirectory const directory;
  CHECK(message_of([] { RunDirectory(""); }) == "run directory: name. Expected a path, got an empty one.");
  auto const file = directory.write("file", "");
  CHECK(message_of([&] { RunDirectory run(file); }) ==
        file.string() + " is no run directory. Expected a free name, or a directory, got a file. Choose another name.");
  fs::create_directory(directory.path() / "documents");
  directory.write("documents/a", "");
  CHECK(has_all(message_of([&] { RunDirectory run(directory.path() / "documents"); }),
                {"documents is no run directory. Expected a free name, an empty directory, or one with run.json, got a directory "
                 "with other files."}));
  auto const name = directory.path() / "run";
  RunDirectory run(name);
  CHECK(message_of([&] { run.write("a.csv", ""); }) ==
        "run directory: results. Expected a run that was begun or reopened, got neither.");
  CHECK_FALSE(fs::exists(name));
  run.begin(kRunning);
  directory.write("run/a.csv", "mine");
  run.write("a.csv", "ours");
  CHECK(message_of([&] { run.finish(kFinished); }) ==
        (name / "a.csv").string() + " would be overwritten. Expected a name that is free, for a result of this run, got a file "
                                    "that run.json does not list. Move it away.");
}

TEST_CASE("run_directory: what is in the way of its own files is named", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  auto const said = [&](char const* in_the_way, bool folder) {
    fs::remove_all(name);
    fs::create_directories(folder ? name / in_the_way : (name / in_the_way).parent_path());
    if (!folder) directory.write(std::string("run/") + in_the_way, "");
    RunDirectory run(name);
    return message_of([&] {
      run.begin(kRunning);
      run.write("a.csv", "x");
      run.finish(kFinished);
    });
  };
  CHECK(said("state/lock", true).starts_with((name / "state/lock").string() + " cannot be opened"));
  CHECK(said("state/done.writing", false).starts_with((name / "state/done.writing").string() + " cannot be made"));
  CHECK(said("state/done/folder", true).starts_with((name / "state/done").string() + " cannot be put in place"));
}

TEST_CASE("run_directory: folders and the lock are for whom the umask lets", "[run]") {
  TemporaryDirectory const directory;
  auto const mode = [&](char const* name) {
    struct ::stat status {};
    ::stat((directory.path() / name).c_str(), &status);
    return status.st_mode & 07777;
  };
  auto const old = ::umask(0);
  finished_run(directory.path() / "run", {{"a.csv", "x"}});
  {
    RunDirectory run(directory.path() / "run");
    run.begin(kRunning);
    run.write("a.csv", "y");
    for (auto const* folder : {"run", "run/state", "run/state/next", "run/state/done.writing"}) CHECK(mode(folder) == 0777);
    for (auto const* file : {"run/run.json", "run/state/lock", "run/a.csv"}) CHECK(mode(file) == 0666);
  }
  ::umask(old);
}

TEST_CASE("run_directory: run.json is for people to read, and lists results while there are none yet", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  auto manifest = kRunning;
  manifest["command"] = "caf\xc3\xa9";
  manifest["results"] = {1, 2};  // of another run
  RunDirectory run(name);
  run.begin(manifest);
  CHECK(contents(name / "run.json") ==
        "{\n  \"chg\": \"0\",\n  \"kind\": \"fit\",\n  \"status\": \"running\",\n  \"command\": \"caf\xc3\xa9\",\n  "
        "\"results\": []\n}\n");
  run.finish(manifest);
  CHECK(Json::parse(contents(name / "run.json"))["results"] == Json::array());
  CHECK(run.found() == Found::unfinished);
}

TEST_CASE("run_directory: what was found is what stands, after finish too", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  RunDirectory run(name);
  CHECK(run.found() == Found::nothing);
  run.begin(kRunning);
  run.write("a.csv", "x");
  run.finish(kFinished);
  CHECK(run.found() == Found::finished);
}

TEST_CASE("run_directory: a run of an older version, which lists no results, is gone on with as it is", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  for (auto const lists : {false, true}) {
    fs::create_directories(name / "state");
    directory.write("run/run.json", std::string(R"({"chg": "0", "kind": "fit", "status": "running")") +
                                        (lists ? R"(, "results": []})" : "}"));
    {
      RunDirectory run(name);
      CHECK(run.found() == Found::unfinished);
      run.reopen();
      run.write_manifest(kInterrupted);
    }
    CHECK(Json::parse(contents(name / "run.json")).contains("results") == lists);
  }
}

TEST_CASE("run_directory: a state without run.json is there to go on from", "[run]") {
  TemporaryDirectory const directory;
  for (auto const* file : {"fit.bin", "fit.previous.bin"}) {
    auto const name = directory.path() / file;
    fs::create_directories(name / "state");
    chg::save(chg::fit(small_model(), small_examples(1), small_options()), name / "state" / file);
    RunDirectory run(name);
    CHECK(run.found() == Found::unfinished);
    CHECK(run.manifest() == Json::object());
  }
}

TEST_CASE("run_directory: a run that begins anew does not go on from what was there", "[run]") {
  TemporaryDirectory const directory;
  auto const fit = chg::fit(small_model(), small_examples(1), small_options());
  auto const replacing = GENERATE(false, true);
  auto const name = directory.path() / "run";
  if (replacing) finished_run(name, {{"a.csv", "a"}});
  for (int times = 0; times < 2; ++times) {
    RunDirectory run(name);
    run.begin(kRunning);
    CHECK_FALSE(run.saved<chg::Fit>());
    run.checkpoint(fit);
    run.checkpoint(fit);
    CHECK(run.saved<chg::Fit>());
  }
  if (!replacing) return;
  fs::remove_all(name / "state");
  fs::create_directories(name / "state" / "next");  // left by a program that was killed
  RunDirectory run(name);
  CHECK(run.found() == Found::finished);
  CHECK_NOTHROW(run.begin(kRunning));
}

TEST_CASE("run_directory: an interrupted attempt that takes the place of an interrupted run goes on from its own state",
          "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  for (chg::Index const after : {2, 4}) {
    auto options = small_options();
    options.progress = [after](chg::Progress const& p) { return p.done < after; };
    auto const part = chg::fit(small_model(), small_examples(1), options);
    RunDirectory run(name);
    run.begin(kRunning);
    write_fit(run, part);
    run.finish(kInterrupted);
    RunDirectory next(name);
    next.reopen();
    CHECK(next.saved<chg::Fit>()->point == part.point);
  }
  // A finished one leaves nothing to go on from, the state of its own attempt neither.
  RunDirectory run(name);
  run.begin(kRunning);
  write_fit(run, chg::fit(small_model(), small_examples(1), small_options()));
  run.checkpoint(chg::fit(small_model(), small_examples(1), small_options()));
  run.finish(kFinished);
  CHECK_FALSE(fs::exists(name / "state"));
}

TEST_CASE("run_directory: whoever opens a run puts waiting results in place, unless another program is writing it", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  auto const wait = [&](char const* bytes) {
    auto const other = finished_run(directory.path() / "other", {{"a.csv", bytes}});
    fs::create_directories(name / "state");
    fs::rename(other, name / "state" / "done");
  };
  {
    RunDirectory busy(name);
    busy.begin(kRunning);
    wait("new");
    CHECK(has_all(message_of([&] { RunDirectory late(name); }), {"run is being written by another program"}));
    CHECK(fs::exists(name / "state/done/a.csv"));
  }
  directory.write("run/run.json", R"({"chg": "0", "kind": "fit", "status": "interrupted"})");
  {
    RunDirectory run(name);
    CHECK(run.found() == Found::finished);
    CHECK(run.manifest()["status"] == "finished");
    CHECK(contents(name / "a.csv") == "new");
    CHECK_NOTHROW(run.begin(kRunning));
  }
  RunDirectory late(name);
  fs::remove(name / "a.csv");
  wait("newer");  // another program, killed since
  CHECK(has_all(message_of([&] { late.begin(kRunning); }), {"run has changed"}));
  CHECK(contents(name / "a.csv") == "newer");
}

TEST_CASE("run_directory: a run that another program wrote over since it was looked at has changed", "[run]") {
  TemporaryDirectory const directory;
  auto const name = finished_run(directory.path() / "run", {{"a.csv", "a"}});
  RunDirectory late(name);
  finished_run(name, {{"a.csv", "b"}});
  CHECK(has_all(message_of([&] { late.begin(kRunning); }), {"run has changed. Expected the run that was there, got one that"}));
  fs::remove_all(name);
  CHECK(has_all(message_of([&] { late.begin(kRunning); }), {"run has changed. Expected the run that was there"}));
}
