// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/bfloat16.hpp>

#include <cmath>
#include <limits>

using namespace chg;

TEST_CASE("bfloat16: rounding goes to the nearest, and ties to even", "[tensor]") {
  CHECK(as_bfloat16(1.0f) == 1.0f);
  CHECK(as_bfloat16(1.0f + 0x1p-8f) == 1.0f);                // a tie: 1 and 1 + 2^-7, and 1 is even
  CHECK(as_bfloat16(1.0f + 0x3p-8f) == 1.0f + 0x1p-6f);      // a tie: up to the even one
  CHECK(as_bfloat16(1.0f + 0x1.02p-8f) == 1.0f + 0x1p-7f);   // just beyond the tie
  CHECK(as_bfloat16(-1.0f - 0x1.02p-8f) == -1.0f - 0x1p-7f);
  CHECK(std::signbit(as_bfloat16(-0.0f)));
  for (float x = 1; x < 2; x += 0x1.fp-12f) CHECK(std::abs(as_bfloat16(x) - x) <= bfloat16_round_off);
}

TEST_CASE("bfloat16: NaN stays NaN, infinity stays, and what is too large becomes infinite", "[tensor]") {
  constexpr auto infinite = std::numeric_limits<float>::infinity();
  CHECK(as_bfloat16(infinite) == infinite);
  CHECK(as_bfloat16(-infinite) == -infinite);
  CHECK(as_bfloat16(std::numeric_limits<float>::max()) == infinite);
  CHECK(std::isnan(as_bfloat16(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isnan(as_bfloat16(std::bit_cast<float>(0x7fffffffu))));  // whose bits would carry into the sign
  CHECK(std::isnan(as_bfloat16(std::bit_cast<float>(0x7f800001u))));  // whose upper half is that of infinity
}

TEST_CASE("bfloat16: every finite bfloat16 comes back as it is", "[tensor]") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto const x = from_bfloat16(static_cast<std::uint16_t>(bits));
    if (std::isnan(x)) continue;
    if (to_bfloat16(x) != bits) FAIL(bits);
  }
}
