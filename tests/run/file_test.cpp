// SPDX-License-Identifier: MIT
#include <chg/run/file.hpp>

#if __has_include(<xtensor/xnpy.hpp>)
#include <xtensor/xnpy.hpp>
#else
#include <xtensor/io/xnpy.hpp>
#endif

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace chg::test;
using chg::run::Csv;

TEST_CASE("file: npy files are read back by xtensor with shape and numbers, float32 or float64", "[run]") {
  TemporaryDirectory const directory;
  chg::Array<double, 3> const values{{{0.1, 1}, {2, -3}, {1e-300, 5}}};  // [1, 3, 2]
  chg::run::write_npy<double>(directory.path() / "d.npy", values);
  chg::run::write_npy<float>(directory.path() / "f.npy", values);
  auto const doubles = xt::load_npy<double>((directory.path() / "d.npy").string());
  auto const floats = xt::load_npy<float>((directory.path() / "f.npy").string());
  REQUIRE(doubles.dimension() == 3);
  REQUIRE(std::equal(doubles.shape().begin(), doubles.shape().end(), values.shape().begin()));
  REQUIRE(std::equal(doubles.begin(), doubles.end(), values.begin()));
  REQUIRE(std::equal(floats.begin(), floats.end(), values.begin(), [](float a, double b) { return a == static_cast<float>(b); }));
  auto const bytes = contents(directory.path() / "f.npy");
  REQUIRE(bytes.substr(1, 5) == "NUMPY");
  REQUIRE(has_all(bytes, {"'<f4'", "'fortran_order': False", "(1, 3, 2"}));
  REQUIRE(bytes.size() % 64 == 6 * sizeof(float) % 64);  // the data begin at a multiple of 64
}

TEST_CASE("csv: a number that is not defined is an empty field, and infinity is an error", "[run]") {
  Csv csv{"a", "b"};
  csv.row(std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN());
  REQUIRE(csv.bytes() == "a,b\n,\n");
  REQUIRE(has_all(message_of([&] { csv.row(1, -std::numeric_limits<double>::infinity()); }), {"finite", "got -inf"}));
}

TEST_CASE("csv: numbers read back as they are, and text with commas, quotes or lines is quoted", "[run]") {
  Csv csv{"a", "b,c", "d"};
  csv.row(0.1, std::int64_t{-7}, std::string_view("plain"));
  csv.row(1e300 * 10, 1.0 / 3, "say \"x\"\n");
  csv.row(std::numeric_limits<double>::quiet_NaN(), ~std::uint64_t{0}, "");
  REQUIRE(csv.bytes() == "a,\"b,c\",d\n0.1,-7,plain\n1e+301,0.3333333333333333,\"say \"\"x\"\"\n\"\n,18446744073709551615,\n");
  REQUIRE(has_all(message_of([&] { csv.row(1, 2); }), {"csv: row. Expected 3 fields, got 2."}));
}
