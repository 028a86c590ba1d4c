// SPDX-License-Identifier: MIT
// The rotary positions of a config.json, as transformers 4 (rope_theta, rope_scaling) and 5 (rope_parameters) write them.
#pragma once

#include <chg/formats/json.hpp>
#include <chg/formats/model_description.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace chg::formats::detail {

/// A number that a file may hold under several keys. Those that are there must agree, since the versions of transformers differ
/// in which of them counts.
class AgreedNumber {
 public:
  AgreedNumber(double lowest, double highest) : lowest_(lowest), highest_(highest) {}

  void read(JsonObject const& object, char const* key) {
    if (!object.has(key)) return;
    if (!value_) first_ = object.at(key);
    auto const value = object.number(key, lowest_, highest_);
    check(!value_ || *value_ == value, object.at(key), value_ ? text(*value_, ", as in ", where_) : "", value);
    value_ = value, where_ = object.at(key);
  }
  double value_or(double otherwise) const { return value_.value_or(otherwise); }
  /// The key that gave the value, after its file, for errors.
  std::string const& where() const { return first_; }

 private:
  double lowest_, highest_;
  std::optional<double> value_;
  std::string first_, where_;
};

/// What is turned, and how: `share` of the channels of a head.
struct RotaryReading {
  Rotary rotary;
  double share = 1;
  std::string share_from{};  ///< the key of the share, after its file

  /// With the number of channels that turn: as transformers, the whole part of share times head_dim.
  Rotary of_heads(Index head_dim, std::string const& name) const {
    auto turned = rotary;
    if (share == 1) return turned;
    turned.channels = static_cast<Index>(share * static_cast<double>(head_dim));
    check(turned.channels >= 2 && turned.channels % 2 == 0, name + ": share of channels with rotary positions",
          text("an even number of the ", head_dim, " channels of a head"), text(turned.channels, " (", share, ")"));
    return turned;
  }
};

inline void read_llama3_scaling(JsonObject const& rope, Rotary& rotary) {
  rotary.scaled = true;
  rotary.scaling.factor = rope.number("factor", 1, 1e6);
  rotary.scaling.low_freq_factor = rope.number("low_freq_factor", 1e-6, 1e6);
  rotary.scaling.high_freq_factor = rope.number("high_freq_factor", 1e-6, 1e6);
  check(rotary.scaling.low_freq_factor < rotary.scaling.high_freq_factor, rope.at("high_freq_factor"),
        text("more than low_freq_factor = ", rotary.scaling.low_freq_factor), rotary.scaling.high_freq_factor);
  rotary.scaling.original_context = rope.integer("original_max_position_embeddings", 1, most_tokens);
}

/// The scaling of rope_scaling or rope_parameters, whose other keys must be known too. The type dynamic begins to scale beyond
/// max_position_embeddings, which no sequence here may be longer than.
inline Rotary read_scaling(JsonObject const& rope) {
  static constexpr std::array known{"rope_theta",
                                    "rope_type",
                                    "type",
                                    "factor",
                                    "low_freq_factor",
                                    "high_freq_factor",
                                    "original_max_position_embeddings",
                                    "partial_rotary_factor"};
  Rotary rotary;
  auto const type = rope.string("rope_type", rope.string("type", "default"));
  check(type == "default" || type == "linear" || type == "llama3" || type == "dynamic", rope.at("rope_type"),
        "default, linear, llama3 or dynamic", in_quotes(type), "This kind of rotary scaling is not supported.");
  for (auto const& item : rope.items().items())
    check(std::find(known.begin(), known.end(), item.key()) != known.end() || item.value().is_null(),
          rope.at(in_quotes(item.key())), "the keys of rotary positions of the type default, linear, llama3 or dynamic",
          shown(item.value()), "This kind of rotary scaling is not supported.");
  if (type == "linear") rotary.linear_factor = rope.number("factor", 1, 1e6);
  if (type == "llama3") read_llama3_scaling(rope, rotary);
  return rotary;
}

/// Where a family keeps its rotary positions, and what holds where the file is silent.
struct RotaryKeys {
  char const* theta = "rope_theta";
  char const* share = "partial_rotary_factor";
  double theta_otherwise = 10'000, share_otherwise = 1;
};

inline RotaryReading read_rotary(JsonObject const& file, RotaryKeys const& keys = {}) {
  AgreedNumber theta(1, 1e15), share(0, 1);
  std::optional<Rotary> rotary;
  theta.read(file, keys.theta), theta.read(file, "rope_theta");
  share.read(file, keys.share), share.read(file, "partial_rotary_factor");
  for (auto const* key : {"rope_scaling", "rope_parameters"}) {
    if (!file.has(key)) continue;
    auto const rope = file.object(key);
    auto const scaling = read_scaling(rope);
    check(!rotary || rotary == scaling, rope.name(), "the same as rope_scaling, or only one of them", "another scaling");
    rotary = scaling;
    theta.read(rope, "rope_theta");
    share.read(rope, "partial_rotary_factor");
  }
  RotaryReading all{rotary.value_or(Rotary{}), share.value_or(keys.share_otherwise), share.where()};
  all.rotary.theta = theta.value_or(keys.theta_otherwise);
  return all;
}

/// As read_rotary, where every channel of a head turns.
inline Rotary read_whole_rotary(JsonObject const& file) {
  auto const all = read_rotary(file);
  check(all.share == 1, all.share_from, "1, every channel of a head turned", all.share);
  return all.rotary;
}

}  // namespace chg::formats::detail
