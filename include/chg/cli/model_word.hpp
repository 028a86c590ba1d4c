// SPDX-License-Identifier: MIT
// MODEL on a command line: a .gguf file, a Hugging Face directory, or builtin:NAME.
#pragma once

#include <chg/builtin/teaching.hpp>
#include <chg/cli/builtin_models.hpp>
#include <chg/formats/load.hpp>
#include <chg/run/manifest.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chg::cli {

/// Whether texts became tokens of the model, and how.
struct TextUse {
  bool read = false;
  std::optional<bool> bos{};  ///< whether they began with a BOS
};

/// What a word on the command line stands for; weights are read when they are asked for.
class ModelWord {
 public:
  /// Reads the description. Throws Error when there is no such model, and as formats::ModelSource does.
  explicit ModelWord(std::string word) : name_(std::move(word)) {
    constexpr std::string_view prefix = "builtin:";
    if (!name_.starts_with(prefix)) {
      path_ = name_;
    } else if (auto const builtin = name_.substr(prefix.size()); builtin == "teaching") {
      path_ = builtin::teaching_directory();
      vocabulary_ = builtin::teaching_vocabulary();
    } else {
      auto const known = std::ranges::find(constructed_models, builtin) != constructed_models.end();
      check(known, "model " + name_, "builtin:teaching, builtin:induction, builtin:redundant or builtin:two_formats", name_);
      auto made = make_builtin<float>(builtin);
      constructed_ = builtin;
      vocabulary_ = std::move(made.vocabulary);
      description_ = {
          .model_type = "attention_only", .config = made.model.config(), .tied = true};
      return;
    }
    std::error_code unreadable;
    check(std::filesystem::exists(path_, unreadable), "model " + name_, "a .gguf file, a model directory, or builtin:NAME",
          "nothing there", "builtin models: teaching, induction, redundant, two_formats.");
    source_.emplace(path_);
    description_ = source_->description();
    if (!vocabulary_ && has_teaching_words()) vocabulary_ = builtin::teaching_vocabulary();
  }

  std::string const& name() const { return name_; }
  formats::ModelDescription const& description() const { return description_; }
  Config const& config() const { return description_.config; }
  /// Where its files are; empty for a constructed model.
  std::filesystem::path const& path() const { return path_; }
  bool constructed() const { return !constructed_.empty(); }
  /// Of a builtin model, and of the teaching model by its path; what `chg tasks make` draws from.
  std::optional<task::Vocabulary> const& vocabulary() const { return vocabulary_; }

  /// What was done with texts so far; token_source writes it.
  TextUse& texts() const { return *texts_; }

  /// Numbers that were learned (or written by hand), a tied unembedding counted once.
  Index parameters() const {
    auto const& d = description_;
    auto const there = [&](TensorSpec const& spec) {
      switch (spec.role) {
        case Role::attention_bias: return d.qkv_bias || (constructed() && spec.name == "b_Q");
        case Role::output_bias: return d.output_bias;
        case Role::mlp_bias: return d.mlp_bias;
        case Role::unembedding: return !d.tied;
        case Role::unembedding_bias: return constructed();
        default: return spec.required;
      }
    };
    Index layer = 0, others = 0;
    auto const count = [&](Index& sum) {
      return [&](TensorSpec const& spec, auto const&) { sum += there(spec) ? spec.rows * spec.columns : 0; };
    };
    LayerWeights<float> const of_layer;
    Weights<float> const of_model;
    for_each_layer_tensor(d.config, of_layer, count(layer));
    for_each_outer_tensor(d.config, of_model, count(others), [] {});
    return others + d.config.layers * layer;
  }
  /// Bytes of the weights in memory.
  template <class Real>
  double weight_bytes(Products products) const {
    auto const apart = description_.tied ? Index{0} : config().vocab * config().d_model;  // an embedding that is only read
    auto const one = products == Products::bfloat16 ? 2.0 : static_cast<double>(sizeof(Real));
    return static_cast<double>(parameters() - apart) * one + static_cast<double>(apart) * sizeof(Real);
  }
  /// The most bytes that loading takes at one time. A tensor that is being read is there as Real and in the file, with at most 4
  /// bytes a number. The embedding is read first, and what is no layer stays as Real until all layers are packed; an unembedding
  /// of its own is read last.
  template <class Real>
  double loading_bytes(Products products) const {
    auto const& c = config();
    constexpr auto kReal = static_cast<double>(sizeof(Real)), kFile = 4.0;
    auto const weights = weight_bytes<Real>(products), one = products == Products::bfloat16 ? 2.0 : kReal;
    auto const E = static_cast<double>(c.vocab * c.d_model);
    auto const outer = description_.tied ? E : 2 * E;
    auto const layer = (static_cast<double>(parameters()) - outer) / static_cast<double>(std::max<Index>(1, c.layers));
    auto const widest = static_cast<double>(std::max(c.d_ff, c.heads * c.head_dim) * c.d_model);
    auto const packing = weights + (outer + layer) * kReal + widest * kFile;
    auto const reading = description_.tied ? E * (kReal + kFile) : weights - E * one + outer * kReal + E * kFile;
    return std::max(packing, reading);
  }

  /// Reads the weights, for sequences of at most `longest` tokens: rotary tables of a context of millions, or of one that only a
  /// damaged file claims, would take more memory than the model. Throws Error as chg::load does, and for a constructed model in
  /// bfloat16.
  template <class Real>
  AnyTransformer<Real> load(Products products, Index longest, formats::ReadProgress const& progress = {}) const {
    if (constructed()) {
      check(products == Products::full, "--precision of " + name_, "f32 or f64: its weights were written by hand for these",
            "bf16");
      return make_builtin<Real>(constructed_).model;
    }
    auto config = description_.config;
    if (config.position == Position::rotary) config.context = std::clamp<Index>(longest, 1, config.context);
    return AnyTransformer<Real>(std::move(config), source_->reader<Real>(progress), products);
  }

  /// The files that decide what the model computes and reads.
  std::vector<std::filesystem::path> files() const {
    if (constructed()) return {};
    return std::filesystem::is_directory(path_) ? run::model_files(path_) : std::vector{path_};
  }

  /// For run.json. Reads every file once, for its SHA-256.
  run::ModelRecord record() const {
    run::ModelRecord record{name_, description_.config};
    for (auto const& file : files()) record.files.push_back(run::describe_file(file));
    return record;
  }

 private:
  /// Whether the tokenizer is, byte for byte, that of builtin:teaching: its directory, a copy, or a model of the same words.
  bool has_teaching_words() const {
    if (description_.config.vocab != builtin::teaching_vocabulary().size) return false;
    try {
      auto const theirs = path_ / "tokenizer.json", ours = builtin::teaching_directory() / "tokenizer.json";
      return formats::MappedFile(theirs).chars() == formats::MappedFile(ours).chars();
    } catch (Error const&) {
      return false;  // one of them is not there
    }
  }

  std::string name_, constructed_;
  std::filesystem::path path_;
  std::optional<formats::ModelSource> source_;
  std::optional<task::Vocabulary> vocabulary_;
  formats::ModelDescription description_;
  std::shared_ptr<TextUse> texts_ = std::make_shared<TextUse>();
};

}  // namespace chg::cli
