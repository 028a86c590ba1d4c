// SPDX-License-Identifier: MIT
// A target that commits the fault that FAULT in the environment names, at one input in thousands:
// sweep_test.sh sees whether the sweep finds it.
#include "fuzz/mutate.hpp"

#include <stdexcept>

namespace {

int deeper(int n) {
  char volatile room[100];
  room[0] = 1;
  return n == 0 ? 0 : deeper(n + 1) + room[0];
}

/// Out of the sight of the optimiser, which would drop what is not used.
template <class T>
T* hidden(T* p) {
  asm volatile("" : "+r"(p) : : "memory");
  return p;
}

void commit(std::string_view fault, std::string_view bytes) {
  if (fault == "past the input") hidden(const_cast<char*>(bytes.data()))[bytes.size()] = 1;
  if (fault == "past an object") {
    std::vector<int> five(5);
    hidden(five.data())[5] = 1;
  }
  if (fault == "before an object") {
    std::vector<int> five(5);
    hidden(five.data())[-1] = 1;
  }
  if (fault == "past malloc") {
    auto* const p = hidden(static_cast<char*>(std::malloc(24)));
    *static_cast<char volatile*>(p + 24) = 1;
    std::free(p);
  }
  if (fault == "after delete") {
    auto* const p = hidden(new int(1));
    delete p;
    *hidden(p) = 2;
  }
  if (fault == "after free") {
    auto* const p = hidden(static_cast<char*>(std::malloc(24)));
    std::free(p);
    *hidden(p) = 2;
  }
  if (fault == "delete twice") {
    auto* const p = hidden(new int(1));
    delete p;
    delete hidden(p);
  }
  if (fault == "delete of an array") delete hidden(new int[3]);
  if (fault == "overflow") *hidden(new int(2'147'483'647)) += bytes[0] & 1 ? 1 : 2;
  if (fault == "require") chg::fuzz::require(false);
  if (fault == "exception") throw std::runtime_error("not chg::Error");
  if (fault == "large object")
    hidden(std::make_unique<std::vector<char>>(std::size_t{1} << 29).get());
  if (fault == "stack") deeper(1);
  if (fault == "memory")
    for (;;) std::memset(hidden(new char[1'000'000]), 1, 1'000'000);
  if (fault == "time")
    for (auto volatile i = 0;; i = 1 - i) {
    }
  if (fault == "leak of new") hidden(new std::string(100, 'x'));
  if (fault == "leak of malloc") hidden(std::malloc(17));
}

}  // namespace

void chg::fuzz::read(std::string_view bytes) {
  auto const* const fault = std::getenv("FAULT");
  auto const leak = std::string_view(fault).starts_with("leak");
  if (bytes.size() > 6 && (bytes[2] == 'Q' || (leak && bytes[2] > 'A'))) commit(fault, bytes);
  throw Error({"a file", "another", "this", ""});
}

std::vector<std::string> chg::fuzz::seeds() { return {"0123456789"}; }

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view) { return {}; }
