// SPDX-License-Identifier: MIT
// What a transformer is made of: a compile-time Architecture (policies, and extents that may be
// fixed) and the run-time Config that fills in the rest.
#pragma once

#include <chg/ops/rotary.hpp>
#include <chg/tensor/matrix.hpp>

#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chg {

/// The type of chg::dynamic. As an extent it is -1.
struct Dynamic {
  constexpr operator Index() const { return -1; }
};
/// An extent, or a policy, that is known at run time only: the Config has it.
inline constexpr Dynamic dynamic{};

enum class Norm { rms, layer, none };
/// gelu is the exact one, x Phi(x); gelu_tanh its tanh approximation (GPT-2); geglu_tanh is gated
/// by that (Gemma). none: an attention-only transformer.
enum class Mlp { swiglu, geglu_tanh, gelu, gelu_tanh, none };
enum class Position { rotary, learned, none };

constexpr std::string_view name_of(Norm norm) {
  switch (norm) {
    case Norm::rms: return "rms";
    case Norm::layer: return "layer";
    case Norm::none: return "none";
  }
  return "?";
}
constexpr std::string_view name_of(Mlp mlp) {
  switch (mlp) {
    case Mlp::swiglu: return "swiglu";
    case Mlp::geglu_tanh: return "geglu_tanh";
    case Mlp::gelu: return "gelu";
    case Mlp::gelu_tanh: return "gelu_tanh";
    case Mlp::none: return "none";
  }
  return "?";
}
constexpr std::string_view name_of(Position position) {
  switch (position) {
    case Position::rotary: return "rotary";
    case Position::learned: return "learned";
    case Position::none: return "none";
  }
  return "?";
}
constexpr std::string_view name_of(bool value) { return value ? "true" : "false"; }

/// A choice of an architecture's parts. Known, it is decided by the compiler; chg::dynamic, by a
/// branch per layer. Kind: Norm, Mlp, Position or bool.
template <class Kind>
struct Policy {
  Kind value{};  ///< where it is known
  bool known = false;

  constexpr Policy(Dynamic) {}
  template <std::same_as<Kind> Same>
  constexpr Policy(Same kind) : value(kind), known(true) {}

  bool operator==(Policy const&) const = default;
};

/// Whether an MLP has a gate beside its input projection.
constexpr bool gated(Mlp mlp) { return mlp == Mlp::swiglu || mlp == Mlp::geglu_tanh; }

/// A structural type, so that an architecture can be a template argument. Extents are fixed
/// numbers, or chg::dynamic. Families differ by these values, never by a copy of the block.
struct Architecture {
  Index layers = dynamic;
  Index heads = dynamic;     ///< query heads H: one gate each
  Index kv_heads = dynamic;  ///< key-value heads H_kv; H_kv = H without grouping
  Index head_dim = dynamic;  ///< D
  Index d_model = dynamic;   ///< C
  Index d_ff = dynamic;      ///< F
  Index vocab = dynamic;     ///< V
  Policy<Norm> norm = Norm::rms;
  Policy<Mlp> mlp = Mlp::swiglu;
  Policy<Position> position = Position::rotary;
  /// An RMS norm of every query and key, before positions (Qwen3, Gemma 3).
  Policy<bool> query_key_norm = false;
  /// A norm of what attention and MLP put out too, before it is added (Gemma 2 and 3).
  Policy<bool> post_norms = false;
  /// Attention and MLP read the same residual stream (GPT-NeoX).
  Policy<bool> parallel = false;

  bool operator==(Architecture const&) const = default;
};

/// Any transformer: extents and policies at run time.
inline constexpr Architecture any_architecture{.norm = dynamic,
                                               .mlp = dynamic,
                                               .position = dynamic,
                                               .query_key_norm = dynamic,
                                               .post_norms = dynamic,
                                               .parallel = dynamic};
/// Any model of the Llama kind, extents at run time.
inline constexpr Architecture llama_like{};
/// Any model of the GPT-2 kind, extents at run time.
inline constexpr Architecture gpt2_like{
    .norm = Norm::layer, .mlp = Mlp::gelu_tanh, .position = Position::learned};
/// Any model of the Qwen3 kind, extents at run time.
inline constexpr Architecture qwen3_like{.query_key_norm = true};
/// Any model of the first Gemma's kind, extents at run time; its norms' scales are stored without
/// the 1.
inline constexpr Architecture gemma_like{.mlp = Mlp::geglu_tanh};
/// Any model of the Gemma 2 kind, extents at run time.
inline constexpr Architecture gemma2_like{.mlp = Mlp::geglu_tanh, .post_norms = true};
/// Any model of the Gemma 3 kind (text), extents at run time.
inline constexpr Architecture gemma3_like{
    .mlp = Mlp::geglu_tanh, .query_key_norm = true, .post_norms = true};
/// Any model of the GPT-NeoX (Pythia) kind, extents at run time.
inline constexpr Architecture neox_like{.norm = Norm::layer, .mlp = Mlp::gelu, .parallel = true};
/// The same with the MLP after the attention (use_parallel_residual false), extents at run time.
inline constexpr Architecture neox_sequential_like{.norm = Norm::layer, .mlp = Mlp::gelu};
/// The simplest transformer in which heads compose: no norm, no MLP, learned positions. Extents at
/// run time.
inline constexpr Architecture attention_only{
    .norm = Norm::none, .mlp = Mlp::none, .position = Position::learned};
inline constexpr Architecture llama_3_2_1b{.layers = 16,
                                           .heads = 32,
                                           .kv_heads = 8,
                                           .head_dim = 64,
                                           .d_model = 2048,
                                           .d_ff = 8192,
                                           .vocab = 128'256};
inline constexpr Architecture smollm2_135m{.layers = 30,
                                           .heads = 9,
                                           .kv_heads = 3,
                                           .head_dim = 64,
                                           .d_model = 576,
                                           .d_ff = 1536,
                                           .vocab = 49'152};

/// The run-time half of an architecture. Extents that the Architecture fixes must agree with it,
/// and so must policies; of these one that is dynamic here too is the Architecture's.
struct Config {
  Policy<Norm> norm = dynamic;
  Policy<Mlp> mlp = dynamic;
  Policy<Position> position = dynamic;
  Policy<bool> query_key_norm = dynamic, post_norms = dynamic, parallel = dynamic;
  Index layers = 0, heads = 0, kv_heads = 0, head_dim = 0, d_model = 0, d_ff = 0, vocab = 0;
  Index context = 0;  ///< longest sequence, in tokens
  double norm_epsilon = 1e-5;
  Rotary rotary{};
  /// Of the layers with a window, where it differs (Gemma 3).
  std::optional<Rotary> local_rotary{};
  /// One per layer: how many positions a query sees, itself included; 0 or empty: all of them.
  std::vector<Index> windows{};
  double attention_scale = 0;     ///< of query times key; 0: 1 / sqrt(head_dim)
  double attention_soft_cap = 0;  ///< c of c tanh(scaled score / c); 0: none (Gemma 2: 50)
  double logit_soft_cap = 0;      ///< c of c tanh(logit / c); 0: none (Gemma 2: 30)
  /// Of token embeddings as they enter layer 0; the unembedding is not scaled.
  double embedding_scale = 1;

  Index group() const { return heads / kv_heads; }
  Index window(Index layer) const {
    return windows.empty() ? 0 : windows[static_cast<std::size_t>(layer)];
  }
  Rotary const& rotary_of(Index window) const {
    return window > 0 && local_rotary ? *local_rotary : rotary;
  }
  double query_scale() const {
    return attention_scale != 0 ? attention_scale : 1 / std::sqrt(static_cast<double>(head_dim));
  }

  bool operator==(Config const&) const = default;
};

/// Calls visit(name, policy, policy) for each policy of two of these: Architectures or Configs.
template <class One, class Other, class Visit>
constexpr void for_each_policy(One& one, Other& other, Visit&& visit) {
  visit("norm", one.norm, other.norm);
  visit("mlp", one.mlp, other.mlp);
  visit("position", one.position, other.position);
  visit("query_key_norm", one.query_key_norm, other.query_key_norm);
  visit("post_norms", one.post_norms, other.post_norms);
  visit("parallel", one.parallel, other.parallel);
}

/// The config with the policies that the architecture knows.
constexpr Config resolved(Architecture const& architecture, Config config) {
  for_each_policy(architecture, config, [](char const*, auto const& fixed, auto& at_run_time) {
    if (fixed.known) at_run_time = fixed;
  });
  return config;
}

/// The architecture with the config's policies where it leaves them open.
constexpr Architecture policies_of(Architecture architecture, Config const& config) {
  for_each_policy(architecture, config, [](char const*, auto& fixed, auto const& at_run_time) {
    if (!fixed.known) fixed = at_run_time;
  });
  return architecture;
}

/// A Config with what `architecture` fixes; its other extents are 0, to be filled in.
constexpr Config config_of(Architecture const& a) {
  auto const known = [](Index extent) { return extent == dynamic ? Index{0} : extent; };
  Config c;
  c.layers = known(a.layers), c.heads = known(a.heads), c.kv_heads = known(a.kv_heads),
  c.head_dim = known(a.head_dim);
  c.d_model = known(a.d_model), c.d_ff = known(a.d_ff), c.vocab = known(a.vocab);
  return resolved(a, c);
}

/// The architecture with the policies of `config`, and every extent dynamic.
constexpr Architecture architecture_of(Config const& config) {
  Architecture a;
  for_each_policy(a, config, [](char const*, auto& to, auto const& from) { to = from; });
  return a;
}

namespace detail {
inline void validate(std::string const& name, Rotary const& r, Index head_dim) {
  auto const positive = [](double x) { return std::isfinite(x) && x > 0; };
  check(r.channels >= 0 && r.channels <= head_dim, name + ".channels",
        text("0 (all) to head_dim = ", head_dim), r.channels);
  check(ops::rotary_channels(r, head_dim) % 2 == 0,
        r.channels > 0 ? name + ".channels" : "config: head_dim",
        "an even number, since rotary positions turn pairs of channels",
        ops::rotary_channels(r, head_dim));
  check(positive(r.theta), name + ".theta", "a positive number", r.theta);
  check(positive(r.linear_factor), name + ".linear_factor", "a positive number", r.linear_factor);
  auto const pairs = static_cast<std::size_t>(ops::rotary_channels(r, head_dim) / 2);
  check(r.divisors.empty() || r.divisors.size() == pairs, name + ".divisors",
        text(pairs, ", one a pair, or none"), r.divisors.size());
  for (auto const divisor : r.divisors)
    check(positive(divisor), name + ".divisors", "positive numbers", divisor);
  if (!r.scaled) return;
  auto const& s = r.scaling;
  check(positive(s.factor), name + ".scaling.factor", "a positive number", s.factor);
  check(s.low_freq_factor > 0 && s.high_freq_factor > s.low_freq_factor &&
            std::isfinite(s.high_freq_factor),
        name + ".scaling.high_freq_factor", "a number above low_freq_factor, which is positive",
        text(s.high_freq_factor, ", low_freq_factor ", s.low_freq_factor));
  check(s.original_context >= 1, name + ".scaling.original_context", "1 or more",
        s.original_context);
}
}  // namespace detail

/// Throws Error naming the first value that no transformer can have, that `architecture`
/// contradicts, or that neither has.
inline void validate(Architecture const& architecture, Config const& said) {
  for_each_policy(architecture, said,
                  [](char const* name, auto const& fixed, auto const& at_run_time) {
    check(fixed.known || at_run_time.known, text("config: ", name),
          "a policy, since the Architecture leaves it to the Config", "chg::dynamic",
          "Set it, or begin with chg::config_of(architecture).");
    check(!fixed.known || !at_run_time.known || fixed == at_run_time, text("config: ", name),
          text(name_of(fixed.value), ", which the Architecture fixes"), name_of(at_run_time.value),
          "Leave it chg::dynamic in one of the two.");
  });
  auto const config = resolved(architecture, said);
  auto const post_norms = config.post_norms == true, parallel = config.parallel == true;
  check(!post_norms || config.norm != Norm::none, "config: post_norms",
        "false where there is no norm", "true");
  check(!parallel || !post_norms, "config: parallel", "false with post_norms", "true");
  check(!parallel || config.mlp != Mlp::none, "config: parallel", "false where there is no MLP",
        "true");
  auto const extent = [](char const* name, Index fixed, Index actual) {
    check(actual >= 1, text("config: ", name), "1 or more", actual);
    check(fixed == dynamic || fixed == actual, text("config: ", name),
          text(fixed, ", which the Architecture fixes"), actual,
          "Use chg::dynamic for this extent, or the Config that belongs to the Architecture.");
  };
  extent("layers", architecture.layers, config.layers);
  extent("heads", architecture.heads, config.heads);
  extent("kv_heads", architecture.kv_heads, config.kv_heads);
  extent("head_dim", architecture.head_dim, config.head_dim);
  extent("d_model", architecture.d_model, config.d_model);
  if (config.mlp != Mlp::none) extent("d_ff", architecture.d_ff, config.d_ff);
  extent("vocab", architecture.vocab, config.vocab);
  check(config.context >= 1, "config: context", "1 or more", config.context);
  check(config.heads % config.kv_heads == 0, "config: kv_heads",
        text("a divisor of heads = ", config.heads), config.kv_heads);
  if (config.position == Position::rotary) {
    detail::validate("config: rotary", config.rotary, config.head_dim);
    if (config.local_rotary)
      detail::validate("config: local_rotary", *config.local_rotary, config.head_dim);
  }
  check(std::isfinite(config.norm_epsilon) && config.norm_epsilon >= 0, "config: norm_epsilon",
        "0 or a positive number", config.norm_epsilon);
  check(config.windows.empty() || static_cast<Index>(config.windows.size()) == config.layers,
        "config: windows", text("none, or one a layer (", config.layers, ")"),
        config.windows.size());
  for (auto const window : config.windows)
    check(window >= 0, "config: windows", "0 (all positions) or a positive number", window);
  check(std::isfinite(config.attention_scale) && config.attention_scale >= 0,
        "config: attention_scale", "0 (1 / sqrt(head_dim)) or a positive number",
        config.attention_scale);
  auto const not_negative = [](char const* name, double x, char const* meaning) {
    check(std::isfinite(x) && x >= 0, text("config: ", name),
          text("0 (", meaning, ") or a positive number"), x);
  };
  not_negative("attention_soft_cap", config.attention_soft_cap, "none");
  not_negative("logit_soft_cap", config.logit_soft_cap, "none");
  check(std::isfinite(config.embedding_scale) && config.embedding_scale > 0,
        "config: embedding_scale", "a positive number", config.embedding_scale);
}

/// One requirement a line; instantiated by every template that takes an Architecture.
template <Architecture A>
struct CheckArchitecture {
  static_assert(A.layers == dynamic || A.layers >= 1,
                "chg::Architecture: layers must be 1 or more, or chg::dynamic. Set .layers.");
  static_assert(A.heads == dynamic || A.heads >= 1,
                "chg::Architecture: heads must be 1 or more, or chg::dynamic. Set .heads.");
  static_assert(A.kv_heads == dynamic || A.kv_heads >= 1,
                "chg::Architecture: kv_heads must be 1 or more, or chg::dynamic. Set .kv_heads (= "
                ".heads without grouping).");
  static_assert(A.heads == dynamic || A.kv_heads < 1 || A.heads % A.kv_heads == 0,
                "chg::Architecture: heads must be a multiple of kv_heads, since query heads share "
                "key-value heads in equal "
                "groups. Change .heads or .kv_heads.");
  static_assert(A.head_dim == dynamic || A.head_dim >= 1,
                "chg::Architecture: head_dim must be 1 or more, or chg::dynamic. Set .head_dim.");
  static_assert(A.position != Position::rotary || A.head_dim == dynamic || A.head_dim % 2 == 0,
                "chg::Architecture: head_dim must be even with Position::rotary, which turns pairs "
                "of channels. Change .head_dim "
                "or .position.");
  static_assert(A.post_norms != true || A.norm != Norm::none,
                "chg::Architecture: post_norms needs a norm. Set .norm, or .post_norms = false.");
  static_assert(A.parallel != true || A.post_norms != true,
                "chg::Architecture: parallel attention and MLP have no norm of their outputs. Set "
                ".parallel or .post_norms to false.");
  static_assert(A.parallel != true || A.mlp != Mlp::none,
                "chg::Architecture: parallel needs an MLP beside the attention. Set .mlp, or "
                ".parallel = false.");
  static_assert(A.d_model == dynamic || A.d_model >= 1,
                "chg::Architecture: d_model must be 1 or more, or chg::dynamic. Set .d_model.");
  static_assert(A.mlp == Mlp::none || A.d_ff == dynamic || A.d_ff >= 1,
                "chg::Architecture: d_ff must be 1 or more, or chg::dynamic. Set .d_ff, or .mlp = "
                "chg::Mlp::none.");
  static_assert(A.vocab == dynamic || A.vocab >= 1,
                "chg::Architecture: vocab must be 1 or more, or chg::dynamic. Set .vocab.");
};

}  // namespace chg
