// SPDX-License-Identifier: MIT
#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <chg/cli/gates_file.hpp>
#include <chg/run/file.hpp>

#include <cmath>

using namespace chg;
using namespace chg::cli;
using namespace chg::test;

namespace {

/// A .npy file of version 1 with this dictionary and these bytes of numbers.
std::string npy(std::string header, std::string const& numbers) {
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size() & 255) + static_cast<char>(header.size() >> 8) +
         header + numbers;
}

}  // namespace

TEST_CASE("gates_file: what write_npy writes reads back, in both precisions and with one set or several", "[cli]") {
  TemporaryDirectory const directory;
  auto const path = directory.path() / "G.npy";
  Array<double, 3> const three({{{0, 0.25}, {0.5, 1}, {0.75, 1}}, {{1, 1}, {0, 0}, {0.125, 1}}});
  run::write_npy<double>(path, three);
  auto const several = read_gates(path, 3, 2);
  CHECK(several.several);
  CHECK(several.gates == Gates(three));
  run::write_npy<float>(path, three);
  CHECK(read_gates(path, 3, 2).gates == Gates(three));
  Array<double, 2> const two({{0, 0.25}, {0.5, 1}});
  run::write_npy<float>(path, two);
  auto const one = read_gates(path, 2, 2);
  CHECK_FALSE(one.several);
  CHECK(one.gates.sets() == 1);
  CHECK(one.gates(0, 1, 0) == 0.5);
}

TEST_CASE("gates_file: another shape, values that are no gates, and other files are refused by name", "[cli]") {
  TemporaryDirectory const directory;
  auto const path = directory.path() / "G.npy";
  auto const error = [&](std::string const& bytes) {
    directory.write("G.npy", bytes);
    return message_of([&] { read_gates(path, 2, 1); });
  };
  std::string const half("\0\0\0\x3f", 4), nan("\0\0\xc0\x7f", 4), two("\0\0\0\x40", 4);
  auto const header = [](std::string const& descr, std::string const& order, std::string const& shape) {
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  };
  CHECK(has_all(error(npy(header("<f4", "False", "(2, 1)"), half + half)), {"no chg::Error was thrown"}));
  CHECK(has_all(error(npy(header("<f4", "False", "(1, 2)"), half + half)), {"G.npy", "[2, 1]", "[S, 2, 1]", "got [1, 2]"}));
  CHECK(has_all(error(npy(header("<f4", "True", "(2, 1)"), half + half)), {"G.npy", "C order", "Fortran order"}));
  CHECK(has_all(error(npy(header("<i4", "False", "(2, 1)"), half + half)), {"float32 or float64", "<i4"}));
  CHECK(has_all(error(npy(header(">f4", "False", "(2, 1)"), half + half)), {"little-endian", ">f4"}));
  CHECK(has_all(error(npy(header("<f4", "False", "(2, 1)"), half)), {"bytes of numbers", "[2, 1]"}));
  CHECK(has_all(error(npy(header("<f4", "False", "(2, 1)"), half + nan)), {"G.npy", "layer 1, head 0", "[0, 1]", "nan"}));
  CHECK(has_all(error(npy(header("<f4", "False", "(2, 1)"), half + two)), {"layer 1, head 0", "got 2"}));
  CHECK(has_all(error(npy(header("<f4", "False", "(0, 2, 1)"), "")), {"wrong shape", "[0, 2, 1]"}));
  CHECK(has_all(error(npy(header("<f4", "False", "(2, x)"), half)), {"shape in the header"}));
  CHECK(has_all(error(npy(header("<f4", "False", "(9223372036854775807, 9223372036854775807)"), half)), {"bytes of numbers"}));
  CHECK(has_all(error("{}"), {"a .npy file"}));
  CHECK(has_all(error(npy("{}", "")), {"an entry descr"}));
  std::string const more = "'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), ";
  for (std::string const key : {"descr", "fortran_order", "shape"}) {
    auto const from = more.find(key) - 1;
    auto const entry = more.substr(from, more.find(", '", from) - from);  // up to the next key, or to the end
    auto const twice = "{" + entry + ", " + header("<f4", "False", "(2, 1)").substr(1);
    CHECK(has_all(error(npy(twice, half + half)), {"G.npy: header", "one entry " + key, "two or more"}));
  }
  CHECK(has_all(error(std::string("\x93NUMPY\x01\x00\xff\xff{", 11)), {"cut off"}));
}
