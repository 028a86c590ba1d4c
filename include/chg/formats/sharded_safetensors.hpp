// SPDX-License-Identifier: MIT
// The checkpoint of a Hugging Face directory, in one safetensors file or in several: read as if it were one.
//
//     model.safetensors                 all of it, or else
//     model.safetensors.index.json      {"weight_map": {"TENSOR": "FILE", ...}, ...}: which file has which tensor
//
// The index must name every tensor of every file and nothing else. Its total_size is not looked at: published ones are wrong.
#pragma once

#include <chg/formats/safetensors.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace chg::formats {

/// Reads a parsed index; `name` stands for it in errors: which file has which tensor. Throws Error unless every file is named by
/// a plain name, so that it can only lie in the directory of the index. (It may be a link to elsewhere, as in the caches of
/// huggingface_hub.)
inline std::map<std::string, std::string, std::less<>> parse_weight_map(nlohmann::json const& json, std::string const& name) {
  JsonObject const file(json, name);
  auto const map = file.object("weight_map");
  check(!map.items().empty(), map.name(), "one tensor or more", "none");
  std::map<std::string, std::string, std::less<>> all;
  for (auto const& item : map.items().items()) {
    auto const at = map.at(in_quotes(item.key()));
    check(item.value().is_string(), at, "the name of a file", shown(item.value()));
    auto const shard = item.value().get<std::string>();
    check(shard.ends_with(".safetensors") && shard.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos &&
              shard.front() != '.',
          at, "the name of a .safetensors file in the same directory", in_quotes(shard));
    all.emplace(item.key(), shard);
  }
  return all;
}

/// The open files of a checkpoint. Movable; reading from several threads is safe.
class ShardedSafetensors {
 public:
  /// Maps every file and checks its header. Throws Error as Safetensors does, and when the index and the files do not agree.
  explicit ShardedSafetensors(std::filesystem::path const& directory) : path_(directory / "model.safetensors") {
    auto const index = directory / "model.safetensors.index.json";
    std::error_code unknown;  // a path that may not be looked at is one that cannot be opened below
    if (std::filesystem::exists(path_, unknown) || !std::filesystem::exists(index, unknown)) {
      if (!std::filesystem::exists(path_, unknown)) refuse_other_formats(directory);
      add(Safetensors(path_));
      return;
    }
    path_ = index;
    auto const weight_map = parse_weight_map(read_json(index, {.bytes = 100'000'000}), index.string());
    std::map<std::string, std::size_t, std::less<>> opened;
    for (auto const& [tensor, shard] : weight_map)
      if (opened.emplace(shard, shards_.size()).second) add(Safetensors(directory / shard));
    for (auto const& [tensor, shard] : weight_map) shards_[opened.find(shard)->second].info(tensor);
    for (auto const& [tensor, place] : tensors_) {
      auto const found = weight_map.find(tensor);
      check(found != weight_map.end(), shards_[place].describe(tensor), "only tensors that " + index.string() + " names",
            "a surplus tensor", "The files are not of one checkpoint.");
    }
  }

  /// The file, or the index of the files.
  std::filesystem::path const& path() const { return path_; }
  /// By name, which of the files each tensor is in.
  std::map<std::string, std::size_t, std::less<>> const& tensors() const { return tensors_; }
  bool contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }

  /// Throws Error naming file and tensor when there is none of this name.
  TensorInfo const& info(std::string_view name) const { return shard_of(name).info(name); }
  std::span<std::byte const> bytes(std::string_view name) const { return shard_of(name).bytes(name); }

  /// As Safetensors::read.
  template <class Real>
  void read(std::string_view name, std::span<Real> out) const {
    shard_of(name).read(name, out);
  }

  /// File and tensor, for an error message.
  std::string describe(std::string_view name) const {
    return contains(name) ? shard_of(name).describe(name) : path_.string() + ": tensor " + in_quotes(name);
  }

 private:
  /// For a directory without safetensors: an Error that names the weights that are there.
  void refuse_other_formats(std::filesystem::path const& directory) const {
    std::error_code unknown;
    for (auto const* const other : {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"})
      if (std::filesystem::exists(directory / other, unknown))
        throw Error({path_.string() + " is missing", "the weights as safetensors", other,
                     "Save them anew: in Python, transformers.AutoModelForCausalLM.from_pretrained(IN).save_pretrained(OUT)."});
  }

  void add(Safetensors shard) {
    for (auto const& item : shard.tensors()) {
      auto const [found, added] = tensors_.emplace(item.first, shards_.size());
      check(added, shard.describe(item.first), "one tensor of this name in all files",
            added ? std::string() : "another one in " + shards_[found->second].path().string());
    }
    shards_.push_back(std::move(shard));
  }

  Safetensors const& shard_of(std::string_view name) const {
    auto const found = tensors_.find(name);
    if (found == tensors_.end())
      throw Error({describe(name) + " is missing", "a tensor of this name", text("none among ", tensors_.size()),
                   "The file belongs to another kind of model, or is incomplete."});
    return shards_[found->second];
  }

  std::filesystem::path path_;
  std::vector<Safetensors> shards_;
  std::map<std::string, std::size_t, std::less<>> tensors_;
};

}  // namespace chg::formats
