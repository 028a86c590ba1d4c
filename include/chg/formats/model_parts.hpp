// SPDX-License-Identifier: MIT
// The weights of a Hugging Face model directory, from published tensor names to Weights.
#pragma once

#include <chg/formats/config_json.hpp>

#include <filesystem>

namespace chg::formats {

/// Reads the checkpoint of a directory, in one file or in shards, float or double, for the model that `description` is; with `take`,
/// the layers go there and are not returned. Throws Error for the first tensor that is missing, surplus, of another shape or dtype,
/// or not finite; the file name and the tensor name are in it.
template <class Real>
Weights<Real> read_weights(std::filesystem::path const& directory, ModelDescription const& description,
                           ReadProgress const& progress = {}, LayerSink<Real> const& take = {}) {
  ShardedSafetensors const files(directory);
  families::CheckpointTaker<Real> taker(files, "config.json", progress, take);
  Weights<Real> weights;
  families::All::visit(description.model_type, [&]<class Family>() { weights = Family::take(taker, description); });
  taker.finish();
  return weights;
}

}  // namespace chg::formats
