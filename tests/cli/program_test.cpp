// SPDX-License-Identifier: MIT
// The program chg from outside: files, formats and exit statuses that scripts rely on.
#include "cli/program.hpp"
#include "support/catch.hpp"

#include <chg/cli/gates_file.hpp>
#include <chg/formats/json.hpp>
#include <chg/gate/checkpoint.hpp>
#include <chg/run/file.hpp>

#include <algorithm>
#include <numeric>

using namespace chg;
using namespace chg::test;
using Names = std::vector<std::string>;

#define NEEDS_PROGRAM()                                                    \
  if (!Shell::program()) {                                                 \
    WARN("CHG_PROGRAM is not set: this build has no program chg to test"); \
    return;                                                                \
  }

namespace {

void make_aba(Shell const& shell, std::string const& model, std::string const& name, Index examples,
              std::string const& more = "") {
  auto const made = shell.run("chg tasks make aba --model builtin:" + model + " --examples " + std::to_string(examples) +
                              " --out " + name + " " + more);
  REQUIRE(made.err.empty());
  REQUIRE(made.status == 0);
}

nlohmann::json json_of(std::string const& bytes) { return formats::parse_json(bytes, "output"); }

std::vector<Index> shape_of(Shell const& shell, std::string const& name) { return formats::read_npy(shell.path(name)).shape; }

/// The message of a command that failed: one line on stderr, nothing on stdout.
std::string error_of(Outcome const& o, int status = 1) {
  INFO(o.err);
  CHECK(o.status == status);
  CHECK(o.out.empty());
  CHECK(o.err.starts_with("chg: error: "));
  CHECK(std::count(o.err.begin(), o.err.end(), '\n') == 1);
  return o.err;
}

std::string const kFit = "chg fit builtin:induction aba.jsonl --seeds 2 --preset paper --quiet ";

}  // namespace

TEST_CASE("program: inspect knows the shape of every kind of model, its numbers counted one by one", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  auto const teaching = json_of(shell.run("chg inspect builtin:teaching --json").out);
  CHECK(teaching["family"] == "llama");
  CHECK(teaching["layers"] == 4);
  CHECK(teaching["heads"] == 8);
  CHECK(teaching["kv_heads"] == 4);
  CHECK(teaching["parameters"] == 621696);  // of model.safetensors
  for (auto const* key : {"head_dim", "d_model", "d_ff", "vocab", "memory_needed", "tokenizer_kind", "bos_rule"})
    CHECK(teaching.contains(key));
  CHECK(json_of(shell.run("chg inspect builtin:induction --json").out)["heads"] == 4);
  CHECK(shell.run("chg inspect builtin:teaching").out.find("kv_heads") != std::string::npos);
  CHECK(has_all(error_of(shell.run("chg inspect nowhere.gguf")), {"nowhere.gguf", "nothing there"}));
  std::filesystem::create_symlink("loop", shell.path("loop"));
  for (auto const* line : {"chg inspect loop", "chg tokenize loop --text a"})
    CHECK(has_all(error_of(shell.run(line)), {"loop", "nothing there"}));
  CHECK(has_all(error_of(shell.run("chg inspect builtin:other")), {"builtin:other", "builtin:teaching"}));
}

TEST_CASE("program: score gives one result, or one a gate set, and the gates matter", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 6);
  auto const plain = json_of(shell.run("chg score builtin:induction aba.jsonl").out);
  CHECK(plain["accuracy"] == 1.0);
  REQUIRE(plain["examples"].size() == 6);
  auto const& example = plain["examples"][0];
  CHECK(example["logprob"].size() == 1);
  CHECK(example["argmax"].size() == 1);
  CHECK(example["correct"] == true);
  CHECK(plain.contains("token_accuracy"));

  Array<double, 3> gates({2, 2, 4}, 1.0);
  gates(1, 1, 2) = 0;
  run::write_npy<float>(shell.path("two.npy"), gates);
  REQUIRE(shell.run("chg score builtin:induction aba.jsonl --gates two.npy --out two.json").status == 0);
  auto const sets = json_of(shell.read("two.json"))["sets"];
  REQUIRE(sets.size() == 2);
  CHECK(sets[0]["nll"] == plain["nll"]);
  CHECK(sets[1]["nll"] > sets[0]["nll"]);  // without its induction head
  CHECK(sets[1]["accuracy"] < 0.5);
}

TEST_CASE("program: gradient has the shape of the gates, and is that of score", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 6);
  CHECK(shell.run("chg gradient builtin:induction aba.jsonl --out dG.npy").out.starts_with("nll 1."));
  CHECK(shape_of(shell, "dG.npy") == std::vector<Index>{2, 4});
  Array<double, 3> gates({2, 2, 4}, 0.5);
  gates(1, 1, 2) = 0.5 + 1e-5;
  run::write_npy<double>(shell.path("two.npy"), gates);
  REQUIRE(shell.run("chg gradient builtin:induction aba.jsonl --gates two.npy --out two_d.npy --precision f64").status == 0);
  CHECK(shape_of(shell, "two_d.npy") == std::vector<Index>{2, 2, 4});
  auto const scored = json_of(shell.run("chg score builtin:induction aba.jsonl --gates two.npy --precision f64").out)["sets"];
  auto const slope = (scored[1]["nll"].get<double>() - scored[0]["nll"].get<double>()) / 1e-5;
  CHECK(formats::read_npy(shell.path("two_d.npy")).values[6] == Approx(slope).epsilon(1e-3));
}

TEST_CASE("program: verify passes in both precisions, with differences in f64, which it takes by itself", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  for (auto const* line : {"chg verify builtin:induction", "chg verify builtin:teaching --heads 1 --examples 2"}) {
    auto const outcome = shell.run(line);
    INFO(outcome.out << outcome.err);
    CHECK(outcome.status == 0);
    CHECK(has_all(outcome.out, {"dual numbers", "differences", "all passed"}));
    auto const narrow = shell.run(std::string(line) + " --precision f32").out;
    CHECK(has_all(narrow, {"dual numbers", "all passed"}));
    CHECK(narrow.find("differences") == std::string::npos);
  }
}

TEST_CASE("program: a fit writes every file of a run, rows in their order", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 32);
  make_aba(shell, "induction", "held.jsonl", 16, "--split validation");
  REQUIRE(shell.run(kFit + "--out run --updates 20 --updates-pressed 10 --validation held.jsonl").status == 0);
  Names files;
  for (auto const& entry : std::filesystem::directory_iterator(shell.path("run"))) files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  CHECK(files == Names{"G0.npy", "Gminus.npy", "Gplus.npy", "U0.npy", "Uminus.npy", "Uplus.npy", "heads.csv", "metrics.csv",
                       "run.json", "summary.csv"});
  CHECK(shape_of(shell, "run/Gplus.npy") == std::vector<Index>{2, 2, 4});
  auto const metrics = shell.read("run/metrics.csv");
  CHECK(metrics.starts_with("seed,phase,update,nll,regularizer,loss,grad_norm,lr\n0,none,0,"));
  CHECK(std::count(metrics.begin(), metrics.end(), '\n') == 1 + 2 * 40);
  CHECK(metrics.find("\n1,none,19,") < metrics.find("\n0,retain,0,"));
  CHECK(metrics.find("\n1,retain,9,") < metrics.find("\n0,remove,0,"));
  CHECK(
      shell.read("run/heads.csv").starts_with("seed,layer,head,g0,g_plus,g_minus,facilitation,interference,irrelevance,class\n"));
  auto const summary = shell.read("run/summary.csv");
  CHECK(has_all(summary, {"seed,data,gates,nll,accuracy,token_accuracy,n\n", "0,train,ungated,", "1,validation,Gminus_binary,"}));
  auto const manifest = json_of(shell.read("run/run.json"));
  CHECK(manifest["status"] == "finished");
  CHECK(manifest["data"][0]["examples"] == 32);
  CHECK(manifest["options"]["updates_pressed"] == 10);

  CHECK(has_all(error_of(shell.run(kFit + "--out run --updates 20")), {"run exists", "--force"}));
  auto const done = shell.run(kFit + "--out run --updates 20 --updates-pressed 10 --validation held.jsonl --resume");
  CHECK(done.status == 0);
  CHECK(has_all(done.out, {"run is finished already"}));
  CHECK(has_all(error_of(shell.run(kFit + "--out run --updates 21 --updates-pressed 10 --validation held.jsonl --resume")),
                {"option updates", "20", "21"}));
  CHECK(has_all(error_of(shell.run("chg fit builtin:induction held.jsonl --seeds 2 --preset paper --quiet --out run --updates 20 "
                                   "--updates-pressed 10 --validation held.jsonl --resume")),
                {"SHA-256 of the data (train)"}));
  REQUIRE(shell.run(kFit + "--out run --updates 3 --updates-pressed 0 --force").status == 0);
  CHECK_FALSE(std::filesystem::exists(shell.path("run/Gplus.npy")));
  CHECK(shell.names() == Names{"aba.jsonl", "held.jsonl", "run"});

  REQUIRE(shell.run("chg ablate builtin:induction held.jsonl --run run --out a.csv").status == 1);
}

TEST_CASE("program: gate sets are those of their seeds, and --init goes on from the gates of a file", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  std::string const brief = "chg fit builtin:induction aba.jsonl --updates 5 --updates-pressed 0 --batch 4 --quiet ";
  REQUIRE(shell.run(brief + "--out both --seeds 2 --seed 3").status == 0);
  REQUIRE(shell.run(brief + "--out second --seeds 1 --seed 4 --threads 1").status == 0);
  auto const both = formats::read_npy(shell.path("both/U0.npy")).values, second = formats::read_npy(shell.path("second/U0.npy")).values;
  CHECK(std::equal(second.begin(), second.end(), both.begin() + 8));
  REQUIRE(shell.run(brief + "--out next --init both/G0.npy").status == 0);
  CHECK(shape_of(shell, "next/G0.npy") == std::vector<Index>{2, 2, 4});
  Array<double, 2> gates({2, 4}, 0.5);
  gates(1, 3) = 1;
  run::write_npy<float>(shell.path("closed.npy"), gates);
  CHECK(has_all(error_of(shell.run(brief + "--out other --init closed.npy")), {"closed.npy", "layer 1, head 3", "got 1"}));
  CHECK_FALSE(std::filesystem::exists(shell.path("other")));
}

TEST_CASE("program: a fit that is killed again and again ends with the bits of one that never was", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 64);
  auto const line = kFit + "--updates 700 --updates-pressed 500 --threads 1 --out ";
  REQUIRE(shell.run(line + "whole").status == 0);
  Index kills = 0;
  for (auto after = std::chrono::milliseconds(40);; after = after * 3 + std::chrono::milliseconds(17)) {
    auto const outcome = shell.interrupt(shell.start(line + "killed --resume"), SIGKILL, after);
    INFO(outcome.err);
    REQUIRE((outcome.status == 0 || outcome.status == -SIGKILL));
    if (outcome.status == 0) break;
    ++kills;
  }
  CHECK(kills >= 3);
  for (auto const* file :
       {"G0.npy", "Gplus.npy", "Gminus.npy", "U0.npy", "Uplus.npy", "Uminus.npy", "metrics.csv", "heads.csv", "summary.csv"})
    CHECK(shell.read(text("whole/", file)) == shell.read(text("killed/", file)));
  CHECK(shell.names() == Names{"aba.jsonl", "killed", "whole"});
}

TEST_CASE("program: a fit is saved every few updates, so that kill -9 loses no more", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 64);
  // Some 10 ms an update, of which saving may take a twentieth; it takes less than that in five.
  auto const fit = shell.start(
      "chg fit builtin:teaching aba.jsonl --out run --seeds 2 --updates 120 --updates-pressed 0 --threads 1 --quiet");
  std::vector<Index> saved;
  for (auto over = false; !over;) {
    over = ::waitpid(fit, nullptr, WNOHANG) != 0;
    try {
      auto const at = load_fit(shell.path("run/state/fit.bin")).point.update;
      if (saved.empty() || at > saved.back()) saved.push_back(at);
    } catch (Error const&) {  // not there yet, or no longer
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  REQUIRE(saved.size() >= 4);
  std::adjacent_difference(saved.begin(), saved.end(), saved.begin());
  CAPTURE(saved);
  std::sort(saved.begin(), saved.end());
  CHECK(saved[saved.size() / 2] <= 10);  // the median: one save may wait for the disk, and one look for the machine
}

TEST_CASE("program: Ctrl-C saves, says how to go on, and ends with 130", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 64);
  auto const line = kFit + "--updates 200000 --updates-pressed 0 --out run";
  auto const stopped = shell.interrupt(shell.start(line), SIGINT, std::chrono::milliseconds(1000));
  INFO(stopped.err);
  CHECK(stopped.status == 130);
  CHECK(has_all(stopped.err, {"chg: interrupted", "--resume"}));
  CHECK(json_of(shell.read("run/run.json"))["status"] == "interrupted");
  CHECK(has_all(error_of(shell.run(line)), {"run exists", "--resume"}));
  auto const again = shell.start(line + " --resume");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK(has_all(error_of(shell.run(line + " --resume")), {"being written by another program"}));
  ::kill(again, SIGTERM);
  CHECK(shell.finish(again).status == 130);
}

TEST_CASE("program: contrast and ablate write what they should", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  std::string const make = "chg tasks make plural --model builtin:two_formats --examples 24 --pairs 4 ";
  REQUIRE(shell.run(make + "--out icl.jsonl").status == 0);
  REQUIRE(
      shell.run("chg tasks make plural --model builtin:two_formats --examples 24 --format instruction --out told.jsonl").status ==
      0);
  std::string const contrast =
      "chg contrast builtin:two_formats --retain icl.jsonl --forget told.jsonl --seeds 2 --updates 8 --quiet ";
  REQUIRE(shell.run(contrast + "--out kept --validation-retain icl.jsonl --validation-forget told.jsonl").status == 0);
  CHECK(shape_of(shell, "kept/G.npy") == std::vector<Index>{2, 1, 4});
  CHECK(
      shell.read("kept/metrics.csv")
          .starts_with(
              "seed,phase,update,nll,regularizer,loss,grad_norm,lr,logprob_retain,logprob_forget,share_clipped\n0,contrast,0,"));
  CHECK(has_all(shell.read("kept/summary.csv"), {"0,retain,G,", "1,validation-forget,G_binary,"}));
  make_aba(shell, "induction", "short.jsonl", 5);
  CHECK(has_all(
      error_of(shell.run("chg contrast builtin:two_formats --retain icl.jsonl --forget told.jsonl --out x --clip-difference -1")),
      {"clip_difference"}));

  make_aba(shell, "induction", "aba.jsonl", 24);
  REQUIRE(shell.run(kFit + "--out run --updates 30 --updates-pressed 30").status == 0);
  auto const ablate = shell.run(
      "chg ablate builtin:induction aba.jsonl --run run --out a.csv --score facilitation --points 3 --mode single "
      "--replace mean");
  CHECK(ablate.status == 0);
  auto const csv = shell.read("a.csv");
  CHECK(csv.starts_with(
      "seed,score,context,mode,replacement,k,layer,head,head_score,logprob_on,logprob_off,effect,n,effect_stderr\n"
      "0,facilitation,plus,single,mean,1,"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 2 * 3);
  CHECK(has_all(error_of(shell.run("chg ablate builtin:induction aba.jsonl --run kept --out b.csv")),
                {"a run of chg fit", "contrast"}));
}

TEST_CASE("program: tasks of one seed match line by line, and the parts of a split share no prompt", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  CHECK(has_all(shell.run("chg tasks list").out, {"aba", "abb", "capital", "reversed", "two_formats"}));
  auto const clean = shell.run("chg tasks make capital --model builtin:teaching --examples 3 --seed 2").out;
  auto const corrupt = shell.run("chg tasks make capital --model builtin:teaching --examples 3 --seed 2 --corrupt outputs").out;
  CHECK(std::count(clean.begin(), clean.end(), '\n') == 3);
  CHECK(clean != corrupt);
  CHECK(clean.size() == corrupt.size());
  CHECK(has_all(error_of(shell.run("chg tasks make abb --model builtin:induction --corrupt outputs")),
                {"--corrupt", "rule or tokens"}));
  CHECK(has_all(error_of(shell.run("chg tasks make weather --model builtin:teaching")), {"one of capital", "weather"}));
}

TEST_CASE("program: the teaching model has its tasks by its path too, and by that of a copy", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  auto const teaching = repository("examples/models/teaching");
  std::filesystem::create_directory(shell.path("other"));
  for (auto const* file : {"config.json", "tokenizer.json"})
    std::filesystem::copy_file(teaching / file, shell.path("other") / file);
  for (std::string const task : {"aba", "abb --corrupt tokens", "french --format instruction"}) {
    auto const make = "chg tasks make " + task + " --examples 3 --seed 5 --model ";
    auto const builtin = shell.run(make + "builtin:teaching");
    REQUIRE(builtin.status == 0);
    for (auto const& path : {teaching.string(), std::string("other")}) {
      auto const same = shell.run(make + path);
      INFO(task << ' ' << path << ' ' << same.err);
      CHECK(same.status == 0);
      CHECK(same.out == builtin.out);
    }
  }
  auto words = contents(teaching / "tokenizer.json");
  words.replace(words.find("\"star\""), 6, "\"moth\"");
  shell.write("other/tokenizer.json", words);
  CHECK(has_all(error_of(shell.run("chg tasks make aba --model other")),
                {"tokenizer for the symbolic tasks", "words joined by carets", "chg tokenize"}));
}

TEST_CASE("program: tasks of published items are prompts and targets, in formats that match line by line", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  std::string items;
  for (auto const* word :
       {"cat",   "dog", "house", "book",   "horse", "fish",  "apple", "chair", "hand", "moon", "sun",  "cow",
        "woman", "man", "ship",  "flower", "stone", "knife", "hat",   "shoe",  "cup",  "city", "tree", "star"}) {
    std::string capitals = word;
    for (auto& c : capitals) c = static_cast<char>(c - 'a' + 'A');
    items += text(items.empty() ? "[" : ", ", R"({"input": ")", word, R"(", "output": ")", capitals, "\"}");
  }
  shell.write("capitalize.json", items + "]");
  std::string const make =
      "chg tasks make capitalize --model builtin:teaching --bos off --source capitalize.json --examples 9 --pairs 2 ";
  auto const lines = [&](std::string const& more) {
    auto const made = shell.run(make + more);
    INFO(made.err);
    REQUIRE(made.status == 0);
    std::vector<nlohmann::json> all;
    std::istringstream in(made.out);
    for (std::string line; std::getline(in, line);) all.push_back(json_of(line));
    return all;
  };
  auto const icl = lines("--seed 4"), corrupt = lines("--seed 4 --corrupt outputs"), held = lines("--split validation");
  REQUIRE(icl.size() == 9);
  REQUIRE(corrupt.size() == 9);
  Index changed = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    auto const prompt = icl[i]["prompt"].get<std::string>();
    CHECK(std::count(prompt.begin(), prompt.end(), '\n') == 3 * 2 + 1);
    CHECK(prompt.starts_with("Q: "));
    CHECK(prompt.ends_with("\nA:"));
    CHECK(icl[i]["target"].get<std::string>().starts_with(" "));
    CHECK(corrupt[i]["target"] == icl[i]["target"]);
    changed += corrupt[i]["prompt"] != icl[i]["prompt"];
    for (auto const& other : held) CHECK(other["target"] != icl[i]["target"]);
  }
  CHECK(changed > 0);

  auto const error = [&](std::string const& more) { return error_of(shell.run("chg tasks make " + more)); };
  CHECK(has_all(error("capitalize --model builtin:teaching"), {"--source", "capitalize", "function_vectors", "got none"}));
  CHECK(has_all(error("math --model builtin:teaching --format icl --source capitalize.json"), {"--format", "question", "icl"}));
  CHECK(has_all(error("commonsense --model builtin:teaching --source capitalize.json"),
                {"capitalize.json", "questions with options", "CommonsenseQA"}));
  CHECK(has_all(error("capitalize --model builtin:teaching --format instruction --source capitalize.json --corrupt outputs"),
                {"--corrupt", "the format icl"}));
  CHECK(has_all(error("capitalize --model builtin:teaching --source capitalize.json --corrupt rule"), {"--corrupt", "outputs"}));
  CHECK(has_all(error("aba --model builtin:induction --source capitalize.json"), {"--source", "aba"}));
}

TEST_CASE("program: every task is made for a published tokenizer, from the published items", "[cli]") {
  NEEDS_PROGRAM();
  auto const folder = test_data("tokenizers");
  if (folder.empty()) {
    WARN("skipped: the environment variable CHG_TEST_DATA does not name a folder of test data");
    return;
  }
  Shell const shell;
  std::filesystem::create_directory(shell.path("smollm2"));
  for (auto const& [from, to] : {std::pair("config.135M.json", "config.json"), std::pair("tokenizer.json", "tokenizer.json")})
    std::filesystem::copy_file(folder / "smollm2" / from, shell.path("smollm2") / to);
  auto const data = folder.parent_path().string() + "/";
  for (std::string task :
       {"antonym --source function_vectors/antonym.json", "antonym --format instruction --source function_vectors/antonym.json",
        "commonsense --source commonsenseqa/dev_rand_split.jsonl", "commonsense --source commonsenseqa/commonsense_qa.fv.json",
        "tense --source bigbench_tense/task.json", "tense --source mccoy_question_tense/tense.dev",
        "agreement --source lakretz_agreement/nounpp.txt", "math --source gsm8k/test.jsonl", "aba", "abb --corrupt rule"}) {
    if (auto const at = task.find("--source "); at != std::string::npos) task.insert(at + 9, data);
    INFO(task);
    std::string const make = "chg tasks make " + task + " --model smollm2 --examples 20 ";
    auto const train = shell.run(make), held = shell.run(make + "--split validation");
    INFO(train.err << held.err);
    REQUIRE(train.status == 0);
    REQUIRE(held.status == 0);
    CHECK(std::count(train.out.begin(), train.out.end(), '\n') == 20);
    std::istringstream lines(held.out);
    for (std::string line; std::getline(lines, line);) {
      CHECK(train.out.find(line) == std::string::npos);
      auto const example = json_of(line);
      if (!task.starts_with("ab")) continue;
      CHECK(example["tokens"].size() == 29);
      CHECK(example["target_mask"].back() == 1);
      auto const words = example["text"].get<std::string>();
      CHECK(std::count(words.begin(), words.end(), '^') == 10);
      CHECK(std::count(words.begin(), words.end(), '\n') == 4);
    }
  }
}

TEST_CASE("program: tokenize gives ids and back, a line for a line", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  auto const shown = shell.run("chg tokenize builtin:teaching --text 'Q: cat' --bos off");
  CHECK(shown.status == 0);
  CHECK(has_all(shown.out, {"piece\n", "\"Q:\"", "\"cat\"", "2 tokens"}));
  auto const ids = shell.run("chg tokenize builtin:teaching --jsonl --bos off", "{\"text\": \"Q: cat\"}\r\n{\"text\": \"\"}");
  CHECK(std::count(ids.out.begin(), ids.out.end(), '\n') == 2);
  CHECK(ids.out.ends_with("\n{\"ids\":[]}\n"));
  auto const back = shell.run("chg tokenize builtin:teaching --jsonl --decode", ids.out);
  CHECK(back.out == "{\"text\":\"Q: cat\"}\n{\"text\":\"\"}\n");
  auto const failed = [&](std::string const& input, std::string const& more = "") {
    return error_of(shell.run("chg tokenize builtin:teaching --jsonl " + more, input));
  };
  CHECK(has_all(failed("{\"text\": \"Q:\"}\nQ:\n"), {"standard input, line 2", "JSON"}));
  CHECK(has_all(failed("{\"text\": 3}"), {"line 1: text", "a string"}));
  CHECK(has_all(failed("{\"ids\": [1.5]}", "--decode"), {"line 1", "ids", "1.5"}));
  CHECK(has_all(failed("{\"ids\": [240]}", "--decode"), {"standard input, line 1: ", "240"}));
  CHECK(has_all(failed("{\"text\": \"Q:\"}\n{\"text\": \"zzzz\"}"), {"standard input, line 2: ", "\"zzzz\""}));
  CHECK(has_all(error_of(shell.run("chg tokenize nowhere --text a")), {"nowhere", "nothing there"}));
  CHECK(has_all(error_of(shell.run("chg tokenize builtin:induction --text a")), {"builtin:induction", "tokens only"}));
  error_of(shell.run("chg tokenize builtin:teaching"), 2);
  error_of(shell.run("chg tokenize builtin:teaching --text a --jsonl"), 2);
}

TEST_CASE("program: errors are one line, and leave nothing half-written", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  shell.write("bad.jsonl", "{\"tokens\": [1, 2], \"target_mask\": [0, 1]}\n{\"tokens\": [1, 99], \"target_mask\": [0, 1]}\n");
  CHECK(has_all(error_of(shell.run("chg score builtin:induction bad.jsonl --out s.json")),
                {"bad.jsonl, line 2", "tokens[1]", "99"}));
  CHECK(has_all(error_of(shell.run("chg fit builtin:induction bad.jsonl --out run")), {"bad.jsonl, line 2"}));
  CHECK(has_all(error_of(shell.run("chg fit builtin:induction none.jsonl --out run")), {"none.jsonl"}));
  make_aba(shell, "induction", "aba.jsonl", 4);
  CHECK(has_all(error_of(shell.run("chg fit builtin:induction aba.jsonl --out run --lambda -1")), {"lambda"}));
  CHECK(has_all(error_of(shell.run("chg fit builtin:induction aba.jsonl --out run --max-memory 1M")),
                {"--max-memory", "M or more", "got 1M"}));
  CHECK(has_all(error_of(shell.run("chg score builtin:induction aba.jsonl --precision bf16")), {"--precision", "bf16"}));
  CHECK(has_all(error_of(shell.run("chg score builtin:induction aba.jsonl --out nowhere/s.json")), {"nowhere/s.json"}));
  CHECK(has_all(error_of(shell.run("chg gradient builtin:induction aba.jsonl --out d.npy --gates aba.jsonl")), {"a .npy file"}));
  std::filesystem::create_directory(shell.path("notes"));
  shell.write("notes/mine.txt", "text");
  CHECK(has_all(error_of(shell.run("chg fit builtin:induction aba.jsonl --out notes --force")), {"notes is no run directory"}));
  CHECK(shell.names() == Names{"aba.jsonl", "bad.jsonl", "notes"});
}

TEST_CASE("program: output that cannot be written is an error, of help and version too", "[cli]") {
  NEEDS_PROGRAM();
  Shell shell;
  std::error_code unknown;
  if (!std::filesystem::is_character_file("/dev/full", unknown)) {
    WARN("skipped: this system has no /dev/full");
    return;
  }
  shell.out = "/dev/full";
  for (auto const* line : {"chg --help", "chg --version", "chg fit --help", "chg tasks make --help", "chg tasks list",
                           "chg inspect builtin:induction", "chg inspect builtin:induction --json",
                           "chg tasks make aba --model builtin:induction --examples 2"}) {
    INFO(line);
    CHECK(has_all(error_of(shell.run(line)), {"standard output", "No space left on device"}));
  }
}

TEST_CASE("program: --max-memory is refused with a size that is then accepted", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 4);
  std::string const score = "chg score builtin:teaching aba.jsonl --threads 1 --max-memory ";
  std::string limit = "1M";
  for (auto tries = 0; tries < 2; ++tries) {  // the weights, then a pass
    auto const refused = shell.run(score + limit);
    if (refused.status == 0) break;
    auto const message = error_of(refused);
    auto const from = message.find("Expected ") + 9;
    limit = message.substr(from, message.find(" or more", from) - from);
  }
  // The program's own size differs by some pages from run to run.
  limit = std::to_string(std::stoi(limit) + 2) + "M";
  CHECK(shell.run(score + limit).status == 0);
}

TEST_CASE("program: a context of millions takes no memory beyond that of the data's longest sequence", "[cli]") {
  NEEDS_PROGRAM();
  Shell shell;
  make_aba(shell, "teaching", "aba.jsonl", 4);
  std::filesystem::create_directory(shell.path("wide"));
  auto const teaching = repository("examples/models/teaching");
  for (auto const* file : {"model.safetensors", "tokenizer.json"})
    std::filesystem::copy_file(teaching / file, shell.path("wide") / file);
  auto config = json_of(contents(teaching / "config.json"));
  config["max_position_embeddings"] = 10'000'000;  // whose rotary tables would take 640 MB
  shell.write("wide/config.json", config.dump());
  shell.address_space = 500'000'000;
  auto const scored = shell.run("chg score wide aba.jsonl --threads 1");
  INFO(scored.err);
  CHECK(scored.status == 0);
  CHECK(scored.out == shell.run("chg score builtin:teaching aba.jsonl --threads 1").out);
}

TEST_CASE("program: usage errors end with 2", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  CHECK(has_all(error_of(shell.run("chg nonsense"), 2), {"one of inspect, ", "got \"nonsense\""}));
  CHECK(error_of(shell.run("chg fit builtin:induction a --out b --lr 0.1"), 2)
            .starts_with("chg: error: --lr: Expected START:END"));
  CHECK(has_all(error_of(shell.run("chg inspect builtin:induction --seed -1"), 2), {"--seed", "a whole number", "-1"}));
  for (auto const* line :
       {"chg", "chg nonsense", "chg score", "chg fit builtin:induction a --out b --seeds many",
        "chg fit builtin:induction a --out b --lr 0.1", "chg fit builtin:induction a --out b --preset other",
        "chg fit builtin:induction a --out b --resume --force", "chg inspect builtin:induction --max-memory much"})
    error_of(shell.run(line), 2);
}

TEST_CASE("program: the help of every command shows an example, and the examples run", "[cli]") {
  NEEDS_PROGRAM();
  for (auto const* command :
       {"inspect", "tokenize", "score", "gradient", "verify", "tasks", "tasks list", "tasks make", "fit", "contrast", "ablate"}) {
    Shell const shell;
    auto const help = shell.run(text("chg ", command, " --help"));
    CHECK(help.status == 0);
    std::istringstream lines(help.out);
    Index examples = 0;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("  chg ")) continue;
      auto const outcome = shell.run(line);
      INFO(line << '\n' << outcome.err);
      CHECK(outcome.status == 0);
      CHECK(outcome.err.empty());
      ++examples;
    }
    INFO(command);
    CHECK(examples >= 1);
  }
}

TEST_CASE("program: bf16 is a precision of its own, which a run records and a resume asks for", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 24);
  auto const fit = std::string("chg fit builtin:teaching aba.jsonl --seeds 1 --updates 6 --updates-pressed 0 --quiet ");
  REQUIRE(shell.run(fit + "--precision bf16 --out narrow").status == 0);
  REQUIRE(shell.run(fit + "--out wide").status == 0);
  CHECK(json_of(shell.read("narrow/run.json"))["precision"] == "bf16");
  CHECK(json_of(shell.read("wide/run.json"))["precision"] == "f32");
  auto const narrow = formats::read_npy(shell.path("narrow/G0.npy")).values, wide = formats::read_npy(shell.path("wide/G0.npy")).values;
  CHECK(narrow != wide);
  for (std::size_t i = 0; i < narrow.size(); ++i) CHECK(std::abs(narrow[i] - wide[i]) < 0.1);
  CHECK(has_all(error_of(shell.run(fit + "--out narrow --resume")), {"precision", "bf16", "f32"}));
  CHECK(has_all(error_of(shell.run("chg verify builtin:teaching --precision bf16")), {"--precision", "no derivative"}));
}
