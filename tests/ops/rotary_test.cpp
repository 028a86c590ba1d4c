// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/rotary.hpp>
#include <chg/verify/verify.hpp>

#include <cmath>
#include <numeric>
#include <vector>

namespace {

using namespace chg;

constexpr Rotary kPlain{}, kNeighbours{.pairing = RotaryPairing::neighbours};
constexpr Rotary kLlama31{.theta = 500'000, .scaled = true};
constexpr Rotary kSmall{
    .theta = 100, .scaled = true, .scaling = {.factor = 4, .low_freq_factor = 1, .high_freq_factor = 3, .original_context = 32}};

constexpr Rotary kPartial{.channels = 4}, kPartialNeighbours{.pairing = RotaryPairing::neighbours, .channels = 6};
constexpr Rotary kStretched{.linear_factor = 8};

std::vector<Index> positions(Index n) {
  std::vector<Index> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), Index{0});
  std::swap(all.front(), all.back());  // not in order: a tree jumps
  return all;
}

template <bool Back = false, class Scalar>
Matrix<Scalar> turned(Matrix<Scalar> x, std::vector<Index> const& at, Rotary const& options, Index head_dim) {
  ops::RotaryTable<Real<Scalar>> const table(options, head_dim, x.rows());
  for (Index t = 0; t < x.rows(); ++t) {
    auto* const row = x.data() + t * x.cols();
    if constexpr (Back)
      table.turn_back(row, x.cols() / head_dim, at[std::size_t(t)]);
    else
      table.turn(row, x.cols() / head_dim, at[std::size_t(t)]);
  }
  return x;
}

}  // namespace

TEST_CASE("rotary: every pair turns by position times frequency, in both pairings, with and without scaling", "[ops]") {
  for (auto const& options : {kPlain, kNeighbours, kLlama31, kSmall})
    for (Index head_dim : {2, 4, 6, 14, 16, 18, 64})
      for (Index heads : {1, 2, 3}) {
        auto const x = twins::sample(11, heads * head_dim, 1);
        auto const at = positions(11);
        INFO("D = " << head_dim << ", " << heads << " heads");
        // An angle up to 11 is off by its rounding, 11 epsilon.
        CHECK(twins::agree(turned(x, at, options, head_dim), twins::rotary(x, at, options, head_dim), 16));
      }
}

TEST_CASE("rotary: of a head whose first channels alone turn, the others stay; linear scaling divides positions", "[ops]") {
  auto const at = positions(11);
  for (auto const& options : {kPartial, kPartialNeighbours, kStretched})
    for (Index head_dim : {6, 10, 16}) {
      auto const x = twins::sample(11, 3 * head_dim, 1);
      auto const y = turned(x, at, options, head_dim);
      CHECK(twins::agree(y, twins::rotary(x, at, options, head_dim), 16));
      CHECK(twins::agree(turned<true>(y, at, options, head_dim), x, 8));
      if (options.channels > 0 && options.channels < head_dim)
        for (Index head = 0; head < 3; ++head) {
          auto const kept = head_dim - options.channels, from = head * head_dim + options.channels;
          CHECK(y.middleCols(from, kept) == x.middleCols(from, kept));
        }
    }
}

TEST_CASE("rotary: turning back is the gradient of turning, and undoes it", "[ops]") {
  for (auto const& options : {kPlain, kNeighbours, kSmall})
    for (Index head_dim : {2, 6, 16}) {
      auto const x = twins::sample(7, 2 * head_dim, 1);
      auto const at = positions(7);
      auto const plain = [&](auto const& in) { return twins::rotary(in, at, options, head_dim); };
      auto const fast = [&](auto const& in) { return turned(in, at, options, head_dim); };
      auto const backward = [&](auto const&, auto const& dy) { return turned<true>(dy, at, options, head_dim); };
      CHECK(verify::backward_pass(plain, backward, x));
      CHECK(verify::backward_pass(fast, backward, x));
      CHECK(twins::agree(turned<true>(turned(x, at, options, head_dim), at, options, head_dim), x, 8));
    }
}

TEST_CASE("rotary: in float the error is at most twice that of the plain loop", "[ops]") {
  for (auto const& options : {kPlain, kNeighbours}) {
    Matrix<float> const x = twins::sample(64, 32, 1).cast<float>();
    Matrix<double> const rounded = x.cast<double>();
    auto const at = positions(64);
    CHECK(
        twins::float_bound(turned(x, at, options, 16), twins::rotary(x, at, options, 16), twins::rotary(rounded, at, options, 16))
            .holds());
  }
}

TEST_CASE("rotary: far positions keep the accuracy of a table made in double", "[ops]") {
  // In float alone, position 100000 times frequency would be off by 100000 * 2^-24, 0.6 % of a radian.
  ops::RotaryTable<float> const table(kPlain, 4, 100'001);
  float x[] = {1, 1, 0, 0};
  table.turn(x, 1, 100'000);
  CHECK(std::abs(x[0] - std::cos(100'000.0)) < 6e-8);
  CHECK(std::abs(x[1] - std::cos(100'000.0 * 0.01)) < 6e-8);
  CHECK(std::abs(x[2] - std::sin(100'000.0)) < 6e-8);
  CHECK(std::abs(x[3] - std::sin(100'000.0 * 0.01)) < 6e-8);
}

TEST_CASE("rotary: position 0 changes nothing, and the product of query and key depends on their distance alone", "[ops]") {
  auto const x = twins::sample(1, 8, 1), q = twins::sample(1, 8, 2);
  CHECK(turned(x, {0}, kPlain, 8) == x);
  ops::RotaryTable<double> const table(kPlain, 8, 100);
  auto const score = [&](Index query, Index key) {
    Matrix<double> a = q, b = x;
    table.turn(a.data(), 1, query);
    table.turn(b.data(), 1, key);
    return a.row(0).dot(b.row(0));
  };
  CHECK(std::abs(score(50, 43) - score(7, 0)) < 1e-13);
  CHECK(std::abs(score(99, 92) - score(7, 0)) < 1e-13);
  CHECK(std::abs(score(50, 43) - score(8, 0)) > 1e-3);
}

TEST_CASE("rotary: Llama 3.1 keeps short wavelengths, stretches long ones by the factor, and blends between", "[ops]") {
  Index kept = 0, blended = 0, stretched = 0;
  for (Index i = 0; i < 64; ++i) {
    auto const plain = std::pow(500'000.0, -2.0 * double(i) / 128), scaled = ops::rotary_frequency(kLlama31, 128, i);
    auto const expected = twins::rotary_frequency(kLlama31, 128, i);
    INFO("pair " << i);
    CHECK(std::abs(scaled - expected) <= 8 * std::numeric_limits<double>::epsilon() * plain);
    auto const wavelength = 2 * std::acos(-1.0) / plain;
    if (wavelength < 2048) {
      ++kept;
      CHECK(scaled == plain);
    } else if (wavelength > 8192) {
      ++stretched;
      CHECK(scaled == plain / 8);
    } else {
      ++blended;
      CHECK(scaled < plain);
      CHECK(scaled > plain / 8);
    }
  }
  CHECK(kept == 29);  // the pairs i with 2 pi 500000^(i / 64) below 2048
  CHECK(blended == 6);
  CHECK(stretched == 29);
}

TEST_CASE("rotary: the frequency of a pair is divided by its divisor, beside linear scaling", "[ops]") {
  Rotary rotary{.theta = 100, .linear_factor = 2};
  auto const plain = rotary;
  rotary.divisors = {1, 1.5, 8};
  for (Index i = 0; i < 3; ++i)
    CHECK(ops::rotary_frequency(rotary, 6, i) ==
          Approx(ops::rotary_frequency(plain, 6, i) / rotary.divisors[static_cast<std::size_t>(i)]).epsilon(1e-15));
}
