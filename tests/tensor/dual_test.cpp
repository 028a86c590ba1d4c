// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/dual.hpp>
#include <chg/tensor/error.hpp>
#include <chg/tensor/matrix.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using namespace chg;
using D = Dual<double>;

static_assert(std::is_same_v<Real<double>, double>);
static_assert(std::is_same_v<Real<Dual<float>>, float>);
static_assert(std::is_same_v<Real<Dual<Dual<double>>>, double>);
static_assert(!is_dual<float> && is_dual<Dual<float>> && is_dual<Dual<Dual<float>>>);
static_assert(std::is_same_v<Accumulator<float>, double> && std::is_same_v<Accumulator<double>, double>);
static_assert(std::is_same_v<Accumulator<Dual<float>>, Dual<double>>);
static_assert(std::is_same_v<Accumulator<Dual<Dual<float>>>, Dual<Dual<double>>>);
static_assert((D(2, 1) * D(3, 0)).tangent == 3, "usable in constant expressions");
static_assert(real(Dual<Dual<double>>(D(5, 6), D(7, 8))) == 5);

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// One function with its first three derivatives, in closed form.
struct Case {
  char const* name;
  D (*first)(D);
  Dual<Dual<D>> (*third)(Dual<Dual<D>>);
  double (*derivative[4])(double);
  double low, high;
};

#define CHG_TEST_BOTH(...) [](D x) -> D { __VA_ARGS__; }, [](Dual<Dual<D>> x) -> Dual<Dual<D>> { __VA_ARGS__; }

double const kRootPi = std::sqrt(std::acos(-1.0));

Case const kCases[] = {
    {"exp",
     CHG_TEST_BOTH(return exp(x)),
     {[](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); },
      [](double x) { return std::exp(x); }},
     -3,
     3},
    {"log",
     CHG_TEST_BOTH(return log(x)),
     {[](double x) { return std::log(x); }, [](double x) { return 1 / x; }, [](double x) { return -1 / (x * x); },
      [](double x) { return 2 / (x * x * x); }},
     0.1,
     5},
    {"sqrt",
     CHG_TEST_BOTH(return sqrt(x)),
     {[](double x) { return std::sqrt(x); }, [](double x) { return 0.5 / std::sqrt(x); },
      [](double x) { return -0.25 * std::pow(x, -1.5); }, [](double x) { return 0.375 * std::pow(x, -2.5); }},
     0.1,
     5},
    {"sin",
     CHG_TEST_BOTH(return sin(x)),
     {[](double x) { return std::sin(x); }, [](double x) { return std::cos(x); }, [](double x) { return -std::sin(x); },
      [](double x) { return -std::cos(x); }},
     -4,
     4},
    {"cos",
     CHG_TEST_BOTH(return cos(x)),
     {[](double x) { return std::cos(x); }, [](double x) { return -std::sin(x); }, [](double x) { return -std::cos(x); },
      [](double x) { return std::sin(x); }},
     -4,
     4},
    {"tanh",
     CHG_TEST_BOTH(return tanh(x)),
     {[](double x) { return std::tanh(x); }, [](double x) { return 1 - std::pow(std::tanh(x), 2); },
      [](double x) { return -2 * std::tanh(x) * (1 - std::pow(std::tanh(x), 2)); },
      [](double x) {
  auto const t = std::tanh(x);
  return (1 - t * t) * (6 * t * t - 2);
      }},
     -2,
     2},
    {"erf",
     CHG_TEST_BOTH(return erf(x)),
     {[](double x) { return std::erf(x); }, [](double x) { return 2 / kRootPi * std::exp(-x * x); },
      [](double x) { return -4 * x / kRootPi * std::exp(-x * x); },
      [](double x) { return (8 * x * x - 4) / kRootPi * std::exp(-x * x); }},
     -2,
     2},
    {"abs",
     CHG_TEST_BOTH(return abs(x)),
     {[](double x) { return std::abs(x); }, [](double x) { return x < 0 ? -1.0 : 1.0; }, [](double) { return 0.0; },
      [](double) { return 0.0; }},
     -2,
     2},
    {"x^3 / (1 + x^2)",
     CHG_TEST_BOTH(auto const square = x * x; return square * x / (1 + square)),
     {[](double x) { return x * x * x / (1 + x * x); },
      [](double x) { return (3 * x * x + std::pow(x, 4)) / std::pow(1 + x * x, 2); },
      [](double x) { return 2 * x * (3 - x * x) / std::pow(1 + x * x, 3); },
      [](double x) { return 6 * (std::pow(x, 4) - 6 * x * x + 1) / std::pow(1 + x * x, 4); }},
     -2,
     2},
    {"2 - x",
     CHG_TEST_BOTH(return 2 - x),
     {[](double x) { return 2 - x; }, [](double) { return -1.0; }, [](double) { return 0.0; }, [](double) { return 0.0; }},
     -2,
     2},
    {"-x + x x - x / 4",
     CHG_TEST_BOTH(auto y = -x; y += x * x; y -= x / 4; return +y),
     {[](double x) { return -x + x * x - x / 4; }, [](double x) { return 2 * x - 1.25; }, [](double) { return 2.0; },
      [](double) { return 0.0; }},
     -2,
     2},
    {"compound",
     CHG_TEST_BOTH(auto y = x; y *= x; y /= x + 3; return y),
     {[](double x) { return x * x / (x + 3); }, [](double x) { return (x * x + 6 * x) / std::pow(x + 3, 2); },
      [](double x) { return 18 / std::pow(x + 3, 3); }, [](double x) { return -54 / std::pow(x + 3, 4); }},
     -2,
     2}};

}  // namespace

TEST_CASE("dual: every function carries its derivative, to round-off", "[tensor]") {
  for (auto const& c : kCases)
    for (auto i = 0; i <= 50; ++i) {
      auto const x = c.low + (c.high - c.low) * (i + 0.25) / 50.5;
      auto const y = c.first(D(x, 3));
      INFO(c.name << " at " << x);
      CHECK(std::abs(y.value - c.derivative[0](x)) <= 8 * kEpsilon * (1 + std::abs(c.derivative[0](x))));
      CHECK(std::abs(y.tangent - 3 * c.derivative[1](x)) <= 3 * 16 * kEpsilon * (1 + std::abs(c.derivative[1](x))));
    }
}

TEST_CASE("dual: three levels of duals give the third derivative", "[tensor]") {
  for (auto const& c : kCases)
    for (auto i = 0; i <= 50; ++i) {
      auto const x = c.low + (c.high - c.low) * (i + 0.25) / 50.5;
      auto const y = c.third({Dual<D>(D(x, 1), D(1, 0)), Dual<D>(D(1, 0), D(0, 0))});
      INFO(c.name << " at " << x);
      double const computed[] = {y.value.value.value, y.value.value.tangent, y.value.tangent.tangent, y.tangent.tangent.tangent};
      double scale = 1;
      for (auto const derivative : c.derivative) scale = std::max(scale, std::abs(derivative(x)));
      for (auto k = 0; k < 4; ++k) CHECK(std::abs(computed[k] - c.derivative[k](x)) <= 64 * kEpsilon * scale);
      CHECK(y.tangent.value.value == y.value.tangent.value);  // the order of differentiation does not matter
      CHECK(y.tangent.tangent.value == y.tangent.value.tangent);
    }
}

TEST_CASE("dual: at 0 sqrt has an infinite slope, or none where nothing moves, and abs goes right", "[tensor]") {
  CHECK(sqrt(D(0, 0)).tangent == 0);
  CHECK(sqrt(D(0, 1)).tangent == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(sqrt(D(-1, 1)).value));
  CHECK(abs(D(0, 5)).tangent == 5);
  CHECK(abs(D(-0.5, 5)).tangent == -5);
}

TEST_CASE("dual: numbers are constants, and the order of duals is the order of their values", "[tensor]") {
  D const a = 2;
  CHECK(a.tangent == 0);
  CHECK(D(2.5f).value == 2.5);
  CHECK((3 * D(2, 1)).tangent == 3);
  CHECK((1 / D(2, 1)).tangent == -0.25);
  CHECK(Dual<D>(7).value.value == 7);
  CHECK(Dual<D>(D(7, 1)).value.tangent == 1);
  CHECK(D(1, 9) < D(2, -9));
  CHECK(D(1, 9) == D(1, -9));
  CHECK_FALSE(D(1, 9) != D(1, -9));
  CHECK(D(2, 0) > D(1, 0));
  CHECK(D(2, 0) >= D(2, 1));
  CHECK(D(2, 0) <= D(2, 1));
  CHECK(text(D(1.5, -2)) == "1.5 + -2e");
}

TEST_CASE("dual: isfinite sees both components", "[tensor]") {
  auto const infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(isfinite(D(1, 2)));
  CHECK_FALSE(isfinite(D(infinity, 0)));
  CHECK_FALSE(isfinite(D(0, nan)));
  CHECK_FALSE(isfinite(Dual<D>(D(0, 0), D(0, infinity))));
}

TEST_CASE("dual: number_cast converts components at the same depth", "[tensor]") {
  auto const widened = number_cast<D>(Dual<float>(1.5f, -0.25f));
  CHECK(widened.value == 1.5);
  CHECK(widened.tangent == -0.25);
  CHECK(number_cast<Dual<float>>(D(0.1, 0.2)).tangent == 0.2f);
  CHECK(number_cast<D>(3.0).tangent == 0);
  CHECK(number_cast<float>(0.1) == 0.1f);
  auto const nested = number_cast<Dual<D>>(Dual<Dual<float>>({1, 2}, {3, 4}));
  CHECK(nested.tangent.tangent == 4);
}

TEST_CASE("dual: Eigen multiplies, reduces and maps matrices of duals", "[tensor]") {
  Matrix<D> a(2, 3), b(3, 2);
  for (Index i = 0; i < 6; ++i) a.data()[i] = D(double(i), 1.0 + double(i % 2)), b.data()[i] = D(2.0 - double(i), double(i) / 4);
  Matrix<D> const product = a * b;
  for (Index i = 0; i < 2; ++i)
    for (Index j = 0; j < 2; ++j) {
      D sum = 0;
      for (Index k = 0; k < 3; ++k) sum += a(i, k) * b(k, j);
      CHECK(product(i, j).value == sum.value);
      CHECK(product(i, j).tangent == sum.tangent);
    }
  CHECK(a.sum().tangent == 9);
  CHECK(a.squaredNorm().tangent == 2 * (0 * 1 + 1 * 2 + 2 * 1 + 3 * 2 + 4 * 1 + 5 * 2));
  CHECK(a.maxCoeff().tangent == 2);
  Matrix<D> const e = a.array().exp(), t = a.array().tanh(), q = a.array().square(), i = b.array().inverse();
  for (Index k = 0; k < 6; ++k) {
    CHECK(e.data()[k].tangent == exp(a.data()[k]).tangent);
    CHECK(t.data()[k].tangent == tanh(a.data()[k]).tangent);
    CHECK(q.data()[k].tangent == (a.data()[k] * a.data()[k]).tangent);
    if (b.data()[k].value != 0) CHECK(i.data()[k].tangent == (D(1) / b.data()[k]).tangent);
  }
  CHECK(Matrix<D>::Zero(2, 2)(1, 1).tangent == 0);
  Matrix<double> const plain = Matrix<double>::Constant(1, 2, 3);
  CHECK(plain.cast<D>()(0, 1).value == 3);
}
