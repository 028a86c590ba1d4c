// SPDX-License-Identifier: MIT
// Writes a small valid file of every format, for the fuzz targets to begin with.   chg_fuzz_seeds OUT TESTS
// TESTS is the folder tests of the repository, whose tokenizers and configurations are taken too.
#include <chg/gate/checkpoint.hpp>
#include <chg/run/file.hpp>

#include "formats/gguf_models.hpp"
#include "formats/published_models.hpp"
#include "run/small_fit.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>

using namespace chg;
namespace fs = std::filesystem;

namespace {

std::string contents(fs::path const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Seeds {
 public:
  explicit Seeds(fs::path out) : out_(std::move(out)) {}

  void add(std::string const& target, std::string const& bytes) {
    fs::create_directories(out_ / target);
    std::ofstream file(out_ / target / std::to_string(++count_), std::ios::binary);
    file << bytes;
    if (!file.flush()) throw Error({"seed of " + target, "a file that can be written", "an error", ""});
  }
  int count() const { return count_; }

 private:
  fs::path out_;
  int count_ = 0;
};

void add_models(Seeds& seeds, fs::path const& tests) {
  seeds.add("gguf", test::gguf_llama().file());
  for (bool const llama : {true, false}) {
    test::Published const model(llama, {.biases = true});
    seeds.add("safetensors", model.file.file());
    seeds.add("safetensors", model.config);
  }
  seeds.add("safetensors", R"({"metadata": {"total_size": 8}, "weight_map": {"a": "x-1.safetensors", "b": "x-2.safetensors"}})");
  for (auto const& entry : fs::recursive_directory_iterator(tests / "formats"))
    if (entry.path().filename().string().starts_with("config")) seeds.add("safetensors", contents(entry.path()));
}

void add_tokenizers(Seeds& seeds, fs::path const& tests) {
  for (auto const& entry : fs::recursive_directory_iterator(tests / "tokenizer" / "golden")) {
    auto const name = entry.path().filename().string(), folder = entry.path().parent_path().filename().string();
    if (name == "tokenizer.json") seeds.add("tokenizer", std::string(1, '\0') + contents(entry.path()));
    if (name == "tokenizer.model") seeds.add("tokenizer", (folder == "ranks" ? '\2' : '\1') + contents(entry.path()));
    if (name == "vocab.json") {
      auto vocab = contents(entry.path());
      std::erase(vocab, '\n');
      seeds.add("tokenizer", '\3' + vocab + '\n' + contents(entry.path().parent_path() / "merges.txt"));
    }
  }
}

void add_data(Seeds& seeds) {
  std::string const format[] = {{'\0'}, {'\1'}, {'\2'}, {'\3'}, {'\4'}};
  seeds.add("data",
            format[0] + "{\"tokens\": [1, 2, 3], \"target_mask\": [0, 0, 1]}\n{\"prompt\": \"a b\", \"target\": \" c\"}\n");
  seeds.add("data", format[1] + xt::dump_npy(Array<float, 3>({3, 2, 4}, 0.5f)));
  seeds.add("data", format[1] + xt::dump_npy(Array<double, 3>({1, 2, 4}, 0.25)));
  for (
      auto const* items :
      {R"([{"input": "a", "output": "b"}, {"input": "c", "output": "d"}, {"input": "e", "output": "f"}, {"input": "g", "output": "h"}])",
       R"({"task_prefix": "Do.", "examples": [{"input": "a", "target": "b"}, {"input": "c", "target": "d"}, {"input": "e", "target": "f"}]})",
       "{\"question\": \"q\", \"choices\": {\"label\": [\"A\", \"B\"], \"text\": [\"x\", \"y\"]}, \"answerKey\": \"A\"}\n"
       "{\"question\": \"r\", \"choices\": {\"label\": [\"A\", \"B\"], \"text\": [\"x\", \"y\"]}, \"answerKey\": \"B\"}\n",
       "{\"problem\": \"1\", \"generated_solution\": \"2\"}\n{\"problem\": \"3\", \"generated_solution\": \"4\"}\n",
       "a\tb\nc\td\ne\tf\ng\th\n", "The dog runs\tc\tcorrect\tid1\nThe dog run\tc\twrong\tid1\nThe dogs run\tc\tcorrect\tid2\n"})
    seeds.add("data", format[2] + items);
  auto const model = test::small_model();
  detail::FitWriter fit, contrast;
  auto const found = chg::fit(model, test::small_examples(1), test::small_options());
  detail::exchange(fit, found);
  seeds.add("data", format[3] + fit.bytes);
  auto const pairs = ContrastiveExamples(test::small_examples(1), test::small_examples(2));
  auto const separated = chg::contrast(model, pairs, {.gate_sets = 1, .batch = 4, .updates = 2});
  detail::exchange(contrast, separated);
  seeds.add("data", format[4] + contrast.bytes);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: chg_fuzz_seeds OUT TESTS\n", stderr);
    return 2;
  }
  try {
    Seeds seeds(argv[1]);
    add_models(seeds, argv[2]);
    add_tokenizers(seeds, argv[2]);
    add_data(seeds);
    std::printf("%d seeds\n", seeds.count());
  } catch (std::exception const& e) {
    std::fprintf(stderr, "chg_fuzz_seeds: %s\n", e.what());
    return 1;
  }
}
