// SPDX-License-Identifier: MIT
// Products of activations with frozen weights, in both directions.
//
//     forward:  y = x W^T        backward:  dx = dy W        W: [out, in]
//
// The weights never change, so they are packed once, and small products reach nearly the speed of large ones. One copy serves
// both directions. CHG_GEMM=blas or eigen hands full-precision products to a library instead. Products run on the calling
// thread alone: workers each take rows of their own.
#pragma once

#include <chg/tensor/dual.hpp>
#include <chg/tensor/matrix.hpp>
#include <chg/tensor/packed_matrix.hpp>

#include <omp.h>

#include <string>
#include <type_traits>
#include <utility>

#if defined(CHG_GEMM_BLAS)
// The Fortran interface is the one that every BLAS has.
extern "C" {
void sgemm_(char const*, char const*, int const*, int const*, int const*, float const*, float const*, int const*, float const*,
            int const*, float const*, float*, int const*);
void dgemm_(char const*, char const*, int const*, int const*, int const*, double const*, double const*, int const*, double const*,
            int const*, double const*, double*, int const*);
#if defined(__GNUC__)
void openblas_set_num_threads(int) __attribute__((weak));
int openblas_get_num_threads() __attribute__((weak));
#endif
}
#endif

namespace chg {

/// What multiplies in full precision: "packed" (chg's own), "blas" or "eigen".
inline constexpr char const* gemm_backend =
#if defined(CHG_GEMM_BLAS)
    "blas";
#elif defined(CHG_GEMM_EIGEN)
    "eigen";
#else
    "packed";
#endif

/// In what precision weights are held and multiplied. bfloat16: weights and activations are rounded to bfloat16 as factors of a
/// product; sums, and all that is no product with weights, are as they were. For models of float.
enum class Products { full, bfloat16 };

constexpr std::string_view name(Products products) { return products == Products::full ? "full" : "bfloat16"; }

/// Keeps products on the calling thread while it lives, whatever threads Eigen or OpenBLAS would start: a worker
/// that shares the machine with other workers holds one. The calling thread's OpenMP setting is restored at the end;
/// OpenBLAS has one setting for the whole process, which is changed from outside a parallel region only.
class SingleThreadedProducts {
 public:
  SingleThreadedProducts() : omp_threads_(omp_get_max_threads()) {
    omp_set_num_threads(1);
#if defined(CHG_GEMM_BLAS) && defined(__GNUC__)
    if (openblas_set_num_threads && openblas_get_num_threads && !omp_in_parallel()) {
      blas_threads_ = openblas_get_num_threads();
      if (blas_threads_ != 1) openblas_set_num_threads(1);
    }
#endif
  }
  ~SingleThreadedProducts() {
    omp_set_num_threads(omp_threads_);
#if defined(CHG_GEMM_BLAS) && defined(__GNUC__)
    if (blas_threads_ > 1) openblas_set_num_threads(blas_threads_);
#endif
  }
  SingleThreadedProducts(SingleThreadedProducts const&) = delete;
  SingleThreadedProducts& operator=(SingleThreadedProducts const&) = delete;

 private:
  int omp_threads_;
  int blas_threads_ = 0;
};

/// Which direction reads a packed matrix as it lies. The other transposes a block at a time, which takes as long as multiplying
/// three to ten rows of x (bench/README.md). `backward` keeps the rows of W together, for reading them.
enum class PackedFor { forward, backward };

/// W: [out, in], packed. A matrix of Real multiplies activations of Real, and of duals over Real component by component (W has no
/// tangent). Thread-safe after construction.
template <class Real>
class FrozenMatrix {
 public:
  FrozenMatrix() = default;

  /// Throws Error for Products::bfloat16 unless Real is float.
  explicit FrozenMatrix(Matrix<Real> weights, Products products = Products::full, PackedFor packed_for = PackedFor::forward)
      : out_(weights.rows()), in_(weights.cols()), products_(products), packed_for_(packed_for) {
    check(products == Products::full || std::is_same_v<Real, float>, "products in bfloat16", "a model of float", "one of double",
          "Use Products::full.");
    auto const pack = [&](auto& packed) {
      if (packed_for == PackedFor::forward)
        packed = {in_, out_, [&](Index k, Index j) { return weights(j, k); }};
      else
        packed = {out_, in_, [&](Index k, Index j) { return weights(k, j); }};
    };
    if (products == Products::bfloat16) {
      if constexpr (std::is_same_v<Real, float>) pack(bfloats_);
    } else if constexpr (kPacked) {
      pack(packed_);
    } else {
      weights_ = std::move(weights);
    }
  }

  Index in() const { return in_; }
  Index out() const { return out_; }

  /// y = x W^T, or y += x W^T. x: [n, in], y: [n, out], rows contiguous (stride = columns).
  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* y, bool accumulate = false) const {
    multiply<true>(x, n, y, accumulate);
  }

  /// dx = dy W, or dx += dy W. dy: [n, out], dx: [n, in], rows contiguous.
  template <class Scalar>
  void backward(Scalar const* dy, Index n, Scalar* dx, bool accumulate = false) const {
    multiply<false>(dy, n, dx, accumulate);
  }

  /// W[i, j], rounded to bfloat16 where products are.
  Real operator()(Index i, Index j) const {
    auto const entry = [&](auto const& packed) { return packed_for_ == PackedFor::forward ? packed(j, i) : packed(i, j); };
    if constexpr (std::is_same_v<Real, float>)
      if (products_ == Products::bfloat16) return entry(bfloats_);
    if constexpr (kPacked)
      return entry(packed_);
    else
      return weights_(i, j);
  }

  /// Bytes held.
  std::size_t bytes() const {
    return packed_.bytes() + bfloats_.bytes() + static_cast<std::size_t>(weights_.size()) * sizeof(Real);
  }

 private:
  static constexpr bool kPacked = std::string_view(gemm_backend) == "packed";

  template <bool Forward, class Scalar>
  void multiply(Scalar const* x, Index n, Scalar* y, bool accumulate) const {
    if constexpr (is_dual<Scalar>) {
      by_component(x, n, Forward ? in_ : out_, y, Forward ? out_ : in_, accumulate,
                   [&](auto const* a, auto* b) { multiply<Forward>(a, n, b, false); });
    } else {
      static_assert(std::is_same_v<Scalar, Real>,
                    "chg::FrozenMatrix: activations must be of the weights' type, or duals over it.");
      auto const by = [&](auto const& packed) {
        if (Forward == (packed_for_ == PackedFor::forward))
          packed.multiply(x, n, y, accumulate);
        else
          packed.multiply_transposed(x, n, y, accumulate);
      };
      if constexpr (std::is_same_v<Real, float>)
        if (products_ == Products::bfloat16) return by(bfloats_);
      if constexpr (kPacked)
        by(packed_);
      else
        multiply_by_library<Forward>(x, n, y, accumulate);
    }
  }

  // Row-major x is column-major x^T, so BLAS computes y^T = W x^T and dx^T = W^T dy^T.
  template <bool Forward>
  void multiply_by_library(Real const* x, Index n, Real* y, bool accumulate) const {
    if (n == 0) return;
#if defined(CHG_GEMM_BLAS)
    auto const rows = static_cast<int>(n), in = static_cast<int>(in_), out = static_cast<int>(out_);
    auto const x_cols = Forward ? in : out, y_cols = Forward ? out : in;
    auto const one = Real(1), beta = accumulate ? Real(1) : Real(0);
    auto const* transpose = Forward ? "T" : "N";
    if constexpr (std::is_same_v<Real, float>)
      sgemm_(transpose, "N", &y_cols, &rows, &x_cols, &one, weights_.data(), &in, x, &x_cols, &beta, y, &y_cols);
    else
      dgemm_(transpose, "N", &y_cols, &rows, &x_cols, &one, weights_.data(), &in, x, &x_cols, &beta, y, &y_cols);
#else
    auto const a = map(x, n, Forward ? in_ : out_);
    auto b = map(y, n, Forward ? out_ : in_);
    if (!accumulate) b.setZero();
    if constexpr (Forward)
      b.noalias() += a * weights_.transpose();
    else
      b.noalias() += a * weights_;
#endif
  }

  // Real weights act on the value and on the tangent of a dual alike.
  template <class T, class Product>
  static void by_component(Dual<T> const* x, Index n, Index x_cols, Dual<T>* y, Index y_cols, bool accumulate,
                           Product const& product) {
    Matrix<T> plane(n, x_cols), image(n, y_cols);
    for (auto const part : {&Dual<T>::value, &Dual<T>::tangent}) {
      for (Index i = 0; i < n * x_cols; ++i) plane.data()[i] = x[i].*part;
      product(std::as_const(plane).data(), image.data());
      for (Index i = 0; i < n * y_cols; ++i) y[i].*part = accumulate ? y[i].*part + image.data()[i] : image.data()[i];
    }
  }

  Index out_ = 0, in_ = 0;
  Products products_ = Products::full;
  PackedFor packed_for_ = PackedFor::forward;
  detail::PackedMatrix<Real> packed_;
  detail::PackedBfloats bfloats_;
  Matrix<Real> weights_;
};

/// What this build is made of, one "name: value" a line: version, compiler, instruction set, back end of the products.
inline std::string build_info() {
  auto info = text("chg: 0.1.0\ngemm: ", gemm_backend, "\neigen: ", EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".",
                   EIGEN_MINOR_VERSION, "\neigen instructions: ", Eigen::SimdInstructionSetsInUse(), "\nopenmp: ", _OPENMP);
#if defined(__clang__)
  info += text("\ncompiler: clang ", __clang_major__, ".", __clang_minor__);
#elif defined(__GNUC__)
  info += text("\ncompiler: g++ ", __GNUC__, ".", __GNUC_MINOR__);
#endif
  info += text("\nvector bytes: ", detail::vector_bytes);
#if defined(__AVX512BF16__)
  info += "\nbfloat16: by the processor";
#else
  info += "\nbfloat16: widened to float";
#endif
  return info + "\n";
}

}  // namespace chg
