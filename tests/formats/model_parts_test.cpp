// SPDX-License-Identifier: MIT
#include <chg/formats/load.hpp>

#include "formats/published_models.hpp"
#include "formats/weights_difference.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using chg::Index;
using chg::Matrix;
using chg::Weights;

namespace {

std::string complaint(Published const& p) {
  TemporaryDirectory const directory;
  p.write(directory);
  return message_of([&] { chg::load_weights<float>(directory.path()); });
}

std::string load_and_compare(Published const& p) {
  TemporaryDirectory const directory;
  p.write(directory);
  auto const f = chg::load_weights<float>(directory.path());
  auto const d = chg::load_weights<double>(directory.path());
  REQUIRE(f.architecture == p.description.architecture());
  REQUIRE(f.config == p.description.config);
  REQUIRE(f.weights.tied() == p.options.tied);
  return difference(p.description.config, p.weights, f.weights) + difference(p.description.config, p.weights, d.weights);
}

}  // namespace

TEST_CASE("model_parts: a Llama file gives every weight in its place, with and without biases, tied and untied", "[formats]") {
  for (bool const biases : {false, true})
    for (bool const tied : {false, true}) CHECK(load_and_compare(published_llama({.biases = biases, .tied = tied})) == "");
}

TEST_CASE("model_parts: a GPT-2 file gives every weight in its place, transposed, the fused projection split", "[formats]") {
  for (bool const tied : {false, true}) CHECK(load_and_compare(published_gpt2({.tied = tied})) == "");
}

TEST_CASE("model_parts: the names are read without their prefix too", "[formats]") {
  CHECK(load_and_compare(Published(true, {.prefix = ""})) == "");
  CHECK(load_and_compare(Published(false, {.prefix = ""})) == "");
}

TEST_CASE("model_parts: buffers that the configuration determines are passed over by name, whatever their type", "[formats]") {
  auto a = published_llama();
  a.file.add("model.layers.1.self_attn.rotary_emb.inv_freq", "F32", {1}, bytes_of({1}));
  a.file.add("model.rotary_emb.inv_freq", "F32", {1}, bytes_of({1}));
  CHECK(load_and_compare(a) == "");
  auto b = published_gpt2();
  b.file.add("transformer.h.0.attn.bias", "BOOL", {1, 1, 2, 2}, std::string("\1\0\1\1", 4));
  b.file.add("transformer.h.1.attn.masked_bias", "F32", {}, bytes_of({-1e4f}));
  CHECK(load_and_compare(b) == "");
  auto const c = [] {
    auto p = published_gpt2();
    p.file.add("transformer.h.2.attn.bias", "U8", {1}, "\1");
    return p;
  }();
  CHECK(ordered(complaint(c), {"\"transformer.h.2.attn.bias\" has no place"}));  // there is no third layer
}

TEST_CASE("model_parts: a stored head beside a tied embedding must be the same", "[formats]") {
  auto same = published_llama();
  same.file.add_f32("lm_head.weight", same.weights.embedding, 2);
  CHECK(load_and_compare(same) == "");
  auto other = published_gpt2();
  other.file.add_f32("lm_head.weight", Matrix<float>(other.weights.embedding * 2), 2);
  CHECK(
      ordered(complaint(other), {"\"lm_head.weight\"", "the same numbers as \"transformer.wte.weight\"", "tie_word_embeddings"}));
}

TEST_CASE("model_parts: a missing tensor is refused by file and name", "[formats]") {
  for (auto const* name : {"model.embed_tokens.weight", "model.layers.1.self_attn.k_proj.weight",
                           "model.layers.0.mlp.down_proj.weight", "model.norm.weight"})
    CHECK(ordered(complaint(published_llama({.without = name})),
                  {"model.safetensors", std::string("\"") + name + "\" is missing"}));
  CHECK(ordered(complaint(published_llama({.biases = true, .without = "model.layers.1.self_attn.o_proj.bias"})),
                {"o_proj.bias\" is missing"}));
  CHECK(ordered(complaint(published_llama({.tied = false, .without = "lm_head.weight"})), {"\"lm_head.weight\" is missing"}));
  for (auto const* name :
       {"transformer.wte.weight", "transformer.wpe.weight", "transformer.h.1.attn.c_attn.bias", "transformer.ln_f.bias"})
    CHECK(ordered(complaint(published_gpt2({.without = name})), {std::string("\"") + name + "\" is missing"}));
}

TEST_CASE("model_parts: a surplus tensor is refused by name", "[formats]") {
  auto a = published_llama();
  a.file.add("model.layers.0.self_attn.q_norm.weight", "F32", {2}, bytes_of({1, 1}));
  CHECK(ordered(complaint(a), {"\"model.layers.0.self_attn.q_norm.weight\" has no place in this model"}));
  auto b = published_llama({.biases = true});
  b.config.replace(b.config.find("\"attention_bias\": true"), 22, "\"attention_bias\": false");
  CHECK(ordered(complaint(b), {"self_attn.k_proj.bias\" has no place"}));
  auto c = published_llama();
  c.file.add("lm_head.bias", "F32", {1}, bytes_of({1}));
  CHECK(ordered(complaint(c), {"\"lm_head.bias\" has no place"}));
}

TEST_CASE("model_parts: a tensor of another shape is refused with both shapes", "[formats]") {
  CHECK(ordered(complaint(published_llama({.transposed = "model.layers.0.self_attn.q_proj.weight"})),
                {"q_proj.weight\" has the wrong shape", "[6, 5]", "got [5, 6]"}));
  CHECK(ordered(complaint(published_gpt2({.transposed = "transformer.h.1.mlp.c_fc.weight"})),
                {"c_fc.weight\" has the wrong shape", "[6, 7]", "got [7, 6]"}));
  auto p = published_llama();
  p.config.replace(p.config.find("\"vocab_size\": 11"), 16, "\"vocab_size\": 12");
  CHECK(ordered(complaint(p), {"embed_tokens.weight\" has the wrong shape", "[12, 5]", "got [11, 5]"}));
}

TEST_CASE("model_parts: NaN, infinity and tensors of whole numbers are refused by tensor", "[formats]") {
  for (auto const bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    auto p = published_llama({.without = "model.norm.weight"});
    p.file.add("model.norm.weight", "F32", {5}, bytes_of({1, 1, bad, 1, 1}));
    CHECK(ordered(complaint(p), {"\"model.norm.weight\"", "finite numbers", "NaN or infinity"}));
  }
  auto p = published_llama({.without = "model.norm.weight"});
  p.file.add("model.norm.weight", "I32", {5}, std::string(20, '\0'));
  CHECK(ordered(complaint(p), {"\"model.norm.weight\": dtype", "F32, F16 or BF16", "I32"}));
}

TEST_CASE("model_parts: weights of another format are named, with how to save them anew", "[formats]") {
  for (auto const* other : {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"}) {
    TemporaryDirectory const directory;
    directory.write(other, "");
    CHECK(ordered(message_of([&] { chg::formats::ShardedSafetensors{directory.path()}; }),
                  {"model.safetensors is missing", std::string("got ") + other, "save_pretrained"}));
  }
}

TEST_CASE("model_parts: a directory without weights is refused by path", "[formats]") {
  TemporaryDirectory const directory;
  directory.write("config.json", published_llama().config);
  CHECK(ordered(message_of([&] { chg::load_weights<float>(directory.path()); }),
                {(directory.path() / "model.safetensors").string(), "No such file"}));
}
