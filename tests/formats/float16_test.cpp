// SPDX-License-Identifier: MIT
#include <chg/formats/float16.hpp>
#include <chg/tensor/bfloat16.hpp>

#include "support/catch.hpp"

#include <cmath>
#include <limits>

namespace {

/// The definition of a binary floating-point number, in double, where every product is exact.
double by_definition(unsigned bits, int exponent_bits, int fraction_bits) {
  auto const sign = (bits >> (exponent_bits + fraction_bits)) != 0 ? -1.0 : 1.0;
  auto const exponent = static_cast<int>((bits >> fraction_bits) & ((1u << exponent_bits) - 1));
  auto const fraction = static_cast<double>(bits & ((1u << fraction_bits) - 1));
  auto const bias = (1 << (exponent_bits - 1)) - 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp(fraction + std::ldexp(1.0, fraction_bits), exponent - bias - fraction_bits);
}

bool same(float actual, double expected) {
  if (std::isnan(expected)) return std::isnan(actual);
  return static_cast<double>(actual) == expected && std::signbit(actual) == std::signbit(expected);
}

}  // namespace

TEST_CASE("float16: every F16 pattern becomes exactly its number, subnormals, zeros and infinities too", "[formats]") {
  for (unsigned bits = 0; bits < 65536; ++bits)
    if (!same(chg::formats::float_from_f16(static_cast<std::uint16_t>(bits)), by_definition(bits, 5, 10))) FAIL("bits " << bits);
}

TEST_CASE("float16: every BF16 pattern becomes exactly its number", "[formats]") {
  for (unsigned bits = 0; bits < 65536; ++bits)
    if (!same(chg::from_bfloat16(static_cast<std::uint16_t>(bits)), by_definition(bits, 8, 7))) FAIL("bits " << bits);
}
