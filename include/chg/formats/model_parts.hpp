// SPDX-License-Identifier: MIT
// The weights of a Hugging Face model directory (config.json, model.safetensors), from published tensor names to Weights.
//
// Llama:  linear layers are stored [out, in], as Weights has them.
// GPT-2:  its Conv1D layers are stored [in, out] and are transposed here; c_attn is split into W_Q, W_K, W_V.
#pragma once

#include <chg/formats/config_json.hpp>
#include <chg/formats/safetensors.hpp>
#include <chg/model/weights.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace chg {

/// The parts of a model, as a directory holds them. `architecture` has every extent dynamic.
template <class Real>
struct ModelParts {
  Architecture architecture;
  Config config;
  Weights<Real> weights;
};

namespace formats {

namespace detail {

/// Takes tensors out of a file by name, and keeps account: what was not taken in the end is surplus.
template <class Real>
class TensorTaker {
 public:
  explicit TensorTaker(Safetensors const& file) : file_(file) {}

  bool contains(std::string const& name) const { return file_.contains(name); }

  /// Resizes `out` to `shape` ([n] for a vector) and reads it. Throws Error when the tensor is missing, has another shape, or
  /// holds a number that is not finite.
  template <class Dense>
  void take(std::string const& name, Dense& out, std::vector<Index> const& shape) {
    auto const& info = file_.info(name);
    if (info.shape != shape)
      throw Error({file_.describe(name) + " has the wrong shape", shape_text(shape) + ", as config.json says",
                   shape_text(info.shape), ""});
    out.resize(shape.size() == 1 ? 1 : shape[0], shape.back());
    file_.read(name, std::span<Real>(out.data(), static_cast<std::size_t>(out.size())));
    if (!out.allFinite())
      throw Error({file_.describe(name), "finite numbers", "NaN or infinity",
                   "The checkpoint is damaged, or was saved in a type that overflows."});
    taken_.insert(name);
  }

  /// A Conv1D tensor, stored [in, out]: the transpose of its columns first .. first + rows(part) - 1 becomes each part in turn.
  void take_transposed(std::string const& name, Index in, Index out, std::vector<Matrix<Real>*> const& parts) {
    Matrix<Real> stored;
    take(name, stored, {in, out});
    auto const each = out / static_cast<Index>(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) *parts[p] = stored.middleCols(static_cast<Index>(p) * each, each).transpose();
  }

  /// The bias of such a tensor, cut the same way.
  void take_parts(std::string const& name, Index out, std::vector<RowVector<Real>*> const& parts) {
    RowVector<Real> stored;
    take(name, stored, {out});
    auto const each = out / static_cast<Index>(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) *parts[p] = stored.segment(static_cast<Index>(p) * each, each);
  }

  /// A buffer that some versions of transformers store and that the configuration already determines.
  void pass_over(std::string const& name) { taken_.insert(name); }

  /// A stored head beside a tied embedding is passed over when it is the same, and an Error when it is not: the versions of
  /// transformers disagree about which of the two is then used.
  void pass_over_tied(std::string const& head, std::string const& embedding) {
    pass_over(head);
    if (!file_.contains(head)) return;
    auto const same = file_.info(head).dtype == file_.info(embedding).dtype &&
                      file_.info(head).shape == file_.info(embedding).shape &&
                      std::ranges::equal(file_.bytes(head), file_.bytes(embedding));
    check(same, file_.describe(head), "the same numbers as " + in_quotes(embedding) + ", since config.json ties them",
          "other numbers", "Set tie_word_embeddings to false in config.json to use it, or remove it from the file.");
  }

  /// Throws Error naming the first tensor of the file that nothing took.
  void finish() const {
    for (auto const& item : file_.tensors())
      if (!taken_.contains(item.first))
        throw Error({file_.describe(item.first) + " has no place in this model", "only the tensors that config.json asks for",
                     "a surplus tensor", "The file belongs to another kind of model, or config.json is not its own."});
  }

 private:
  Safetensors const& file_;
  std::set<std::string> taken_;
};

template <class Real>
Weights<Real> take_llama(TensorTaker<Real>& file, ModelDescription const& d) {
  auto const& c = d.config;
  auto const H_D = c.heads * c.head_dim, H_kv_D = c.kv_heads * c.head_dim;
  std::string const model = file.contains("embed_tokens.weight") ? "" : "model.";
  Weights<Real> w;
  auto const linear =
      [&](std::string const& name, Matrix<Real>& weight, RowVector<Real>& bias, Index out, Index in, bool biased) {
    file.take(name + ".weight", weight, {out, in});
    if (biased) file.take(name + ".bias", bias, {out});
  };
  file.take(model + "embed_tokens.weight", w.embedding, {c.vocab, c.d_model});
  for (Index l = 0; l < c.layers; ++l) {
    auto const layer = text(model, "layers.", l, ".");
    auto& to = w.layers.emplace_back();
    file.take(layer + "input_layernorm.weight", to.attention_norm, {c.d_model});
    linear(layer + "self_attn.q_proj", to.W_Q, to.b_Q, H_D, c.d_model, d.attention_bias);
    linear(layer + "self_attn.k_proj", to.W_K, to.b_K, H_kv_D, c.d_model, d.attention_bias);
    linear(layer + "self_attn.v_proj", to.W_V, to.b_V, H_kv_D, c.d_model, d.attention_bias);
    linear(layer + "self_attn.o_proj", to.W_O, to.b_O, c.d_model, H_D, d.attention_bias);
    file.take(layer + "post_attention_layernorm.weight", to.mlp_norm, {c.d_model});
    linear(layer + "mlp.gate_proj", to.W_gate, to.b_gate, c.d_ff, c.d_model, d.mlp_bias);
    linear(layer + "mlp.up_proj", to.W_up, to.b_up, c.d_ff, c.d_model, d.mlp_bias);
    linear(layer + "mlp.down_proj", to.W_down, to.b_down, c.d_model, c.d_ff, d.mlp_bias);
    file.pass_over(layer + "self_attn.rotary_emb.inv_freq");
  }
  file.pass_over(model + "rotary_emb.inv_freq");
  file.take(model + "norm.weight", w.final_norm, {c.d_model});
  if (d.tied)
    file.pass_over_tied("lm_head.weight", model + "embed_tokens.weight");
  else
    file.take("lm_head.weight", w.unembedding, {c.vocab, c.d_model});
  return w;
}

template <class Real>
Weights<Real> take_gpt2(TensorTaker<Real>& file, ModelDescription const& d) {
  auto const& c = d.config;
  std::string const model = file.contains("wte.weight") ? "" : "transformer.";
  Weights<Real> w;
  auto const layer_norm = [&](std::string const& name, RowVector<Real>& scale, RowVector<Real>& bias) {
    file.take(name + ".weight", scale, {c.d_model});
    file.take(name + ".bias", bias, {c.d_model});
  };
  auto const conv1d = [&](std::string const& name, Index in, Index out, std::vector<Matrix<Real>*> const& weights,
                          std::vector<RowVector<Real>*> const& biases) {
    file.take_transposed(name + ".weight", in, out, weights);
    file.take_parts(name + ".bias", out, biases);
  };
  file.take(model + "wte.weight", w.embedding, {c.vocab, c.d_model});
  file.take(model + "wpe.weight", w.positions, {c.context, c.d_model});
  for (Index l = 0; l < c.layers; ++l) {
    auto const layer = text(model, "h.", l, ".");
    auto& to = w.layers.emplace_back();
    layer_norm(layer + "ln_1", to.attention_norm, to.attention_norm_bias);
    conv1d(layer + "attn.c_attn", c.d_model, 3 * c.d_model, {&to.W_Q, &to.W_K, &to.W_V}, {&to.b_Q, &to.b_K, &to.b_V});
    conv1d(layer + "attn.c_proj", c.d_model, c.d_model, {&to.W_O}, {&to.b_O});
    layer_norm(layer + "ln_2", to.mlp_norm, to.mlp_norm_bias);
    conv1d(layer + "mlp.c_fc", c.d_model, c.d_ff, {&to.W_up}, {&to.b_up});
    conv1d(layer + "mlp.c_proj", c.d_ff, c.d_model, {&to.W_down}, {&to.b_down});
    file.pass_over(layer + "attn.bias");  // the causal mask
    file.pass_over(layer + "attn.masked_bias");
  }
  layer_norm(model + "ln_f", w.final_norm, w.final_norm_bias);
  if (d.tied)
    file.pass_over_tied("lm_head.weight", model + "wte.weight");
  else
    file.take("lm_head.weight", w.unembedding, {c.vocab, c.d_model});
  return w;
}

}  // namespace detail

/// Reads directory/model.safetensors, float or double, for the model that `description` is. Throws Error for the first tensor
/// that is missing, surplus, of another shape or dtype, or not finite; the file name and the tensor name are in it.
template <class Real>
Weights<Real> read_weights(std::filesystem::path const& directory, ModelDescription const& description) {
  auto const path = directory / "model.safetensors";
  if (std::filesystem::exists(directory / "model.safetensors.index.json") && !std::filesystem::exists(path))
    throw Error({path.string() + " is missing", "a checkpoint in one file", "a sharded one, with model.safetensors.index.json",
                 "Merge its shards into one file."});
  Safetensors const file(path);
  detail::TensorTaker<Real> taker(file);
  auto weights =
      description.model_type == "llama" ? detail::take_llama(taker, description) : detail::take_gpt2(taker, description);
  taker.finish();
  return weights;
}

}  // namespace formats

/// Reads the parts of a model without making it: `auto [architecture, config, weights] = chg::load_weights<float>(directory)`.
/// Throws Error as formats::read_config and formats::read_weights do.
template <class Real = float>
ModelParts<Real> load_weights(std::filesystem::path const& directory) {
  auto description = formats::read_config(directory);
  auto weights = formats::read_weights<Real>(directory, description);
  return {description.architecture, std::move(description.config), std::move(weights)};
}

}  // namespace chg
