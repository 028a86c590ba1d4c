// SPDX-License-Identifier: MIT
// The tiled products against the plain ones, which the tests of causal_attention compare with loops and with dual numbers.
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/attention_products.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace chg;
using ops::AttentionRows, ops::KeyBlock;

// Paths of these lengths behind a common start.
PrefixTree tree_of(std::vector<Index> const& lengths, Index common) {
  std::vector<Example> examples;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    Example e;
    for (Index t = 0; t <= lengths[i]; ++t) {
      e.tokens.push_back(static_cast<Token>(t < common ? t : 1000 * static_cast<Index>(i + 1) + t));
      e.target_mask.push_back(t == lengths[i] || (t > 0 && t == common));
    }
    examples.push_back(std::move(e));
  }
  std::vector<Example const*> pointers;
  for (auto const& e : examples) pointers.push_back(&e);
  PrefixTree tree;
  tree.build(pointers);
  return tree;
}

// Every result of one kind of products; p is 0 where a query does not see, as its makers leave it.
template <class Real>
struct Results {
  Matrix<Real> scores, mixed, collected;
};

template <class Products, class Real>
Results<Real> results_of(AttentionRows const& rows, Index heads, Index D, Matrix<Real> const& x, Matrix<Real> const& keys,
                         Matrix<Real> const& p) {
  constexpr auto kNan = std::numeric_limits<Real>::quiet_NaN();
  auto const stride = rows.stride();
  Results<Real> r{Matrix<Real>::Constant(rows.queries(), stride, kNan), Matrix<Real>::Ones(x.rows(), x.cols()),
                  Matrix<Real>::Ones(keys.rows(), keys.cols())};
  Arena arena;
  Products products(rows, {D, x.cols(), keys.cols()}, arena);
  auto const column = (heads - 1) * D;  // the last head
  products.set_keys(keys.data() + column);
  ops::for_each_block(rows, [&](KeyBlock const& b) { products.scores(b, x.data() + column, r.scores.data()); });
  ops::for_each_block(rows, [&](KeyBlock const& b) {
    products.mix(b, p.data(), keys.data() + column, r.mixed.data() + column);
    products.collect(b, p.data(), x.data() + column, r.collected.data() + column);
  });
  for (Index i = 0; i < rows.queries(); ++i)  // what no query sees may hold anything
    r.scores.row(i).tail(stride - rows.position(i) - 1).setZero();
  return r;
}

template <class Real>
void check_tiled(PrefixTree const& tree, ops::Rows which, Index D) {
  AttentionRows const rows(tree, which);
  INFO(rows.queries() << " queries of " << tree.rows() << " rows, D = " << D << (sizeof(Real) == 4 ? ", float" : ", double"));
  constexpr Index kHeads = 2;
  Matrix<Real> const x = twins::sample(rows.queries(), kHeads * D, 1).template cast<Real>(),
                     keys = twins::sample(tree.rows(), kHeads * D, 2).template cast<Real>();
  Matrix<Real> p = twins::sample(rows.queries(), rows.stride(), 3).template cast<Real>();
  for (Index i = 0; i < rows.queries(); ++i) p.row(i).tail(rows.stride() - rows.position(i) - 1).setZero();
  auto const tiled = results_of<ops::detail::TiledProducts<Real>>(rows, kHeads, D, x, keys, p);
  auto const plain = results_of<ops::detail::PlainProducts<Real>>(rows, kHeads, D, x, keys, p);
  // Sums of n terms in any two orders differ by at most 2 n epsilon of the sum of their sizes, here at most n 5^2.
  auto const epsilon = static_cast<double>(std::numeric_limits<Real>::epsilon());
  auto const close = [&](Matrix<Real> const& a, Matrix<Real> const& b, Index terms) {
    auto const n = static_cast<double>(terms);
    return (a - b).cwiseAbs().maxCoeff() <= 2 * n * epsilon * n * 25;
  };
  CHECK(close(tiled.scores, plain.scores, D));
  CHECK(close(tiled.mixed, plain.mixed, tree.depth() + 1));
  CHECK(close(tiled.collected, plain.collected, rows.queries() + 1));
}

}  // namespace

TEST_CASE("attention products: tiled and plain agree on paths of every length around a tile and a vector", "[ops]") {
  for (Index length : {1, 2, 5, 6, 7, 15, 16, 17, 31, 33, 63, 64, 65, 131})
    for (auto const which : {ops::Rows::all, ops::Rows::targets}) {
      check_tiled<float>(tree_of({length}, length / 2), which, 64);
      check_tiled<double>(tree_of({length}, length / 2), which, 16);
    }
}

TEST_CASE("attention products: tiled and plain agree on branching trees and at many widths of a head", "[ops]") {
  for (auto const& tree : {tree_of({3, 15, 16, 17, 18, 34, 70}, 9), tree_of({40, 30, 30}, 1), tree_of({100, 101, 102}, 97)})
    for (auto const which : {ops::Rows::all, ops::Rows::targets})
      for (Index D : {16, 48, 80, 128}) {
        check_tiled<float>(tree, which, D);
        check_tiled<double>(tree, which, D);
      }
}

TEST_CASE("attention products: sums longer than a block agree", "[ops]") {
  std::vector<Index> const many(60, 12);
  check_tiled<float>(tree_of(many, 4), ops::Rows::all, 32);
  check_tiled<double>(tree_of(many, 4), ops::Rows::all, 32);
}
