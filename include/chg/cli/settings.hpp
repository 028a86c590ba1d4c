// SPDX-License-Identifier: MIT
// The options that every command shares, and how values are spelled on a command line.
#pragma once

#include <chg/gate/gate_optimizer.hpp>
#include <chg/tensor/gemm.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace chg::cli {

struct Settings {
  int threads = 0;
  std::string precision = "f32";
  std::string bos = "auto";
  std::string pretokenizer{};  ///< of tokenizer files that name none
  std::uint64_t seed = 0;
  std::string max_memory = "none";
  bool quiet = false;
  bool progress = false;
};

inline Products products_of(Settings const& s) { return s.precision == "bf16" ? Products::bfloat16 : Products::full; }

/// A number that fills the text. This and the functions below throw CLI::ValidationError, a usage error, for other texts; CLI11
/// puts the option before it.
inline double number(std::string_view text) {
  double value = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw CLI::ValidationError(fmt::format("Expected a number, got \"{}\"", text));
  return value;
}

/// A number, or "none" for infinity: a bound that is switched off.
inline double number_or_none(std::string_view text) {
  if (text == "none") return std::numeric_limits<double>::infinity();
  try {
    return number(text);
  } catch (CLI::ValidationError const&) {
    throw CLI::ValidationError(fmt::format("Expected a number or none, got \"{}\"", text));
  }
}

/// "0.1:0.01" is a rate that falls from 0.1 towards 0.01.
inline LearningRate learning_rate(std::string const& text) {
  auto const colon = text.find(':');
  if (colon == std::string::npos)
    throw CLI::ValidationError(fmt::format("Expected START:END, for instance 0.1:0.01, got \"{}\"", text));
  return {number(std::string_view(text).substr(0, colon)), number(std::string_view(text).substr(colon + 1))};
}

/// "512M", "4G" or "1.5G" in bytes: K, M, G, T are powers of 1024, also written KB or KiB. "none": infinity.
inline double memory_size(std::string_view text) {
  auto const whole = text;
  if (text == "none") return std::numeric_limits<double>::infinity();
  auto const bad = [&] {
    return CLI::ValidationError(fmt::format("Expected a size like 512M or 4G, or none, got \"{}\"", whole));
  };
  for (std::string_view const unit : {"iB", "B"})
    if (text.ends_with(unit)) {
      text.remove_suffix(unit.size());
      break;
    }
  double factor = 1;
  if (!text.empty())
    if (auto const place = std::string_view("KMGT").find(text.back()); place != std::string_view::npos) {
      factor = std::pow(1024.0, static_cast<double>(place + 1));
      text.remove_suffix(1);
    }
  double value = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || !(value > 0) || !std::isfinite(value)) throw bad();
  return value * factor;
}

/// Bytes for a person: "3.2 GiB".
inline std::string bytes_text(double bytes) {
  if (bytes >= 1024.0 * 1024 * 1024) return fmt::format("{:.1f} GiB", bytes / (1024.0 * 1024 * 1024));
  return fmt::format("{:.1f} MiB", bytes / (1024.0 * 1024));
}

/// Accepts one of these words.
inline CLI::Validator one_of(std::vector<std::string> words) {
  auto const list = fmt::format("{}", fmt::join(words, "|"));
  return CLI::Validator(
      [words = std::move(words), list](std::string& given) {
    for (auto const& word : words)
      if (given == word) return std::string();
    return fmt::format("Expected {}, got \"{}\"", list, given);
      },
      list);
}

/// Accepts what a function above reads.
template <class Read>
CLI::Validator readable(Read read) {
  return CLI::Validator(
      [read](std::string& given) {
    read(given);
    return std::string();
      },
      "");
}

/// A whole number of 64 bits. CLI11 itself takes -1 for 2^64 - 1, and what is too large for 2^64 - 1.
inline std::uint64_t whole_number(std::string_view text) {
  std::uint64_t value = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    throw CLI::ValidationError(fmt::format("Expected a whole number from 0 to 18446744073709551615, got \"{}\"", text));
  return value;
}

inline void add_settings(CLI::App& command, Settings& s) {
  auto const group = "Options of every command";
  command
      .add_option(
          "--threads", s.threads,
          "Threads; 0: one for each processor that this process may use, at most OMP_NUM_THREADS and the CPU quota of its "
          "container or job, rounded up. Results do not depend on it")
      ->check(CLI::Range(0, 4096))
      ->type_name("N")
      ->group(group);
  command
      .add_option("--precision", s.precision,
                  "Numbers that the model computes with; bf16: weights and what they are multiplied with, the rest as f32")
      ->check(one_of({"f32", "f64", "bf16"}))
      ->type_name("")
      ->group(group);
  command
      .add_option("--bos", s.bos,
                  "Whether texts begin with the model's BOS; auto: as its tokenizer says. Tokens stay as they are")
      ->check(one_of({"auto", "on", "off"}))
      ->type_name("")
      ->group(group);
  command
      .add_option("--pretokenizer", s.pretokenizer,
                  "How a byte-level tokenizer splits texts (gpt2, llama3, qwen2, ...), where neither its files nor the model's "
                  "family say")
      ->type_name("NAME")
      ->group(group);
  command.add_option("--seed", s.seed, "Seed of everything random")->check(readable(whole_number))->type_name("N")->group(group);
  command
      .add_option(
          "--max-memory", s.max_memory,
          "Memory to stay within, like 512M or 4G. The limit, model, data and --batch decide into which chunks a batch is "
          "cut, which changes results by round-off; then as many of the threads run as fit")
      ->check(readable(memory_size))
      ->type_name("SIZE")
      ->group(group);
  command.add_flag("--quiet", s.quiet, "No progress, and no tables where results go to a file")->group(group);
  command.add_flag("--progress", s.progress, "Progress on stderr though it is no terminal")->group(group);
}

}  // namespace chg::cli
