// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <span>
#include <vector>

namespace {

using namespace chg;

using Block = std::array<std::uint32_t, 4>;

// sum (observed - expected)^2 / expected over equally likely cells.
double chi_square(std::vector<double> const& counts) {
  auto const expected = std::accumulate(counts.begin(), counts.end(), 0.0) / double(counts.size());
  double sum = 0;
  for (auto const c : counts) sum += (c - expected) * (c - expected) / expected;
  return sum;
}

// Five deviations above the mean of chi-square with `freedom` degrees: one false alarm in some 10^5 seeds, and the seed is fixed.
double chi_square_limit(double freedom) { return freedom + 5 * std::sqrt(2 * freedom); }

}  // namespace

TEST_CASE("random: philox4x32-10 gives the published answers", "[tensor]") {
  // Salmon et al., the known-answer file of Random123 1.14, lines philox4x32 10.
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: a draw is a fixed function of seed, stream, substream and index", "[tensor]") {
  // From an implementation of the paper in Python.
  Random random(0x123456789abcdef0, Stream::user, 7);
  CHECK(random.bits() == 0x2191676bfb1c40d1);
  CHECK(random.bits() == 0xf76e47eb198d32d5);
  CHECK(random.bits() == 0x2e6971c2ac84fcb9);
  CHECK(random.index() == 3);

  Random uniform(42, Stream::gates);
  CHECK(uniform.uniform() == 0x1.300fc04440873p-1);
  CHECK(uniform.uniform() == 0x1.6a4dbfd47e162p-2);
  CHECK(uniform.uniform() == 0x1.2f5e4b2040fd7p-1);

  Random normal(42, Stream::gates);  // log and cos may differ in the last bit between libraries
  for (auto const expected : {-0.6196650278594078, -0.4923162888947836, 0.8986973508483084})
    CHECK(std::abs(normal.normal() - expected) < 1e-15);
  CHECK(normal.index() == 6);

  std::vector<int> items{0, 1, 2, 3, 4, 5, 6, 7};
  Random(42, Stream::order).shuffle(std::span(items));
  CHECK(items == std::vector{7, 1, 6, 5, 0, 4, 3, 2});

  static_assert(Random(42, Stream::order).bits() != Random(43, Stream::order).bits(), "usable in constant expressions");
}

TEST_CASE("random: seed, stream and substream each change every draw", "[tensor]") {
  auto const draws = [](std::uint64_t seed, Stream stream, std::uint32_t substream) {
    Random random(seed, stream, substream);
    std::vector<std::uint64_t> all(100);
    for (auto& bits : all) bits = random.bits();
    return all;
  };
  auto const base = draws(1, Stream::gates, 0);
  CHECK(base == draws(1, Stream::gates, 0));
  for (auto const& other : {draws(2, Stream::gates, 0), draws(1 + (std::uint64_t{1} << 32), Stream::gates, 0),
                            draws(1, Stream::order, 0), draws(1, Stream::gates, 1)})
    for (std::size_t i = 0; i < base.size(); ++i) CHECK(base[i] != other[i]);
}

TEST_CASE("random: uniform numbers lie inside (0, 1), evenly", "[tensor]") {
  Random random(5, Stream::user);
  constexpr auto kDraws = 200'000, kCells = 64;
  std::vector<double> counts(kCells, 0.0);
  for (auto i = 0; i < kDraws; ++i) {
    auto const u = random.uniform();
    REQUIRE(u > 0);
    REQUIRE(u < 1);
    REQUIRE(std::isfinite(std::log(u / (1 - u))));  // a gate logit drawn from it
    ++counts[std::size_t(u * kCells)];
  }
  CHECK(chi_square(counts) < chi_square_limit(kCells - 1));
  // The formula's ends, for bits of all zeros and all ones.
  CHECK(0.5 * 0x1p-52 > 0);
  CHECK((double((std::uint64_t{1} << 52) - 1) + 0.5) * 0x1p-52 < 1);
}

TEST_CASE("random: below(n) is even over 0 .. n - 1, for small and for huge n", "[tensor]") {
  Random random(6, Stream::user);
  for (auto const n : {1, 2, 3, 7, 10, 64, 100}) {
    std::vector<double> counts(std::size_t(n), 0.0);
    for (auto i = 0; i < 1000 * n; ++i) {
      auto const k = random.below(std::uint64_t(n));
      REQUIRE(k < std::uint64_t(n));
      ++counts[k];
    }
    INFO("n = " << n);
    CHECK(chi_square(counts) <= chi_square_limit(n - 1));
  }
  // For n = 3/4 of 2^64, bits() % n without a second draw would hit the lowest third twice as often as each other.
  auto const n = std::uint64_t{3} << 62;
  std::vector<double> thirds(3, 0.0);
  for (auto i = 0; i < 30'000; ++i) ++thirds[random.below(n) >> 62];
  CHECK(chi_square(thirds) < chi_square_limit(2));
}

TEST_CASE("random: below(n) draws again only in the incomplete last period", "[tensor]") {
  Random power(7, Stream::user);  // 2^64 is a multiple of 8: one draw each
  for (auto i = 0; i < 1000; ++i) power.below(8);
  CHECK(power.index() == 1000);
  Random one(7, Stream::user);
  for (auto i = 0; i < 1000; ++i) CHECK(one.below(1) == 0);
  CHECK(one.index() == 1000);
  Random most(7, Stream::user);  // 2^63 + 1: half of the draws are rejected
  for (auto i = 0; i < 1000; ++i) CHECK(most.below((std::uint64_t{1} << 63) + 1) <= std::uint64_t{1} << 63);
  CHECK(most.index() > 1800);  // twice 1000, with a deviation of 45
  CHECK(most.index() < 2250);
}

TEST_CASE("random: normal numbers have the moments of the normal distribution", "[tensor]") {
  Random random(8, Stream::user);
  constexpr auto kDraws = 100'000;
  double moment[5] = {};
  for (auto i = 0; i < kDraws; ++i) {
    auto const x = random.normal();
    for (auto k = 1; k <= 4; ++k) moment[k] += std::pow(x, k) / kDraws;
  }
  // Five standard errors, sqrt((m_2k - m_k^2) / n) with moments 1, 3, 15, 105.
  auto const root = std::sqrt(double(kDraws));
  CHECK(std::abs(moment[1]) < 5 * 1 / root);
  CHECK(std::abs(moment[2] - 1) < 5 * std::sqrt(2) / root);
  CHECK(std::abs(moment[3]) < 5 * std::sqrt(15) / root);
  CHECK(std::abs(moment[4] - 3) < 5 * std::sqrt(96) / root);
}

TEST_CASE("random: shuffle makes every order equally likely", "[tensor]") {
  Random random(9, Stream::order);
  std::map<std::array<int, 4>, double> counts;
  for (auto i = 0; i < 24'000; ++i) {
    std::array<int, 4> items{0, 1, 2, 3};
    random.shuffle(std::span<int>(items));
    ++counts[items];
  }
  CHECK(counts.size() == 24);
  std::vector<double> flat;
  for (auto const& [order, count] : counts) flat.push_back(count);
  CHECK(chi_square(flat) < chi_square_limit(23));

  std::vector<int> none, one{5};
  random.shuffle(std::span(none));
  random.shuffle(std::span(one));
  CHECK(one == std::vector{5});
}

TEST_CASE("random: derangement, every element moves, and the seed decides where", "[tensor]") {
  for (Index n : {2, 3, 10, 101})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      auto order = derangement(n, seed, Stream::replacement);
      for (Index i = 0; i < n; ++i) REQUIRE(order[static_cast<std::size_t>(i)] != i);
      std::sort(order.begin(), order.end());
      for (Index i = 0; i < n; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
    }
  CHECK(derangement(50, 1, Stream::replacement) != derangement(50, 2, Stream::replacement));
}

TEST_CASE("random: all nine derangements of four are equally likely", "[tensor]") {
  std::map<std::vector<Index>, double> counts;
  for (std::uint64_t seed = 0; seed < 9000; ++seed) ++counts[derangement(4, seed, Stream::null_targets)];
  CHECK(counts.size() == 9);
  std::vector<double> flat;
  for (auto const& [order, count] : counts) flat.push_back(count);
  CHECK(chi_square(flat) < chi_square_limit(8));
}
