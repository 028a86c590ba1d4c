// SPDX-License-Identifier: MIT
// A room-by-room account of where an update's time goes, from a profile (support/sampler.hpp).
//
//     threads x wall time = sum over parts of processor time in them + idle
//
// A sample belongs to the innermost function of ours that it is in, inlined or not, by the header that the function is
// written in; Eigen's matrix products, which are functions of their own, belong to attention where chg multiplies by weights
// itself (gemm_backend "packed").
#pragma once

#include "support/sampler.hpp"

#include <chg/tensor/gemm.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace chg::bench {

struct Part {
  std::string name;
  double seconds = 0;  ///< of all threads
  double squares = 0;  ///< see Place
  std::int64_t samples = 0;

  /// To what `seconds` is known, s: their 1 / sqrt(n) for n samples of equal weight.
  double uncertainty() const { return std::sqrt(squares); }
};

/// What the products with weights did while the account was taken.
struct ProductsDone {
  double flops = 0;         ///< by formula: minimal work over the chunks
  double weight_bytes = 0;  ///< by formula: every packed matrix is read once for each chunk
  double peak = 0;          ///< FLOP/s of all threads, measured: fused multiply-adds of the scalar
};

struct Account {
  Profile profile;          ///< without its places
  std::vector<Part> parts;  ///< the largest first, idle last
  ProductsDone done;
  std::string largest_other;

  double total() const { return profile.seconds * profile.threads; }
  double product_seconds() const {
    auto const found = std::find_if(parts.begin(), parts.end(), [](Part const& p) { return p.name.starts_with("products"); });
    return found == parts.end() ? 0 : found->seconds;
  }
  double product_share_of_peak() const { return done.flops / product_seconds() / (done.peak / profile.threads); }
};

namespace detail {
struct Rule {
  std::string_view header, function, part;
};
// The first rule that fits a frame. function: part of its name; a function without a part passes the sample to its caller.
inline constexpr Rule kRules[] = {
    {"chg/tensor/packed_matrix.hpp", "round_pairs", "rounding to bfloat16"},
    {"chg/tensor/bfloat16.hpp", "", "rounding to bfloat16"},
    {"chg/tensor/register_tile.hpp", "AttentionTile", "attention: products"},
    {"chg/ops/attention_products.hpp", "", "attention: products"},
    {"chg/tensor/register_tile.hpp", "", "products with weights"},
    {"chg/tensor/packed_matrix.hpp", "", "products with weights"},
    {"chg/tensor/gemm.hpp", "", "products with weights"},
    {"chg/ops/causal_attention.hpp", "", "attention: softmax and its gradient"},
    {"chg/ops/swiglu.hpp", "", "SwiGLU"},
    {"chg/ops/geglu.hpp", "", "GeGLU"},
    {"chg/ops/gelu.hpp", "", "GELU"},
    {"chg/ops/norm.hpp", "", "norms"},
    {"chg/ops/rotary.hpp", "", "rotary positions"},
    {"chg/ops/cross_entropy.hpp", "", "embedding, softmax of logits, its gradient"},
    {"chg/model/transformer.hpp", "", "embedding, softmax of logits, its gradient"},
    {"chg/model/gated_attention.hpp", "", "gates and their gradient"},
    {"chg/model/block.hpp", "", "residual stream"},
};
inline constexpr std::string_view kOther = "other";

inline std::string_view part_of(Place const& place) {
  for (auto const& frame : place.frames)
    for (auto const& rule : kRules)
      if (frame.file.ends_with(rule.header) && frame.function.find(rule.function) != std::string::npos) return rule.part;
  auto const outermost = place.frames.empty() ? std::string() : place.frames.back().function;
  auto const is = [&](std::string_view name) { return outermost.find(name) != std::string::npos; };
  auto const packed = std::string_view(gemm_backend) == "packed";
  if (is("gemm_pack")) return packed ? "attention: products" : "packing for Eigen's products";
  if (is("gebp_") || is("general_matrix") || is("gemv") || is("ProductBlocking"))
    return packed ? "attention: products" : "products, Eigen's";
  auto const in = [&](std::string_view name) { return place.object.find(name) != std::string::npos; };
  if (in("blas")) return "products, BLAS's";
  if (in("libgomp") || in("libomp")) return "threads: waiting awake, starting";
  if (in("libc.so")) return "memory: filling and copying by the C library";
  return kOther;
}
}  // namespace detail

/// The account of one profile.
inline Account account_of(Profile profile, ProductsDone done) {
  std::map<std::string_view, Part> parts;
  std::map<std::string, double> others;
  for (auto const& place : profile.places) {
    auto const name = detail::part_of(place);
    auto& part = parts[name];
    part.seconds += place.seconds;
    part.squares += place.squares;
    part.samples += place.samples;
    if (name == detail::kOther) others[place.frames.empty() ? place.object : place.frames.back().function] += place.seconds;
  }
  Account account{.profile = std::move(profile), .parts = {}, .done = done, .largest_other = {}};
  account.profile.places.clear();
  for (auto& [name, part] : parts) account.parts.push_back({std::string(name), part.seconds, part.squares, part.samples});
  std::sort(account.parts.begin(), account.parts.end(), [](Part const& a, Part const& b) { return a.seconds > b.seconds; });
  account.parts.push_back({"idle", account.total() - account.profile.processor, 0, 0});
  auto const largest = std::max_element(others.begin(), others.end(), [](auto& x, auto& y) { return x.second < y.second; });
  if (largest != others.end())
    account.largest_other = text(largest->first, ", ", std::lround(1e3 * largest->second), " ms");
  return account;
}

/// The account as a Markdown table and the lines below it.
inline std::string table(Account const& a) {
  auto const row = [](char const* format, auto... values) {
    char line[256];
    std::snprintf(line, sizeof line, format, values...);
    return std::string(line);
  };
  auto const& p = a.profile;
  std::string lines = "| part | share, % | thread seconds | samples | share known to, % |\n|---|---|---|---|---|\n";
  for (auto const& part : a.parts) {
    auto const share = 100 * part.seconds / a.total();
    lines += row("| %s | %.2f | %.3f |", part.name.c_str(), share, part.seconds);
    lines += part.samples ? row(" %lld | %.2f |\n", static_cast<long long>(part.samples), 100 * part.uncertainty() / a.total())
                          : std::string(" - | - |\n");
  }
  lines += row("| %d threads x %.3f s | 100 | %.3f | %lld | |\n\n", p.threads, p.seconds, a.total(),
               static_cast<long long>(p.samples));
  lines += row("products with weights: %.1f GFLOP/s a thread, %.1f %% of the FMA peak while in them; %.2f GB of weights read, "
               "%.1f GB/s a thread\n",
               a.done.flops / a.product_seconds() / 1e9, 100 * a.product_share_of_peak(), a.done.weight_bytes / 1e9,
               a.done.weight_bytes / a.product_seconds() / 1e9);
  lines += row("in the kernel: %.3f s of the above, %lld page faults; samples stand for %.1f %% of the processor time\n",
               p.system, static_cast<long long>(p.page_faults), 100 * p.noted);
  if (!a.largest_other.empty()) lines += "largest of other: " + a.largest_other + "\n";
  return lines;
}

}  // namespace chg::bench
