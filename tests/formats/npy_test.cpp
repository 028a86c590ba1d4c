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
