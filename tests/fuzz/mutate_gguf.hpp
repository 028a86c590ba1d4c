// SPDX-License-Identifier: MIT
// Mutation of GGUF files: of keys, values, types, counts, tensors and their places, under counts
// that are right again. The parts of a file are views of it; what a change makes lies beside them.
#pragma once

#include <chg/formats/ggml_types.hpp>

#include "fuzz/mutate.hpp"

#include <forward_list>
#include <memory>
#include <span>

namespace chg::fuzz {

/// A file in its parts, with values as bytes: for arrays those of the elements.
struct GgufParts {
  struct Value {
    std::string_view key;
    std::uint32_t type = 0, element = 0;
    std::uint64_t count = 0;
    std::string_view bytes;
  };
  struct Tensor {
    std::string_view name;
    std::array<std::uint64_t, 8> extents{};
    std::size_t rank = 0;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
  };
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;
  std::vector<Value> values;
  std::vector<Tensor> tensors;
  std::string_view data;
  std::size_t data_size =
      0;  ///< of the file that is written: less than the data, or more, made up of ones
};

namespace detail {

struct Taker {
  std::string_view left;
  bool good = true;

  std::string_view take(std::uint64_t size) {
    if (size > left.size()) return good = false, std::string_view();
    auto const part = left.substr(0, static_cast<std::size_t>(size));
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
  std::string_view string() { return take(number<std::uint64_t>()); }
};

inline std::size_t size_of_gguf(std::uint32_t type) {
  static constexpr std::array<std::size_t, 13> sizes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < sizes.size() ? sizes[type] : 0;
}

template <class Number>
void put(std::string& out, Number number, std::size_t size = sizeof(Number)) {
  out.append(reinterpret_cast<char const*>(&number), size);
}
inline void put_string(std::string& out, std::string_view s) {
  put(out, std::uint64_t{s.size()}), out += s;
}

}  // namespace detail

/// Nothing for a file that cannot be taken apart, arrays of arrays among them.
inline std::optional<GgufParts> gguf_parts(std::string_view bytes) {
  detail::Taker taker{bytes};
  if (taker.take(4) != "GGUF") return std::nullopt;
  GgufParts parts;
  parts.version = taker.number<std::uint32_t>();
  auto const tensors = taker.number<std::uint64_t>(), values = taker.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < values && taker.good; ++i) {
    GgufParts::Value v;
    v.key = taker.string();
    v.type = taker.number<std::uint32_t>();
    v.count = 1;
    v.element = v.type;
    if (v.type == 9)
      v.element = taker.number<std::uint32_t>(), v.count = taker.number<std::uint64_t>();
    if (v.element == 9) return std::nullopt;
    auto const begin = taker.left;
    if (v.element == 8)
      for (std::uint64_t n = 0; n < v.count && taker.good; ++n) taker.string();
    else if (v.count > bytes.size())
      return std::nullopt;
    else
      taker.take(v.count * detail::size_of_gguf(v.element));
    v.bytes = begin.substr(0, begin.size() - taker.left.size());
    if (v.key == "general.alignment" && v.type == 4 && taker.good) {
      std::uint32_t alignment = 0;
      std::memcpy(&alignment, v.bytes.data(), sizeof alignment);
      if (alignment >= 8 && alignment <= 4096) parts.alignment = alignment;
    }
    parts.values.push_back(v);
  }
  for (std::uint64_t i = 0; i < tensors && taker.good; ++i) {
    GgufParts::Tensor t;
    t.name = taker.string();
    t.rank = taker.number<std::uint32_t>();
    if (t.rank > t.extents.size()) return std::nullopt;
    for (std::size_t r = 0; r < t.rank; ++r) t.extents[r] = taker.number<std::uint64_t>();
    t.type = taker.number<std::uint32_t>();
    t.offset = taker.number<std::uint64_t>();
    parts.tensors.push_back(t);
  }
  if (!taker.good) return std::nullopt;
  auto const header = bytes.size() - taker.left.size();
  auto const padding = (parts.alignment - header % parts.alignment) % parts.alignment;
  parts.data = taker.left.substr(
      std::min<std::size_t>(static_cast<std::size_t>(padding), taker.left.size()));
  parts.data_size = parts.data.size();
  return parts;
}

inline std::string gguf_bytes(GgufParts const& parts) {
  std::string all("GGUF");
  all.reserve(8'192);
  detail::put(all, parts.version);
  detail::put(all, std::uint64_t{parts.tensors.size()});
  detail::put(all, std::uint64_t{parts.values.size()});
  for (auto const& v : parts.values) {
    detail::put_string(all, v.key), detail::put(all, v.type);
    if (v.type == 9) detail::put(all, v.element), detail::put(all, v.count);
    all += v.bytes;
  }
  for (auto const& t : parts.tensors) {
    detail::put_string(all, t.name), detail::put(all, static_cast<std::uint32_t>(t.rank));
    all.append(reinterpret_cast<char const*>(t.extents.data()), t.rank * sizeof t.extents[0]);
    detail::put(all, t.type), detail::put(all, t.offset);
  }
  if (!parts.tensors.empty())
    all.resize((all.size() + parts.alignment - 1) / parts.alignment * parts.alignment);
  all += parts.data.substr(0, parts.data_size);
  if (parts.data_size > parts.data.size()) all.append(parts.data_size - parts.data.size(), '\1');
  return all;
}

/// Changes of a copy of the parts of a file. `extra`: keys and values of the format.
class GgufChanges {
 public:
  GgufChanges(GgufParts const& before, std::span<std::string_view const> extra, Random& random)
      : before_(before), extra_(extra), random_(random), parts_(before) {}

  std::string written() {
    for (auto rounds = random_.one_in(2) ? 1 : 1 + random_.below(4); rounds > 0; --rounds) change();
    return gguf_bytes(parts_);
  }

 private:
  std::string_view kept(std::string bytes) { return kept_.emplace_front(std::move(bytes)); }

  std::string_view word() {
    auto const& values = before_.values;
    auto const& tensors = before_.tensors;
    auto i = random_.below(extra_.size() + values.size() + tensors.size() + 1);
    if (i < extra_.size()) return extra_[i];
    i -= extra_.size();
    if (i < values.size()) return values[i].key;
    i -= values.size();
    return i < tensors.size() ? tensors[i].name : std::string_view();
  }

  void put_one(std::string& out, std::uint32_t type) {
    if (type == 8)
      random_.one_in(2) ? detail::put_string(out, word())
                        : detail::put_string(out, random_.bytes_like(word()));
    else if (type == 6)
      detail::put(out, static_cast<float>(random_.real()));
    else if (type == 12)
      detail::put(out, random_.real());
    else if (type == 7)
      out += static_cast<char>(random_.below(random_.one_in(8) ? 3 : 2));
    else
      detail::put(out, random_.number(), detail::size_of_gguf(type));
  }

  void change_value(GgufParts::Value& v) {
    std::string bytes;
    switch (random_.below(6)) {
      case 0:  // another type, with a value of it
        v.type = v.element = static_cast<std::uint32_t>(random_.below(13));
        v.count = 1;
        if (v.type == 9)
          v.element = static_cast<std::uint32_t>(random_.below(9)), v.count = random_.below(4);
        for (std::uint64_t i = 0; i < v.count; ++i) put_one(bytes, v.element);
        break;
      case 1:  // another type for the same bytes
        (v.type == 9 && random_.one_in(2) ? v.element : v.type) =
            static_cast<std::uint32_t>(random_.below(15));
        return;
      case 2:  // an array that claims another length
        v.count = random_.one_in(2) ? random_.number() : v.count + random_.below(3) - 1;
        return;
      case 3: bytes = random_.bytes_like(v.bytes); break;
      default: {
        auto const each = detail::size_of_gguf(v.element);
        if (v.type != 9) {
          put_one(bytes, v.type);
        } else if (v.element != 8 && each > 0 && v.count > 0 && v.bytes.size() % each == 0 &&
                   v.count == v.bytes.size() / each) {
          auto const place = random_.below(static_cast<std::size_t>(v.count)) * each;
          bytes = v.bytes.substr(0, place);
          put_one(bytes, v.element);
          bytes += v.bytes.substr(place + each);
        } else {
          bytes = v.bytes;
          put_one(bytes, v.element), ++v.count;
        }
      }
    }
    v.bytes = kept(std::move(bytes));
  }

  template <class List, class Name>
  void change_list(List& list, Name const& name) {
    auto const place = random_.below(list.size());
    switch (random_.below(4)) {
      case 0: list.erase(list.begin() + static_cast<std::ptrdiff_t>(place)); break;
      case 1: list.push_back(typename List::value_type(list[place])); break;
      case 2: std::swap(list[place], list[random_.below(list.size())]); break;
      default:
        name(list[place]) =
            random_.one_in(3) ? kept(random_.bytes_like(name(list[place]))) : word();
    }
  }

  void change_tensor(GgufParts::Tensor& t) {
    switch (random_.below(4)) {
      case 0:
        t.type =
            static_cast<std::uint32_t>(random_.one_in(4) ? random_.number() : random_.below(44));
        break;
      case 1:
        t.offset = random_.one_in(2) ? random_.number() : t.offset + 32 * (random_.below(5) - 2);
        break;
      case 2:
        if (t.rank > 0)
          t.extents[random_.below(t.rank)] =
              random_.one_in(3) ? random_.number() : 1 + random_.below(300);
        break;
      default:
        if (random_.one_in(2) && t.rank > 0)
          --t.rank;
        else if (t.rank < t.extents.size())
          t.extents[t.rank++] = 1 + random_.below(2);
    }
  }

  /// Puts every tensor where the one before it ends, and makes the data as long as they need, up to
  /// 64 KiB.
  void place_again() {
    constexpr std::uint64_t most = 65'536;
    std::uint64_t end = 0;
    for (auto& t : parts_.tensors) {
      t.offset = (end + parts_.alignment - 1) / parts_.alignment * parts_.alignment;
      auto const* const type = formats::find_ggml_type(t.type);
      std::uint64_t elements = 1;
      for (std::size_t r = 0; r < t.rank; ++r)
        elements = t.extents[r] > most || elements > most ? most + 1 : elements * t.extents[r];
      if (type == nullptr || elements > most) return;
      end = t.offset + elements / static_cast<std::uint64_t>(type->block) *
                           static_cast<std::uint64_t>(type->bytes);
    }
    if (end <= most) parts_.data_size = static_cast<std::size_t>(end);
  }

  void change() {
    auto& [version, alignment, values, tensors, data, data_size] = parts_;
    auto const choice = random_.below(10);
    if (choice <= 3 && !values.empty()) {
      change_value(random_.of(values));
    } else if (choice <= 5 && !values.empty()) {
      change_list(values, [](auto& v) -> auto& { return v.key; });
    } else if (choice == 6) {
      std::string bytes;
      detail::put(bytes, static_cast<std::uint32_t>(random_.number()));
      values.push_back({word(), 4, 4, 1, kept(std::move(bytes))});
    } else if (choice <= 8 && !tensors.empty()) {
      if (choice == 7)
        change_list(tensors, [](auto& t) -> auto& { return t.name; });
      else
        change_tensor(random_.of(tensors));
      if (random_.one_in(2)) place_again();
    } else if (choice == 9) {
      if (random_.one_in(8))
        version = static_cast<std::uint32_t>(random_.below(5));
      else if (random_.one_in(3))
        place_again();
      else
        data = kept(random_.bytes_like(data)), data_size = data.size();
    }
  }

  GgufParts const& before_;
  std::span<std::string_view const> extra_;
  Random& random_;
  GgufParts parts_;
  std::forward_list<std::string> kept_;
};

/// Mutation of a GGUF file. `extra` must outlive it.
inline Mutator gguf_mutator(std::string_view bytes, std::span<std::string_view const> extra) {
  auto const parts = gguf_parts(bytes);
  if (!parts) return {};
  return [parts = std::make_shared<GgufParts const>(*parts), extra](Random& random) {
    return std::optional(GgufChanges(*parts, extra, random).written());
  };
}

}  // namespace chg::fuzz
