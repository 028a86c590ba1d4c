// SPDX-License-Identifier: MIT
// Loads a model from a Hugging Face directory: config.json and model.safetensors (F32, F16, BF16).
//
//     auto const model = chg::load<chg::llama_like>("path/to/model");
#pragma once

#include <chg/formats/model_parts.hpp>
#include <chg/formats/token_names.hpp>
#include <chg/model/transformer.hpp>

#include <filesystem>

namespace chg {

/// The model of a directory. A must have the norm, MLP and positions of the file, and extents that are dynamic or its own;
/// the Error that says otherwise names the Architecture to use. Other errors are those of load_weights. Memory: the weights as
/// Real<Scalar>, and for GPT-2 its largest tensor once more; the file is mapped, not read.
template <Architecture A = llama_like, class Scalar = float>
Transformer<A, Scalar> load(std::filesystem::path const& directory) {
  auto description = formats::read_config(directory);
  formats::check_architecture(A, description, (directory / "config.json").string());
  validate(A, description.config);
  auto weights = formats::read_weights<Real<Scalar>>(directory, description);
  return Transformer<A, Scalar>(std::move(description.config), std::move(weights));
}

}  // namespace chg
