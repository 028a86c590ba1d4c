// SPDX-License-Identifier: MIT
// What a fit gives back: gates and their logits after each phase, the log, the options as resolved, and where to go on.
#pragma once

#include <chg/gate/fit_options.hpp>
#include <chg/tensor/examples.hpp>

#include <array>
#include <vector>

namespace chg {

enum class Status { finished, interrupted };

/// What a fit was made from; a fit is resumed only with the same.
struct Origin {
  std::uint64_t data = 0;  ///< fingerprint of all tokens and target masks
  Index units = 0;         ///< examples, or matched pairs
  Index layers = 0;
  Index heads = 0;
  Index scalar_bytes = 0;  ///< of the model's numbers: 8 double, 4 float, 2 float with products in bfloat16

  bool operator==(Origin const&) const = default;
};

/// The place at which a fit was left. Between phases `update` is 0, and logits and state are not needed.
struct ResumePoint {
  Index phase = 0;                     ///< number of the phase, in the order of the fit
  Index update = 0;                    ///< updates made in it
  GateLogits u{};                      ///< [S, L, H]
  std::vector<double> update_state{};  ///< of the update rule, set by set

  bool operator==(ResumePoint const&) const = default;
};

/// What fits of both kinds share.
template <class OptionsType, class RowType>
struct FitRecord {
  using Options = OptionsType;
  using Row = RowType;

  Options options{};  ///< as resolved: normalise is set, gate_sets is that of init; without the callback
  Status status = Status::finished;
  std::vector<Row> metrics{};  ///< one row an update and gate set, in the order phase, update, seed
  Origin origin{};
  ResumePoint point{};

  /// Seed of gate set s.
  std::uint64_t seed(Index s) const { return options.seed + static_cast<std::uint64_t>(s); }
};

namespace detail {
inline Gates gates_of(GateLogits const& u, char const* name, char const* phase) {
  check(!u.empty(), text("fit: ", name), text("a fit whose phase ", phase, " has run to its end"), "one that has not come so far",
        "Resume it, or give that phase updates.");
  return sigmoid(u);
}
}  // namespace detail

/// Result of chg::fit. Logits of a phase that has not run to its end are empty.
struct Fit : FitRecord<FitOptions, UpdateRow> {
  GateLogits u0{};       ///< without pressure, [S, L, H]
  GateLogits u_plus{};   ///< from u0 under retention
  GateLogits u_minus{};  ///< from u0 under removal

  /// G0, G+, G-, [S, L, H]. Throw Error when the phase has not run to its end.
  Gates g0() const { return detail::gates_of(u0, "G0", "none"); }
  Gates g_plus() const { return detail::gates_of(u_plus, "G+", "retain"); }
  Gates g_minus() const { return detail::gates_of(u_minus, "G-", "remove"); }
};

/// Result of chg::contrast.
struct ContrastiveFit : FitRecord<ContrastOptions, ContrastiveRow> {
  GateLogits u{};  ///< [S, L, H]

  Gates g() const { return detail::gates_of(u, "G", "contrast"); }
};

namespace detail {

/// Where phase number `phase` of a record leaves its logits.
template <class Record>
auto& result(Record& record, Index phase) {
  if constexpr (requires { record.u_plus; })
    return phase == 0 ? record.u0 : phase == 1 ? record.u_plus : record.u_minus;
  else
    return record.u;
}

/// Throws Error naming the first part of a record that contradicts another: never in what a fit returns, perhaps in a
/// damaged file.
template <class Record>
void validate_record(Record const& record) {
  auto const& o = record.options;
  auto const& origin = record.origin;
  auto const& point = record.point;
  check(origin.units >= 1, "fit: examples", "1 or more", origin.units);
  auto const extent = [](Index n) { return n >= 1 && n <= kMostSets; };
  check(extent(origin.layers) && extent(origin.heads), "fit: layers and heads", text("1 to ", kMostSets, " of each"),
        shape_text(origin.layers, origin.heads));
  check(extent(o.gate_sets), "fit: gate sets", text("1 to ", kMostSets), o.gate_sets);
  validate(o, origin.layers, origin.heads);
  check(o.normalise.has_value(), "fit: option normalise", "mean or sum", "none");
  auto const phases = phases_of(o);
  auto const count = static_cast<Index>(phases.size());
  check(point.phase >= 0 && point.phase <= count, "fit: phase to go on with", text("0 to ", count), point.phase);
  check((point.phase == count) == (record.status == Status::finished), "fit: status", "finished after the last phase alone",
        "a contradiction");
  auto const updates = point.phase < count ? phases[static_cast<std::size_t>(point.phase)].updates : 1;
  check(point.update == 0 || (point.update > 0 && point.update < updates), "fit: update to go on with",
        text("0 to ", updates - 1), point.update);

  auto const check_logits = [&](GateLogits const& u, std::string const& name, bool there) {
    auto const right = u.sets() == o.gate_sets && u.layers() == origin.layers && u.heads() == origin.heads;
    auto const shape = text("[", o.gate_sets, ", ", origin.layers, ", ", origin.heads, "]");
    check(there ? right : u.empty(), "fit: logits " + name, there ? shape : "none yet",
          text("[", u.sets(), ", ", u.layers(), ", ", u.heads(), "]"));
  };
  Index made = point.update;
  for (Index p = 0; p < count; ++p) {
    check_logits(result(record, p), text("after phase ", p), p < point.phase);
    if (p < point.phase) made += phases[static_cast<std::size_t>(p)].updates;
  }
  check_logits(point.u, "to go on with", point.update > 0);
  auto const state = point.update > 0 ? o.gate_sets * Adam::state_size(origin.layers * origin.heads) : 0;
  auto const numbers = static_cast<Index>(point.update_state.size()), rows = static_cast<Index>(record.metrics.size());
  check(numbers == state, "fit: numbers in the state of the update rule", text(state), numbers);
  check(rows == made * o.gate_sets, "fit: rows of the log", text(made * o.gate_sets), rows);
}

/// FNV-1a of 64 bits: any single changed byte changes it.
class Fingerprint {
 public:
  void add(void const* bytes, std::size_t count) {
    auto const p = static_cast<unsigned char const*>(bytes);
    for (std::size_t i = 0; i < count; ++i) state_ = (state_ ^ p[i]) * 0x100000001B3;
  }
  template <class Number>
  void add(Number number) {
    for (std::size_t i = 0; i < sizeof number; ++i) {
      auto const byte = static_cast<unsigned char>(static_cast<std::uint64_t>(number) >> (8 * i));
      add(&byte, 1);
    }
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325;
};

template <std::size_t K>
std::uint64_t fingerprint(std::array<Examples const*, K> const& data) {
  Fingerprint f;
  for (auto const* examples : data) {
    f.add(examples->size());
    for (auto const& e : *examples) {
      f.add(static_cast<Index>(e.tokens.size()));
      for (auto const token : e.tokens) f.add(token);
      f.add(e.target_mask.data(), e.target_mask.size());
    }
  }
  return f.value();
}

}  // namespace detail

}  // namespace chg
