// SPDX-License-Identifier: MIT
// Numbers beside the table of what was reached before (table.txt): worse ones fail and say by how much, better ones are reported.
#pragma once

#include "support/catch.hpp"

#include <chg/tensor/error.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace chg::tests {

/// A line of the table: name, number, and the percent over it that are let pass where it depends on more than the library. What
/// begins with # is for readers.
struct TableLine {
  std::string text, name;
  long number = 0;
  double slack = 0;
};

/// The lines whose names begin with `prefix`. With CHG_RENEW_TABLE in the environment, the file takes the numbers measured.
class TableSection {
 public:
  explicit TableSection(std::string prefix) : prefix_(std::move(prefix)) {
    std::ifstream file(CHG_REGRESSION_TABLE);
    for (std::string text; std::getline(file, text);) {
      TableLine line{text, "", 0, 0};
      std::istringstream words(text);
      if (text.find_first_not_of(' ') != std::string::npos && text[0] != '#') {
        words >> line.name >> line.number;
        check(!words.fail(), "regression table: line", "NAME NUMBER [PERCENT]", text);
        if (!(words >> line.slack)) line.slack = 0;
      }
      lines_.push_back(line);
    }
    check(!lines_.empty(), "regression table", CHG_REGRESSION_TABLE, "no such file, or an empty one");
  }
  TableSection(TableSection const&) = delete;
  TableSection& operator=(TableSection const&) = delete;

  /// Lines that nothing measures would never fail.
  ~TableSection() {
    for (auto const& line : lines_)
      if (line.name.starts_with(prefix_) && !measured_.contains(line.name)) {
        UNSCOPED_INFO(line.name << " is in the table, and was not measured");
        CHECK(false);
      }
    if (renewing()) {
      std::ofstream file(CHG_REGRESSION_TABLE);
      for (auto const& line : lines_) file << line.text << '\n';
    }
  }

  bool empty() const {
    for (auto const& line : lines_)
      if (line.name.starts_with(prefix_)) return false;
    return true;
  }

  /// Compares the line prefix + suffix.
  void at_most(std::string const& suffix, double measured) {
    auto const name = prefix_ + suffix;
    auto const number = static_cast<long>(measured);
    measured_.insert(name);
    for (auto& line : lines_) {
      if (line.name != name) continue;
      auto const before = static_cast<double>(line.number);
      char percent[32];
      std::snprintf(percent, sizeof percent, "%+.2f %%", 100 * (static_cast<double>(number) / before - 1));
      if (renewing() && number != line.number)
        line.text.replace(line.text.find(text(line.number), name.size()), text(line.number).size(), text(number));
      else if (static_cast<double>(number) < before * (1 - line.slack / 100))
        std::cout << "better: " << name << " is " << number << ", the table has " << line.number << " (" << percent << "). "
                  << kHow << std::endl;
      else if (static_cast<double>(number) > before * (1 + line.slack / 100))
        FAIL_CHECK("worse: " << name << " is " << number << ", the table has " << line.number << " (" << percent << ", of which "
                             << line.slack << " % are let pass). " << kHow);
      return;
    }
    auto const added = text(name, "  ", number);
    if (renewing())
      lines_.push_back({added, name, number, 0});
    else
      FAIL_CHECK("not in the table: " << added << ". " << kHow);
  }

  static bool renewing() { return std::getenv("CHG_RENEW_TABLE") != nullptr; }

 private:
  static constexpr auto kHow =
      "To renew it, run this test with CHG_RENEW_TABLE=1, and commit tests/regression/table.txt with the reason.";

  std::string prefix_;
  std::vector<TableLine> lines_;
  std::set<std::string> measured_;
};

}  // namespace chg::tests
