// SPDX-License-Identifier: MIT
#include <chg/formats/config_json.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using chg::Mlp;
using chg::test::ordered;
using chg::test::message_of;
using Json = nlohmann::json;

namespace {

Json llama() {
  return Json::parse(
      R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 5, "num_attention_heads": 8,
    "num_key_value_heads": 4, "vocab_size": 512, "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "rope_theta": 500000.0, "hidden_act": "silu"})");
}
Json gpt2() {
  return Json::parse(R"({"model_type": "gpt2", "n_layer": 3, "n_head": 3, "n_embd": 48, "n_positions": 11, "vocab_size": 7})");
}
Json llama3_rope() {
  return {{"factor", 32.0},
          {"high_freq_factor", 4.0},
          {"low_freq_factor", 1.0},
          {"original_max_position_embeddings", 8192},
          {"rope_type", "llama3"}};
}
Json with(Json file, std::string const& key, Json value) {
  file[key] = std::move(value);
  return file;
}
Json without(Json file, std::string const& key) {
  file.erase(key);
  return file;
}
chg::formats::ModelDescription parse(Json const& json) { return chg::formats::parse_config(json, "FILE"); }
std::string complaint(Json const& json) {
  return message_of([&] { parse(json); });
}

}  // namespace

TEST_CASE("config_json: a Llama file gives its numbers, and the defaults of transformers where it is silent", "[formats]") {
  auto const d = parse(llama());
  REQUIRE(d.architecture() == chg::llama_like);
  chg::Config expected{.layers = 5,
                       .heads = 8,
                       .kv_heads = 4,
                       .head_dim = 8,
                       .d_model = 64,
                       .d_ff = 172,
                       .vocab = 512,
                       .context = 256,
                       .norm_epsilon = 1e-6};
  expected.rotary.theta = 500'000;
  expected = resolved(chg::llama_like, expected);
  REQUIRE(d.config == expected);
  REQUIRE_FALSE(d.tied);
  REQUIRE_FALSE(d.qkv_bias);
  REQUIRE_FALSE(d.output_bias);
  REQUIRE_FALSE(d.mlp_bias);
  auto const bare = parse(without(without(without(llama(), "num_key_value_heads"), "rope_theta"), "hidden_act"));
  REQUIRE(bare.config.kv_heads == 8);
  REQUIRE(bare.config.rotary.theta == 10'000);
  auto const full = parse(
      with(with(with(with(llama(), "head_dim", 10), "tie_word_embeddings", true), "attention_bias", true), "mlp_bias", true));
  REQUIRE(full.config.head_dim == 10);
  REQUIRE(full.tied);
  REQUIRE(full.qkv_bias);
  REQUIRE(full.output_bias);
  REQUIRE(full.mlp_bias);
}

TEST_CASE("config_json: transformers 4 and 5 spell the same rotary positions in two ways", "[formats]") {
  auto five = llama3_rope();
  five["rope_theta"] = 500000.0;
  auto const a = parse(with(llama(), "rope_scaling", llama3_rope())),
             b = parse(with(without(llama(), "rope_theta"), "rope_parameters", five));
  REQUIRE(a.config == b.config);
  REQUIRE(a.config.rotary.scaled);
  REQUIRE(a.config.rotary.scaling ==
          chg::Llama3Scaling{.factor = 32, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 8192});
  auto const plain =
      parse(with(without(llama(), "rope_theta"), "rope_parameters", {{"rope_theta", 500000.0}, {"rope_type", "default"}}));
  REQUIRE(plain.config == parse(with(llama(), "rope_scaling", nullptr)).config);
  REQUIRE_FALSE(plain.config.rotary.scaled);
}

TEST_CASE("config_json: a kind of rotary scaling other than linear, llama3 and dynamic is refused by name", "[formats]") {
  CHECK(parse(with(llama(), "rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2.0}})) == parse(llama()));
  CHECK(ordered(complaint(with(llama(), "rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}})),
                {"rope_parameters: partial_rotary_factor", "got 0.5"}));
  for (auto const* type : {"yarn", "longrope"}) {
    CHECK(ordered(complaint(with(llama(), "rope_scaling", {{"rope_type", type}, {"factor", 2.0}})),
                  {"rope_scaling: rope_type", type, "not supported"}));
    CHECK(
        ordered(complaint(with(llama(), "rope_scaling", {{"type", type}, {"factor", 2.0}})), {"rope_scaling: rope_type", type}));
  }
  CHECK(ordered(complaint(with(llama(), "rope_parameters", {{"rope_type", "default"}, {"beta_fast", 2}})),
                {"rope_parameters", "\"beta_fast\""}));
  CHECK(ordered(complaint(with(llama(), "rope_parameters", {{"full_attention", {{"rope_type", "default"}}}})),
                {"\"full_attention\""}));
  CHECK(ordered(complaint(with(llama(), "partial_rotary_factor", 0.5)), {"partial_rotary_factor", "1, every channel"}));
  CHECK(ordered(complaint(with(llama(), "rope_parameters", {{"rope_theta", 1e4}})),
                {"rope_parameters: rope_theta", "500000", "10000"}));
  auto turned = llama3_rope();
  turned["low_freq_factor"] = 4;
  CHECK(ordered(complaint(with(llama(), "rope_scaling", turned)), {"high_freq_factor", "more than low_freq_factor = 4"}));
  turned["low_freq_factor"] = 0.25, turned["high_freq_factor"] = 0.5;
  CHECK(parse(with(llama(), "rope_scaling", turned)).config.rotary.scaling.high_freq_factor == 0.5);
  CHECK(ordered(complaint(with(llama(), "rope_scaling", {{"rope_type", "linear"}, {"factor", 0.5}})),
                 {"rope_scaling: factor", "a number from 1 to", "got 0.5"}));
  auto both = with(llama(), "rope_scaling", llama3_rope());
  CHECK(parse(with(both, "rope_parameters", llama3_rope())) == parse(both));
  CHECK(ordered(complaint(with(both, "rope_parameters", {{"rope_type", "linear"}, {"factor", 2.0}})),
                 {"FILE: rope_parameters", "the same as rope_scaling, or only one of them", "another scaling"}));
  CHECK(ordered(complaint(with(llama(), "rope_scaling", {{"rope_type", "llama3"}})), {"rope_scaling: factor", "no such key"}));
}

TEST_CASE("config_json: a GPT-2 file gives its numbers, and the defaults of transformers where it is silent", "[formats]") {
  auto const d = parse(gpt2());
  REQUIRE(d.architecture() == chg::gpt2_like);
  REQUIRE(d.config == resolved(d.architecture(), chg::Config{.layers = 3,
                                  .heads = 3,
                                  .kv_heads = 3,
                                  .head_dim = 16,
                                  .d_model = 48,
                                  .d_ff = 192,
                                  .vocab = 7,
                                  .context = 11,
                                  .norm_epsilon = 1e-5}));
  REQUIRE(d.tied);
  auto const other = parse(with(with(with(with(gpt2(), "n_inner", 50), "tie_word_embeddings", false), "layer_norm_epsilon", 1e-3),
                                "scale_attn_weights", false));
  REQUIRE(other.config.d_ff == 50);
  REQUIRE_FALSE(other.tied);
  REQUIRE(other.config.norm_epsilon == 1e-3);
  REQUIRE(other.config.query_scale() == 1);
  REQUIRE(parse(with(gpt2(), "n_inner", nullptr)).config.d_ff == 192);
}

TEST_CASE("config_json: the activation decides between the two GELUs, and any other one is refused", "[formats]") {
  REQUIRE(parse(with(gpt2(), "activation_function", "gelu_new")).config.mlp == Mlp::gelu_tanh);
  REQUIRE(parse(with(gpt2(), "activation_function", "gelu_pytorch_tanh")).config.mlp == Mlp::gelu_tanh);
  REQUIRE(parse(with(gpt2(), "activation_function", "gelu")).config.mlp == Mlp::gelu);
  REQUIRE(ordered(complaint(with(gpt2(), "activation_function", "relu")), {"FILE: activation_function", "\"relu\""}));
  REQUIRE(ordered(complaint(with(llama(), "hidden_act", "gelu")), {"FILE: hidden_act", "silu", "\"gelu\""}));
}

TEST_CASE("config_json: another family and variants that compute something else are refused by name", "[formats]") {
  REQUIRE(
      ordered(complaint(with(llama(), "model_type", "bert")), {"FILE: model_type", "llama, mistral, qwen2", "gpt2", "\"bert\""}));
  REQUIRE(ordered(complaint(without(llama(), "model_type")), {"FILE: model_type", "no such key"}));
  REQUIRE(ordered(complaint(with(llama(), "quantization_config", {{"bits", 4}})), {"FILE: quantization_config", "Quantised"}));
  REQUIRE(ordered(complaint(with(gpt2(), "scale_attn_by_inverse_layer_idx", true)), {"scale_attn_by_inverse_layer_idx"}));
  REQUIRE(ordered(complaint(with(gpt2(), "add_cross_attention", true)), {"add_cross_attention"}));
  REQUIRE(ordered(complaint(Json::array()), {"FILE", "a JSON object", "an array"}));
}

TEST_CASE("config_json: a number that no model has is refused with its key and its bounds", "[formats]") {
  for (auto const* key : {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                          "vocab_size", "max_position_embeddings"}) {
    for (auto const& value :
         {Json(0), Json(-1), Json(1e300), Json(2.5), Json("5"), Json(std::uint64_t{1} << 60), Json::array(), Json(true)})
      CHECK(ordered(complaint(with(llama(), key, value)), {std::string("FILE: ") + key, "a whole number from 1 to"}));
    if (key != std::string("num_key_value_heads"))
      CHECK(ordered(complaint(without(llama(), key)), {std::string("FILE: ") + key, "no such key"}));
  }
  for (auto const* key : {"n_layer", "n_head", "n_embd", "n_positions", "vocab_size"})
    for (auto const& value : {Json(0), Json(-1), Json(2.5)})
      CHECK(ordered(complaint(with(gpt2(), key, value)), {std::string("FILE: ") + key, "a whole number from 1 to"}));
  CHECK(ordered(complaint(with(llama(), "max_position_embeddings", 100'000'000)), {"max_position_embeddings", "to 16777216"}));
  CHECK(ordered(complaint(with(llama(), "rms_norm_eps", -1)), {"rms_norm_eps", "got -1"}));
  CHECK(ordered(complaint(with(llama(), "rope_theta", 0)), {"rope_theta", "got 0"}));
  CHECK(ordered(complaint(with(llama(), "rope_theta", "10000")), {"rope_theta", "a number"}));
  CHECK(ordered(complaint(with(llama(), "tie_word_embeddings", "yes")), {"tie_word_embeddings", "true or false"}));
}

TEST_CASE("config_json: numbers that contradict one another are refused", "[formats]") {
  CHECK(ordered(complaint(with(llama(), "num_key_value_heads", 3)), {"FILE", "kv_heads", "a divisor of heads = 8", "got 3"}));
  CHECK(ordered(complaint(with(llama(), "hidden_size", 60)), {"hidden_size", "a multiple of num_attention_heads = 8", "got 60"}));
  CHECK(ordered(complaint(with(llama(), "head_dim", 7)), {"head_dim", "an even number", "got 7"}));
  CHECK(ordered(complaint(with(gpt2(), "n_head", 5)), {"n_embd", "a multiple of n_head = 5", "got 48"}));
}

TEST_CASE("config_json: an Architecture of another family is refused, and the one to use is named", "[formats]") {
  auto const complaint_of = [](chg::Architecture const& wanted, Json const& json) {
    return message_of([&] { chg::formats::check_architecture(wanted, parse(json), "FILE"); });
  };
  REQUIRE(complaint_of(chg::llama_3_2_1b, llama()) == "(no chg::Error was thrown)");
  REQUIRE(complaint_of(chg::gpt2_like, gpt2()) == "(no chg::Error was thrown)");
  REQUIRE(ordered(complaint_of(chg::llama_like, gpt2()), {"FILE: model_type gpt2", "Norm::rms", "Use chg::gpt2_like"}));
  REQUIRE(ordered(complaint_of(chg::gpt2_like, llama()), {"FILE: model_type llama", "Use chg::llama_like"}));
  REQUIRE(
      ordered(complaint_of(chg::gpt2_like, with(gpt2(), "activation_function", "gelu")),
              {"Use chg::Architecture{.norm = chg::Norm::layer, .mlp = chg::Mlp::gelu, .position = chg::Position::learned}"}));
}

TEST_CASE("config_json: an adapter, and a GGUF file in a directory without a config.json, are named", "[formats]") {
  chg::test::TemporaryDirectory const directory;
  auto const message = [&] { return message_of([&] { chg::formats::read_config(directory.path()); }); };
  directory.write("m.gguf", "GGUF");
  CHECK(ordered(message(), {"config.json", "Give the path of m.gguf itself"}));
  directory.write("adapter_config.json", "{}");
  CHECK(ordered(message(), {"adapter_config.json", "a model without an adapter", "Merge it"}));
  directory.write("config.json", llama().dump());
  CHECK(ordered(message(), {"adapter_config.json", "a model without an adapter", "Merge it"}));
}

TEST_CASE("config_json: a directory without a config.json is refused by its path", "[formats]") {
  chg::test::TemporaryDirectory const directory;
  REQUIRE(
      ordered(message_of([&] { chg::formats::read_config(directory.path()); }), {(directory.path() / "config.json").string()}));
  directory.write("config.json", "{\"model_type\": \"llama\", \"model_type\": \"gpt2\"}");
  REQUIRE(ordered(message_of([&] { chg::formats::read_config(directory.path()); }),
                  {"config.json", "\"model_type\" is there twice"}));
}
