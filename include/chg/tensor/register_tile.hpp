// SPDX-License-Identifier: MIT
// The inner loop of every product with frozen weights: a tile of sums that stays in registers while the summed index runs.
//
//     C[i, j] (+)= sum_k A[i, k] B[k, j]       i < Rows, j < columns
//
// For each k a row of B is loaded once and each A[i, k] is spread over a vector once, for Rows x vectors multiply-adds. A sum
// takes its terms in the order of k whatever Rows is, so a row of C has the same bits whichever rows are computed beside it.
// Written with the vectors of GCC and clang: one source for AVX-512, AVX2, NEON and what comes.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace chg::detail {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64, vector_registers = 32;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32, vector_registers = 16;
#elif defined(__aarch64__)
inline constexpr int vector_bytes = 16, vector_registers = 32;
#else
inline constexpr int vector_bytes = 16, vector_registers = 16;
#endif

/// Sums of Real. One step of k multiplies one number of A with a row of B.
template <class Real>
struct RealTile {
  using Sum = Real;
  using Factor = Real;
  typedef Real Vector __attribute__((vector_size(vector_bytes)));
  static constexpr int lanes = vector_bytes / static_cast<int>(sizeof(Real));

  [[gnu::always_inline]] static Vector spread(Factor const* a) { return *a - Vector{}; }  // a + 0 is no copy: it turns -0 into 0
  [[gnu::always_inline]] static Vector load(Factor const* b) { return *reinterpret_cast<Vector const*>(b); }
  [[gnu::always_inline]] static void multiply_add(Vector& sum, Vector a, Vector b) { sum += a * b; }
};

#if defined(__AVX512BF16__)
/// Float sums of bfloat16 products. One step multiplies two neighbours along k, which share 32 bits.
struct BfloatTile {
  using Sum = float;
  using Factor = std::uint32_t;
  using Vector = __m512;
  static constexpr int lanes = 16;

  [[gnu::always_inline]] static __m512i spread(Factor const* a) { return _mm512_set1_epi32(static_cast<int>(*a)); }
  [[gnu::always_inline]] static __m512i load(Factor const* b) { return _mm512_load_si512(b); }
  [[gnu::always_inline]] static void multiply_add(Vector& sum, __m512i a, __m512i b) {
    sum = _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh const&>(a), reinterpret_cast<__m512bh const&>(b));
  }
};
#endif

/// Tile: RealTile or BfloatTile. As many sums as leave registers for a row of B and one factor of A.
template <class Tile>
struct TileShape {
  static constexpr int vectors = vector_registers >= 32 ? 4 : 2;
  static constexpr int rows = 6;
  static constexpr Index columns = vectors * Tile::lanes;
};

/// Calls f(0), ..., f(N - 1) with constants of the type system, so that arrays indexed by them can live in registers.
template <int N, class F>
[[gnu::always_inline]] inline void unrolled(F const& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

/// a: row i begins at a + i a_stride; b: [steps, columns], on a vector's boundary; c: [Rows, columns] at c_stride.
/// accumulate: adds to c, else writes it. What c holds is added at the end, so that a caller that cuts a long sum into blocks gets
/// the rounding errors of short sums.
template <class Tile, int Rows>
[[gnu::noinline]] void multiply_tile(typename Tile::Factor const* a, Index a_stride, typename Tile::Factor const* b, Index steps,
                                     typename Tile::Sum* c, Index c_stride, bool accumulate) {
  constexpr int kVectors = TileShape<Tile>::vectors;
  using Vector = typename Tile::Vector;
  Vector sums[Rows][kVectors];
  auto const each = [&](auto const& f) __attribute__((always_inline)) {
    unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
      unrolled<kVectors>([&](auto j) __attribute__((always_inline)) { f(sums[i][j], c + i * c_stride + j * Tile::lanes); });
    });
  };
  each([](Vector& sum, auto*) __attribute__((always_inline)) { sum = Vector{}; });
  for (Index k = 0; k < steps; ++k, ++a, b += kVectors * Tile::lanes) {
    decltype(Tile::load(b)) row[kVectors];
    unrolled<kVectors>([&](auto j) __attribute__((always_inline)) { row[j] = Tile::load(b + j * Tile::lanes); });
    unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
      auto const factor = Tile::spread(a + i * a_stride);
      unrolled<kVectors>([&](auto j) __attribute__((always_inline)) { Tile::multiply_add(sums[i][j], factor, row[j]); });
    });
  }
  if (accumulate)
    each([](Vector& sum, auto* at) __attribute__((always_inline)) {
      Vector before;
      std::memcpy(&before, at, sizeof(Vector));
      sum += before;
    });
  each([](Vector& sum, auto* at) __attribute__((always_inline)) { std::memcpy(at, &sum, sizeof(Vector)); });
}

/// multiply_tile for a number of rows known at run time: 1 to TileShape<Tile>::rows.
template <class Tile, int Rows = TileShape<Tile>::rows>
void multiply_rows(Index rows, typename Tile::Factor const* a, Index a_stride, typename Tile::Factor const* b, Index steps,
                   typename Tile::Sum* c, Index c_stride, bool accumulate) {
  if (rows == Rows) return multiply_tile<Tile, Rows>(a, a_stride, b, steps, c, c_stride, accumulate);
  if constexpr (Rows > 1) multiply_rows<Tile, Rows - 1>(rows, a, a_stride, b, steps, c, c_stride, accumulate);
}

}  // namespace chg::detail
