// SPDX-License-Identifier: MIT
// config.json of every family: the defaults of transformers, and what is refused.
#include <chg/formats/config_json.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <map>

using chg::Index;
using chg::Mlp;
using chg::test::ordered;
using chg::test::message_of;
using Json = nlohmann::json;

namespace {

/// The committed file of a family.
Json file_of(std::string const& name, char const* version = "config.json") {
  return chg::formats::read_json(chg::test::repository("tests/formats/families/" + name) / version);
}
/// Only what has no default here.
Json bare(std::string const& type) {
  return {{"model_type", type},       {"hidden_size", 48}, {"intermediate_size", 60},      {"num_hidden_layers", 8},
          {"num_attention_heads", 4}, {"vocab_size", 7},   {"max_position_embeddings", 64}};
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
chg::Config config(Json const& json) { return parse(json).config; }
std::string complaint(Json const& json) {
  return message_of([&] { parse(json); });
}
constexpr auto kNone = "(no chg::Error was thrown)";

std::vector<std::string> const kNames{
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "gpt_neox", "gpt_neox_sequential", "gpt2"};

}  // namespace

TEST_CASE("families: what transformers 4 wrote is read as the same model", "[formats]") {
  Index read = 0;
  for (auto const& entry : std::filesystem::directory_iterator(chg::test::repository("tests/formats/families"))) {
    auto const name = entry.path().filename().string();
    INFO(name);
    if (!std::filesystem::exists(entry.path() / "config_v4.json")) continue;  // the versions differ by nothing that is read
    CHECK(parse(file_of(name, "config_v4.json")) == parse(file_of(name)));
    ++read;
  }
  CHECK(read == 10);
}

TEST_CASE("families: a bare config.json has the defaults of transformers", "[formats]") {
  auto const kv = [](std::string const& type, Index heads) {
    return config(with(with(bare(type), "num_attention_heads", heads), "hidden_size", 64)).kv_heads;
  };
  CHECK(kv("mistral", 16) == 8);
  CHECK(kv("gemma2", 8) == 4);
  CHECK(kv("gemma3_text", 8) == 4);
  CHECK(kv("phi3", 8) == 8);
  CHECK(kv("llama", 8) == 8);
  CHECK(config(with(bare("mistral"), "num_key_value_heads", nullptr)).kv_heads == 4);
  auto wide = with(with(bare("qwen3"), "num_attention_heads", 64), "hidden_size", 64);
  CHECK(config(wide).kv_heads == 32);
  CHECK(config(wide).head_dim == 128);
  CHECK(config(with(wide, "model_type", "gemma")).kv_heads == 16);
  CHECK(config(with(wide, "model_type", "gemma")).head_dim == 256);
  CHECK(config(with(with(wide, "model_type", "qwen2"), "head_dim", 2)).kv_heads == 32);

  auto const mistral = config(with(bare("mistral"), "num_key_value_heads", 2));
  CHECK(mistral.windows == std::vector<Index>(8, 4096));
  CHECK(mistral.rotary.theta == 10'000);
  CHECK(mistral.norm_epsilon == 1e-6);
  CHECK(mistral.head_dim == 12);
  CHECK(config(with(with(bare("mistral"), "num_key_value_heads", 2), "sliding_window", nullptr)).windows.empty());

  auto const gemma2 = parse(with(bare("gemma2"), "num_key_value_heads", 4));
  CHECK(gemma2.tied);
  CHECK(gemma2.config.windows == std::vector<Index>{4096, 0, 4096, 0, 4096, 0, 4096, 0});
  CHECK(gemma2.config.attention_soft_cap == 50);
  CHECK(gemma2.config.logit_soft_cap == 30);
  CHECK(gemma2.config.attention_scale == 1.0 / 16);  // query_pre_attn_scalar 256
  CHECK(gemma2.config.embedding_scale == std::sqrt(48.0));

  auto const gemma3 = parse(with(bare("gemma3_text"), "num_key_value_heads", 4));
  CHECK(gemma3.config.windows == std::vector<Index>{4096, 4096, 4096, 4096, 4096, 0, 4096, 4096});
  CHECK(gemma3.config.rotary == chg::Rotary{.theta = 1e6});
  CHECK(gemma3.config.local_rotary == chg::Rotary{.theta = 1e4});
  CHECK(gemma3.config.attention_soft_cap == 0);
  CHECK(gemma3.config.logit_soft_cap == 0);

  auto const phi3 = parse(bare("phi3"));
  CHECK(phi3.config.norm_epsilon == 1e-5);
  CHECK(phi3.config.windows.empty());
  CHECK(phi3.config.rotary == chg::Rotary{});

  auto const neox = parse(with(bare("gpt_neox"), "hidden_size", 64));
  CHECK(neox.architecture() == chg::neox_like);
  CHECK(neox.config.rotary == chg::Rotary{.theta = 10'000, .channels = 4});  // a quarter of 16
  CHECK(neox.config.norm_epsilon == 1e-5);
  CHECK(neox.qkv_bias);
  CHECK(neox.output_bias);
  CHECK_FALSE(neox.tied);

  auto const qwen2 = parse(with(bare("qwen2"), "num_key_value_heads", 2));
  CHECK(qwen2.qkv_bias);
  CHECK_FALSE(qwen2.output_bias);
  CHECK(qwen2.config.windows.empty());
}

TEST_CASE("families: windows follow layer_types, or the pattern of the family", "[formats]") {
  auto const qwen = with(with(bare("qwen2"), "num_key_value_heads", 2), "use_sliding_window", true);
  CHECK(config(with(qwen, "max_window_layers", 6)).windows == std::vector<Index>{0, 0, 0, 0, 0, 0, 4096, 4096});
  CHECK(config(qwen).windows.empty());  // max_window_layers 28
  CHECK(config(with(with(qwen, "max_window_layers", 0), "sliding_window", nullptr)).windows.empty());
  auto types = Json::array();
  for (int l = 0; l < 8; ++l) types.push_back(l == 3 ? "sliding_attention" : "full_attention");
  auto const given = with(with(qwen, "layer_types", types), "sliding_window", 9);
  CHECK(config(given).windows == std::vector<Index>{0, 0, 0, 9, 0, 0, 0, 0});
  CHECK(ordered(complaint(with(given, "use_sliding_window", false)), {"FILE: sliding_window", "layer 3 is sliding_attention"}));
  CHECK(
      ordered(complaint(with(given, "layer_types", Json::array({"full_attention"}))), {"FILE: layer_types", "one a layer (8)"}));
  types[2] = "chunked_attention";
  CHECK(ordered(complaint(with(given, "layer_types", types)), {"layer_types[2]", "\"chunked_attention\""}));
  types[2] = 7;
  CHECK(ordered(complaint(with(given, "layer_types", types)), {"layer_types[2]", "got 7"}));
  CHECK(ordered(complaint(with(given, "layer_types", "all")), {"layer_types", "an array"}));
  types[2] = "full_attention";
  CHECK(ordered(complaint(with(with(bare("mistral"), "num_key_value_heads", 2), "layer_types", types)),
                {"FILE: layer_types", "all have the sliding_window"}));
  CHECK(config(with(with(bare("gemma3_text"), "num_key_value_heads", 4), "sliding_window_pattern", 2)).windows ==
        std::vector<Index>{4096, 0, 4096, 0, 4096, 0, 4096, 0});
  for (auto const& [pattern, expected] : {std::pair(Json(2.5), "a whole number"), std::pair(Json(0), "from 1 to")})
    CHECK(ordered(complaint(with(without(file_of("gemma3_text"), "_sliding_window_pattern"), "sliding_window_pattern", pattern)),
                  {"FILE: sliding_window_pattern", expected}));
  for (auto const* name : {"gemma2", "gemma3_text"}) {
    CHECK(ordered(complaint(with(without(file_of(name), "layer_types"), "sliding_window", nullptr)),
                  {"FILE: sliding_window", "a number", "null"}));
    CHECK(ordered(complaint(with(file_of(name), "sliding_window", nullptr)), {"FILE: sliding_window", "layer 0"}));
  }
}

TEST_CASE("families: a number that no model has is refused with its key", "[formats]") {
  for (auto const& name : kNames) {
    INFO(name);
    auto const file = file_of(name);
    CHECK(complaint(file) == kNone);
    for (auto const* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings",
                            "intermediate_size", "n_embd", "n_layer", "n_head", "n_positions"}) {
      if (!file.contains(key)) continue;
      for (auto const& value : {Json(0), Json(-3), Json(2.5), Json("5"), Json(std::uint64_t{1} << 60)})
        CHECK(ordered(complaint(with(file, key, value)), {std::string("FILE: ") + key, "a whole number from 1 to"}));
      CHECK(ordered(complaint(without(file, key)), {std::string("FILE: ") + key, "no such key"}));
    }
    for (auto const* key : {"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon"})
      if (file.contains(key)) CHECK(ordered(complaint(with(file, key, -1)), {std::string("FILE: ") + key, "got -1"}));
    for (auto const* key : {"attention_bias", "mlp_bias", "tie_word_embeddings", "use_sliding_window", "use_parallel_residual",
                            "use_bidirectional_attention"})
      if (file.contains(key)) CHECK(ordered(complaint(with(file, key, "yes")), {std::string("FILE: ") + key, "true or false"}));
    for (auto const* key : {"sliding_window", "query_pre_attn_scalar"})
      if (file.contains(key) && !file[key].is_null())
        CHECK(ordered(complaint(with(file, key, 0)), {std::string("FILE: ") + key, "got 0"}));
    CHECK(ordered(complaint(with(file, "quantization_config", Json::object())), {"FILE: quantization_config", "Quantised"}));
  }
}

TEST_CASE("families: an activation that a family is not computed with is refused", "[formats]") {
  for (auto const* name : {"llama", "mistral", "qwen2", "qwen3", "phi3"})
    CHECK(ordered(complaint(with(file_of(name), "hidden_act", "gelu")), {"FILE: hidden_act", "silu", "\"gelu\""}));
  for (auto const* name : {"gemma2", "gemma3_text"})
    CHECK(ordered(complaint(with(file_of(name), "hidden_activation", "gelu")), {"FILE: hidden_activation", "gelu_pytorch_tanh"}));
  CHECK(complaint(with(file_of("gemma"), "hidden_act", "gelu")) == kNone);  // early files say gelu and mean the tanh one
  CHECK(ordered(complaint(with(file_of("gemma"), "hidden_act", "silu")), {"FILE: hidden_act", "\"silu\""}));
  auto const neox = file_of("gpt_neox");
  CHECK(parse(neox).config.mlp == Mlp::gelu);
  for (auto const* same : {"gelu_new", "gelu_fast", "gelu_pytorch_tanh"})
    CHECK(parse(with(neox, "hidden_act", same)).config.mlp == Mlp::gelu_tanh);
  CHECK(ordered(complaint(with(neox, "hidden_act", "relu")), {"FILE: hidden_act", "gelu_fast", "\"relu\""}));
}

TEST_CASE("families: rotary positions that contradict one another, or are not supported, are refused", "[formats]") {
  for (auto const* name : {"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "phi3", "gpt_neox"}) {
    INFO(name);
    auto const file = file_of(name);
    auto rope = file["rope_parameters"];
    rope["rope_type"] = "longrope";
    rope["long_factor"] = Json::array({1.0});
    CHECK(
        ordered(complaint(with(file, "rope_parameters", rope)), {"rope_parameters: rope_type", "\"longrope\"", "not supported"}));
    CHECK(ordered(complaint(with(file, "rope_theta", 17)), {"rope_theta", "17", "as in FILE: "}));
    auto old = file_of(name, "config_v4.json");
    CHECK(ordered(complaint(with(old, "rope_scaling", {{"type", "su"}})), {"rope_scaling: rope_type", "\"su\""}));
    CHECK(ordered(complaint(with(old, "rope_theta", "x")), {"rope_theta", "a number"}));
  }
  for (auto const* name : {"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2"}) {
    auto rope = file_of(name)["rope_parameters"];
    rope["partial_rotary_factor"] = 0.5;
    CHECK(ordered(complaint(with(file_of(name), "rope_parameters", rope)), {"partial_rotary_factor", "1, every channel", "0.5"}));
  }
  // Some of the channels: an even number of them, 2 or more; and the keys agree.
  auto const phi3 = file_of("phi3", "config_v4.json");  // heads of 6 channels
  CHECK(config(with(phi3, "partial_rotary_factor", 0.34)).rotary.channels == 2);
  CHECK(config(with(phi3, "partial_rotary_factor", 1)).rotary.channels == 0);
  CHECK(ordered(complaint(with(phi3, "partial_rotary_factor", 0.5)), {"share of channels", "an even number of the 6", "got 3"}));
  CHECK(ordered(complaint(with(phi3, "partial_rotary_factor", 0.1)), {"an even number", "got 0"}));
  CHECK(ordered(complaint(with(phi3, "partial_rotary_factor", 1.5)), {"partial_rotary_factor", "from 0 to 1"}));
  CHECK(ordered(complaint(with(phi3, "rope_scaling", {{"type", "linear"}, {"factor", 2.0}})), {"rope_scaling", "not supported"}));
  auto const neox = file_of("gpt_neox", "config_v4.json");
  CHECK(ordered(complaint(with(neox, "partial_rotary_factor", 0.5)), {"partial_rotary_factor", "0.25, as in FILE: rotary_pct"}));
  CHECK(ordered(complaint(with(neox, "rotary_pct", 2)), {"FILE: rotary_pct", "got 2"}));
  CHECK(config(with(neox, "rotary_pct", 1)).rotary.channels == 0);

  auto const gemma3 = file_of("gemma3_text"), old = file_of("gemma3_text", "config_v4.json");
  CHECK(ordered(complaint(with(gemma3, "rope_parameters", {{"rope_theta", 1e4}})),
                {"rope_parameters: \"rope_theta\"", "full_attention"}));
  CHECK(ordered(complaint(with(gemma3, "rope_theta", 17)), {"full_attention: rope_theta", "17, as in FILE: rope_theta"}));
  CHECK(ordered(complaint(with(old, "rope_local_base_freq", 0)), {"FILE: rope_local_base_freq", "got 0"}));
  CHECK(ordered(complaint(with(old, "rope_scaling", {{"rope_type", "yarn"}})), {"rope_scaling: rope_type", "\"yarn\""}));
  CHECK(
      ordered(complaint(with(gemma3, "rope_scaling", {{"rope_type", "linear"}, {"factor", 8.0}})), {"the same as rope_scaling"}));
}

TEST_CASE("families: what a family has no place for is refused by key", "[formats]") {
  for (auto const* name : {"gemma", "gemma2", "gemma3_text"})
    CHECK(ordered(complaint(with(file_of(name), "use_bidirectional_attention", true)), {"FILE: use_bidirectional_attention"}));
  CHECK(ordered(complaint(with(file_of("gemma3_text"), "attn_logit_softcapping", 50)), {"FILE: attn_logit_softcapping", "null"}));
  CHECK(config(with(file_of("gemma2"), "attn_logit_softcapping", nullptr)).attention_soft_cap == 0);
  CHECK(config(with(file_of("gemma2"), "final_logit_softcapping", nullptr)).logit_soft_cap == 0);
  CHECK(config(with(file_of("gemma3_text"), "final_logit_softcapping", 20)).logit_soft_cap == 20);
  CHECK(ordered(complaint(with(file_of("gemma2"), "final_logit_softcapping", 0)), {"FILE: final_logit_softcapping", "got 0"}));
  for (auto const* key : {"attention_bias", "mlp_bias"})
    CHECK(ordered(complaint(with(file_of("phi3"), key, true)), {std::string("FILE: ") + key, "no biases"}));
  CHECK(ordered(complaint(with(file_of("gpt_neox"), "head_dim", 6)), {"FILE: head_dim", "8 = hidden_size"}));
  CHECK(ordered(complaint(with(file_of("gpt_neox"), "num_attention_heads", 5)), {"FILE: hidden_size", "a multiple of", "5"}));
  CHECK(ordered(complaint(with(file_of("gemma3_text"), "model_type", "gemma3")), {"\"gemma3\"", "gemma3_text"}));
  for (auto const* type : {"mixtral", "qwen3_moe", "phi", "gemma4"})
    CHECK(ordered(complaint(with(file_of("llama"), "model_type", type)), {"FILE: model_type", type, "not supported"}));
}

TEST_CASE("families: keys that change what every family computes are refused, and read as true to their default", "[formats]") {
  for (auto const& name : kNames) {
    INFO(name);
    auto const file = file_of(name);
    CHECK(ordered(complaint(with(file, "is_causal", false)), {"FILE: is_causal", "causal attention"}));
    CHECK(parse(with(file, "is_causal", true)) == parse(file));
    CHECK(ordered(complaint(with(file, "per_layer_config", Json{{"0", Json::object()}})), {"FILE: per_layer_config"}));
    CHECK(ordered(complaint(with(file, "quantization_config", Json{{"quant_method", "x"}})), {"FILE: quantization_config"}));
    auto const layers = static_cast<std::size_t>(config(file).layers);
    CHECK(ordered(complaint(with(file, "layer_types", std::vector<std::string>(layers, "chunked_attention"))),
                  {"layer_types", "\"chunked_attention\""}));
    if (config(file).windows.empty())
      CHECK(parse(with(file, "layer_types", std::vector<std::string>(layers, "full_attention"))) == parse(file));
  }
  for (auto const* name : {"llama", "gemma", "gpt_neox", "gpt2"})  // that have no windows
    CHECK(ordered(complaint(with(file_of(name), "layer_types", {"sliding_attention"})), {"layer_types", "full_attention"}));
}

TEST_CASE("families: the second names of GPT-2's extents are read, and must agree with the first", "[formats]") {
  auto const file = file_of("gpt2");
  for (auto const& [first, second] : {std::pair("n_layer", "num_hidden_layers"), std::pair("n_head", "num_attention_heads"),
                                      std::pair("n_embd", "hidden_size"), std::pair("n_positions", "max_position_embeddings")}) {
    INFO(second);
    CHECK(parse(with(without(file, first), second, file[first])) == parse(file));
    CHECK(parse(with(file, second, file[first])) == parse(file));
    CHECK(ordered(complaint(with(file, second, file[first].get<int>() * 2)), {std::string("FILE: ") + second, "as ", first}));
    CHECK(ordered(complaint(without(file, first)), {std::string("FILE: ") + first, "no such key"}));
  }
}

TEST_CASE("families: keys of Gemma that transformers passes over", "[formats]") {
  CHECK(parse(with(file_of("gemma"), "hidden_activation", "relu")) == parse(file_of("gemma")));
  auto const gemma3 = without(file_of("gemma3_text"), "layer_types");
  CHECK(ordered(complaint(with(without(gemma3, "sliding_window_pattern"), "_sliding_window_pattern", 2)),
                {"FILE: _sliding_window_pattern", "got 2"}));
  CHECK(parse(with(gemma3, "_sliding_window_pattern", 6)).config.windows == parse(gemma3).config.windows);
  auto const old = with(without(gemma3, "rope_parameters"), "rope_scaling", Json{{"type", "linear"}, {"factor", 8.0}});
  CHECK(ordered(complaint(old), {"FILE: rope_scaling: type", "rope_type"}));
}

TEST_CASE("families: an Architecture of another family is refused, every policy spelled", "[formats]") {
  auto const complaint_of = [](chg::Architecture const& wanted, std::string const& name) {
    return message_of([&] { chg::formats::check_architecture(wanted, parse(file_of(name)), "FILE"); });
  };
  std::map<std::string, std::string> const needed{
      {"llama", "llama_like"},        {"mistral", "llama_like"}, {"qwen2", "llama_like"},
      {"phi3", "llama_like"},         {"qwen3", "qwen3_like"},   {"gemma", "gemma_like"},
      {"gemma2", "gemma2_like"},      {"gpt_neox", "neox_like"}, {"gpt_neox_sequential", "neox_sequential_like"},
      {"gemma3_text", "gemma3_like"}, {"gpt2", "gpt2_like"}};
  for (auto const& [name, architecture] : needed) {
    auto const wrong = architecture == "qwen3_like" ? chg::llama_like : chg::qwen3_like;
    CHECK(ordered(complaint_of(wrong, name), {"FILE: model_type", "Use chg::" + architecture + ","}));
  }
  CHECK(ordered(complaint_of(chg::llama_like, "gemma3_text"),
                {".mlp = chg::Mlp::geglu_tanh", ".query_key_norm = true", ".post_norms = true"}));
  CHECK(ordered(complaint_of(chg::neox_like, "gpt2"), {".parallel = true"}));
  CHECK(complaint_of({.layers = 9, .mlp = Mlp::geglu_tanh, .post_norms = true}, "gemma2") == kNone);
}
