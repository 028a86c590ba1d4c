// SPDX-License-Identifier: MIT
// Any bytes as a .npy file of gates, and its gates as those of a model of 2 layers and 3 heads.
#include <chg/cli/gates_file.hpp>

#include "fuzz/mutate.hpp"

#include <charconv>
#include <span>
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

void put_number(std::string& all, std::uint64_t n) {
  std::array<char, 20> digits;
  all.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr);
}

void put_tuple(std::string& all, std::span<std::uint64_t const> shape, chg::fuzz::Random& random) {
  all += '(';
  for (std::size_t i = 0; i < shape.size(); ++i) {
    put_number(all, shape[i]);
    auto const last = shape.size() > 1 && i + 1 == shape.size();
    all += random.one_in(16) ? ",," : last ? "" : ", ";
  }
  if (!random.one_in(16)) all += ')';
}

/// One change of the extents, or of the numbers.
void change(std::span<std::uint64_t>& shape, std::string& numbers, chg::fuzz::Random& random) {
  switch (random.below(6)) {
    case 0:
      if (!shape.empty()) random.of(shape) = random.number();
      break;
    case 1: {  // three changes make three extents more at most, for which there is room
      shape = {shape.data(), shape.size() + 1};
      shape.back() = random.below(4);
      auto const place = random.below(shape.size());
      std::rotate(shape.begin() + static_cast<std::ptrdiff_t>(place), shape.end() - 1, shape.end());
      break;
    }
    case 2:
      if (!shape.empty()) shape = shape.first(shape.size() - 1);
      break;
    case 3: numbers = random.bytes_like(numbers); break;
    default: {
      auto const x = random.one_in(4) ? 1 / static_cast<double>(1 + random.below(1000)) : random.real();
      auto const narrow = static_cast<float>(x);
      auto const wide = random.one_in(2);
      auto const each = wide ? sizeof x : sizeof narrow;
      if (numbers.size() >= each)
        std::memcpy(numbers.data() + random.below(numbers.size() / each) * each, wide ? static_cast<void const*>(&x) : &narrow,
                    each);
    }
  }
}

/// A file of these numbers, or of some like them, under a header that may fit.
std::string changed(std::string_view before, chg::fuzz::Random& random) {
  std::string numbers(before);
  std::array<std::uint64_t, 6> extents{1 + random.below(3), 2, 3};
  auto const first = random.below(2);
  std::span<std::uint64_t> shape(extents.data() + first, 3 - first);
  for (auto rounds = 1 + random.below(3); rounds > 0; --rounds) change(shape, numbers, random);
  auto const descr = random.one_in(3) ? random.of(kDescr) : kDescr[random.below(2)];
  std::uint64_t wanted = descr == "<f8" ? 8 : 4;
  for (auto const n : shape) wanted = n > 64 || wanted > 4'096 ? 5'000 : wanted * n;
  if (wanted <= 4'096 && !random.one_in(8)) numbers.resize(static_cast<std::size_t>(wanted), '\0');

  std::string header("{");
  auto const put = [&](std::size_t entry) {
    if (entry == 0)
      header.append("'descr': '").append(descr).append("'");
    else if (entry == 1)
      header.append("'fortran_order': ").append(random.one_in(8) ? "True" : "False");
    else
      header.append("'shape': "), put_tuple(header, shape, random);
    header += ", ";
  };
  auto const without = random.below(8 * 3);
  for (std::size_t entry = 0; entry < 3; ++entry)
    if (entry != without) put(entry);
  if (random.one_in(8)) put(random.below(3));
  if (random.one_in(8)) header = random.bytes_like(header);
  header += '}';
  if (random.one_in(4)) header.append(random.below(64), ' ');
  header += '\n';
  auto const version = random.one_in(8) ? random.below(5) : 1 + random.below(3);
  auto const claimed = random.one_in(16) ? random.number() : header.size();
  std::string all("\x93NUMPY");
  all.reserve(12 + header.size() + numbers.size());
  all.append(1, static_cast<char>(version)).append(1, '\0');
  for (unsigned i = 0; i < (version == 1 ? 2u : 4u); ++i) all += static_cast<char>(claimed >> (8 * i));
  return all.append(header).append(numbers);
}

}  // namespace

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  if (bytes.size() < 12 || !bytes.starts_with("\x93NUMPY")) return {};
  auto const end = bytes.find('\n');
  if (end == std::string_view::npos) return {};
  return [numbers = bytes.substr(end + 1)](Random& random) { return std::optional(changed(numbers, random)); };
}
