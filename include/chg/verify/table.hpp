// SPDX-License-Identifier: MIT
// A table of gradient checks, one a line, with one verdict over all.
#pragma once

#include <chg/verify/report.hpp>

#include <algorithm>
#include <optional>

namespace chg::verify {

/// Collects reports and prints them aligned. An empty table has not passed: it has checked nothing.
class Table {
 public:
  struct Row {
    std::string operation;
    std::optional<Index> layer;
    Report report;
  };

  Table& add(std::string operation, Report report) {
    rows_.push_back({std::move(operation), std::nullopt, std::move(report)});
    return *this;
  }
  /// A check of one operation in one layer of a model.
  Table& add(std::string operation, Index layer, Report report) {
    rows_.push_back({std::move(operation), layer, std::move(report)});
    return *this;
  }

  std::vector<Row> const& rows() const { return rows_; }

  bool passed() const { return !rows_.empty() && failures() == 0; }
  explicit operator bool() const { return passed(); }

  /// Checks that did not pass: failed or undecided.
  Index failures() const {
    return static_cast<Index>(std::count_if(rows_.begin(), rows_.end(), [](Row const& r) { return !r.report.passed(); }));
  }

 private:
  std::vector<Row> rows_;
};

/// A header, a line a check (errors relative to the largest entry of the gradient), and a line of summary.
inline std::ostream& operator<<(std::ostream& out, Table const& table) {
  std::vector<std::vector<std::string>> lines{
      {"operation", "layer", "against", "compared", "relative error", "limit", "worst at", "verdict"}};
  auto layered = false;
  for (auto const& [operation, layer, r] : table.rows()) {
    layered = layered || layer.has_value();
    auto const error = detail::short_number(r.relative) + (r.uncertainty > 0 ? " +- " + detail::short_number(r.uncertainty) : "");
    lines.push_back({operation, layer ? text(*layer) : "", r.method, text(r.compared), error, detail::short_number(r.tolerance),
                     r.where, text(r.verdict)});
  }
  auto const right_aligned = [](std::size_t column) { return column == 1 || (column >= 3 && column <= 5); };
  std::vector<std::size_t> width(lines[0].size(), 0);
  for (auto const& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) width[c] = std::max(width[c], line[c].size());
  for (auto const& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      if (c == 1 && !layered) continue;
      auto const padding = std::string(width[c] - line[c].size(), ' ');
      out << (c == 0 ? "" : "  ") << (c + 1 == line.size() ? line[c] : right_aligned(c) ? padding + line[c] : line[c] + padding);
    }
    out << '\n';
  }
  auto const checks = table.rows().size();
  if (checks == 0) return out << "nothing was checked: NOT passed\n";
  if (table.passed()) return out << (checks == 1 ? "1 check, passed\n" : text(checks, " checks, all passed\n"));
  return out << table.failures() << " of " << checks << (checks == 1 ? " check" : " checks") << " did NOT pass\n";
}

}  // namespace chg::verify
