// SPDX-License-Identifier: MIT
#include "cli/script.hpp"

#include <chg/cli/memory.hpp>

#include <map>

using namespace chg;
using namespace chg::test;

namespace {

struct Measured : Outcome {
  double mebibytes = 0;  ///< the most that it had in memory
};

/// Runs chg with these words; CHG_PEAK names the program that measures.
Measured measured(Shell const& shell, std::string const& words) {
  Measured found{sh(shell, std::string("exec ") + std::getenv("CHG_PEAK") + " .peak \"$CHG\" " + words)};
  found.mebibytes = std::stod(shell.read(".peak")) / (1024 * 1024);
  return found;
}

/// The size that a refusal names.
int named(Outcome const& refused) {
  INFO(refused.err);
  CHECK(refused.status == 1);
  auto const from = refused.err.find("Expected ");
  REQUIRE(from != std::string::npos);
  return std::stoi(refused.err.substr(from + 9));
}

/// A Llama of random numbers whose embedding is most of it, saved as F32.
void write_model(Shell const& shell, std::string const& name) {
  constexpr Index V = 16'000, C = 128, F = 256, D = 16, H = 8;
  std::filesystem::create_directory(shell.path(name));
  shell.write(name + "/config.json",
              R"({"model_type":"llama","hidden_size":128,"intermediate_size":256,"num_hidden_layers":2,"num_attention_heads":8,)"
              R"("num_key_value_heads":8,"head_dim":16,"vocab_size":16000,"max_position_embeddings":512,"rms_norm_eps":1e-5,)"
              R"("rope_theta":10000.0,"hidden_act":"silu","tie_word_embeddings":true})");
  SafetensorsBuilder file;
  Random random(3, Stream::user);
  auto const add = [&](std::string const& tensor, Index rows, Index columns) {
    Matrix<float> values(rows, columns);
    for (Index i = 0; i < values.size(); ++i) values.data()[i] = static_cast<float>(0.1 * (random.uniform() - 0.5));
    file.add_f32(tensor, values, rows == 1 ? 1 : 2);
  };
  add("model.embed_tokens.weight", V, C);
  for (std::string const l : {"0", "1"}) {
    auto const layer = "model.layers." + l + ".";
    add(layer + "input_layernorm.weight", 1, C);
    for (auto const* matrix : {"q", "k", "v"}) add(layer + "self_attn." + matrix + "_proj.weight", H * D, C);
    add(layer + "self_attn.o_proj.weight", C, H * D);
    add(layer + "post_attention_layernorm.weight", 1, C);
    for (auto const* matrix : {"gate", "up"}) add(layer + "mlp." + matrix + "_proj.weight", F, C);
    add(layer + "mlp.down_proj.weight", C, F);
  }
  add("model.norm.weight", 1, C);
  shell.write(name + "/model.safetensors", file.file());
}

void write_tokens(Shell const& shell, std::string const& name, int examples) {
  std::string lines;
  Random random(4, Stream::user);
  for (auto i = 0; i < examples; ++i) {
    std::vector<Index> tokens, mask;
    for (std::uint64_t t = 0, n = 12 + random.below(20); t < n; ++t)
      tokens.push_back(static_cast<Index>(random.below(16'000))), mask.push_back(t + 2 >= n);
    lines += nlohmann::json{{"tokens", tokens}, {"target_mask", mask}}.dump() + "\n";
  }
  shell.write(name, lines);
}

}  // namespace

#define NEEDS_PEAK()                                                       \
  NEEDS_PROGRAM();                                                         \
  if (!std::getenv("CHG_PEAK")) {                                          \
    WARN("CHG_PEAK is not set: it names the program that measures peaks"); \
    return;                                                                \
  }

TEST_CASE("memory: what --max-memory names when it refuses is enough, and no limit is passed", "[cli]") {
  NEEDS_PEAK();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 48);
  write_model(shell, "random");
  write_tokens(shell, "random.jsonl", 24);
  auto const fit = " --seeds 2 --batch 16 --updates 3 --updates-pressed 2 --quiet --out run";
  auto const begin = std::string("\"$CHG\" fit builtin:teaching aba.jsonl --threads 1 ");
  REQUIRE(sh(shell, begin + fit + " && mv run fitted").status == 0);
  for (auto const& [command, threads] : std::map<std::string, std::string>{
           {"score builtin:teaching aba.jsonl --out o", "2"},
           {"score random random.jsonl --out o", "3"},
           {"score random random.jsonl --precision bf16 --out o", "2"},
           {"gradient random random.jsonl --precision f64 --out o", "1"},
           {"verify builtin:teaching aba.jsonl --examples 4", "2"},
           {"ablate builtin:teaching aba.jsonl --run fitted --score facilitation --replace resample --points 8 --out o", "2"},
           {std::string("fit builtin:teaching aba.jsonl --validation aba.jsonl") + fit, "8"},
           {std::string("fit random random.jsonl") + fit, "2"}}) {
    auto const with = [&](int limit) {
      std::filesystem::remove_all(shell.path("run"));
      return measured(shell, command + " --threads " + threads + " --max-memory " + std::to_string(limit) + "M");
    };
    auto const refused = with(1);
    auto const least = named(refused);
    CHECK(refused.mebibytes < least);  // it is refused before it is there
    for (auto const limit : {least, 2 * least}) {
      auto const run = with(limit);
      INFO(command << ": " << limit << "M, " << run.mebibytes << " MiB at most. " << run.err);
      CHECK(run.status == 0);
      CHECK(run.mebibytes <= limit);
    }
  }
}

TEST_CASE("memory: under one limit the bits are those of any number of threads", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 16);
  auto const fit = [&](std::string const& limit, std::string const& threads, std::string const& seeds) {
    std::filesystem::remove_all(shell.path("run"));
    auto const run = shell.run("chg fit builtin:teaching aba.jsonl --batch 8 --updates 3 --updates-pressed 2 --quiet --out run" +
                               limit + " --threads " + threads + " --seeds " + seeds);
    INFO(run.err);
    REQUIRE(run.status == 0);
    auto const rows = json_of(shell, "run/run.json")["options"]["run.max_rows"];
    return shell.read("run/metrics.csv") + shell.read("run/Uplus.npy") + rows.dump();
  };
  for (std::string const limit : {" --max-memory 20M", " --max-memory 40M", ""}) {
    auto const one = fit(limit, "1", "2");
    for (auto const* threads : {"2", "3", "8"}) CHECK(fit(limit, threads, "2") == one);
  }
  // More gate sets cut no other chunks: a set has the bits of its seed.
  auto const rows = [&] { return json_of(shell, "run/run.json")["options"]["run.max_rows"]; };
  fit(" --max-memory 40M", "1", "1");
  auto const few = rows();
  fit(" --max-memory 40M", "1", "9");
  CHECK(rows() == few);
}

TEST_CASE("memory: a run keeps the chunks that it was begun with, or is refused before anything changes", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "teaching", "aba.jsonl", 64);
  auto const fit = "chg fit builtin:teaching aba.jsonl --seeds 1 --updates 20000 --updates-pressed 0 --threads 1 --quiet --out ";
  auto const begin = [&](std::string const& run, std::string const& more) {
    auto const child = shell.start(fit + run + more);
    auto const under_way = [&] {  // a run that goes on has a state from its start
      return std::filesystem::exists(shell.path(run + "/state/fit.bin")) &&
             json_of(shell, run + "/run.json")["status"] == "running";
    };
    for (auto i = 0; i < 600 && !under_way(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ::kill(child, SIGTERM);
    REQUIRE(shell.finish(child).status == 130);
  };
  begin("wide", "");
  auto const before = shell.read("wide/run.json");
  auto const refused = shell.run(fit + std::string("wide --resume --max-memory 32M"));
  CHECK(refused.status == 1);
  CHECK(has_all(refused.err, {"--max-memory. Expected ", "chunks of 1024 rows"}));
  CHECK(shell.read("wide/run.json") == before);
  begin("narrow", " --max-memory 40M");
  auto const rows = json_of(shell, "narrow/run.json")["options"]["run.max_rows"];
  CHECK(rows < 1024);
  begin("narrow", " --resume");
  CHECK(json_of(shell, "narrow/run.json")["options"]["run.max_rows"] == rows);
}

TEST_CASE("memory: batches and gate sets beyond the machine are refused by name, before there is a RUN", "[cli]") {
  NEEDS_PROGRAM();
  Shell const shell;
  make_aba(shell, "induction", "aba.jsonl", 16);
  for (std::string const more : {"--batch 1073741824 --seeds 1048576", "--seeds 1048576 --updates 1000000000"}) {
    auto const refused = shell.run("chg fit builtin:induction aba.jsonl --out run " + more);
    CHECK(refused.status == 1);
    CHECK(has_all(refused.err, {"memory for --batch", "--seeds 1048576", "by forecast", "fewer --seeds"}));
    CHECK(shell.names() == std::vector<std::string>{"aba.jsonl"});
  }
}

TEST_CASE("machine_bytes: the machine's memory and swap, or the least limit of its cgroups", "[cli]") {
  auto const with = [](std::map<std::string, std::string> const& files) {
    TemporaryDirectory const root;
    for (auto const& [name, bytes] : files) {
      std::filesystem::create_directories((root.path() / name).parent_path());
      root.write(name, bytes);
    }
    return cli::machine_bytes(root.path());
  };
  std::string const meminfo = "MemTotal:   1000 kB\nMemFree:   10 kB\nHugePages_Total:   0\nSwapTotal:   500 kB\n";
  CHECK(with({{"proc/meminfo", meminfo}}) == 1500 * 1024);
  CHECK(std::isinf(with({})));
  CHECK(with({{"proc/meminfo", meminfo},
              {"proc/self/cgroup", "0::/a/b\n"},
              {"sys/fs/cgroup/a/b/memory.max", "max\n"},
              {"sys/fs/cgroup/a/memory.max", "65536\n"}}) == 65536);
  CHECK(with({{"proc/meminfo", meminfo},
              {"proc/self/cgroup", "4:memory:/job\n0::/\n"},
              {"sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4096\n"},
              {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}}) == 4096);
}
