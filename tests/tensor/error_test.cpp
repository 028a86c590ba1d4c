// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/error.hpp>

#include <string>

TEST_CASE("error: what() says what is wrong, what was expected, what was found and what to try", "[tensor]") {
  chg::Error const full({"gates", "numbers in [0, 1]", "1.5", "Use logits for numbers of any size."});
  CHECK(std::string(full.what()) == "gates. Expected numbers in [0, 1], got 1.5. Use logits for numbers of any size.");
  CHECK(full.complaint().got == "1.5");
  chg::Error const brief({"gates", "numbers in [0, 1]", "1.5", ""});
  CHECK(std::string(brief.what()) == "gates. Expected numbers in [0, 1], got 1.5.");
}

TEST_CASE("error: check throws only when its condition fails", "[tensor]") {
  CHECK_NOTHROW(chg::check(true, "heads", "1 or more", 0));
  CHECK_THROWS_AS(chg::check(false, "heads", "1 or more", 0), chg::Error);
  try {
    chg::check(false, "heads", "1 or more", 0, "Set .heads.");
  } catch (chg::Error const& e) {
    CHECK(std::string(e.what()) == "heads. Expected 1 or more, got 0. Set .heads.");
  }
}

TEST_CASE("error: text joins anything, numbers to their last bit", "[tensor]") {
  CHECK(chg::text("layer ", 3, " of ", 8, ", gate ", 0.1) == "layer 3 of 8, gate 0.10000000000000001");
}
