// SPDX-License-Identifier: MIT
#include <chg/formats/safetensors.hpp>
#include <chg/formats/tensor_taker.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <numeric>

using namespace chg::test;
using chg::Index;
using chg::Matrix;
using chg::RowVector;
using chg::formats::Safetensors;

namespace {

std::vector<float> count_up(int n) {
  std::vector<float> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0.0f);
  return all;
}

/// Two heads of two channels in a model of width 3: tensors of two parts, head by head.
struct File {
  TemporaryDirectory directory;
  Safetensors file{directory.write("m.safetensors",
                                   SafetensorsBuilder()
                                       .add("W", "F32", {8, 3}, bytes_of(count_up(24)))
                                       .add("b", "F32", {8}, bytes_of(count_up(8)))
                                       .file())};
  using Taker = chg::formats::detail::TensorTaker<float, Safetensors>;
};

}  // namespace

TEST_CASE("tensor_taker: what is stored head by head is taken apart, weights and biases", "[formats]") {
  File const f;
  File::Taker taker(f.file, "the test");
  Matrix<float> Q, K;
  RowVector<float> b_Q, b_K;
  taker.take_by_head("W", 2, 2, 3, {&Q, &K});
  taker.take_by_head("b", 2, 2, {&b_Q, &b_K});
  REQUIRE(Q.rows() == 4);
  REQUIRE(Q.cols() == 3);
  for (Index r = 0; r < 4; ++r) {
    auto const row = r / 2 * 4 + r % 2;  // of head r / 2, whose rows of K are two below those of Q
    CHECK(b_Q(r) == static_cast<float>(row));
    CHECK(b_K(r) == static_cast<float>(row + 2));
    for (Index c = 0; c < 3; ++c) {
      CHECK(Q(r, c) == static_cast<float>(3 * row + c));
      CHECK(K(r, c) == static_cast<float>(3 * (row + 2) + c));
    }
  }
}

TEST_CASE("tensor_taker: rows and columns become parts in their order", "[formats]") {
  File const f;
  File::Taker taker(f.file, "the test");
  Matrix<float> first, second, third;
  taker.take_rows("W", 3, {{&first, 2}, {&second, 6}});
  CHECK(first.rows() == 2);
  CHECK(second.rows() == 6);
  CHECK(second(0, 0) == 6);
  RowVector<float> b_first, b_second;
  taker.take_parts("b", {{&b_first, 3}, {&b_second, 5}});
  CHECK(b_first(2) == 2);
  CHECK(b_second(0) == 3);
  CHECK(b_second.size() == 5);
  taker.take_transposed("W", 8, 3, {&first, &second, &third});
  CHECK(third.rows() == 1);
  CHECK(third(0, 7) == 23);
  CHECK(second(0, 1) == 4);
}

TEST_CASE("tensor_taker: it says how many numbers were read, of all", "[formats]") {
  File const f;
  std::vector<std::pair<Index, Index>> said;
  File::Taker taker(f.file, "the test",
                    [&](Index done, Index total) { said.emplace_back(done, total); });
  Matrix<float> W;
  RowVector<float> b;
  taker.take("b", b, {8});
  taker.take("W", W, {8, 3});
  CHECK(said == std::vector<std::pair<Index, Index>>{{8, 32}, {32, 32}});
}
