// SPDX-License-Identifier: MIT
// A transformer in plain loops, written from the equations: one sequence at a time, no batching, no trees, no products of
// matrices. What the fast path is compared with; on dual numbers, its gradient too.
#pragma once

#include <chg/model/weights.hpp>
#include <chg/ops/rotary.hpp>
#include <chg/tensor/dual.hpp>
#include <chg/tensor/examples.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace chg::tests {

template <class Number>
using Row = std::vector<Number>;

template <class Number>
Row<Number> affine(Matrix<double> const& W, RowVector<double> const& b, Row<Number> const& x) {
  Row<Number> y(static_cast<std::size_t>(W.rows()));
  for (Index o = 0; o < W.rows(); ++o) {
    y[static_cast<std::size_t>(o)] = b.size() > 0 ? b[o] : 0;
    for (Index i = 0; i < W.cols(); ++i) y[static_cast<std::size_t>(o)] += W(o, i) * x[static_cast<std::size_t>(i)];
  }
  return y;
}

template <class Number>
Row<Number> plain_norm(Norm kind, RowVector<double> const& g, RowVector<double> const& b, double epsilon, Row<Number> const& x) {
  using std::sqrt;
  if (kind == Norm::none) return x;
  Number mean = 0, square = 0;
  if (kind == Norm::layer)
    for (auto v : x) mean += v / static_cast<double>(x.size());
  for (auto v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
  Row<Number> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] =
        (x[i] - mean) / sqrt(square + epsilon) * g[static_cast<Index>(i)] + (kind == Norm::layer ? b[static_cast<Index>(i)] : 0);
  return y;
}

template <class Number>
void plain_rotary(Rotary const& rotary, Index D, Index position, Number* head) {
  auto const turned = rotary.channels > 0 ? rotary.channels : D;
  for (Index i = 0; i < turned / 2; ++i) {
    auto const a = rotary.pairing == RotaryPairing::halves ? i : 2 * i;
    auto const b = rotary.pairing == RotaryPairing::halves ? i + turned / 2 : 2 * i + 1;
    auto const angle = static_cast<double>(position) * ops::rotary_frequency(rotary, D, i);
    auto const x = head[a], y = head[b];
    head[a] = x * std::cos(angle) - y * std::sin(angle);
    head[b] = x * std::sin(angle) + y * std::cos(angle);
  }
}

// An RMS norm of each head's D channels.
template <class Number>
void plain_head_norm(RowVector<double> const& g, double epsilon, Row<Number>& heads) {
  auto const D = static_cast<std::size_t>(g.size());
  for (std::size_t at = 0; at < heads.size(); at += D) {
    auto const normed =
        plain_norm(Norm::rms, g, {}, epsilon, Row<Number>(heads.begin() + long(at), heads.begin() + long(at + D)));
    std::copy(normed.begin(), normed.end(), heads.begin() + long(at));
  }
}

template <class Number>
Number soft_capped(Number x, double cap) {
  using std::tanh;
  return cap > 0 ? cap * tanh(x / cap) : x;
}

template <class Number>
Number plain_activation(Mlp kind, Number a) {
  using std::erf, std::tanh;
  if (kind == Mlp::gelu) return a * 0.5 * (1 + erf(a / std::sqrt(2.0)));
  Number const inner = std::sqrt(2 / std::acos(-1.0)) * (a + 0.044715 * a * a * a);
  return a * 0.5 * (1 + tanh(inner));
}

/// Log-probabilities of every token after every position: [T][V]. gates: [L, H].
template <class Number>
std::vector<Row<Number>> plain_log_probabilities(Architecture const& arch, Config const& c, Weights<double> const& w,
                                                 std::vector<Token> const& tokens, Matrix<Number> const& gates) {
  using std::exp, std::log;
  auto const T = tokens.size();
  std::vector<Row<Number>> x(T);
  for (std::size_t t = 0; t < T; ++t)
    for (Index i = 0; i < c.d_model; ++i)
      x[t].push_back(c.embedding_scale * w.embedding(tokens[t], i) +
                     (arch.position == Position::learned ? w.positions(static_cast<Index>(t), i) : 0));
  for (Index l = 0; l < c.layers; ++l) {
    auto const& layer = w.layers[static_cast<std::size_t>(l)];
    std::vector<Row<Number>> q(T), k(T), v(T);
    for (std::size_t t = 0; t < T; ++t) {
      auto const h = plain_norm(arch.norm.value, layer.attention_norm, layer.attention_norm_bias, c.norm_epsilon, x[t]);
      q[t] = affine(layer.W_Q, layer.b_Q, h), k[t] = affine(layer.W_K, layer.b_K, h), v[t] = affine(layer.W_V, layer.b_V, h);
      if (arch.query_key_norm == true) {
        plain_head_norm(layer.q_norm, c.norm_epsilon, q[t]);
        plain_head_norm(layer.k_norm, c.norm_epsilon, k[t]);
      }
      if (arch.position == Position::rotary) {
        auto const& rotary = c.local_rotary && c.window(l) > 0 ? *c.local_rotary : c.rotary;
        for (Index head = 0; head < c.heads; ++head)
          plain_rotary(rotary, c.head_dim, static_cast<Index>(t), q[t].data() + head * c.head_dim);
        for (Index head = 0; head < c.kv_heads; ++head)
          plain_rotary(rotary, c.head_dim, static_cast<Index>(t), k[t].data() + head * c.head_dim);
      }
    }
    for (std::size_t t = T; t-- > 0;) {
      Row<Number> y(static_cast<std::size_t>(c.heads * c.head_dim), 0.0);
      for (Index head = 0; head < c.heads; ++head) {
        auto const at = static_cast<std::size_t>(head * c.head_dim), kv = static_cast<std::size_t>(head / c.group() * c.head_dim);
        auto const window = c.window(l);
        auto const first = window > 0 && static_cast<Index>(t) >= window ? t + 1 - static_cast<std::size_t>(window) : 0;
        Row<Number> score(T, 0.0);
        Number sum = 0;
        for (auto s = first; s <= t; ++s) {
          for (std::size_t d = 0; d < static_cast<std::size_t>(c.head_dim); ++d) score[s] += q[t][at + d] * k[s][kv + d];
          score[s] = exp(soft_capped(score[s] * c.query_scale(), c.attention_soft_cap));
          sum += score[s];
        }
        for (auto s = first; s <= t; ++s)
          for (std::size_t d = 0; d < static_cast<std::size_t>(c.head_dim); ++d)
            y[at + d] += gates(l, head) * score[s] / sum * v[s][kv + d];
      }
      auto const before = x[t];
      auto out = affine(layer.W_O, layer.b_O, y);
      if (arch.post_norms == true)
        out = plain_norm(arch.norm.value, layer.attention_post_norm, layer.attention_post_norm_bias, c.norm_epsilon, out);
      for (std::size_t i = 0; i < out.size(); ++i) x[t][i] += out[i];
      if (arch.mlp == Mlp::none) continue;
      auto const h = plain_norm(arch.norm.value, layer.mlp_norm, layer.mlp_norm_bias, c.norm_epsilon, arch.parallel == true ? before : x[t]);
      auto up = affine(layer.W_up, layer.b_up, h);
      if (gated(arch.mlp.value)) {
        auto const a = affine(layer.W_gate, layer.b_gate, h);
        for (std::size_t i = 0; i < up.size(); ++i)
          up[i] *= arch.mlp == Mlp::swiglu ? a[i] / (1 + exp(-a[i])) : plain_activation(Mlp::gelu_tanh, a[i]);
      } else {
        for (auto& a : up) a = plain_activation(arch.mlp.value, a);
      }
      auto down = affine(layer.W_down, layer.b_down, up);
      if (arch.post_norms == true) down = plain_norm(arch.norm.value, layer.mlp_post_norm, layer.mlp_post_norm_bias, c.norm_epsilon, down);
      for (std::size_t i = 0; i < down.size(); ++i) x[t][i] += down[i];
    }
  }
  std::vector<Row<Number>> result;
  for (std::size_t t = 0; t < T; ++t) {
    auto const h = plain_norm(arch.norm.value, w.final_norm, w.final_norm_bias, c.norm_epsilon, x[t]);
    auto logits = affine(w.tied() ? w.embedding : w.unembedding, w.unembedding_bias, h);
    Number sum = 0;
    for (auto& z : logits) z = soft_capped(z, c.logit_soft_cap);
    for (auto z : logits) sum += exp(z);
    for (auto& z : logits) z -= log(sum);
    result.push_back(logits);
  }
  return result;
}

}  // namespace chg::tests
