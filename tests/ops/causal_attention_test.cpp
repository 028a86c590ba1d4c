// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/causal_attention.hpp>
#include <chg/verify/verify.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace chg;

struct Shape {
  Index heads, kv_heads, head_dim;
  Index window = 0;
  double scale = 0.6;
  double soft_cap = 0;
};

PrefixTree tree_of(std::vector<Example> const& examples, Sharing sharing = Sharing::prefixes) {
  std::vector<Example const*> pointers;
  for (auto const& e : examples) pointers.push_back(&e);
  PrefixTree tree;
  tree.build(pointers, sharing);
  return tree;
}

// One path of `length` rows, read at its end and once in the middle.
std::vector<Example> path_of(Index length) {
  Example e;
  for (Index t = 0; t <= length; ++t) {
    e.tokens.push_back(Token(t));
    e.target_mask.push_back(t == length || (t > 0 && t == length / 2));
  }
  return {e};
}

// Branches at several depths, an example that is the start of another, one example apart, one twice.
std::vector<Example> branching() {
  return {{{1, 2, 3, 4, 5, 6}, {0, 0, 0, 0, 0, 1}},
          {{1, 2, 3, 7, 8}, {0, 0, 0, 1, 1}},
          {{1, 2, 3, 7, 9, 9, 1}, {0, 0, 0, 0, 1, 0, 1}},
          {{1, 2, 3, 4, 5, 6, 7}, {0, 0, 0, 0, 0, 0, 1}},
          {{1, 4}, {0, 1}},
          {{8, 1, 2}, {0, 0, 1}},
          {{1, 2, 3, 7, 8}, {0, 0, 0, 1, 1}}};
}

// Lengths around the stride of 16, behind a shared prefix.
std::vector<Example> long_and_ragged() {
  std::vector<Example> all;
  for (Index length : {3, 15, 16, 17, 18, 34}) {
    Example e;
    for (Index t = 0; t < length; ++t)
      e.tokens.push_back(Token(t < 9 ? t : 100 * length + t)), e.target_mask.push_back(t + 2 >= length);
    all.push_back(e);
  }
  return all;
}

template <class Scalar>
class Attention {
 public:
  using RealType = Real<Scalar>;

  Attention(ops::AttentionRows rows, Shape const& s)
      : rows_(rows),
        shape_{s.heads, s.kv_heads, s.head_dim, static_cast<RealType>(s.scale), s.window, static_cast<RealType>(s.soft_cap)} {}

  Matrix<Scalar> forward(Matrix<Scalar> const& q, Matrix<Scalar> const& k, Matrix<Scalar> const& v) {
    auto const kv = joined(k, v);
    auto const n = shape_.heads * rows_.queries() * rows_.stride();
    p_ = arena_.allocate<Scalar>(n);
    std::fill_n(p_, n, Scalar(std::numeric_limits<RealType>::quiet_NaN()));  // whatever was there must not matter
    Matrix<Scalar> z = Matrix<Scalar>::Constant(q.rows(), q.cols(), Scalar(std::numeric_limits<RealType>::quiet_NaN()));
    slope_ = shape_.soft_cap > 0 ? arena_.allocate<Scalar>(n) : nullptr;
    ops::causal_attention(rows_, shape_, q.data(), kv.data(), p_, slope_, z.data(), arena_);
    return z;
  }

  std::tuple<Matrix<Scalar>, Matrix<Scalar>, Matrix<Scalar>> backward(Matrix<Scalar> const& q, Matrix<Scalar> const& k,
                                                                      Matrix<Scalar> const& v, Matrix<Scalar> const& dz) {
    auto const z = forward(q, k, v);
    auto const kv = joined(k, v);
    Matrix<Scalar> delta = Matrix<Scalar>::Zero(q.rows(), shape_.heads);
    for (Index i = 0; i < q.rows(); ++i)
      for (Index c = 0; c < q.cols(); ++c) delta(i, c / shape_.head_dim) += dz(i, c) * z(i, c);
    Matrix<Scalar> dq = Matrix<Scalar>::Constant(q.rows(), q.cols(), Scalar(7)),
                   dkv = Matrix<Scalar>::Constant(kv.rows(), kv.cols(), Scalar(7));
    ops::causal_attention_backward(rows_, shape_, q.data(), kv.data(), p_, slope_, dz.data(), delta.data(), dq.data(), dkv.data(),
                                   arena_);
    return {dq, dkv.leftCols(k.cols()), dkv.rightCols(k.cols())};
  }

  // Probabilities of one query and head, by position.
  Eigen::Map<RowVector<Scalar>> probabilities(Index head, Index query) {
    return {p_ + (head * rows_.queries() + query) * rows_.stride(), rows_.position(query) + 1};
  }

 private:
  static Matrix<Scalar> joined(Matrix<Scalar> const& k, Matrix<Scalar> const& v) {
    Matrix<Scalar> kv(k.rows(), 2 * k.cols());
    kv << k, v;
    return kv;
  }

  ops::AttentionRows rows_;
  ops::AttentionShape<RealType> shape_;
  Arena arena_;
  Scalar *p_ = nullptr, *slope_ = nullptr;
};

struct Problem {
  PrefixTree const& tree;
  ops::AttentionRows rows;
  Shape shape;
  std::vector<std::vector<Index>> visible;  // to each query

  Problem(PrefixTree const& t, ops::Rows which, Shape const& s) : tree(t), rows(t, which), shape(s) {
    auto const all = twins::visible_rows(tree, s.window);
    for (Index i = 0; i < rows.queries(); ++i) visible.push_back(all[std::size_t(rows.row(i))]);
  }

  auto point(double spread = 1) const {
    auto const q_cols = shape.heads * shape.head_dim, kv_cols = shape.kv_heads * shape.head_dim;
    return verify::at("q", twins::sample(rows.queries(), q_cols, 1, spread), "k", twins::sample(tree.rows(), kv_cols, 2, spread),
                      "v", twins::sample(tree.rows(), kv_cols, 3));
  }
  auto twin() const {
    return [this](auto const& q, auto const& k, auto const& v) {
      return twins::attention(q, k, v, visible, shape.heads, shape.head_dim, shape.scale, shape.soft_cap);
    };
  }
  auto forward() const {
    return [this](auto const& q, auto const& k, auto const& v) {
      return Attention<typename std::decay_t<decltype(q)>::Scalar>(rows, shape).forward(q, k, v);
    };
  }
  auto backward() const {
    return [this](auto const& q, auto const& k, auto const& v, auto const& dz) {
      return Attention<typename std::decay_t<decltype(q)>::Scalar>(rows, shape).backward(q, k, v, dz);
    };
  }
};

Shape const kShapes[] = {{1, 1, 1}, {2, 1, 2}, {4, 2, 3}, {3, 3, 5}, {6, 2, 4}, {5, 1, 2}};

void check_exact(PrefixTree const& tree, ops::Rows which, Shape const& shape) {
  Problem const problem(tree, which, shape);
  INFO(problem.rows.queries() << " queries of " << tree.rows() << " rows, H = " << shape.heads << ", H_kv = " << shape.kv_heads
                              << ", D = " << shape.head_dim << ", window " << shape.window);
  auto const point = problem.point();
  auto const& [q, k, v] = std::tie(point.inputs[0].value, point.inputs[1].value, point.inputs[2].value);
  CHECK(twins::agree(problem.forward()(q, k, v), problem.twin()(q, k, v), 64));  // scores of size 10 are off by as many roundings
  // Where a query sees one key alone, dq and dk are round-off of terms of size 1.
  verify::DualOptions const options{.floor = 0.1};
  auto const [loss, gradient] = verify::contract(problem.forward(), problem.backward(), point);
  CHECK(verify::backward_pass(problem.twin(), problem.backward(), point, options));
  CHECK(verify::directional(loss, gradient, point));
}

}  // namespace

TEST_CASE("causal attention: output and gradient are exact on single paths of every edge length", "[ops]") {
  for (Index length : {1, 2, 3, 7})
    for (auto const& shape : kShapes)
      for (auto const which : {ops::Rows::all, ops::Rows::targets}) check_exact(tree_of(path_of(length)), which, shape);
  for (Index length : {15, 16, 17})
    for (auto const which : {ops::Rows::all, ops::Rows::targets}) {
      check_exact(tree_of(path_of(length)), which, {2, 1, 3});
      check_exact(tree_of(path_of(length)), which, {2, 1, 8});  // whole vectors
    }
}

TEST_CASE("causal attention: output and gradient are exact on branching trees, shared and not", "[ops]") {
  for (auto const sharing : {Sharing::prefixes, Sharing::none})
    for (auto const which : {ops::Rows::all, ops::Rows::targets}) {
      check_exact(tree_of(branching(), sharing), which, {4, 2, 3});
      check_exact(tree_of(branching(), sharing), which, {3, 1, 2});
      check_exact(tree_of(branching(), sharing), which, {2, 1, 16});
    }
}

TEST_CASE("causal attention: sliding windows see themselves and window - 1 positions before, across branches", "[ops]") {
  for (Index window : {1, 2, 3, 5, 6, 100})
    for (auto const which : {ops::Rows::all, ops::Rows::targets}) check_exact(tree_of(branching()), which, {4, 2, 2, window});
  // A window of 1 leaves each query its own value.
  auto const tree = tree_of(branching());
  Problem const problem(tree, ops::Rows::all, {1, 1, 3, 1});
  auto const point = problem.point();
  CHECK(problem.forward()(point.inputs[0].value, point.inputs[1].value, point.inputs[2].value) == point.inputs[2].value);
}

TEST_CASE("causal attention: soft-capped scores bend, and their gradient with them", "[ops]") {
  for (double cap : {0.5, 3.0, 50.0})  // most scores beyond it, some, none
    for (Index window : {0, 3})
      for (auto const which : {ops::Rows::all, ops::Rows::targets}) {
        check_exact(tree_of(branching()), which, {4, 2, 3, window, 0.6, cap});
        check_exact(tree_of(long_and_ragged()), which, {2, 1, 2, window, 0.6, cap});
        check_exact(tree_of(branching()), which, {2, 1, 8, window, 0.6, cap});
      }
}

TEST_CASE("causal attention: paths longer than the row stride of P are exact in random directions", "[ops]") {
  for (auto const sharing : {Sharing::prefixes, Sharing::none})
    for (auto const which : {ops::Rows::all, ops::Rows::targets})
      for (Index window : {0, 16, 17}) {
        auto const tree = tree_of(long_and_ragged(), sharing);
        Problem const problem(tree, which, {6, 3, 8, window});
        auto const point = problem.point();
        auto const [loss, gradient] = verify::contract(problem.twin(), problem.backward(), point);
        CHECK(verify::directional(loss, gradient, point));
        CHECK(verify::against_duals(loss, gradient, point, {.entries = 60}));
        CHECK(twins::agree(problem.forward()(point.inputs[0].value, point.inputs[1].value, point.inputs[2].value),
                           problem.twin()(point.inputs[0].value, point.inputs[1].value, point.inputs[2].value), 64));
      }
}

TEST_CASE("causal attention: in float the error is at most twice that of the plain loop", "[ops]") {
  auto const check = [](std::vector<Example> const& examples, Shape const& shape, bool backward) {
    auto const tree = tree_of(examples);
    Problem const problem(tree, ops::Rows::all, shape);
    auto point = problem.point();
    for (auto& input : point.inputs) input.value = input.value.cast<float>().cast<double>().eval();
    auto const in_double = verify::detail::values<double>(point);
    auto const in_float = verify::detail::values<float>(point);
    auto const fast = std::apply(problem.forward(), in_float);
    CHECK(twins::float_bound(fast, std::apply(problem.twin(), in_float), std::apply(problem.twin(), in_double)).holds());
    if (!backward) return;
    Matrix<float> const dz = twins::sample(fast.rows(), fast.cols(), 4).cast<float>();
    auto const [dq, dk, dv] = problem.backward()(in_float[0], in_float[1], in_float[2], dz);
    auto const plain = twins::gradient<float>(problem.twin(), point, dz.cast<double>());
    auto const exact = twins::gradient<double>(problem.twin(), point, dz.cast<double>());
    CHECK(twins::float_bound(dq, plain[0], exact[0]).holds());
    CHECK(twins::float_bound(dk, plain[1], exact[1]).holds());
    CHECK(twins::float_bound(dv, plain[2], exact[2]).holds());
  };
  check(branching(), {4, 2, 8}, true);
  check(branching(), {3, 3, 5, 2}, true);
  check(path_of(17), {2, 1, 4}, true);
  check(long_and_ragged(), {6, 2, 16}, false);
  check(path_of(131), {2, 1, 64}, false);
  check(path_of(33), {2, 1, 16}, true);
}

TEST_CASE("causal attention: probabilities sum to 1 over what a query sees and are 0 on what it does not", "[ops]") {
  auto const tree = tree_of(long_and_ragged());
  for (Index window : {0, 3}) {
    Problem const problem(tree, ops::Rows::all, {2, 1, 4, window});
    Attention<double> attention(problem.rows, problem.shape);
    auto const point = problem.point();
    attention.forward(point.inputs[0].value, point.inputs[1].value, point.inputs[2].value);
    for (Index h = 0; h < 2; ++h)
      for (Index i = 0; i < problem.rows.queries(); ++i) {
        auto const p = attention.probabilities(h, i);
        CHECK(std::abs(p.sum() - 1) < 1e-15 * 40);
        CHECK((p.array() > 0).count() == Index(problem.visible[std::size_t(i)].size()));
      }
  }
}

TEST_CASE("causal attention: an example gives the same whether its prefix is shared or its own", "[ops]") {
  auto const examples = branching();
  auto const shared = tree_of(examples), apart = tree_of(examples, Sharing::none);
  Shape const shape{4, 2, 3};
  auto const q_cols = shape.heads * shape.head_dim, kv_cols = shape.kv_heads * shape.head_dim;
  // Numbers of a row follow from its path: here from its token and position.
  auto const rows_for = [](PrefixTree const& tree, Index cols, std::uint32_t substream) {
    Matrix<double> m(tree.rows(), cols);
    for (Index row = 0; row < tree.rows(); ++row)
      m.row(row) = twins::sample(1, cols, substream + std::uint32_t(100 * tree.position(row) + tree.token(row)));
    return m;
  };
  auto const run = [&](PrefixTree const& tree) {
    Attention<double> attention(ops::AttentionRows(tree, ops::Rows::all), shape);
    return attention.forward(rows_for(tree, q_cols, 10'000), rows_for(tree, kv_cols, 20'000), rows_for(tree, kv_cols, 30'000));
  };
  auto const z_shared = run(shared), z_apart = run(apart);
  for (Index i = 0; i < Index(examples.size()); ++i)
    for (std::size_t k = 0; k < shared.edges_of(i).size(); ++k) {
      auto const row = shared.edges()[std::size_t(shared.edges_of(i)[k])].row,
                 own = apart.edges()[std::size_t(apart.edges_of(i)[k])].row;
      CHECK(twins::largest(z_shared.row(row) - z_apart.row(own)) < 1e-14);
    }
  CHECK(shared.rows() < apart.rows());
}

TEST_CASE("causal attention: scores of any size give finite numbers, and keys out of sight no trace", "[ops]") {
  auto const tree = tree_of(path_of(9));
  for (Index window : {0, 2}) {
    Problem const problem(tree, ops::Rows::all, {2, 1, 4, window, 1.0});
    auto const point = problem.point(100);  // scores of some 10^4
    auto const x = verify::detail::values<float>(point);
    auto const [dq, dk, dv] = problem.backward()(x[0], x[1], x[2], Matrix<float>::Ones(9, 8).eval());
    CHECK(std::apply(problem.forward(), x).allFinite());
    CHECK(dq.allFinite());
    CHECK(dk.allFinite());
    CHECK(dv.allFinite());
  }
  // Row 0 would outweigh everything: with a window of 2, queries from position 2 on do not see it.
  Problem const problem(tree, ops::Rows::all, {1, 1, 2, 2, 1.0});
  Matrix<float> const ones = Matrix<float>::Ones(9, 2);
  Matrix<float> k = ones, v = ones;
  k.row(0).setConstant(1000);
  v.row(0).setConstant(-5);
  auto const z = problem.forward()(ones, k, v);
  CHECK(z(1, 0) == -5);
  for (Index i = 2; i < 9; ++i) CHECK(z(i, 0) == 1);
}
