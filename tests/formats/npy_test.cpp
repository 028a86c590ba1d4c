// SPDX-License-Identifier: MIT
#include <chg/formats/npy.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <algorithm>

using namespace chg;
using namespace chg::formats;
using namespace chg::test;

TEST_CASE("npy: the bytes are those that NumPy writes", "[formats]") {
  auto const bytes = npy_bytes<double>(Array<double, 2>({{0, 1, 2}, {3, 4, -5}}));
  std::string const dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
  std::string wanted("\x93NUMPY\x01\x00v\x00", 10);  // "v": 118 bytes of header, so that the numbers begin at 128
  wanted += dictionary + std::string(117 - dictionary.size(), ' ') + '\n';
  for (double const x : {0., 1., 2., 3., 4., -5.}) wanted.append(reinterpret_cast<char const*>(&x), sizeof x);
  REQUIRE(bytes == wanted);
  REQUIRE(npy_bytes<float>(Array<double, 1>({0.5, 1})).find("'<f4', 'fortran_order': False, 'shape': (2,), }") != std::string::npos);
  for (std::size_t n = 1; n < 1'000'000'000'000'000'000; n *= 10)  // of every length
    REQUIRE(npy_bytes<float>(Array<double, 3>(std::array{n, std::size_t{0}, n})).size() % 64 == 0);
}

TEST_CASE("npy: what is written reads back, in both precisions", "[formats]") {
  Array<double, 3> const values{{{0.1, 1}, {2, -3}, {1e-300, 5}}};  // [1, 3, 2]
  auto const doubles = parse_npy(npy_bytes<double>(values), "D"), floats = parse_npy(npy_bytes<float>(values), "F");
  REQUIRE(doubles.shape == std::vector<Index>{1, 3, 2});
  REQUIRE(std::equal(values.begin(), values.end(), doubles.values.begin(), doubles.values.end()));
  REQUIRE(floats.shape == doubles.shape);
  REQUIRE(std::equal(values.begin(), values.end(), floats.values.begin(), floats.values.end(),
                     [](double a, double b) { return static_cast<float>(a) == b; }));
  auto const none = parse_npy(npy_bytes<float>(Array<double, 2>(std::array<std::size_t, 2>{0, 3})), "N");
  REQUIRE(none.shape == std::vector<Index>{0, 3});
  REQUIRE(none.values.empty());
}

TEST_CASE("npy: what is no .npy file of floats in C order is refused, and the file is named", "[formats]") {
  auto const good = npy_bytes<float>(Array<double, 1>({0.5, 1}));
  auto const said = [](std::string const& bytes) { return message_of([&] { parse_npy(bytes, "F"); }); };
  auto const with = [&](std::string const& from, std::string const& to) {
    auto bytes = good;
    return bytes.replace(bytes.find(from), from.size(), to);
  };
  REQUIRE(parse_npy(good, "F").values == std::vector{0.5, 1.0});
  auto bad = good;
  bad[0] = 'x';
  for (auto const& bytes : {bad, std::string(), good.substr(0, 9)})
    CHECK(said(bytes) == "F. Expected a .npy file, got another kind of file.");
  for (char const version : {0, 4}) {
    bad = good;
    bad[6] = version;
    CHECK(said(bad) == text("F: version of the format. Expected 1 to 3, got ", int{version}, "."));
  }
  CHECK(said(good.substr(0, 10)) == "F is cut off. Expected a header of 118 bytes, got 0.");
  CHECK(said(good.substr(0, good.size() - 1)).starts_with("F: bytes of numbers. Expected as many as the shape [2] says, got 7."));
  CHECK(said(good + "x").starts_with("F: bytes of numbers. Expected as many as the shape [2] says, got 9."));
  CHECK(ordered(said(with("<f4", "<i4")), {"F: type of the numbers", "float32 or float64", "got '<i4'"}));
  CHECK(ordered(said(with("False", "True ")), {"F: order of the numbers", "C order", "got Fortran order"}));
  CHECK(ordered(said(with("(2,)", "(2, ")), {"F: shape in the header", "a tuple of extents"}));
  CHECK(ordered(said(with("(2,)", "(-2)")), {"F: shape in the header", "a tuple of extents"}));
  CHECK(ordered(said(with("'shape'", "'shapo'")), {"F: header", "an entry shape", "got none"}));
  CHECK(ordered(said(with("fortran_order", "descr':'','x ")), {"F: header", "one entry descr", "got two or more"}));
  auto const six = npy_bytes<float>(Array<double, 2>(std::array<std::size_t, 2>{3, 2}));
  CHECK(ordered(said(six.substr(0, 128 + 2)), {"F: bytes of numbers", "[3, 2]", "got 2"}));
  // 3 times this is 1 modulo 2^62, so that bytes of floats would be 4 modulo 2^64.
  auto const one = npy_bytes<float>(Array<double, 3>(std::array<std::size_t, 3>{1, 1, 1}));
  auto many = one;
  std::string const old = "'shape': (1, 1, 1), }", huge = "'shape': (3,3074457345618258603),}";
  many.replace(many.find(old), huge.size(), huge);
  CHECK(ordered(said(many), {"F: bytes of numbers", "[3, 3074457345618258603]", "got 4"}));
}
