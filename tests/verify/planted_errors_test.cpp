// SPDX-License-Identifier: MIT
// Backward passes broken on purpose: a check that cannot fail is no check.
#include "support/catch.hpp"

#include <chg/verify/verify.hpp>

#include <cmath>
#include <string>
#include <tuple>

namespace {

using namespace chg;

enum class Defect {
  none,
  softmax_sign,              // P (dP + delta) instead of P (dP - delta)
  missing_scale,             // dK without the 1 / sqrt(D) of the scores
  missing_gate,              // the gate left out of the gradient that flows on
  gated_output_for_gate,     // d gate from the gated output instead of the ungated one
  forgotten_grouped_head,    // dV from the first query head of each group alone
  last_key_left_out,         // a query does not give its gradient to its own position
  rotary_one_position_late,  // turned back by the next position's angle
  rotary_turned_forward,     // turned by the angle once more instead of back
  one_entry                  // a single entry of dQ off by 1e-8
};

constexpr Index kHeads = 4, kGroups = 2, kWidth = 4, kPositions = 5;
double const kScale = 1 / std::sqrt(double(kWidth));

double angle(Index position, Index pair) { return double(position) * std::pow(100.0, -2.0 * double(pair) / kWidth); }

// Turns every head of every row: pairs (i, i + D/2).
template <class Scalar>
void turn(Matrix<Scalar>& x, double direction, Index shift) {
  for (Index t = 0; t < x.rows(); ++t)
    for (Index c = 0; c < x.cols(); c += kWidth)
      for (Index i = 0; i < kWidth / 2; ++i) {
        auto const a = x(t, c + i), b = x(t, c + i + kWidth / 2);
        Scalar const cosine = Scalar(std::cos(angle(t + shift, i))), sine = Scalar(direction * std::sin(angle(t + shift, i)));
        x(t, c + i) = a * cosine - b * sine;
        x(t, c + i + kWidth / 2) = a * sine + b * cosine;
      }
}

template <class Scalar>
struct Attention {
  Matrix<Scalar> q, k;            // turned
  std::vector<Matrix<Scalar>> p;  // [T, T] a head
  Matrix<Scalar> z, out;          // ungated and gated head outputs, [T, H D]

  Attention(Matrix<Scalar> const& q0, Matrix<Scalar> const& k0, Matrix<Scalar> const& v, Matrix<Scalar> const& gates)
      : q(q0), k(k0), z(q0.rows(), q0.cols()), out(q0.rows(), q0.cols()) {
    using std::exp;
    turn(q, 1, 0);
    turn(k, 1, 0);
    auto const T = q.rows();
    for (Index h = 0; h < kHeads; ++h) {
      auto const g = h / (kHeads / kGroups);
      Matrix<Scalar> ph = Matrix<Scalar>::Zero(T, T);
      for (Index i = 0; i < T; ++i) {
        Scalar sum = 0;
        for (Index j = 0; j <= i; ++j) {
          Scalar s = 0;
          for (Index d = 0; d < kWidth; ++d) s += q(i, h * kWidth + d) * k(j, g * kWidth + d);
          ph(i, j) = exp(s * Scalar(kScale));
          sum += ph(i, j);
        }
        for (Index j = 0; j <= i; ++j) ph(i, j) /= sum;
        for (Index d = 0; d < kWidth; ++d) {
          Scalar sum_v = 0;
          for (Index j = 0; j <= i; ++j) sum_v += ph(i, j) * v(j, g * kWidth + d);
          z(i, h * kWidth + d) = sum_v;
          out(i, h * kWidth + d) = gates(0, h) * sum_v;
        }
      }
      p.push_back(ph);
    }
  }
};

auto const forward = [](auto const& q, auto const& k, auto const& v, auto const& gates) { return Attention(q, k, v, gates).out; };

auto broken(Defect defect) {
  return [defect](auto const& q0, auto const& k0, auto const& v, auto const& gates, auto const& dout) {
    using M = std::decay_t<decltype(q0)>;
    using Scalar = typename M::Scalar;
    Attention const a(q0, k0, v, gates);
    auto const T = q0.rows();
    M dq = M::Zero(T, q0.cols()), dk = M::Zero(T, k0.cols()), dv = M::Zero(T, v.cols()), dgates = M::Zero(1, kHeads);
    for (Index h = 0; h < kHeads; ++h) {
      auto const g = h / (kHeads / kGroups);
      auto const first_of_group = h % (kHeads / kGroups) == 0;
      for (Index i = 0; i < T; ++i) {
        M dz(1, kWidth);
        for (Index d = 0; d < kWidth; ++d) {
          auto const c = h * kWidth + d;
          dgates(0, h) += dout(i, c) * (defect == Defect::gated_output_for_gate ? a.out(i, c) : a.z(i, c));
          dz(0, d) = dout(i, c) * (defect == Defect::missing_gate ? Scalar(1) : gates(0, h));
        }
        Scalar delta = 0;
        for (Index d = 0; d < kWidth; ++d) delta += dz(0, d) * a.z(i, h * kWidth + d);
        for (Index j = 0; j < i + (defect == Defect::last_key_left_out ? 0 : 1); ++j) {
          Scalar dp = 0;
          for (Index d = 0; d < kWidth; ++d) {
            dp += dz(0, d) * v(j, g * kWidth + d);
            if (first_of_group || defect != Defect::forgotten_grouped_head)
              dv(j, g * kWidth + d) += a.p[size_t(h)](i, j) * dz(0, d);
          }
          auto const ds = a.p[size_t(h)](i, j) * (defect == Defect::softmax_sign ? dp + delta : dp - delta);
          for (Index d = 0; d < kWidth; ++d) {
            dq(i, h * kWidth + d) += ds * Scalar(kScale) * a.k(j, g * kWidth + d);
            dk(j, g * kWidth + d) += ds * (defect == Defect::missing_scale ? Scalar(1) : Scalar(kScale)) * a.q(i, h * kWidth + d);
          }
        }
      }
    }
    auto const direction = defect == Defect::rotary_turned_forward ? 1.0 : -1.0;
    auto const shift = defect == Defect::rotary_one_position_late ? Index{1} : Index{0};
    turn(dq, direction, shift);
    turn(dk, direction, shift);
    if (defect == Defect::one_entry) dq(2, 5) += Scalar(1e-8);
    return std::tuple(dq, dk, dv, dgates);
  };
}

auto point() {
  Random random(7, Stream::user);
  auto const normal = [&](Index cols) {
    Matrix<double> m(kPositions, cols);
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = random.normal();
    return m;
  };
  Matrix<double> gates(1, kHeads);
  for (Index h = 0; h < kHeads; ++h) gates(0, h) = random.uniform();
  auto const q = normal(kHeads * kWidth), k = normal(kGroups * kWidth), v = normal(kGroups * kWidth);
  return verify::at("q", q, "k", k, "v", v, "gates", gates);
}

struct Planted {
  Defect defect;
  char const* input;  // where the largest error must be reported
};
Planted const kPlanted[] = {{Defect::softmax_sign, ""},
                            {Defect::missing_scale, "k("},
                            {Defect::missing_gate, ""},
                            {Defect::gated_output_for_gate, "gates("},
                            {Defect::forgotten_grouped_head, "v("},
                            {Defect::last_key_left_out, ""},
                            {Defect::rotary_one_position_late, ""},
                            {Defect::rotary_turned_forward, ""}};

}  // namespace

TEST_CASE("planted errors: without one, every check passes", "[verify]") {
  auto const [loss, gradient] = verify::contract(forward, broken(Defect::none), point());
  CHECK(verify::backward_pass(forward, broken(Defect::none), point()));
  CHECK(verify::directional(loss, gradient, point()));
  CHECK(verify::against_differences(loss, gradient, point()));
  CHECK(verify::against_differences<float>(loss, gradient, point()));
  CHECK(verify::against_differences(loss, gradient, point(), {.directions = 4}));
}

TEST_CASE("planted errors: dual numbers find each defect, in the input that it spoils", "[verify]") {
  for (auto const& planted : kPlanted) {
    auto const report = verify::backward_pass(forward, broken(planted.defect), point());
    INFO("defect " << int(planted.defect) << ": " << report);
    CHECK(report.verdict == verify::Verdict::failed);
    CHECK(report.relative > 1e-2);
    CHECK(report.where.rfind(planted.input, 0) == 0);
  }
}

TEST_CASE("planted errors: one random direction finds each defect", "[verify]") {
  for (auto const& planted : kPlanted) {
    auto const [loss, gradient] = verify::contract(forward, broken(planted.defect), point());
    auto const report = verify::directional(loss, gradient, point(), {.directions = 1});
    INFO("defect " << int(planted.defect) << ": " << report);
    CHECK(report.verdict == verify::Verdict::failed);
  }
}

TEST_CASE("planted errors: central differences find each defect, in double and in float", "[verify]") {
  for (auto const& planted : kPlanted) {
    auto const [loss, gradient] = verify::contract(forward, broken(planted.defect), point());
    auto const in_double = verify::against_differences(loss, gradient, point());
    INFO("defect " << int(planted.defect) << ": " << in_double);
    CHECK(in_double.verdict == verify::Verdict::failed);
    CHECK(in_double.where.rfind(planted.input, 0) == 0);
    CHECK(verify::against_differences<float>(loss, gradient, point()).verdict == verify::Verdict::failed);
    CHECK(verify::against_differences(loss, gradient, point(), {.directions = 2}).verdict == verify::Verdict::failed);
  }
}

TEST_CASE("planted errors: one entry off by 1e-8 fails against dual numbers, and is named", "[verify]") {
  auto const backward = broken(Defect::one_entry);
  auto const report = verify::backward_pass(forward, backward, point());
  INFO(report);
  CHECK(report.verdict == verify::Verdict::failed);
  CHECK(report.where == "q(2, 5)");
  CHECK(std::abs(report.absolute - 1e-8) < 1e-13);
  auto const [loss, gradient] = verify::contract(forward, backward, point());
  CHECK_FALSE(verify::directional(loss, gradient, point()));
  // Within the limit of differences, which say so by passing.
  CHECK(verify::against_differences(loss, gradient, point()));
}

TEST_CASE("planted errors: a table with one broken layer has not passed, and shows the layer", "[verify]") {
  verify::Table table;
  for (Index layer = 0; layer < 3; ++layer)
    table.add("attention", layer,
              verify::backward_pass(forward, broken(layer == 1 ? Defect::missing_scale : Defect::none), point()));
  CHECK_FALSE(table.passed());
  CHECK(table.failures() == 1);
  auto const printed = text(table);
  INFO(printed);
  CHECK(printed.find("1 of 3 checks did NOT pass") != std::string::npos);
  CHECK(printed.find("FAILED") != std::string::npos);
}
