// SPDX-License-Identifier: MIT
// Loads a model: from a GGUF file, or from a Hugging Face directory (config.json and safetensors in F32, F16 or BF16).
//
//     auto const model = chg::load("path/to/model");                       whatever it is
//     auto const model = chg::load<chg::llama_like>("path/to/model");      of this kind, or an Error
#pragma once

#include <chg/formats/gguf_model.hpp>
#include <chg/formats/model_parts.hpp>
#include <chg/formats/token_names.hpp>
#include <chg/model/transformer.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace chg {

namespace formats {

/// A model on disk: what it is, and its weights when they are asked for.
class ModelSource {
 public:
  /// A directory is taken for Hugging Face's, any other path for a GGUF file. Throws Error as read_config, Gguf and describe_gguf
  /// do.
  explicit ModelSource(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code unknown;  // then it cannot be opened either, which is an Error
    if (std::filesystem::is_directory(path_, unknown)) {
      description_ = read_config(path_);
    } else {
      gguf_.emplace(path_);
      description_ = describe_gguf(*gguf_);
    }
  }

  ModelDescription const& description() const { return description_; }
  /// The file that the description comes from, for errors.
  std::string described_by() const { return (gguf_ ? path_ : path_ / "config.json").string(); }

  /// Reads all weights, as float or double. Throws Error as read_weights and read_gguf_weights do.
  template <class Real>
  Weights<Real> weights(ReadProgress const& progress = {}, LayerSink<Real> const& take = {}) const {
    return gguf_ ? read_gguf_weights<Real>(*gguf_, description_, progress, take)
                 : read_weights<Real>(path_, description_, progress, take);
  }

  /// Reads them when a Transformer asks for them. The source must live until then.
  template <class Real>
  WeightReader<Real> reader(ReadProgress const& progress = {}) const {
    return [this, progress](LayerSink<Real> const& take) { return weights<Real>(progress, take); };
  }

 private:
  std::filesystem::path path_;
  std::optional<Gguf> gguf_;
  ModelDescription description_;
};

}  // namespace formats

/// The parts of a model. `architecture` has every extent dynamic.
template <class Real>
struct ModelParts {
  Architecture architecture;
  Config config;
  Weights<Real> weights;
};

/// Reads the parts of a model without making it: `auto [architecture, config, weights] = chg::load_weights<float>(path)`.
/// Throws Error as formats::ModelSource does.
template <class Real = float>
ModelParts<Real> load_weights(std::filesystem::path const& path) {
  formats::ModelSource const source(path);
  auto const& description = source.description();
  return {description.architecture(), description.config, source.weights<Real>()};
}

/// The model of a GGUF file or a Hugging Face directory. What A fixes, policies and extents, must be as in the file; the Error that
/// says otherwise names the Architecture to use. Other errors are those of load_weights.
/// Memory: what the model holds (Transformer::weight_bytes), and the embedding and one layer as Real<Scalar>; the files are mapped,
/// not read.
template <Architecture A = any_architecture, class Scalar = float>
Transformer<A, Scalar> load(std::filesystem::path const& path, Products products = Products::full) {
  formats::ModelSource const source(path);
  formats::check_architecture(A, source.description(), source.described_by());
  validate(A, source.description().config);
  return Transformer<A, Scalar>(source.description().config, source.reader<Real<Scalar>>(), products);
}

}  // namespace chg
