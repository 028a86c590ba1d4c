// SPDX-License-Identifier: MIT
// Any bytes as a .npy file of gates, and its gates as those of a model of 2 layers and 3 heads.
#include <chg/cli/gates_file.hpp>

#include "fuzz/fuzz.hpp"

#include <utility>

void chg::fuzz::read(std::string_view bytes) {
  auto const npy = cli::parse_npy(bytes, "FILE");
  std::size_t product = 1;
  for (auto const extent : npy.shape) product *= static_cast<std::size_t>(extent);
  require(npy.values.size() == product);
  Gates const gates(cli::gate_shaped(npy, "FILE", 2, 3));
  for (auto const g : gates.values()) require(g >= 0 && g <= 1);
}

std::vector<std::string> chg::fuzz::seeds() {
  auto const file = [](char version, std::string const& descr, std::string const& shape, std::string const& numbers) {
    auto header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
    auto const length_bytes = version == 1 ? 2u : 4u;
    while ((8 + length_bytes + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    auto bytes = std::string("\x93NUMPY") + version + '\0';
    for (unsigned i = 0; i < length_bytes; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
    return bytes + header + numbers;
  };
  auto const halves = [](auto one, std::size_t count) {
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) bytes.append(reinterpret_cast<char const*>(&one), sizeof one);
    return bytes;
  };
  return {file(1, "<f4", "(2, 3)", halves(0.5f, 6)), file(2, "<f8", "(2, 2, 3)", halves(0.5, 12)),
          file(3, "<f4", "(1, 2, 3)", halves(1.0f, 6))};
}
