// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/gemm.hpp>
#include <chg/tensor/random.hpp>

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace chg;

template <class Scalar>
Matrix<Scalar> sample(Index rows, Index cols, std::uint32_t substream) {
  Random random(11, Stream::user, substream);
  Matrix<Scalar> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<Real<Scalar>>(random.normal());
  if constexpr (is_dual<Scalar>)
    for (Index i = 0; i < m.size(); ++i) m.data()[i].tangent = static_cast<Real<Scalar>>(random.normal());
  return m;
}

// sum_k a(i, k) b(k, j) in Accumulator precision, beside the sum of absolute products: a product of n terms, summed in any
// order, is off by at most n epsilon times the latter (Higham, Accuracy and Stability, section 3.1).
template <class Scalar>
struct Plain {
  Matrix<double> value, size;

  Plain(Matrix<Scalar> const& a, Matrix<Scalar> const& b) : value(Matrix<double>::Zero(a.rows(), b.cols())), size(value) {
    for (Index i = 0; i < a.rows(); ++i)
      for (Index j = 0; j < b.cols(); ++j)
        for (Index k = 0; k < a.cols(); ++k) {
          auto const product = double(a(i, k)) * double(b(k, j));
          value(i, j) += product;
          size(i, j) += std::abs(product);
        }
  }
};

template <class Scalar>
void check_product(Matrix<Scalar> const& y, Plain<Scalar> const& plain, Index terms, double start = 0) {
  auto const epsilon = double(std::numeric_limits<Scalar>::epsilon());
  for (Index i = 0; i < y.rows(); ++i)
    for (Index j = 0; j < y.cols(); ++j) {
      auto const error = std::abs(double(y(i, j)) - start - plain.value(i, j));
      if (!(error <= double(terms + 1) * epsilon * (plain.size(i, j) + std::abs(start)))) {
        INFO("entry " << i << ", " << j << ": " << y(i, j) << " for " << plain.value(i, j) + start);
        CHECK(error <= double(terms + 1) * epsilon * (plain.size(i, j) + std::abs(start)));
      }
    }
}

template <class Scalar>
void check_both_directions(Index n, Index out, Index in, PackedFor packed_for) {
  INFO(n << " rows, W " << shape_text(out, in) << (sizeof(Scalar) == 4 ? " float" : " double") << ", packed for "
         << (packed_for == PackedFor::forward ? "forward" : "backward"));
  auto const w = sample<Scalar>(out, in, 1), x = sample<Scalar>(n, in, 2), dy = sample<Scalar>(n, out, 3);
  FrozenMatrix<Scalar> const frozen(w, Products::full, packed_for);
  CHECK(frozen.out() == out);
  CHECK(frozen.in() == in);

  Matrix<Scalar> y = Matrix<Scalar>::Constant(n, out, std::numeric_limits<Scalar>::quiet_NaN());  // must be overwritten
  frozen.forward(x.data(), n, y.data());
  Plain<Scalar> const forward(x, w.transpose());
  check_product(y, forward, in);
  y.setConstant(2);
  frozen.forward(x.data(), n, y.data(), true);
  check_product(y, forward, in, 2);

  Matrix<Scalar> dx = Matrix<Scalar>::Constant(n, in, std::numeric_limits<Scalar>::quiet_NaN());
  frozen.backward(dy.data(), n, dx.data());
  Plain<Scalar> const backward(dy, w);
  check_product(dx, backward, out);
  dx.setConstant(2);
  frozen.backward(dy.data(), n, dx.data(), true);
  check_product(dx, backward, out, 2);
  CHECK(frozen(out - 1, in - 1) == w(out - 1, in - 1));
}

template <class Scalar>
void check_both_packings(Index n, Index out, Index in) {
  for (auto const packed_for : {PackedFor::forward, PackedFor::backward}) check_both_directions<Scalar>(n, out, in, packed_for);
}

}  // namespace

TEST_CASE("gemm: both directions are the product, to round-off, at every edge size", "[tensor]") {
  for (Index n : {1, 2, 7, 16, 17})
    for (Index out : {1, 2, 15, 16, 17, 31})
      for (Index in : {1, 3, 15, 16, 17, 64}) {
        check_both_packings<float>(n, out, in);
        check_both_packings<double>(n, out, in);
      }
  for (auto const& [out, in] : {std::pair<Index, Index>{257, 63}, {700, 1000}, {1000, 641}}) {  // several blocks and panels
    check_both_packings<float>(31, out, in);
    check_both_packings<double>(31, out, in);
  }
}

TEST_CASE("gemm: no rows is a valid product", "[tensor]") {
  FrozenMatrix<float> const frozen(sample<float>(3, 4, 1));
  float y = 5;
  frozen.forward(&y, 0, &y);
  frozen.backward(&y, 0, &y);
  CHECK(y == 5);
}

TEST_CASE("gemm: one matrix serves batches of different sizes in turn", "[tensor]") {
  auto const w = sample<float>(13, 29, 1);
  FrozenMatrix<float> const frozen(w);
  for (Index n : {5, 1, 40, 2, 5, 1}) {
    auto const x = sample<float>(n, 29, 2);
    Matrix<float> y(n, 13);
    frozen.forward(x.data(), n, y.data());
    check_product(y, Plain<float>(x, w.transpose()), 29);
  }
}

TEST_CASE("gemm: a row has the same bits alone and among other rows", "[tensor]") {
  auto const w = sample<float>(70, 600, 1), x = sample<float>(23, 600, 2);
  for (auto const products : {Products::full, Products::bfloat16}) {
    if (products == Products::full && std::string_view(gemm_backend) != "packed") continue;  // libraries do not promise it
    FrozenMatrix<float> const frozen(w, products);
    Matrix<float> together(23, 70), alone(1, 70);
    frozen.forward(x.data(), 23, together.data());
    for (Index i = 0; i < 23; ++i) {
      frozen.forward(x.data() + i * 600, 1, alone.data());
      CHECK(alone == together.row(i));
    }
  }
}

TEST_CASE("gemm: in bfloat16 both directions are the product of the rounded factors, to round-off of float", "[tensor]") {
  auto const rounded = [](Matrix<float> const& m) { return Matrix<float>(m.unaryExpr(&as_bfloat16)); };
  auto const check_bfloats = [&](Index n, Index out, Index in) {
    for (auto const packed_for : {PackedFor::forward, PackedFor::backward}) {
      INFO(n << " rows, W " << shape_text(out, in) << ", packed for "
             << (packed_for == PackedFor::forward ? "forward" : "backward"));
      auto const w = sample<float>(out, in, 1), x = sample<float>(n, in, 2), dy = sample<float>(n, out, 3);
      FrozenMatrix<float> const frozen(w, Products::bfloat16, packed_for);
      Matrix<float> y = Matrix<float>::Constant(n, out, std::numeric_limits<float>::quiet_NaN()), dx(n, in);
      frozen.forward(x.data(), n, y.data());
      check_product(y, Plain<float>(rounded(x), rounded(w).transpose()), in);
      frozen.backward(dy.data(), n, dx.data());
      check_product(dx, Plain<float>(rounded(dy), rounded(w)), out);
      frozen.backward(dy.data(), n, dx.data(), true);
      Plain<float> twice(rounded(dy), rounded(w));
      twice.value *= 2, twice.size *= 2;
      check_product(dx, twice, out);
      CHECK(frozen(out - 1, in - 1) == as_bfloat16(w(out - 1, in - 1)));
    }
  };
  for (Index n : {1, 5, 6, 7, 13})
    for (Index out : {1, 63, 64, 65})
      for (Index in : {1, 2, 17, 1200}) check_bfloats(n, out, in);
  check_bfloats(31, 1501, 131);
  CHECK_THROWS_WITH(FrozenMatrix<double>(sample<double>(2, 2, 1), Products::bfloat16),
                    Catch::Contains("products in bfloat16. Expected a model of float"));
}

TEST_CASE("gemm: an entry of W can be read back, and bytes counts what is held", "[tensor]") {
  auto const w = sample<double>(70, 9, 1);
  FrozenMatrix<double> const frozen(w);
  for (Index i = 0; i < 70; ++i)
    for (Index j = 0; j < 9; ++j) CHECK(frozen(i, j) == w(i, j));
  auto const plain = static_cast<std::size_t>(w.size()) * sizeof(double);
  CHECK(frozen.bytes() >= plain);
  FrozenMatrix<float> const wide(sample<float>(128, 256, 1)), narrow(sample<float>(128, 256, 1), Products::bfloat16);
  CHECK(narrow.bytes() == 128 * 256 * 2);
  CHECK(wide.bytes() == 128 * 256 * 4);
}

TEST_CASE("gemm: duals go through by value and tangent, nested ones too", "[tensor]") {
  auto const w = sample<double>(5, 7, 1);
  FrozenMatrix<double> const frozen(w);
  auto const x = sample<Dual<double>>(3, 7, 2);
  Matrix<double> value(3, 7), tangent(3, 7);
  for (Index i = 0; i < x.size(); ++i) value.data()[i] = x.data()[i].value, tangent.data()[i] = x.data()[i].tangent;
  Matrix<Dual<double>> y(3, 5);
  frozen.forward(x.data(), 3, y.data());
  Matrix<double> a(3, 5), b(3, 5);
  for (Index i = 0; i < y.size(); ++i) a.data()[i] = y.data()[i].value, b.data()[i] = y.data()[i].tangent;
  check_product(a, Plain<double>(value, w.transpose()), 7);
  check_product(b, Plain<double>(tangent, w.transpose()), 7);
  frozen.forward(x.data(), 3, y.data(), true);
  for (Index i = 0; i < y.size(); ++i) {
    CHECK(y.data()[i].value == 2 * a.data()[i]);
    CHECK(y.data()[i].tangent == 2 * b.data()[i]);
  }
  Matrix<Dual<Dual<double>>> nested(1, 7), image(1, 5);
  for (Index i = 0; i < 7; ++i) nested.data()[i] = {x.data()[i], x.data()[i + 7]};
  frozen.forward(nested.data(), 1, image.data());
  CHECK(std::abs(image(0, 0).tangent.tangent - tangent.row(1).dot(w.row(0))) <=
        8 * 2.3e-16 * tangent.row(1).cwiseAbs().dot(w.row(0).cwiseAbs()));
  Matrix<Dual<double>> back(3, 7);
  frozen.backward(y.data(), 3, back.data());
  CHECK(std::abs(back(2, 3).tangent - 2 * b.row(2).dot(w.col(3))) <=
        6 * 2.3e-16 * 2 * b.row(2).cwiseAbs().dot(w.col(3).cwiseAbs()));
}

TEST_CASE("gemm: threads that multiply at once get what one thread gets, to the bit", "[tensor]") {
  auto const w = sample<float>(96, 64, 1), x = sample<float>(48, 64, 2);
  FrozenMatrix<float> const frozen(w);
  SingleThreadedProducts const alone;
  Matrix<float> expected(48, 96);
  frozen.forward(x.data(), 48, expected.data());
  std::vector<Matrix<float>> results(4, Matrix<float>(48, 96));
  std::vector<std::thread> threads;
  for (auto& y : results)
    threads.emplace_back([&] {
      SingleThreadedProducts const each;
      for (auto repeat = 0; repeat < 20; ++repeat) frozen.forward(x.data(), 48, y.data());
    });
  for (auto& t : threads) t.join();
  for (auto const& y : results) CHECK(y == expected);
}

TEST_CASE("gemm: SingleThreadedProducts restores the thread setting that it found", "[tensor]") {
  auto const before = omp_get_max_threads();
  omp_set_num_threads(3);
  {
    SingleThreadedProducts const alone;
    CHECK(omp_get_max_threads() == 1);
  }
  CHECK(omp_get_max_threads() == 3);
  omp_set_num_threads(before);
}

TEST_CASE("gemm: build_info names version, compiler and the back end that multiplies", "[tensor]") {
  auto const info = build_info();
  INFO(info);
  CHECK(info.find("chg: ") == 0);
  CHECK(info.find(std::string("\ngemm: ") + gemm_backend + "\n") != std::string::npos);
  CHECK(info.find("\ncompiler: ") != std::string::npos);
  CHECK(std::count(info.begin(), info.end(), '\n') >= 6);
  CHECK(info.back() == '\n');
}
