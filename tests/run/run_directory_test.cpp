// SPDX-License-Identifier: MIT
#include <chg/run/run_directory.hpp>

#include "formats/test_files.hpp"
#include "run/small_fit.hpp"
#include "support/catch.hpp"

#include <set>

using namespace chg::test;
using chg::run::RunDirectory;

namespace {

chg::run::Json const kManifest{{"status", "finished"}};

std::set<std::string> names_in(std::filesystem::path const& directory) {
  std::set<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator(directory)) names.insert(entry.path().filename().string());
  return names;
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("run_directory: it gets its name when it is finished and not before", "[run]") {
  TemporaryDirectory const directory;
  RunDirectory run(directory.path() / "some" / "run");
  run.write("a.csv", "x\n");
  REQUIRE(names_in(directory.path() / "some") == Names{"run.partial"});
  REQUIRE(has_all(contents(run.path() / "run.json"), {"\"status\": \"running\""}));
  run.finish(kManifest);
  REQUIRE(names_in(directory.path() / "some") == Names{"run"});
  REQUIRE(names_in(run.path()) == Names{"a.csv", "run.json"});
  REQUIRE(has_all(contents(run.path() / "run.json"), {"\"status\": \"finished\""}));
}

TEST_CASE("run_directory: a run that is given up leaves nothing", "[run]") {
  TemporaryDirectory const directory;
  REQUIRE_THROWS_AS(
      [&] {
    RunDirectory run(directory.path() / "run/");
    run.write("a.csv", "x\n");
    throw std::runtime_error("the program failed");
      }(),
      std::runtime_error);
  REQUIRE(names_in(directory.path()).empty());
}

TEST_CASE("run_directory: what exists is refused by name, and with force only a run directory is replaced", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  RunDirectory(name).finish({{"status", "first"}});
  REQUIRE(has_all(message_of([&] { RunDirectory again(name); }), {name.string() + " exists", "a name that is free", "force"}));
  {
    RunDirectory abandoned(name, {.force = true});
    REQUIRE(has_all(message_of([&] { RunDirectory again(directory.path() / "run"); }), {"run exists"}));
  }
  REQUIRE(has_all(contents(name / "run.json"), {"first"}));  // an abandoned replacement replaces nothing
  RunDirectory(name, {.force = true}).finish({{"status", "second"}});
  REQUIRE(has_all(contents(name / "run.json"), {"second"}));
  REQUIRE(names_in(directory.path()) == Names{"run"});

  std::filesystem::create_directory(directory.path() / "documents");
  directory.write("documents/precious", "text");
  directory.write("file", "text");
  for (auto const* other : {"documents", "file"})
    REQUIRE(has_all(message_of([&] { RunDirectory run(directory.path() / other, {.force = true}); }),
                    {other, "is no run directory"}));
  REQUIRE(contents(directory.path() / "documents" / "precious") == "text");
}

TEST_CASE("run_directory: one that a killed program left is refused, and replaced with force", "[run]") {
  TemporaryDirectory const directory;
  std::filesystem::create_directories(directory.path() / "run.partial");
  directory.write("run.partial/run.json", "{\"status\": \"running\"}");
  directory.write("run.partial/old.csv", "x");
  auto const name = directory.path() / "run";
  REQUIRE(has_all(message_of([&] { RunDirectory run(name); }), {"run.partial exists", "was killed"}));
  RunDirectory(name, {.force = true}).finish(kManifest);
  REQUIRE(names_in(directory.path()) == Names{"run"});
  REQUIRE(names_in(name) == Names{"run.json"});
}

TEST_CASE("run_directory: one that appears meanwhile is not overwritten", "[run]") {
  TemporaryDirectory const directory;
  auto const name = directory.path() / "run";
  RunDirectory run(name);
  std::filesystem::create_directory(name);
  directory.write("run/theirs", "x");
  REQUIRE(has_all(message_of([&] { run.finish(kManifest); }), {"run exists", "appeared"}));
  REQUIRE(names_in(name) == Names{"theirs"});
}

TEST_CASE("run_directory: a place that cannot be written is refused by name", "[run]") {
  TemporaryDirectory const directory;
  directory.write("file", "");
  REQUIRE(has_all(message_of([&] { RunDirectory run(directory.path() / "file" / "run"); }),
                  {"run.partial cannot be made", "Not a directory"}));
  REQUIRE(has_all(message_of([&] { RunDirectory run(""); }), {"run directory: name"}));
}

TEST_CASE("run_directory: a fit is written as gates, logits, log and heads, from which numpy and pandas get it back", "[run]") {
  TemporaryDirectory const directory;
  auto const model = small_model();
  auto const fit = chg::fit(model, small_examples(1), small_options());
  RunDirectory run(directory.path() / "run");
  write_fit(run, fit);
  run.finish(kManifest);
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
  write_fit(run, chg::fit(small_model(), small_examples(1), options));
  REQUIRE(names_in(run.path()) == Names{"G0.npy", "U0.npy", "metrics.csv", "run.json"});
}

TEST_CASE("run_directory: an interrupted fit is written so that it can be resumed to the same bits", "[run]") {
  TemporaryDirectory const directory;
  auto const model = small_model();
  auto const data = small_examples(1);
  auto options = small_options();
  auto const whole = chg::fit(model, data, options);
  options.progress = [](chg::Progress const& p) { return p.done < 4; };  // in the second phase
  RunDirectory run(directory.path() / "run");
  write_fit(run, chg::fit(model, data, options));
  run.finish(kManifest);
  REQUIRE(names_in(run.path()) == Names{"G0.npy", "U0.npy", "metrics.csv", "run.json", "state"});
  auto const resumed = chg::resume(model, data, chg::load_fit(run.path() / "state" / "fit.bin"));
  REQUIRE(resumed.u_minus == whole.u_minus);
  REQUIRE(resumed.metrics == whole.metrics);
}

TEST_CASE("run_directory: a contrastive fit is written as G, U and its log", "[run]") {
  TemporaryDirectory const directory;
  chg::ContrastiveExamples const data(small_examples(1), small_examples(2));
  RunDirectory run(directory.path() / "run");
  write_fit(run, chg::contrast(small_model(), data, {.gate_sets = 2, .batch = 4, .updates = 2}));
  REQUIRE(names_in(run.path()) == Names{"G.npy", "U.npy", "metrics.csv", "run.json"});
}
