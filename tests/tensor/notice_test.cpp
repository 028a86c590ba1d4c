// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/notice.hpp>

#include <string>
#include <vector>

TEST_CASE("notice: each line is said once, to the handler in place", "[tensor]") {
  std::vector<std::string> said;
  auto before = chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  chg::notice("two files disagree");
  chg::notice("a letter is newer than the tables");
  chg::notice("two files disagree");
  CHECK(said == std::vector<std::string>{"two files disagree", "a letter is newer than the tables"});

  chg::set_notice_handler({});
  chg::notice("nobody listens");
  CHECK(said.size() == 2);

  chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  chg::notice("two files disagree");
  CHECK(said.size() == 3);
  chg::set_notice_handler(std::move(before));
}
