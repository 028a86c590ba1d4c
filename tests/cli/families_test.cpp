// SPDX-License-Identifier: MIT
// The program chg on a tiny model of every family, as transformers saved it.

#include <chg_models.hpp>

#include "cli/program.hpp"
#include "support/catch.hpp"

#include <chg/cli/data.hpp>
#include <chg/cli/gates_file.hpp>
#include <chg/formats/json.hpp>
#include <chg/formats/load.hpp>
#include <chg/formats/safetensors.hpp>
#include <chg/model/evaluate.hpp>

using namespace chg;
using namespace chg::test;

namespace {

/// Numbers that the checkpoint stores. None of these has a buffer in it, or a tied head beside the embedding.
Index numbers_stored(std::filesystem::path const& directory) {
  formats::Safetensors const file(directory / "model.safetensors");
  Index all = 0;
  for (auto const& [name, info] : file.tensors()) {
    Index one = 1;
    for (auto const extent : info.shape) one *= extent;
    all += one;
  }
  return all;
}

}  // namespace

TEST_CASE("families: inspect counts the parameters of every family, and score and gradient give what transformers computes",
          "[cli]") {
  if (!Shell::program()) {
    WARN("CHG_PROGRAM is not set: this build has no program chg to test");
    return;
  }
  Shell const shell;
  auto const golden = formats::read_json(repository("tests/formats/families_golden.json"));
  REQUIRE(golden.size() == 11);
  for (auto const& [name, recorded] : golden.items()) {
    INFO(name);
    auto const model = repository("tests/formats/families/" + name);
    auto const inspected = formats::parse_json(shell.run("chg inspect --json " + model.string()).out, "inspect");
    CHECK(inspected["parameters"] == numbers_stored(model));
    CHECK(name.starts_with(inspected["family"].get<std::string>()));

    std::string lines;
    for (auto const& tokens : recorded["sequences"]) {
      nlohmann::json mask = std::vector<int>(tokens.size(), 1);
      mask[0] = 0;
      lines += nlohmann::json{{"tokens", tokens}, {"target_mask", mask}}.dump() + "\n";
    }
    shell.write("data.jsonl", lines);
    double nll = 0;  // of the ungated model: after token t, of the token at t + 1
    for (std::size_t i = 0; i < recorded["sequences"].size(); ++i) {
      auto const tokens = recorded["sequences"][i].get<std::vector<std::size_t>>();
      for (std::size_t t = 1; t < tokens.size(); ++t)
        nll -= recorded["log_probabilities"][i][t - 1][tokens[t]].get<double>() / static_cast<double>(tokens.size() - 1) /
               static_cast<double>(recorded["sequences"].size());
    }
    for (auto const* precision : {"f64", "f32"}) {
      auto const line = model.string() + " data.jsonl --precision " + precision;
      auto const scored = shell.run("chg score " + line);
      INFO(scored.err);
      REQUIRE(scored.status == 0);
      // Recorded with 12 decimals; families_parity_test bounds the error in float closely.
      auto const tolerance = std::string(precision) == "f64" ? 1e-10 : 1e-4;
      CHECK(std::abs(formats::parse_json(scored.out, "score")["nll"].get<double>() - nll) <= tolerance);
      REQUIRE(shell.run("chg gradient " + line + " --out dG.npy").status == 0);
    }
    auto const gradient = formats::read_npy(shell.path("dG.npy")).values;
    formats::ModelSource const source(model);
    auto const& d = source.description();
    auto const loaded = AnyTransformer<float>(d.config, source.reader<float>());
    auto const data = cli::read_data(shell.path("data.jsonl"), {d.config.vocab, d.config.context}, {});
    auto const expected =
        chg::gradient(loaded, data, Matrix<float>(Matrix<float>::Ones(d.config.layers, d.config.heads))).d_gates;
    REQUIRE(gradient.size() == static_cast<std::size_t>(expected.size()));
    for (std::size_t i = 0; i < gradient.size(); ++i)
      CHECK(static_cast<float>(gradient[i]) == static_cast<float>(expected.data()[i]));
  }
}
