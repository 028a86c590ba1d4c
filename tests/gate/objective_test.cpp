// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace chg;
using toy::complaint;
using toy::has;

namespace {
struct Unit {
  double loss, d_retain, d_forget;
};
Unit contrastive(double retain, double forget, double clip = 5) {
  std::array<double, 2> const logprob{retain, forget};
  std::array<double, 2> d{};
  auto const loss = Contrastive{.clip_difference = clip}(std::span<double const>(logprob), std::span<double>(d));
  return {loss, d[0], d[1]};
}
}  // namespace

TEST_CASE("objective: next token is the negative log-probability", "[gate]") {
  std::array<double, 1> const logprob{-2.5};
  std::array<double, 1> d{};
  REQUIRE(NextToken{}(std::span<double const>(logprob), std::span<double>(d)) == 2.5);
  REQUIRE(d[0] == -1);
}

TEST_CASE("objective: the contrastive loss is eq. 2, and the retained format is not rewarded twice", "[gate]") {
  auto const open = contrastive(-1, -3);
  REQUIRE(open.loss == 1 + (-3 + 1));
  REQUIRE(open.d_retain == -1);  // -2 without stopgrad
  REQUIRE(open.d_forget == 1);
  auto const beyond = contrastive(-1, -7);
  REQUIRE(beyond.loss == 1 - 5);
  REQUIRE(beyond.d_retain == -1);
  REQUIRE(beyond.d_forget == 0);
}

TEST_CASE("objective: at a difference of exactly -5 the gradient passes", "[gate]") {
  REQUIRE(contrastive(-1, -6).d_forget == 1);
  REQUIRE(contrastive(-1, std::nextafter(-6.0, -7.0)).d_forget == 0);
  REQUIRE(contrastive(0, -1e6, std::numeric_limits<double>::infinity()).d_forget == 1);
}

TEST_CASE("objective: on dual numbers the tangent of the loss is the gradient, with the target held constant", "[gate]") {
  for (auto const& [retain, forget] : {std::pair{-1.0, -3.0}, std::pair{-1.0, -9.0}, std::pair{-2.0, 0.0}}) {
    std::array<Dual<double>, 2> const logprob{Dual<double>(retain, 0.7), Dual<double>(forget, -0.2)};
    std::array<Dual<double>, 2> d{};
    auto const loss = Contrastive{}(std::span<Dual<double> const>(logprob), std::span<Dual<double>>(d));
    REQUIRE(std::abs(loss.tangent - (d[0].value * 0.7 + d[1].value * -0.2)) < 1e-16);
    REQUIRE(d[0].tangent == 0);
  }
}

TEST_CASE("objective: a row holds the means of both formats and the share of pairs beyond the clip", "[gate]") {
  std::vector<double> const logprob = {-1, -3, -1, -6, -1, -6.5, -5, -12};  // retain, forget; two of four differ by more than 5
  ContrastiveRow row;
  Contrastive{}.summarise(123, logprob, row);
  REQUIRE(row.logprob_retain == -2);
  REQUIRE(row.logprob_forget == -6.875);
  REQUIRE(row.share_clipped == 0.5);
  REQUIRE(row.nll == 2);
  UpdateRow plain;
  NextToken{}.summarise(0.75, logprob, plain);
  REQUIRE(plain.nll == 0.75);
}

TEST_CASE("objective: a clip that bounds nothing is refused by name", "[gate]") {
  REQUIRE(has(complaint([] { Contrastive{.clip_difference = -1}.validate(); }), "clip_difference"));
  REQUIRE(has(complaint([] { Contrastive{.clip_difference = std::nan("")}.validate(); }), "clip_difference"));
}

TEST_CASE("objective: phases have the names of the log", "[gate]") {
  REQUIRE(name(Phase::none) == "none");
  REQUIRE(name(Phase::retain) == "retain");
  REQUIRE(name(Phase::remove) == "remove");
  REQUIRE(name(Phase::contrast) == "contrast");
}
