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

#include <algorithm>
#include <bit>
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
  [[gnu::always_inline]] static Vector load(Factor const* b) {
    Vector v;
    std::memcpy(&v, b, sizeof v);
    return v;
  }
  [[gnu::always_inline]] static void multiply_add(Vector& sum, Vector a, Vector b) { sum += a * b; }
};

#if defined(__AVX512BF16__)
/// Float sums of bfloat16 products. One step multiplies two neighbours along k, which share 32 bits.
struct BfloatTile {
  using Sum = float;
  using Factor = std::uint32_t;
  using Vector = __m512;
  static constexpr int lanes = 16;

  [[gnu::always_inline]] static __m512i spread(Factor const* a) {
    auto pair = _mm512_set1_epi32(static_cast<int>(*a));
#if defined(__clang__)
    asm("" : "+v"(pair));  // clang 16 crashes where it sees that these lanes of bfloat16 are a spread integer
#endif
    return pair;
  }
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

/// Steps of a block at most, a multiple of every panel's columns. The rounding error of a sum of K terms taken in blocks of b
/// grows as sqrt(K b): the largest error of SmolLM2's gate gradients in float is a fifth of that with blocks of 512 that go on
/// from each other's sums (bench/README.md).
inline constexpr Index block_depth = 320;

/// Calls f(0), ..., f(N - 1) with constants of the type system, so that arrays indexed by them can live in registers.
template <int N, class F>
[[gnu::always_inline]] inline void unrolled(F const& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

/// A matrix of factors as it lies in memory: entry (i, k) at data + i row + k step.
template <class Factor>
struct Strided {
  Factor const* data;
  Index row, step = 1;
};

/// What a tile fetches into the second-level cache while its sums run, for a later one: `lines` cache lines, from `data` on, with
/// each stretch of steps.
template <class Factor>
struct Ahead {
  static constexpr Index stretch = 32;
  Factor const* data = nullptr;
  Index lines = 0;
};

/// b: [steps, Vectors vectors] at b_stride; c: [Rows, Vectors vectors] at c_stride. BfloatTile reads b on a vector's boundary.
/// accumulate: adds to c, else writes it. What c holds is fetched while the sums run and added at the end, so that a caller that
/// cuts a long sum into blocks gets the rounding errors of short sums.
template <class Tile, int Rows, int Vectors>
[[gnu::noinline]] void multiply_tile(Strided<typename Tile::Factor> const& a, typename Tile::Factor const* b, Index b_stride,
                                     Index steps, typename Tile::Sum* c, Index c_stride, bool accumulate,
                                     Ahead<typename Tile::Factor> ahead) {
  using Vector = typename Tile::Vector;
  Vector sums[Rows][Vectors];
  auto const each = [&](auto const& f) __attribute__((always_inline)) {
    unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
      unrolled<Vectors>([&](auto j) __attribute__((always_inline)) { f(sums[i][j], c + i * c_stride + j * Tile::lanes); });
    });
  };
  each([](Vector& sum, auto* at) __attribute__((always_inline)) {
    __builtin_prefetch(at, 1);
    sum = Vector{};
  });
  auto const* factors = a.data;
  for (Index k = 0; k < steps;) {
    for (Index line = 0; line < ahead.lines; ++line, ahead.data += 64 / sizeof *ahead.data) __builtin_prefetch(ahead.data, 0, 2);
    for (auto const end = std::min(steps, k + ahead.stretch); k < end; ++k, factors += a.step, b += b_stride) {
      decltype(Tile::load(b)) row[Vectors];
      unrolled<Vectors>([&](auto j) __attribute__((always_inline)) { row[j] = Tile::load(b + j * Tile::lanes); });
      unrolled<Rows>([&](auto i) __attribute__((always_inline)) {
        auto const factor = Tile::spread(factors + i * a.row);
        unrolled<Vectors>([&](auto j) __attribute__((always_inline)) { Tile::multiply_add(sums[i][j], factor, row[j]); });
      });
    }
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
template <class Tile, int Vectors = TileShape<Tile>::vectors, int Rows = TileShape<Tile>::rows>
void multiply_rows(Index rows, Strided<typename Tile::Factor> const& a, typename Tile::Factor const* b, Index b_stride,
                   Index steps, typename Tile::Sum* c, Index c_stride, bool accumulate, Ahead<typename Tile::Factor> ahead) {
  if (rows == Rows) return multiply_tile<Tile, Rows, Vectors>(a, b, b_stride, steps, c, c_stride, accumulate, ahead);
  if constexpr (Rows > 1) multiply_rows<Tile, Vectors, Rows - 1>(rows, a, b, b_stride, steps, c, c_stride, accumulate, ahead);
}

/// The same for a number of vectors known at run time, 1 to TileShape<Tile>::vectors, with nothing to fetch ahead.
template <class Tile, int Vectors = TileShape<Tile>::vectors>
void multiply_vectors(Index rows, Index vectors, Strided<typename Tile::Factor> const& a, typename Tile::Factor const* b,
                      Index b_stride, Index steps, typename Tile::Sum* c, Index c_stride, bool accumulate) {
  if (vectors == Vectors) return multiply_rows<Tile, Vectors>(rows, a, b, b_stride, steps, c, c_stride, accumulate, {});
  if constexpr (Vectors > 1) multiply_vectors<Tile, Vectors - 1>(rows, vectors, a, b, b_stride, steps, c, c_stride, accumulate);
}

/// Row r of a transposed square is column r. Halves change places by rounds: blocks of h by h, h = lanes / 2, ..., 1.
template <class Tile, int Half = Tile::lanes / 2>
[[gnu::always_inline]] inline void transpose_vectors(typename Tile::Vector (&square)[Tile::lanes]) {
  unrolled<Tile::lanes>([&](auto row) __attribute__((always_inline)) {
    if constexpr (Half > 0 && (row & Half) == 0) {
      auto const a = square[row], b = square[row + Half];
      [&]<int... J>(std::integer_sequence<int, J...>) __attribute__((always_inline)) {
        square[row] = __builtin_shufflevector(a, b, (J & Half ? Tile::lanes + J - Half : J)...);
        square[row + Half] = __builtin_shufflevector(a, b, (J & Half ? Tile::lanes + J : J + Half)...);
      }(std::make_integer_sequence<int, Tile::lanes>{});
    }
  });
  if constexpr (Half > 1) transpose_vectors<Tile, Half / 2>(square);
}

/// Writes to[j, i] = from[i, j] for i, j < lanes, and 0 for i from `rows` on, of which nothing is read.
template <class Tile>
void transpose_square(typename Tile::Sum const* from, Index from_stride, Index rows, typename Tile::Sum* to, Index to_stride) {
  typename Tile::Vector square[Tile::lanes];
  unrolled<Tile::lanes>([&](auto i) __attribute__((always_inline)) {
    square[i] = i < rows ? Tile::load(from + i * from_stride) : typename Tile::Vector{};
  });
  transpose_vectors<Tile>(square);
  unrolled<Tile::lanes>([&](auto j) __attribute__((always_inline)) {
    std::memcpy(to + j * to_stride, &square[j], sizeof square[j]);
  });
}

/// The same for pairs of bfloat16: from[p, j], for p and j below the lanes of float, holds B[2p, j] in its lower half and
/// B[2p + 1, j] in its upper; writes to[m, i], for m < lanes / 2 and i < 2 lanes, which holds B[i, 2m] and B[i, 2m + 1].
/// Pairs p from `rows` on count as 0, and nothing of them is read.
inline void transpose_pairs(std::uint32_t const* from, Index from_stride, Index rows, std::uint32_t* to, Index to_stride) {
  using Tile = RealTile<float>;
  constexpr auto lanes = Tile::lanes;
  typedef std::uint32_t Pairs __attribute__((vector_size(vector_bytes)));
  typename Tile::Vector square[lanes];  // moved as floats, never computed with
  unrolled<lanes>([&](auto p) __attribute__((always_inline)) {
    square[p] = Tile::Vector{};
    if (p < rows) std::memcpy(&square[p], from + p * from_stride, sizeof square[p]);
  });
  transpose_vectors<Tile>(square);
  unrolled<lanes / 2>([&](auto m) __attribute__((always_inline)) {
    auto const left = std::bit_cast<Pairs>(square[2 * m]), right = std::bit_cast<Pairs>(square[2 * m + 1]);
    auto const even = (left & 0xffffu) | (right << 16), odd = (left >> 16) | (right & 0xffff0000u);
    [&]<int... J>(std::integer_sequence<int, J...>) __attribute__((always_inline)) {
      auto const first = __builtin_shufflevector(even, odd, (J / 2 + (J % 2) * lanes)...);
      auto const second = __builtin_shufflevector(even, odd, (J / 2 + (J % 2) * lanes + lanes / 2)...);
      std::memcpy(to + m * to_stride, &first, sizeof first);
      std::memcpy(to + m * to_stride + lanes, &second, sizeof second);
    }(std::make_integer_sequence<int, lanes>{});
  });
}

}  // namespace chg::detail
