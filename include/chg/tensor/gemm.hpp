// SPDX-License-Identifier: MIT
// Products of activations with frozen weights, in both directions, through the fastest library that the build found.
//
//     forward:  y = x W^T        backward:  dx = dy W        W: [out, in]
//
// The weights never change, so a back end may pack them once. Products run on the calling thread alone: workers each take
// rows of their own, and the result of a row block does not depend on how many workers there are.
#pragma once

#include <chg/tensor/dual.hpp>
#include <chg/tensor/matrix.hpp>

#include <omp.h>

#include <string>
#include <type_traits>
#include <utility>

#if defined(CHG_GEMM_ONEDNN)
#include <chg/tensor/onednn.hpp>
#endif

#if defined(CHG_GEMM_ONEDNN) || defined(CHG_GEMM_BLAS)
#define CHG_HAS_BLAS 1
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

/// Which library multiplies floats: "onednn", "blas" or "eigen". Doubles use BLAS where there is one.
inline constexpr char const* gemm_backend =
#if defined(CHG_GEMM_ONEDNN)
    "onednn";
#elif defined(CHG_GEMM_BLAS)
    "blas";
#else
    "eigen";
#endif

/// Keeps products on the calling thread while it lives, whatever threads Eigen, OpenBLAS or oneDNN would start: a worker
/// that shares the machine with other workers holds one. The calling thread's OpenMP setting is restored at the end;
/// OpenBLAS has one setting for the whole process, which is changed from outside a parallel region only.
class SingleThreadedProducts {
 public:
  SingleThreadedProducts() : omp_threads_(omp_get_max_threads()) {
    omp_set_num_threads(1);
#if defined(CHG_HAS_BLAS) && defined(__GNUC__)
    if (openblas_set_num_threads && openblas_get_num_threads && !omp_in_parallel()) {
      blas_threads_ = openblas_get_num_threads();
      if (blas_threads_ != 1) openblas_set_num_threads(1);
    }
#endif
  }
  ~SingleThreadedProducts() {
    omp_set_num_threads(omp_threads_);
#if defined(CHG_HAS_BLAS) && defined(__GNUC__)
    if (blas_threads_ > 1) openblas_set_num_threads(blas_threads_);
#endif
  }
  SingleThreadedProducts(SingleThreadedProducts const&) = delete;
  SingleThreadedProducts& operator=(SingleThreadedProducts const&) = delete;

 private:
  int omp_threads_;
  int blas_threads_ = 0;
};

/// In which directions a frozen matrix will be used; one never used need not be packed.
enum class Directions { forward, both };

/// W: [out, in], packed for the back end. A matrix of Real multiplies activations of Real, and of duals over Real
/// component by component (W has no tangent). Thread-safe after construction.
template <class Real>
class FrozenMatrix {
 public:
  FrozenMatrix() = default;
  explicit FrozenMatrix(Matrix<Real> weights, Directions directions = Directions::both)
      : out_(weights.rows()), in_(weights.cols()), directions_(directions) {
#if defined(CHG_GEMM_ONEDNN)
    if constexpr (std::is_same_v<Real, float>) {
      forward_ = detail::PackedWeights(weights.data(), in_, out_, true);
      if (directions == Directions::both) backward_ = detail::PackedWeights(weights.data(), out_, in_, false);
      return;
    }
#endif
    weights_ = std::move(weights);
  }

  Index in() const { return in_; }
  Index out() const { return out_; }

  /// y = x W^T, or y += x W^T. x: [n, in], y: [n, out], rows contiguous (stride = columns).
  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* y, bool accumulate = false) const {
    if constexpr (is_dual<Scalar>) {
      by_component(x, n, in_, y, out_, accumulate, [&](auto const* a, auto* b) { forward(a, n, b); });
    } else {
      static_assert(std::is_same_v<Scalar, Real>,
                    "chg::FrozenMatrix: activations must be of the weights' type, or duals over it.");
#if defined(CHG_GEMM_ONEDNN)
      if constexpr (std::is_same_v<Real, float>) return forward_.multiply(x, n, y, accumulate);
#endif
      multiply<true>(x, n, y, accumulate);
    }
  }

  /// dx = dy W, or dx += dy W. dy: [n, out], dx: [n, in], rows contiguous.
  template <class Scalar>
  void backward(Scalar const* dy, Index n, Scalar* dx, bool accumulate = false) const {
    if constexpr (is_dual<Scalar>) {
      by_component(dy, n, out_, dx, in_, accumulate, [&](auto const* a, auto* b) { backward(a, n, b); });
    } else {
      static_assert(std::is_same_v<Scalar, Real>, "chg::FrozenMatrix: gradients must be of the weights' type, or duals over it.");
#if defined(CHG_GEMM_ONEDNN)
      if constexpr (std::is_same_v<Real, float>) return backward_.multiply(dy, n, dx, accumulate);
#endif
      multiply<false>(dy, n, dx, accumulate);
    }
  }

  /// Bytes held.
  std::size_t bytes() const {
    auto const one = static_cast<std::size_t>(in_ * out_) * sizeof(Real);
    auto const packed_twice = weights_.size() == 0 && directions_ == Directions::both;
    return packed_twice ? 2 * one : one;
  }

 private:
  // Row-major x is column-major x^T, so BLAS computes y^T = W x^T and dx^T = W^T dy^T.
  template <bool Forward>
  void multiply(Real const* x, Index n, Real* y, bool accumulate) const {
    if (n == 0) return;
#if defined(CHG_HAS_BLAS)
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
  Directions directions_ = Directions::both;
  Matrix<Real> weights_;
#if defined(CHG_GEMM_ONEDNN)
  detail::PackedWeights forward_, backward_;
#endif
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
#if defined(CHG_GEMM_ONEDNN)
  info += "\nonednn: " + detail::onednn_version();
#endif
  return info + "\n";
}

}  // namespace chg
