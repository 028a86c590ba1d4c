// SPDX-License-Identifier: MIT
// What every head of a constructed model is for, and whether a fit found it out.
#pragma once

#include <chg/analysis/taxonomy.hpp>
#include <chg/task/mapping.hpp>

#include <iomanip>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace chg::builtin {

/// One head of a model whose weights were written by hand.
struct KnownHead {
  Index layer = 0, head = 0;
  std::string name;                            ///< "previous token"
  HeadClass expected = HeadClass::irrelevant;  ///< in every fit on the model's task
  /// Heads of one number can stand in for one another: exactly one of them is as expected, the others are irrelevant.
  std::optional<Index> alternative{};
  /// Serves this format alone: as expected there, irrelevant in the other.
  std::optional<task::Format> format{};
};

/// Every head of a model, by layer and head.
class Circuit {
 public:
  explicit Circuit(std::vector<KnownHead> heads) : heads_(std::move(heads)) {}

  auto begin() const { return heads_.begin(); }
  auto end() const { return heads_.end(); }

  /// Throws Error when there is no such head.
  KnownHead const& operator()(Index layer, Index head) const {
    for (auto const& known : heads_)
      if (known.layer == layer && known.head == head) return known;
    throw Error({"circuit: head", "a layer and head of the model", text("layer ", layer, ", head ", head), ""});
  }

  /// The class that a fit should give a head; format: of the examples, which matters for models of two formats only. A head with
  /// alternatives gets what the one that stays gets.
  static HeadClass expected(KnownHead const& known, task::Format format = task::Format::icl) {
    return known.format && *known.format != format ? HeadClass::irrelevant : known.expected;
  }

  /// Whether one gate set of a fit shows exactly this circuit: the class of every head, and exactly one head of each set of
  /// alternatives.
  bool matches(Roles const& roles, Index set, task::Format format = task::Format::icl) const {
    for (auto const& known : heads_) {
      auto const found = roles.head_class(set, known.layer, known.head);
      if (known.alternative
              ? standing(roles, set, *known.alternative) != 1 || (found != known.expected && found != HeadClass::irrelevant)
              : found != expected(known, format))
        return false;
    }
    return true;
  }

  /// Whether one gate set of a contrastive fit keeps (gate 0.5 or more) exactly the heads that it should: all but those that
  /// serve the other format alone, and those that interfere.
  bool matches(Gates const& gates, Index set, task::Format retained) const {
    for (auto const& known : heads_) {
      auto const keep = known.expected != HeadClass::interfering && (!known.format || *known.format == retained);
      if (keep != (gates(set, known.layer, known.head) >= 0.5)) return false;
    }
    return true;
  }

 private:
  Index standing(Roles const& roles, Index set, Index alternative) const {
    Index count = 0;
    for (auto const& known : heads_)
      count += known.alternative == alternative && roles.head_class(set, known.layer, known.head) == known.expected;
    return count;
  }

  std::vector<KnownHead> heads_;
};

/// One line a head.
inline std::ostream& operator<<(std::ostream& out, Circuit const& circuit) {
  out << "layer head  expected       what it does\n";
  for (auto const& known : circuit) {
    out << std::setw(5) << known.layer << std::setw(5) << known.head << "  ";
    out << std::left << std::setw(15) << name(known.expected) << std::right << known.name;
    if (known.alternative) out << " (one of several that can stand in for one another)";
    if (known.format) out << (known.format == task::Format::icl ? " (in-context examples only)" : " (instructions only)");
    out << '\n';
  }
  return out;
}

}  // namespace chg::builtin
