// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/cli/console.hpp>
#include <chg/cli/settings.hpp>

using namespace chg;
using namespace chg::cli;

TEST_CASE("settings: sizes are powers of 1024, with or without a B", "[cli]") {
  CHECK(memory_size("512") == 512);
  CHECK(memory_size("2K") == 2048);
  CHECK(memory_size("1.5G") == 1.5 * 1024 * 1024 * 1024);
  CHECK(memory_size("4GiB") == memory_size("4G"));
  CHECK(memory_size("4MB") == memory_size("4M"));
  CHECK(std::isinf(memory_size("none")));
  for (auto const* bad : {"", "G", "-1G", "0", "4X", "1G1", "nan", "inf"})
    CHECK_THROWS_AS(memory_size(bad), CLI::ValidationError);
}

TEST_CASE("settings: rates are START:END, bounds a number or none", "[cli]") {
  CHECK(learning_rate("0.5:0.1") == LearningRate{0.5, 0.1});
  for (auto const* bad : {"0.5", "0.5:", ":1", "a:b", "0.5:0.1:2"})
    CHECK_THROWS_AS(learning_rate(bad), CLI::ValidationError);
  CHECK(number_or_none("4") == 4);
  CHECK(std::isinf(number_or_none("none")));
  CHECK_THROWS_AS(number_or_none("inf"), CLI::ValidationError);
}

TEST_CASE("settings: a seed is a whole number of 64 bits", "[cli]") {
  CHECK(whole_number("18446744073709551615") == 18446744073709551615u);
  for (auto const* bad : {"", "-1", "+1", "1.0", "18446744073709551616", "1e3", " 1"})
    CHECK_THROWS_AS(whole_number(bad), CLI::ValidationError);
}

TEST_CASE("console: a word for the shell is quoted when it must be", "[cli]") {
  CHECK(shell_word("builtin:teaching") == "builtin:teaching");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("") == "''");
  CHECK(duration_text(59.9) == "0:59");
  CHECK(duration_text(3909) == "1:05:09");
}
