// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/builtin/construction.hpp>
#include <chg/builtin/known_model.hpp>

using namespace chg;
using builtin::detail::Construction;
using builtin::detail::kContext;
using builtin::detail::kHeadDim;
using builtin::detail::kSharp;

namespace {

// Query times key of a one-head model, by position.
double attention_score(Weights<double> const& w, Index t, Index j, Index query = 0, Index key = 0) {
  auto const& layer = w.layers[0];
  RowVector<double> const at_t = w.embedding.row(query) + w.positions.row(t), at_j = w.embedding.row(key) + w.positions.row(j);
  RowVector<double> const q = at_t * layer.W_Q.transpose() + layer.b_Q, k = at_j * layer.W_K.transpose();
  return q.dot(k);
}

}  // namespace

TEST_CASE("construction: a head that looks back prefers its distance to every other by the stated strength", "[builtin]") {
  for (Index const distance : {0, 1, 3, 11}) {
    Construction model({.layers = 1, .heads = 1, .vocab = 2, .own_channels = 0});
    model.head(0, 0).look_back(static_cast<double>(distance));
    auto const w = model.weights<double>();
    CHECK_NOTHROW(Transformer<builtin::attention_only, double>(model.config(), w));
    for (Index t = distance; t < kContext; ++t)
      for (Index j = 0; j <= t; ++j)
        if (j != t - distance) CHECK(attention_score(w, t, j) <= attention_score(w, t, t - distance) - kSharp + 1e-9);
  }
}

TEST_CASE("construction: looking near is monotone up to half a turn of the slowest hand", "[builtin]") {
  Construction model({.layers = 1, .heads = 1, .vocab = 2, .own_channels = 0});
  model.head(0, 0).look_near(5);
  auto const w = model.weights<double>();
  for (Index j = 10; j < 40; ++j) CHECK(attention_score(w, 40, j) < attention_score(w, 40, j + 1));
}

TEST_CASE("construction: a content that is looked for adds its score, times what the query holds", "[builtin]") {
  Construction model({.layers = 1, .heads = 1, .vocab = 3, .own_channels = 0});
  model.head(0, 0).look_for(model.token(1), 7).look_for(model.token(2), 4, model.token(1));
  auto const w = model.weights<double>();
  CHECK(attention_score(w, 5, 2, 0, 1) == Approx(7));
  CHECK(attention_score(w, 5, 2, 0, 0) == Approx(0));
  CHECK(attention_score(w, 5, 2, 1, 2) == Approx(4));
  CHECK(attention_score(w, 5, 2, 0, 2) == Approx(0));
}

TEST_CASE("construction: values are read once and written where they were told", "[builtin]") {
  Construction model({.layers = 1, .heads = 1, .vocab = 20, .own_channels = 1});
  auto head = model.head(0, 0);
  double const weights[] = {2, -3};
  head.write(model.token(0), model.token(1), 5)
      .write(model.token(0), model.own(0), 6)
      .write_sum(model.token(2), weights, model.token(4));
  auto const w = model.weights<double>();
  Matrix<double> const through = w.layers[0].W_O * w.layers[0].W_V;
  Matrix<double> expected = Matrix<double>::Zero(through.rows(), through.cols());
  expected(1, 0) = 5, expected(model.own(0), 0) = 6, expected(4, 2) = 2, expected(4, 3) = -3;
  CHECK(through == expected);
  for (Index i = 1; i < kHeadDim - 1; ++i) head.write(model.token(i), model.token(0), 1);
  CHECK_THROWS_WITH(head.write(model.token(19), model.token(0), 1), Catch::Contains("16 at most"));
}
