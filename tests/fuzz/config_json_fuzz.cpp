// SPDX-License-Identifier: MIT
// Any bytes as a config.json.
#include <chg/formats/config_json.hpp>

#include "fuzz/mutate_json.hpp"

void chg::fuzz::read(std::string_view bytes) {
  auto const d = formats::parse_config(formats::parse_json(bytes, "FILE"), "FILE");
  require(d.config.layers >= 1 && d.config.heads >= 1 && d.config.heads % d.config.kv_heads == 0 && d.config.vocab >= 1);
}

std::vector<std::string> chg::fuzz::seeds() {
  return {
      R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 5, "num_attention_heads": 8,
"num_key_value_heads": 4, "vocab_size": 512, "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "rope_theta": 500000.0,
"hidden_act": "silu", "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
"original_max_position_embeddings": 8192, "rope_type": "llama3"}, "tie_word_embeddings": true, "attention_bias": false})",
      R"({"model_type": "llama", "hidden_size": 8, "intermediate_size": 9, "num_hidden_layers": 1, "num_attention_heads": 2,
"vocab_size": 5, "max_position_embeddings": 6, "rms_norm_eps": 1e-5, "head_dim": 4, "mlp_bias": null,
"rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}})",
      R"({"model_type": "gpt2", "n_layer": 3, "n_head": 3, "n_embd": 48, "n_positions": 11, "vocab_size": 7,
"activation_function": "gelu_new", "scale_attn_weights": true, "n_inner": null, "layer_norm_epsilon": 1e-5})"};
}

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  static constexpr std::array<std::string_view, 62> words{"model_type",
                                                          "llama",
                                                          "mistral",
                                                          "qwen2",
                                                          "qwen3",
                                                          "gemma",
                                                          "gemma2",
                                                          "gemma3_text",
                                                          "phi3",
                                                          "gpt_neox",
                                                          "gpt2",
                                                          "hidden_size",
                                                          "n_embd",
                                                          "n_layer",
                                                          "n_head",
                                                          "n_positions",
                                                          "num_hidden_layers",
                                                          "num_attention_heads",
                                                          "num_key_value_heads",
                                                          "head_dim",
                                                          "intermediate_size",
                                                          "n_inner",
                                                          "vocab_size",
                                                          "max_position_embeddings",
                                                          "rms_norm_eps",
                                                          "layer_norm_eps",
                                                          "rope_theta",
                                                          "rope_scaling",
                                                          "rope_parameters",
                                                          "rope_type",
                                                          "type",
                                                          "default",
                                                          "linear",
                                                          "llama3",
                                                          "dynamic",
                                                          "factor",
                                                          "low_freq_factor",
                                                          "high_freq_factor",
                                                          "original_max_position_embeddings",
                                                          "partial_rotary_factor",
                                                          "rotary_pct",
                                                          "hidden_act",
                                                          "hidden_activation",
                                                          "silu",
                                                          "gelu",
                                                          "gelu_pytorch_tanh",
                                                          "tie_word_embeddings",
                                                          "attention_bias",
                                                          "mlp_bias",
                                                          "layer_types",
                                                          "full_attention",
                                                          "sliding_attention",
                                                          "sliding_window",
                                                          "sliding_window_pattern",
                                                          "use_sliding_window",
                                                          "max_window_layers",
                                                          "is_causal",
                                                          "query_pre_attn_scalar",
                                                          "attn_logit_softcapping",
                                                          "final_logit_softcapping",
                                                          "use_parallel_residual",
                                                          "quantization_config"};
  return json_mutator(bytes, words);
}
