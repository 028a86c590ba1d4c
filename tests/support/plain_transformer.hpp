// SPDX-License-Identifier: MIT
// A transformer in plain loops, written from the equations: one sequence at a time, no batching, no trees, no products of
// matrices. What the fast path is compared with.
#pragma once

#include <chg/model/weights.hpp>
#include <chg/ops/rotary.hpp>
#include <chg/tensor/examples.hpp>

#include <cmath>
#include <vector>

namespace chg::tests {

using Row = std::vector<double>;

inline Row affine(Matrix<double> const& W, RowVector<double> const& b, Row const& x) {
  Row y(static_cast<std::size_t>(W.rows()));
  for (Index o = 0; o < W.rows(); ++o) {
    y[static_cast<std::size_t>(o)] = b.size() > 0 ? b[o] : 0;
    for (Index i = 0; i < W.cols(); ++i) y[static_cast<std::size_t>(o)] += W(o, i) * x[static_cast<std::size_t>(i)];
  }
  return y;
}

inline Row plain_norm(Norm kind, RowVector<double> const& g, RowVector<double> const& b, double epsilon, Row const& x) {
  if (kind == Norm::none) return x;
  double mean = 0, square = 0;
  if (kind == Norm::layer)
    for (auto v : x) mean += v / static_cast<double>(x.size());
  for (auto v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
  Row y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = (x[i] - mean) / std::sqrt(square + epsilon) * g[static_cast<Index>(i)] +
           (kind == Norm::layer ? b[static_cast<Index>(i)] : 0);
  return y;
}

inline void plain_rotary(Rotary const& rotary, Index D, Index position, double* head) {
  for (Index i = 0; i < D / 2; ++i) {
    auto const a = rotary.pairing == RotaryPairing::halves ? i : 2 * i;
    auto const b = rotary.pairing == RotaryPairing::halves ? i + D / 2 : 2 * i + 1;
    auto const angle = static_cast<double>(position) * ops::rotary_frequency(rotary, D, i);
    auto const x = head[a], y = head[b];
    head[a] = x * std::cos(angle) - y * std::sin(angle);
    head[b] = x * std::sin(angle) + y * std::cos(angle);
  }
}

inline double plain_activation(Mlp kind, double a) {
  if (kind == Mlp::gelu) return a * 0.5 * (1 + std::erf(a / std::sqrt(2.0)));
  auto const inner = std::sqrt(2 / std::acos(-1.0)) * (a + 0.044715 * a * a * a);
  return a * 0.5 * (1 + std::tanh(inner));
}

/// Log-probabilities of every token after every position: [T][V]. gates: [L, H].
inline std::vector<Row> plain_log_probabilities(Architecture const& arch, Config const& c, Weights<double> const& w,
                                                std::vector<Token> const& tokens, Matrix<double> const& gates) {
  auto const T = tokens.size();
  std::vector<Row> x(T);
  for (std::size_t t = 0; t < T; ++t)
    for (Index i = 0; i < c.d_model; ++i)
      x[t].push_back(w.embedding(tokens[t], i) +
                     (arch.position == Position::learned ? w.positions(static_cast<Index>(t), i) : 0));
  for (Index l = 0; l < c.layers; ++l) {
    auto const& layer = w.layers[static_cast<std::size_t>(l)];
    std::vector<Row> q(T), k(T), v(T);
    for (std::size_t t = 0; t < T; ++t) {
      auto const h = plain_norm(arch.norm, layer.attention_norm, layer.attention_norm_bias, c.norm_epsilon, x[t]);
      q[t] = affine(layer.W_Q, layer.b_Q, h), k[t] = affine(layer.W_K, layer.b_K, h), v[t] = affine(layer.W_V, layer.b_V, h);
      if (arch.position == Position::rotary) {
        for (Index head = 0; head < c.heads; ++head)
          plain_rotary(c.rotary, c.head_dim, static_cast<Index>(t), q[t].data() + head * c.head_dim);
        for (Index head = 0; head < c.kv_heads; ++head)
          plain_rotary(c.rotary, c.head_dim, static_cast<Index>(t), k[t].data() + head * c.head_dim);
      }
    }
    for (std::size_t t = T; t-- > 0;) {
      Row y(static_cast<std::size_t>(c.heads * c.head_dim), 0.0);
      for (Index head = 0; head < c.heads; ++head) {
        auto const at = static_cast<std::size_t>(head * c.head_dim), kv = static_cast<std::size_t>(head / c.group() * c.head_dim);
        auto const window = c.window(l);
        auto const first = window > 0 && static_cast<Index>(t) >= window ? t + 1 - static_cast<std::size_t>(window) : 0;
        Row score(T, 0.0);
        double sum = 0;
        for (auto s = first; s <= t; ++s) {
          for (std::size_t d = 0; d < static_cast<std::size_t>(c.head_dim); ++d) score[s] += q[t][at + d] * k[s][kv + d];
          score[s] = std::exp(score[s] * c.query_scale());
          sum += score[s];
        }
        for (auto s = first; s <= t; ++s)
          for (std::size_t d = 0; d < static_cast<std::size_t>(c.head_dim); ++d)
            y[at + d] += gates(l, head) * score[s] / sum * v[s][kv + d];
      }
      auto const out = affine(layer.W_O, layer.b_O, y);
      for (std::size_t i = 0; i < out.size(); ++i) x[t][i] += out[i];
      if (arch.mlp == Mlp::none) continue;
      auto const h = plain_norm(arch.norm, layer.mlp_norm, layer.mlp_norm_bias, c.norm_epsilon, x[t]);
      auto up = affine(layer.W_up, layer.b_up, h);
      if (arch.mlp == Mlp::swiglu) {
        auto const a = affine(layer.W_gate, layer.b_gate, h);
        for (std::size_t i = 0; i < up.size(); ++i) up[i] *= a[i] / (1 + std::exp(-a[i]));
      } else {
        for (auto& a : up) a = plain_activation(arch.mlp, a);
      }
      auto const down = affine(layer.W_down, layer.b_down, up);
      for (std::size_t i = 0; i < down.size(); ++i) x[t][i] += down[i];
    }
  }
  std::vector<Row> result;
  for (std::size_t t = 0; t < T; ++t) {
    auto const h = plain_norm(arch.norm, w.final_norm, w.final_norm_bias, c.norm_epsilon, x[t]);
    auto logits = affine(w.tied() ? w.embedding : w.unembedding, w.unembedding_bias, h);
    double sum = 0;
    for (auto z : logits) sum += std::exp(z);
    for (auto& z : logits) z -= std::log(sum);
    result.push_back(logits);
  }
  return result;
}

}  // namespace chg::tests
