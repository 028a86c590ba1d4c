// SPDX-License-Identifier: MIT
// Writes the weights of an attention-only transformer in terms of what its heads look at and what they write.
//
//     residual stream:  one channel a token | six of a clock | channels of the model's own
//     clock:            cos and sin of 2 pi t / P at position t, for hands of period P = 4, 16 and 64
//     look back d:      q_t . k_j = s sum over hands of cos(2 pi (t - d - j) / P), which is at least s lower at any other j
//
// The embedding is tied, so what a head writes into a token's channel is added to that token's logit.
#pragma once

#include <chg/model/weights.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace chg::builtin::detail {

/// How strongly heads that look at one position prefer it: e^-12 goes elsewhere.
inline constexpr double kSharp = 12;

inline constexpr std::array kPeriods{4.0, 16.0, 64.0};
inline constexpr Index kContext = 64;  ///< one turn of the slowest hand
inline constexpr Index kHeadDim = 16;
inline constexpr Index kHandChannels = 6;

struct Shape {
  Index layers, heads, vocab;
  Index own_channels;  ///< beside tokens and clock
};

class Construction {
 public:
  class Head;

  explicit Construction(Shape shape) : shape_(shape), config_(config_of(attention_only)) {
    auto const C = own(shape.own_channels);
    config_.layers = shape.layers, config_.heads = config_.kv_heads = shape.heads, config_.head_dim = kHeadDim;
    config_.d_model = C, config_.vocab = shape.vocab, config_.context = kContext;
    config_.attention_scale = 1;
    weights_.embedding = Matrix<double>::Identity(shape.vocab, C);
    weights_.positions = Matrix<double>::Zero(kContext, C);
    for (Index t = 0; t < kContext; ++t)
      for (Index hand = 0; hand < std::ssize(kPeriods); ++hand) {
        weights_.positions(t, clock() + 2 * hand) = std::cos(angle(hand, static_cast<double>(t)));
        weights_.positions(t, clock() + 2 * hand + 1) = std::sin(angle(hand, static_cast<double>(t)));
      }
    weights_.unembedding_bias = RowVector<double>::Zero(shape.vocab);
    for (Index l = 0; l < shape.layers; ++l) {
      auto& layer = weights_.layers.emplace_back();
      layer.W_Q = layer.W_K = layer.W_V = Matrix<double>::Zero(shape.heads * kHeadDim, C);
      layer.W_O = Matrix<double>::Zero(C, shape.heads * kHeadDim);
      layer.b_Q = RowVector<double>::Zero(shape.heads * kHeadDim);
    }
  }

  Index token(Index id) const { return id; }
  Index clock() const { return shape_.vocab; }
  /// Channel number i of the model's own.
  Index own(Index i) const { return clock() + kHandChannels + i; }

  void bias(Index id, double logit) { weights_.unembedding_bias[id] = logit; }
  Head head(Index layer, Index head);

  Config const& config() const { return config_; }

  template <class Real>
  Weights<Real> weights() const {
    Weights<Real> result;
    result.embedding = weights_.embedding.cast<Real>();
    result.positions = weights_.positions.cast<Real>();
    result.unembedding_bias = weights_.unembedding_bias.cast<Real>();
    for (auto const& layer : weights_.layers) {
      auto& to = result.layers.emplace_back();
      to.W_Q = layer.W_Q.cast<Real>(), to.W_K = layer.W_K.cast<Real>(), to.W_V = layer.W_V.cast<Real>(),
      to.W_O = layer.W_O.cast<Real>();
      to.b_Q = layer.b_Q.cast<Real>();
    }
    return result;
  }

 private:
  static double angle(Index hand, double t) { return 2 * std::acos(-1.0) * t / kPeriods[static_cast<std::size_t>(hand)]; }

  Shape shape_;
  Config config_;
  Weights<double> weights_;
};

/// One head in the making. Dimensions of queries and keys: two a hand, then one a content. Of values: in the order in which
/// channels are first read.
class Construction::Head {
 public:
  Head(Construction& model, Index layer, Index head)
      : model_(model), layer_(model.weights_.layers[static_cast<std::size_t>(layer)]), first_(head * kHeadDim) {}

  /// Prefers the key `distance` positions back; a half lies between two. hands: which ones it reads. The slowest alone is a mild
  /// preference for what is near.
  Head& look_back(double distance, double strength = kSharp, Index first_hand = 0) {
    for (auto hand = first_hand; hand < std::ssize(kPeriods); ++hand) {
      auto const cosine = model_.clock() + 2 * hand, sine = cosine + 1, d = first_ + 2 * hand;
      auto const turn = angle(hand, distance);
      layer_.W_K(d, cosine) = layer_.W_K(d + 1, sine) = 1;
      layer_.W_Q(d, cosine) = layer_.W_Q(d + 1, sine) = strength * std::cos(turn);
      layer_.W_Q(d, sine) = strength * std::sin(turn);
      layer_.W_Q(d + 1, cosine) = -strength * std::sin(turn);
    }
    return *this;
  }
  Head& look_near(double strength) { return look_back(0, strength, std::ssize(kPeriods) - 1); }

  /// Adds score to keys that hold 1 in `channel`.
  Head& look_for(Index channel, double score) {
    auto const d = first_ + kHandChannels;
    layer_.b_Q[d] = 1;
    layer_.W_K(d, channel) = score;
    return *this;
  }
  /// Adds score x (what the query holds in `query_channel`) to keys that hold 1 in `channel`.
  Head& look_for(Index channel, double score, Index query_channel) {
    auto const d = first_ + kHandChannels + 1;
    layer_.W_Q(d, query_channel) = 1;
    layer_.W_K(d, channel) = score;
    return *this;
  }

  /// Writes gain x (what the key holds in `from`) into `to`. Throws Error when the head has no dimension left for `from`.
  Head& write(Index from, Index to, double gain) {
    auto const at = std::find(reads_.begin(), reads_.end(), from);
    auto const d = at == reads_.end() ? new_value(from) : first_ + (at - reads_.begin());
    layer_.W_V(d, from) = 1;
    layer_.W_O(to, d) = gain;
    return *this;
  }
  /// Writes the sum over i of weights[i] x (what the key holds in first + i) into `to`.
  Head& write_sum(Index first, std::span<double const> weights, Index to) {
    auto const d = new_value(kSum);
    for (std::size_t i = 0; i < weights.size(); ++i) layer_.W_V(d, first + static_cast<Index>(i)) = weights[i];
    layer_.W_O(to, d) = 1;
    return *this;
  }

 private:
  static constexpr Index kSum = -1;

  Index new_value(Index from) {
    check(std::ssize(reads_) < kHeadDim, "construction: values that a head reads", text(kHeadDim, " at most"), reads_.size() + 1);
    reads_.push_back(from);
    return first_ + std::ssize(reads_) - 1;
  }

  Construction& model_;
  LayerWeights<double>& layer_;
  Index first_;
  std::vector<Index> reads_;  ///< by value dimension: the channel, or kSum
};

inline Construction::Head Construction::head(Index layer, Index head) { return {*this, layer, head}; }

}  // namespace chg::builtin::detail
