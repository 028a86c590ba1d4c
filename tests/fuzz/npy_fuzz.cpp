// SPDX-License-Identifier: MIT
// Any bytes as a .npy file of gates, and its gates as those of a model of 2 layers and 3 heads.
#include <chg/cli/gates_file.hpp>

#include "fuzz/mutate.hpp"

#include <utility>

void chg::fuzz::read(std::string_view bytes) {
  auto const npy = formats::parse_npy(bytes, "FILE");
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

namespace {

constexpr std::array<std::string_view, 14> kDescr{"<f4", "<f8",  ">f4", "|u1", "<f2",  "<i8",  "<c8",
                                                  "",    "<f4'", "|O",  "f4",  "<f16", "<f88", "[('a', '<f4')]"};

std::string tuple_text(std::vector<std::uint64_t> const& shape, chg::fuzz::Random& random) {
  std::string all = "(";
  for (auto const n : shape) all += std::to_string(n) + (random.one_in(16) ? ",," : ", ");
  if (shape.size() > 1 && all.ends_with(", ")) all.resize(all.size() - 2);
  return all + (random.one_in(16) ? "" : ")");
}

}  // namespace

std::optional<std::string> chg::fuzz::mutated(std::string_view bytes, Random& random) {
  if (bytes.size() < 12 || !bytes.starts_with("\x93NUMPY")) return std::nullopt;
  auto const end = bytes.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string numbers(bytes.substr(end + 1));
  std::vector<std::uint64_t> shape{2, 3};
  if (random.one_in(2)) shape.insert(shape.begin(), 1 + random.below(3));
  switch (random.below(6)) {
    case 0: random.of(shape) = random.number(); break;
    case 1: shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(random.below(shape.size() + 1)), random.below(4)); break;
    case 2: shape.pop_back(); break;
    case 3: numbers = random.bytes_like(numbers); break;
    case 4: {
      auto const x = random.real();
      auto const narrow = static_cast<float>(x);
      auto const wide = random.one_in(2);
      auto const each = wide ? sizeof x : sizeof narrow;
      if (numbers.size() >= each)
        std::memcpy(numbers.data() + random.below(numbers.size() / each) * each,
                    wide ? reinterpret_cast<char const*>(&x) : reinterpret_cast<char const*>(&narrow), each);
      break;
    }
    default: break;
  }
  auto const descr = random.one_in(3) ? random.of(kDescr) : kDescr[random.below(2)];
  std::uint64_t wanted = descr == "<f8" ? 8 : 4;
  for (auto const n : shape) wanted = n > 64 || wanted > 4'096 ? 5'000 : wanted * n;
  if (wanted <= 4'096 && !random.one_in(8)) numbers.resize(static_cast<std::size_t>(wanted), '\0');
  std::vector<std::string> entries{"'descr': '" + std::string(descr) + "'",
                                   std::string("'fortran_order': ") + (random.one_in(8) ? "True" : "False"),
                                   "'shape': " + tuple_text(shape, random)};
  if (random.one_in(8)) entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(random.below(entries.size())));
  if (random.one_in(8)) entries.push_back(entries[random.below(entries.size())]);
  std::string header = "{";
  for (auto const& entry : entries) header += entry + ", ";
  if (random.one_in(8)) header = random.bytes_like(header);
  header += "}\n";
  auto const version = random.one_in(8) ? random.below(5) : 1 + random.below(3);
  auto const claimed = random.one_in(16) ? random.number() : header.size();
  auto all = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
  for (unsigned i = 0; i < (version == 1 ? 2u : 4u); ++i) all += static_cast<char>(claimed >> (8 * i));
  return all + header + numbers;
}
