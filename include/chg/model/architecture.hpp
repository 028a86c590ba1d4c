// SPDX-License-Identifier: MIT
// What a transformer is made of: a compile-time Architecture (policies, and extents that may be fixed) and the run-time
// Config that fills in the rest.
#pragma once

#include <chg/ops/rotary.hpp>
#include <chg/tensor/matrix.hpp>

#include <cmath>
#include <vector>

namespace chg {

/// An extent that is known at run time only.
inline constexpr Index dynamic = -1;

enum class Norm { rms, layer, none };
/// gelu is the exact one, x Phi(x); gelu_tanh its tanh approximation (GPT-2). none: an attention-only transformer.
enum class Mlp { swiglu, gelu, gelu_tanh, none };
enum class Position { rotary, learned, none };

/// A structural type, so that an architecture can be a template argument. Extents are fixed numbers, or chg::dynamic.
/// Families differ by these values, never by a copy of the block.
struct Architecture {
  Index layers = dynamic;
  Index heads = dynamic;     ///< query heads H: one gate each
  Index kv_heads = dynamic;  ///< key-value heads H_kv; H_kv = H without grouping
  Index head_dim = dynamic;  ///< D
  Index d_model = dynamic;   ///< C
  Index d_ff = dynamic;      ///< F
  Index vocab = dynamic;     ///< V
  Norm norm = Norm::rms;
  Mlp mlp = Mlp::swiglu;
  Position position = Position::rotary;

  bool operator==(Architecture const&) const = default;
};

/// Any model of the Llama kind, extents at run time.
inline constexpr Architecture llama_like{};
/// Any model of the GPT-2 kind, extents at run time.
inline constexpr Architecture gpt2_like{.norm = Norm::layer, .mlp = Mlp::gelu_tanh, .position = Position::learned};
inline constexpr Architecture llama_3_2_1b{
    .layers = 16, .heads = 32, .kv_heads = 8, .head_dim = 64, .d_model = 2048, .d_ff = 8192, .vocab = 128'256};
inline constexpr Architecture smollm2_135m{
    .layers = 30, .heads = 9, .kv_heads = 3, .head_dim = 64, .d_model = 576, .d_ff = 1536, .vocab = 49'152};

/// The run-time half of an architecture. Extents that the Architecture fixes must agree with it.
struct Config {
  Index layers = 0, heads = 0, kv_heads = 0, head_dim = 0, d_model = 0, d_ff = 0, vocab = 0;
  Index context = 0;  ///< longest sequence, in tokens
  double norm_epsilon = 1e-5;
  Rotary rotary{};
  std::vector<Index> windows{};  ///< one a layer: how many positions a query sees, itself included; 0 or empty: all of them
  double attention_scale = 0;    ///< of query times key; 0: 1 / sqrt(head_dim)

  Index group() const { return heads / kv_heads; }
  Index window(Index layer) const { return windows.empty() ? 0 : windows[static_cast<std::size_t>(layer)]; }
  double query_scale() const { return attention_scale != 0 ? attention_scale : 1 / std::sqrt(static_cast<double>(head_dim)); }

  bool operator==(Config const&) const = default;
};

/// A Config with the extents that `architecture` fixes, the others 0, to be filled in.
constexpr Config config_of(Architecture const& a) {
  auto const known = [](Index extent) { return extent == dynamic ? Index{0} : extent; };
  Config c;
  c.layers = known(a.layers), c.heads = known(a.heads), c.kv_heads = known(a.kv_heads), c.head_dim = known(a.head_dim);
  c.d_model = known(a.d_model), c.d_ff = known(a.d_ff), c.vocab = known(a.vocab);
  return c;
}

/// Throws Error naming the first value that no transformer can have, or that `architecture` contradicts.
inline void validate(Architecture const& architecture, Config const& config) {
  auto const extent = [](char const* name, Index fixed, Index actual) {
    check(actual >= 1, text("config: ", name), "1 or more", actual);
    check(fixed == dynamic || fixed == actual, text("config: ", name), text(fixed, ", which the Architecture fixes"), actual,
          "Use chg::dynamic for this extent, or the Config that belongs to the Architecture.");
  };
  extent("layers", architecture.layers, config.layers);
  extent("heads", architecture.heads, config.heads);
  extent("kv_heads", architecture.kv_heads, config.kv_heads);
  extent("head_dim", architecture.head_dim, config.head_dim);
  extent("d_model", architecture.d_model, config.d_model);
  if (architecture.mlp != Mlp::none) extent("d_ff", architecture.d_ff, config.d_ff);
  extent("vocab", architecture.vocab, config.vocab);
  check(config.context >= 1, "config: context", "1 or more", config.context);
  check(config.heads % config.kv_heads == 0, "config: kv_heads", text("a divisor of heads = ", config.heads), config.kv_heads);
  if (architecture.position == Position::rotary) {
    check(config.head_dim % 2 == 0, "config: head_dim", "an even number, since rotary positions turn pairs of channels",
          config.head_dim);
    auto const& r = config.rotary;
    check(std::isfinite(r.theta) && r.theta > 0, "config: rotary.theta", "a positive number", r.theta);
    if (r.scaled) {
      check(std::isfinite(r.scaling.factor) && r.scaling.factor > 0, "config: rotary.scaling.factor", "a positive number",
            r.scaling.factor);
      check(r.scaling.low_freq_factor > 0 && r.scaling.high_freq_factor > r.scaling.low_freq_factor &&
                std::isfinite(r.scaling.high_freq_factor),
            "config: rotary.scaling.high_freq_factor", "a number above low_freq_factor, which is positive",
            text(r.scaling.high_freq_factor, ", low_freq_factor ", r.scaling.low_freq_factor));
      check(r.scaling.original_context >= 1, "config: rotary.scaling.original_context", "1 or more", r.scaling.original_context);
    }
  }
  check(std::isfinite(config.norm_epsilon) && config.norm_epsilon >= 0, "config: norm_epsilon", "0 or a positive number",
        config.norm_epsilon);
  check(config.windows.empty() || static_cast<Index>(config.windows.size()) == config.layers, "config: windows",
        text("none, or one a layer (", config.layers, ")"), config.windows.size());
  for (auto const window : config.windows)
    check(window >= 0, "config: windows", "0 (all positions) or a positive number", window);
  check(std::isfinite(config.attention_scale) && config.attention_scale >= 0, "config: attention_scale",
        "0 (1 / sqrt(head_dim)) or a positive number", config.attention_scale);
}

/// One requirement a line; instantiated by every template that takes an Architecture.
template <Architecture A>
struct CheckArchitecture {
  static_assert(A.layers == dynamic || A.layers >= 1,
                "chg::Architecture: layers must be 1 or more, or chg::dynamic. Set .layers.");
  static_assert(A.heads == dynamic || A.heads >= 1, "chg::Architecture: heads must be 1 or more, or chg::dynamic. Set .heads.");
  static_assert(A.kv_heads == dynamic || A.kv_heads >= 1,
                "chg::Architecture: kv_heads must be 1 or more, or chg::dynamic. Set .kv_heads (= .heads without grouping).");
  static_assert(A.heads == dynamic || A.kv_heads < 1 || A.heads % A.kv_heads == 0,
                "chg::Architecture: heads must be a multiple of kv_heads, since query heads share key-value heads in equal "
                "groups. Change .heads or .kv_heads.");
  static_assert(A.head_dim == dynamic || A.head_dim >= 1,
                "chg::Architecture: head_dim must be 1 or more, or chg::dynamic. Set .head_dim.");
  static_assert(A.position != Position::rotary || A.head_dim == dynamic || A.head_dim % 2 == 0,
                "chg::Architecture: head_dim must be even with Position::rotary, which turns pairs of channels. Change .head_dim "
                "or .position.");
  static_assert(A.d_model == dynamic || A.d_model >= 1,
                "chg::Architecture: d_model must be 1 or more, or chg::dynamic. Set .d_model.");
  static_assert(A.mlp == Mlp::none || A.d_ff == dynamic || A.d_ff >= 1,
                "chg::Architecture: d_ff must be 1 or more, or chg::dynamic. Set .d_ff, or .mlp = chg::Mlp::none.");
  static_assert(A.vocab == dynamic || A.vocab >= 1, "chg::Architecture: vocab must be 1 or more, or chg::dynamic. Set .vocab.");
};

}  // namespace chg
