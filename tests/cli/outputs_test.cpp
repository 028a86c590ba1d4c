// SPDX-License-Identifier: MIT
// What commands do to files and directories that are there already, and whether results are used under the settings of their run.
#include "cli/script.hpp"
#include "support/catch.hpp"

#include <chg/formats/json.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

using namespace chg;
using namespace chg::test;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::map<std::string, std::string> snapshot(fs::path const& directory) {
  std::map<std::string, std::string> all;
  for (auto const& entry : fs::recursive_directory_iterator(directory))
    if (auto const name = entry.path().lexically_relative(directory).string(); !name.starts_with(".std"))
      all[name] = entry.is_regular_file() ? contents(entry.path()) : "(no file)";
  return all;
}

bool ready(Shell const& shell) {
  if (!Shell::program()) {
    WARN("CHG_PROGRAM is not set: this build has no program chg to test");
    return false;
  }
  return sh(shell, "\"$CHG\" tasks make aba --model builtin:induction --examples 24 --out aba.jsonl").status == 0;
}

std::string const kBare = "\"$CHG\" fit builtin:induction aba.jsonl --quiet --threads 1 ";
std::string const kFit = kBare + "--seeds 1 --updates 6 --updates-pressed 4 ";
std::string const kLong =
    "\"$CHG\" fit builtin:induction aba.jsonl --seeds 1 --batch 2 --updates 60000 --updates-pressed 1 --quiet --threads 1 ";

/// Begins the long fit and interrupts it once there is something to go on from.
void interrupted(Shell const& shell, std::string const& more) {
  auto const outcome =
      sh(shell, kLong + more +
                    " & p=$!; while ! test -s run/state/fit.bin -o -s run/state/next/fit.bin; do sleep 0.02; done;"
                    " kill -TERM $p; wait $p");
  INFO(outcome.err);
  REQUIRE(outcome.status == 130);
}

/// One line of stderr with all of these, of a command that failed and changed nothing.
void check_refused(Shell const& shell, std::string const& line, std::initializer_list<std::string_view> parts) {
  auto const before = snapshot(shell.path(""));
  auto const outcome = sh(shell, line);
  INFO(line << '\n' << outcome.err);
  CHECK(outcome.status == 1);
  CHECK(outcome.err.starts_with("chg: error: "));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(outcome.err.size() < 700);
  CHECK(has_all(outcome.err, parts));
  CHECK(snapshot(shell.path("")) == before);
}

std::string const kEveryOut[] = {"\"$CHG\" score builtin:induction aba.jsonl --out ",
                                 "\"$CHG\" gradient builtin:induction aba.jsonl --out ",
                                 "\"$CHG\" tasks make aba --model builtin:induction --examples 24 --out ",
                                 "\"$CHG\" ablate builtin:induction aba.jsonl --run run --quiet --out "};

}  // namespace

TEST_CASE("outputs: pipes, links and what /dev/fd names get the bytes and stay, with every command", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  REQUIRE(sh(shell, kFit + "--out run").status == 0);
  fs::create_directory(shell.path("elsewhere"));
  for (auto const& command : kEveryOut) {
    INFO(command);
    auto const outcome =
        sh(shell, "set -e; rm -f want p link later elsewhere/real; " + command + "want >said; mkfifo p; cat p >got & " + command +
                      "p >said; wait; test -p p; cmp want got; echo old >elsewhere/real; "
                      "ln -s elsewhere/real link; ln -s later dangling; ln -s dangling chain; " +
                      command + "link >said; " + command +
                      "chain >said; test -L link; test -L chain; cmp want elsewhere/real; "
                      "cmp want later; rm dangling chain; " +
                      command + "/dev/fd/5 5>got >said; cmp want got; echo before >log; " + command +
                      "/dev/fd/5 5>>log >said; echo after >>log; (echo before; cat want; echo after) | cmp - log");
    INFO(outcome.err << outcome.out);
    CHECK(outcome.status == 0);
  }
  auto const both = sh(shell, kEveryOut[0] + "want && " + kEveryOut[0] + "/dev/stdout | cmp want -");
  INFO(both.err);
  CHECK(both.status == 0);
}

TEST_CASE("outputs: one that the command reads is refused before any work, whatever it is", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  REQUIRE(sh(shell, kFit + "--out run").status == 0);
  REQUIRE(sh(shell, "ln -s aba.jsonl link; ln -s run there").status == 0);
  for (std::size_t i : {0, 1, 3})
    for (auto const* out : {"aba.jsonl", "./aba.jsonl", "link", "run/../aba.jsonl"})
      check_refused(shell, kEveryOut[i] + out, {"would be overwritten", "aba.jsonl, which this command reads"});
  for (auto const* out : {"run/run.json", "there/Uplus.npy"})
    check_refused(shell, kEveryOut[3] + out, {"would be overwritten", "which this command reads"});
  check_refused(shell, kEveryOut[0] + "run/G0.npy --gates there/G0.npy", {"would be overwritten", "there/G0.npy"});
  check_refused(shell, kBare + "--out run --force --init there/G0.npy", {"run/G0.npy would be overwritten", "there/G0.npy"});
  REQUIRE(sh(shell, "cp -r " + repository("examples/models/teaching").string() + " model; chmod -R u+w model").status == 0);
  check_refused(shell, "\"$CHG\" score model aba.jsonl --out model/tokenizer.json",
                {"would be overwritten", "model/tokenizer.json"});
  check_refused(shell, "\"$CHG\" tasks make aba --model model --examples 4 --out model/config.json", {"would be overwritten"});
}

TEST_CASE("outputs: files of the user in and beside a run are there after every kind of fit", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  REQUIRE(sh(shell, "for d in run.partial run.replaced; do mkdir -p $d/state; echo mine >$d/book; done; mkdir run").status == 0);
  REQUIRE(sh(shell, kFit + "--out run").status == 0);
  REQUIRE(sh(shell, "mkdir run/notes; for f in run/notes/a run/plot.svg run/ablation.csv run/.hidden; do echo mine >$f; done")
              .status == 0);
  for (auto const* more : {"--out run --force", "--out run/ --force", "--out run/. --force", "--out run --resume"})
    REQUIRE(sh(shell, kFit + more).status == 0);
  for (auto const* file :
       {"run.partial/book", "run.replaced/book", "run/notes/a", "run/plot.svg", "run/ablation.csv", "run/.hidden"})
    CHECK(shell.read(file) == "mine\n");
  REQUIRE(sh(shell, kBare + "--seeds 1 --updates 6 --updates-pressed 0 --out run --force").status == 0);  // has no heads.csv
  CHECK_FALSE(fs::exists(shell.path("run/heads.csv")));
  shell.write("run/heads.csv", "mine");
  check_refused(shell, kFit + "--out run --force", {"run/heads.csv would be overwritten", "Move it away"});
  shell.write("other.txt", "text");
  for (auto const* more : {"", " --force", " --resume"}) {
    check_refused(shell, kFit + "--out run.partial" + more, {"run.partial is no run directory", "inside it"});
    check_refused(shell, kFit + "--out other.txt" + more, {"other.txt is no run directory"});
  }
  REQUIRE(sh(shell, "mkdir d; echo '{\"tool\":\"other\"}' >d/run.json; echo text >d/thesis.tex").status == 0);
  for (auto const* more : {"", " --force", " --resume"})
    check_refused(shell, kFit + "--out d" + more, {"d/run.json is not one of chg's"});
}

TEST_CASE("outputs: a run goes into the current directory, an empty one, and where a link leads", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  REQUIRE(sh(shell, "mkdir real here; ln -s real link; cp aba.jsonl here; mkdir here/w").status == 0);
  REQUIRE(sh(shell, kFit + "--out link").status == 0);
  REQUIRE(sh(shell,
             "cd here/w; cp ../aba.jsonl ..; " + std::string(kFit).replace(kFit.find("aba.jsonl"), 9, "../aba.jsonl") + "--out .")
              .status == 0);
  CHECK(fs::is_symlink(shell.path("link")));
  CHECK(shell.read("real/Gplus.npy") == shell.read("here/w/Gplus.npy"));
}

TEST_CASE("outputs: an attempt that fails or is interrupted leaves the older run finished, and --resume goes on with it",
          "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  REQUIRE(sh(shell, kFit + "--out run; cp -r run before").status == 0);
  auto const before = snapshot(shell.path("before"));
  check_refused(shell, kFit + "--out run --force --lambda -1", {"lambda"});
  interrupted(shell, "--out run --force");
  auto now = snapshot(shell.path("run"));
  std::erase_if(now, [](auto const& file) { return file.first.starts_with("state"); });
  CHECK(now == before);
  CHECK(sh(shell, "\"$CHG\" ablate builtin:induction aba.jsonl --run run --quiet --out a.csv").err.empty());
  check_refused(shell, kFit + "--out run", {"run exists", "an unfinished one to replace it", "--resume"});
  check_refused(shell, kFit + "--out run --resume", {"option batch", "64"});
  REQUIRE(sh(shell, kBare + "--seeds 1 --updates 9 --updates-pressed 4 --out whole; " + kBare +
                        "--seeds 1 --updates 9 --updates-pressed 4 --out run --force")
              .status == 0);
  for (auto const* file : {"Gplus.npy", "metrics.csv", "heads.csv", "summary.csv"})
    CHECK(shell.read(text("run/", file)) == shell.read(text("whole/", file)));
  CHECK_FALSE(fs::exists(shell.path("run/state")));
}

TEST_CASE("outputs: a finished run is looked at before it is believed", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  REQUIRE(sh(shell, kFit + "--out run; cp -r run good; " + kFit + "--seed 5 --out other").status == 0);
  auto const ablate = std::string("\"$CHG\" ablate builtin:induction aba.jsonl --run run --quiet --out a.csv");
  for (auto const* damage : {"rm run/FILE", ": >run/FILE", "cp other/FILE run/FILE", "printf x >>run/FILE"})
    for (auto const* file : {"Uplus.npy", "metrics.csv"}) {
      std::string line = damage;
      for (auto at = line.find("FILE"); at != std::string::npos; at = line.find("FILE")) line.replace(at, 4, file);
      INFO(line);
      REQUIRE(sh(shell, "rm -rf run; cp -r good run; " + line).status == 0);
      check_refused(shell, kFit + "--out run --resume", {"run/", file, "--force"});
      if (file == std::string("Uplus.npy")) check_refused(shell, ablate, {"run/Uplus.npy"});
    }
  REQUIRE(sh(shell, "rm -rf run; cp -r good run; cp other/run.json run").status == 0);
  check_refused(shell, ablate, {"run/U", "SHA-256"});
  REQUIRE(
      sh(shell, "rm -rf run; cp -r good run; printf '\\0' | dd of=run/G0.npy bs=1 seek=130 conv=notrunc 2>/dev/null").status ==
      0);
  check_refused(shell, "\"$CHG\" score builtin:induction aba.jsonl --gates run/G0.npy", {"run/G0.npy is damaged"});
  check_refused(shell, kBare + "--out next --init run/G0.npy", {"run/G0.npy is damaged"});
  REQUIRE(sh(shell, kFit + "--out run --force && " + ablate).status == 0);
  CHECK(shell.read("run/Uplus.npy") == shell.read("good/Uplus.npy"));
}

TEST_CASE("outputs: a run of an older version, without hashes, is read with a notice", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  REQUIRE(sh(shell, kFit + "--out run").status == 0);
  auto manifest = Json::parse(shell.read("run/run.json"));
  manifest.erase("results");
  manifest.erase("settings");
  shell.write("run/run.json", manifest.dump());
  auto const outcome = sh(shell, "\"$CHG\" ablate builtin:induction aba.jsonl --run run --quiet --out a.csv");
  CHECK(outcome.status == 0);
  CHECK(has_all(outcome.err, {"chg: notice: run/run.json lists no results"}));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  REQUIRE(sh(shell, kFit + "--out run --force").status == 0);
}

TEST_CASE("outputs: a resume that is refused changes nothing, and says what differs", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  interrupted(shell, "--out run");
  for (auto const& [more, what] :
       std::initializer_list<std::pair<char const*, char const*>>{{"--lambda 0.2", "option lambda"},
                                                                  {"--precision f64", "precision"},
                                                                  {"--bos off", "bos"},
                                                                  {"--null targets", "null"},
                                                                  {"--pretokenizer gpt2", "pretokenizer"},
                                                                  {"--seed 3", "option seed"}})
    check_refused(shell, kLong + "--out run --resume " + more, {what, "--force"});
  auto const good = shell.read("run/run.json");
  auto const edited = [&](std::string const& key, std::string const& value) {
    auto manifest = Json::parse(good);
    manifest["build"][key] = value;
    shell.write("run/run.json", manifest.dump(2));
    check_refused(shell, kLong + "--out run --resume",
                  {"build, " + key, value, Json::parse(good)["build"][key].get<std::string>()});
  };
  for (auto const* key : {"gemm", "vector bytes", "eigen instructions", "compiler", "chg"}) edited(key, "another");
  for (auto const* bytes :
       {"", "[]", "1", "{\"chg\": 1}", "{\"chg\": \"0\", \"kind\": \"fit\", \"model\": \"x\", \"status\": \"running\"}",
        "{\"chg\": \"0\", \"kind\": \"fit\", \"model\": {\"files\": [\"x\"]}, \"data\": 3, \"options\": [1]}"}) {
    INFO(bytes);
    shell.write("run/run.json", bytes);
    check_refused(shell, kLong + "--out run --resume", {"run"});
  }
  auto manifest = Json::parse(good);
  manifest["options"]["lambda"] = std::string(100'000, 'x');
  manifest["started"] = 3, manifest["resumed"] = "x";
  shell.write("run/run.json", manifest.dump());
  check_refused(shell, kLong + "--out run --resume", {"option lambda"});
}

TEST_CASE("outputs: what a run wrote is used under other settings with one notice that names both", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  shell.write("texts.jsonl",
              "{\"prompt\": \"Q: cat A:\", \"target\": \" dog\"}\n{\"prompt\": \"Q: dog A:\", \"target\": \" cat\"}\n");
  auto const teaching = std::string("builtin:teaching texts.jsonl --quiet --threads 1 ");
  auto const made = sh(shell, "\"$CHG\" fit " + teaching + "--bos off --seeds 1 --updates 3 --updates-pressed 3 --out run");
  INFO(made.err);
  REQUIRE(made.status == 0);
  auto const settings = Json::parse(shell.read("run/run.json"))["settings"];
  CHECK(settings["bos"] == "off");
  CHECK(settings["bos_added"] == false);
  std::string const commands[] = {"ablate " + teaching + "--run run --out a.csv ",
                                  "score " + teaching + "--gates run/Gplus.npy --out s ",
                                  "gradient " + teaching + "--gates run/Gplus.npy --out d ",
                                  "fit " + teaching + "--init run/Gplus.npy --updates 1 --updates-pressed 0 --out next --force "};
  for (auto const& command : commands) {
    auto const said = [&](std::string const& more) {
      auto const outcome = sh(shell, "\"$CHG\" " + command + more);
      INFO(command << more << '\n' << outcome.err);
      CHECK(outcome.status == 0);
      CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == (outcome.err.empty() ? 0 : 1));
      return outcome.err;
    };
    CHECK(said("--bos off") == "");
    CHECK(has_all(said("--bos on"), {"chg: notice: run", "bos off (none added) there and on (added) here"}));
    CHECK(has_all(said("--bos off --precision f64"), {"precision f32 there and f64 here"}));
  }
  REQUIRE(sh(shell, "cp run/Gplus.npy mine.npy").status == 0);
  CHECK(sh(shell, "\"$CHG\" score " + teaching + "--gates mine.npy --bos on --out s").err.empty());
  REQUIRE(sh(shell, "ln -s run there; ln -s there/Gplus.npy link.npy").status == 0);
  CHECK(has_all(sh(shell, "\"$CHG\" score " + teaching + "--gates link.npy --bos on --out s").err, {"link.npy", "bos off"}));

  // Another model of the same shape: one weight differs.
  REQUIRE(sh(shell, "cp -r " + repository("examples/models/teaching").string() +
                        " model; chmod -R u+w model; "
                        "\"$CHG\" score model texts.jsonl --bos off --gates run/Gplus.npy --out s")
              .err.empty());
  auto weights = shell.read("model/model.safetensors");
  weights[weights.size() - 1] ^= 1;
  shell.write("model/model.safetensors", weights);
  CHECK(has_all(sh(shell, "\"$CHG\" score model texts.jsonl --bos off --gates run/Gplus.npy --out s").err,
                {"model model.safetensors", "there and", "here"}));
}

TEST_CASE("outputs: texts that cannot be read to their end give none", "[cli]") {
  Shell const shell;
  if (!ready(shell)) return;
  check_refused(shell, "\"$CHG\" tokenize builtin:teaching --jsonl < .", {"standard input", "Is a directory"});
  check_refused(shell, "\"$CHG\" tokenize builtin:teaching --jsonl <&-", {"standard input", "Bad file descriptor"});
}
