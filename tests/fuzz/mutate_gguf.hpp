// SPDX-License-Identifier: MIT
// Mutation of GGUF files: of keys, values, types, counts, tensors and their places, under counts that are right again.
#pragma once

#include <chg/formats/ggml_types.hpp>

#include "fuzz/mutate.hpp"

namespace chg::fuzz {

/// A file in its parts, with values as bytes: for arrays those of the elements.
struct GgufTree {
  struct Value {
    std::string key;
    std::uint32_t type = 0, element = 0;
    std::uint64_t count = 0;
    std::string bytes;
  };
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> extents;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
  };
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;
  std::vector<Value> values;
  std::vector<Tensor> tensors;
  std::string data;
};

namespace detail {

struct Taker {
  std::string_view left;
  bool good = true;

  std::string take(std::uint64_t size) {
    if (size > left.size()) return good = false, std::string();
    std::string part(left.substr(0, static_cast<std::size_t>(size)));
    left.remove_prefix(part.size());
    return part;
  }
  template <class Number>
  Number number() {
    Number n = 0;
    auto const bytes = take(sizeof n);
    if (good) std::memcpy(&n, bytes.data(), sizeof n);
    return n;
  }
  std::string string() { return take(number<std::uint64_t>()); }
};

inline std::size_t size_of_gguf(std::uint32_t type) {
  static constexpr std::array<std::size_t, 13> sizes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < sizes.size() ? sizes[type] : 0;
}

template <class Number>
std::string raw(Number number) {
  return {reinterpret_cast<char const*>(&number), sizeof number};
}
inline std::string with_length(std::string const& s) { return raw(std::uint64_t{s.size()}) + s; }

}  // namespace detail

/// Nothing for a file that cannot be taken apart, arrays of arrays among them.
inline std::optional<GgufTree> parse_gguf_tree(std::string_view bytes) {
  detail::Taker taker{bytes};
  if (taker.take(4) != "GGUF") return std::nullopt;
  GgufTree tree;
  tree.version = taker.number<std::uint32_t>();
  auto const tensors = taker.number<std::uint64_t>(), values = taker.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < values && taker.good; ++i) {
    GgufTree::Value v;
    v.key = taker.string();
    v.type = taker.number<std::uint32_t>();
    v.count = 1;
    v.element = v.type;
    if (v.type == 9) v.element = taker.number<std::uint32_t>(), v.count = taker.number<std::uint64_t>();
    if (v.element == 9) return std::nullopt;
    if (v.element == 8)
      for (std::uint64_t n = 0; n < v.count && taker.good; ++n) v.bytes += detail::with_length(taker.string());
    else if (v.count > bytes.size())
      return std::nullopt;
    else
      v.bytes = taker.take(v.count * detail::size_of_gguf(v.element));
    if (v.key == "general.alignment" && v.type == 4 && taker.good) {
      std::uint32_t alignment = 0;
      std::memcpy(&alignment, v.bytes.data(), sizeof alignment);
      if (alignment >= 8 && alignment <= 4096) tree.alignment = alignment;
    }
    tree.values.push_back(std::move(v));
  }
  for (std::uint64_t i = 0; i < tensors && taker.good; ++i) {
    GgufTree::Tensor t;
    t.name = taker.string();
    auto const rank = taker.number<std::uint32_t>();
    if (rank > 8) return std::nullopt;
    for (std::uint32_t r = 0; r < rank; ++r) t.extents.push_back(taker.number<std::uint64_t>());
    t.type = taker.number<std::uint32_t>();
    t.offset = taker.number<std::uint64_t>();
    tree.tensors.push_back(std::move(t));
  }
  if (!taker.good) return std::nullopt;
  auto const header = bytes.size() - taker.left.size();
  auto const padding = (tree.alignment - header % tree.alignment) % tree.alignment;
  tree.data = taker.left.substr(std::min<std::size_t>(static_cast<std::size_t>(padding), taker.left.size()));
  return tree;
}

inline std::string gguf_bytes(GgufTree const& tree) {
  auto all = "GGUF" + detail::raw(tree.version) + detail::raw(std::uint64_t{tree.tensors.size()}) +
             detail::raw(std::uint64_t{tree.values.size()});
  for (auto const& v : tree.values) {
    all += detail::with_length(v.key) + detail::raw(v.type);
    if (v.type == 9) all += detail::raw(v.element) + detail::raw(v.count);
    all += v.bytes;
  }
  for (auto const& t : tree.tensors) {
    all += detail::with_length(t.name) + detail::raw(static_cast<std::uint32_t>(t.extents.size()));
    for (auto const extent : t.extents) all += detail::raw(extent);
    all += detail::raw(t.type) + detail::raw(t.offset);
  }
  if (!tree.tensors.empty()) all.resize((all.size() + tree.alignment - 1) / tree.alignment * tree.alignment);
  return all + tree.data;
}

/// Puts every tensor where the one before it ends, and makes the data as long as they need, up to 64 KiB.
inline void place_again(GgufTree& tree) {
  std::uint64_t end = 0;
  for (auto& t : tree.tensors) {
    t.offset = (end + tree.alignment - 1) / tree.alignment * tree.alignment;
    auto const* const type = formats::find_ggml_type(t.type);
    std::uint64_t elements = 1;
    for (auto const extent : t.extents) elements = extent > 65'536 || elements > 65'536 ? 65'537 : elements * extent;
    if (type == nullptr || elements > 65'536) return;
    end = t.offset + elements / static_cast<std::uint64_t>(type->block) * type->bytes;
  }
  if (end <= 65'536) tree.data.resize(static_cast<std::size_t>(end), '\1');
}

inline void mutate_gguf_value(GgufTree::Value& v, Random& random, std::vector<std::string> const& words) {
  auto const one_of = [&](std::uint32_t type) {
    return type == 8    ? detail::with_length(random.one_in(2) ? random.of(words) : random.bytes_like(random.of(words)))
           : type == 6  ? detail::raw(static_cast<float>(random.real()))
           : type == 12 ? detail::raw(random.real())
           : type == 7  ? std::string(1, static_cast<char>(random.below(random.one_in(8) ? 3 : 2)))
                        : detail::raw(random.number()).substr(0, detail::size_of_gguf(type));
  };
  switch (random.below(6)) {
    case 0:  // another type, with a value of it
      v.type = v.element = static_cast<std::uint32_t>(random.below(13));
      v.count = 1;
      if (v.type == 9) v.element = static_cast<std::uint32_t>(random.below(9)), v.count = random.below(4);
      v.bytes.clear();
      for (std::uint64_t i = 0; i < v.count; ++i) v.bytes += one_of(v.element);
      return;
    case 1:  // another type for the same bytes
      (v.type == 9 && random.one_in(2) ? v.element : v.type) = static_cast<std::uint32_t>(random.below(15));
      return;
    case 2:  // an array that claims another length
      v.count = random.one_in(2) ? random.number() : v.count + random.below(3) - 1;
      return;
    case 3: v.bytes = random.bytes_like(v.bytes); return;
    default:
      if (v.type != 9) {
        v.bytes = one_of(v.type);
      } else if (v.element != 8 && v.count > 0 && v.count * detail::size_of_gguf(v.element) == v.bytes.size()) {
        auto const each = detail::size_of_gguf(v.element);
        if (each > 0) v.bytes.replace(random.below(static_cast<std::size_t>(v.count)) * each, each, one_of(v.element));
      } else {
        v.bytes += one_of(v.element), ++v.count;
      }
  }
}

inline void mutate_gguf(GgufTree& tree, Random& random, std::span<std::string_view const> extra) {
  std::vector<std::string> words(extra.begin(), extra.end());
  words.emplace_back("");
  for (auto const& v : tree.values) words.push_back(v.key);
  for (auto const& t : tree.tensors) words.push_back(t.name);
  auto const change_list = [&](auto& list, auto const& rename) {
    auto const place = random.below(list.size());
    auto const at = list.begin() + static_cast<std::ptrdiff_t>(place);
    switch (random.below(4)) {
      case 0: list.erase(at); break;
      case 1: list.push_back(list[place]); break;
      case 2: std::swap(list[place], list[random.below(list.size())]); break;
      default: rename(list[place]) = random.one_in(3) ? random.bytes_like(rename(list[place])) : random.of(words);
    }
  };
  auto const choice = random.below(10);
  if (choice <= 3 && !tree.values.empty()) {
    mutate_gguf_value(random.of(tree.values), random, words);
  } else if (choice <= 5 && !tree.values.empty()) {
    change_list(tree.values, [](auto& v) -> std::string& { return v.key; });
  } else if (choice == 6) {
    tree.values.push_back({random.of(words), 4, 4, 1, detail::raw(static_cast<std::uint32_t>(random.number()))});
  } else if (choice == 7 && !tree.tensors.empty()) {
    change_list(tree.tensors, [](auto& t) -> std::string& { return t.name; });
    if (random.one_in(2)) place_again(tree);
  } else if (choice == 8 && !tree.tensors.empty()) {
    auto& t = random.of(tree.tensors);
    switch (random.below(4)) {
      case 0:
        t.type = random.one_in(4) ? static_cast<std::uint32_t>(random.number()) : static_cast<std::uint32_t>(random.below(44));
        break;
      case 1: t.offset = random.one_in(2) ? random.number() : t.offset + 32 * (random.below(5) - 2); break;
      case 2:
        if (!t.extents.empty()) random.of(t.extents) = random.one_in(3) ? random.number() : 1 + random.below(300);
        break;
      default: random.one_in(2) && !t.extents.empty() ? t.extents.pop_back() : t.extents.push_back(1 + random.below(2));
    }
    if (random.one_in(2)) place_again(tree);
  } else if (choice == 9) {
    if (random.one_in(8))
      tree.version = static_cast<std::uint32_t>(random.below(5));
    else if (random.one_in(3))
      place_again(tree);
    else
      tree.data = random.bytes_like(tree.data);
  }
}

}  // namespace chg::fuzz
