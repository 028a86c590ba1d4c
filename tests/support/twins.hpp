// SPDX-License-Identifier: MIT
// The operations as plain loops over their formulas, in any scalar: what the fast ones are compared with.
#pragma once

#include <chg/ops/rotary.hpp>
#include <chg/tensor/dual.hpp>
#include <chg/tensor/matrix.hpp>
#include <chg/tensor/prefix_tree.hpp>
#include <chg/tensor/random.hpp>
#include <chg/verify/point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace chg::twins {

/// Normal numbers, fixed by the substream.
inline Matrix<double> sample(Index rows, Index cols, std::uint32_t substream, double spread = 1) {
  Random random(2025, Stream::user, substream);
  Matrix<double> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = spread * random.normal();
  return m;
}

template <class Scalar>
Scalar root(Scalar const& x) {
  using std::sqrt;
  return sqrt(x);
}
template <class Scalar>
Scalar exponential(Scalar const& x) {
  using std::exp;
  return exp(x);
}

/// y = g x / sqrt(mean(x^2) + eps), a row at a time. scale: [1, cols].
template <class Scalar, class Real>
Matrix<Scalar> rms_norm(Matrix<Scalar> const& x, Matrix<Real> const& scale, double epsilon) {
  Matrix<Scalar> y(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    Scalar sum = 0;
    for (Index j = 0; j < x.cols(); ++j) sum += x(i, j) * x(i, j);
    auto const size = root(Scalar(sum / Scalar(x.cols()) + Scalar(epsilon)));
    for (Index j = 0; j < x.cols(); ++j) y(i, j) = x(i, j) / size * Scalar(scale(0, j));
  }
  return y;
}

/// y = g (x - mean) / sqrt(variance + eps) + b.
template <class Scalar, class Real>
Matrix<Scalar> layer_norm(Matrix<Scalar> const& x, Matrix<Real> const& scale, Matrix<Real> const& bias, double epsilon) {
  Matrix<Scalar> y(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    Scalar mean = 0, variance = 0;
    for (Index j = 0; j < x.cols(); ++j) mean += x(i, j);
    mean /= Scalar(x.cols());
    for (Index j = 0; j < x.cols(); ++j) variance += (x(i, j) - mean) * (x(i, j) - mean);
    auto const size = root(Scalar(variance / Scalar(x.cols()) + Scalar(epsilon)));
    for (Index j = 0; j < x.cols(); ++j) y(i, j) = (x(i, j) - mean) / size * Scalar(scale(0, j)) + Scalar(bias(0, j));
  }
  return y;
}

/// The frequency of a channel pair, by the three cases of Llama 3.1's scaling.
inline double rotary_frequency(Rotary const& rotary, Index head_dim, Index pair) {
  auto const turned = rotary.channels > 0 ? rotary.channels : head_dim;
  auto const plain = 1 / std::pow(rotary.theta, 2.0 * double(pair) / double(turned));
  if (!rotary.scaled) return plain / rotary.linear_factor;
  auto const& s = rotary.scaling;
  auto const wavelength = 2 * std::acos(-1.0) / plain, context = double(s.original_context);
  if (wavelength < context / s.high_freq_factor) return plain;
  if (wavelength > context / s.low_freq_factor) return plain / s.factor;
  auto const smooth = (context / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1 - smooth) * plain / s.factor + smooth * plain;
}

/// Every head of every row turned; row t stands at position positions[t].
template <class Scalar>
Matrix<Scalar> rotary(Matrix<Scalar> const& x, std::vector<Index> const& positions, Rotary const& options, Index head_dim) {
  Matrix<Scalar> y = x;
  for (Index t = 0; t < x.rows(); ++t)
    for (Index head = 0; head < x.cols(); head += head_dim)
      for (Index i = 0; i < (options.channels > 0 ? options.channels : head_dim) / 2; ++i) {
        auto const apart = (options.channels > 0 ? options.channels : head_dim) / 2;
        auto const first = options.pairing == RotaryPairing::halves ? head + i : head + 2 * i;
        auto const second = options.pairing == RotaryPairing::halves ? head + i + apart : head + 2 * i + 1;
        auto const angle = double(positions[std::size_t(t)]) * twins::rotary_frequency(options, head_dim, i);
        auto const cosine = Scalar(static_cast<Real<Scalar>>(std::cos(angle))),
                   sine = Scalar(static_cast<Real<Scalar>>(std::sin(angle)));
        y(t, first) = x(t, first) * cosine - x(t, second) * sine;
        y(t, second) = x(t, first) * sine + x(t, second) * cosine;
      }
  return y;
}

/// The rows that each row of a tree sees: those of its own path within the window (0: all), from the first on.
inline std::vector<std::vector<Index>> visible_rows(PrefixTree const& tree, Index window) {
  std::vector<std::vector<Index>> all;
  for (Index row = 0; row < tree.rows(); ++row) {
    std::vector<Index> seen;
    for (Index key = row, position = tree.position(row); position >= 0; --position) {
      while (tree.position(key) != position) --key;  // depth-first order: the nearest earlier row one up is the parent
      if (window == 0 || tree.position(row) - position < window) seen.insert(seen.begin(), key);
    }
    all.push_back(seen);
  }
  return all;
}

/// Z: [queries, H D]. q: [queries, H D]; k, v: [rows, H_kv D]; visible: a list of rows for each query.
template <class Scalar>
Matrix<Scalar> attention(Matrix<Scalar> const& q, Matrix<Scalar> const& k, Matrix<Scalar> const& v,
                         std::vector<std::vector<Index>> const& visible, Index heads, Index head_dim, double scale,
                         double soft_cap = 0) {
  Matrix<Scalar> z(q.rows(), q.cols());
  auto const group = heads / (k.cols() / head_dim);
  for (Index i = 0; i < q.rows(); ++i)
    for (Index h = 0; h < heads; ++h) {
      auto const& keys = visible[std::size_t(i)];
      auto const from = h / group * head_dim;
      std::vector<Scalar> p;
      for (auto const j : keys) {
        Scalar score = 0;
        for (Index d = 0; d < head_dim; ++d) score += q(i, h * head_dim + d) * k(j, from + d);
        using std::tanh;
        score *= Scalar(scale);
        p.push_back(soft_cap > 0 ? Scalar(Scalar(soft_cap) * tanh(Scalar(score / Scalar(soft_cap)))) : score);
      }
      Scalar highest = real(*std::max_element(p.begin(), p.end())), sum = 0;
      for (auto& x : p) sum += x = exponential(Scalar(x - highest));
      for (Index d = 0; d < head_dim; ++d) {
        Scalar out = 0;
        for (std::size_t j = 0; j < keys.size(); ++j) out += p[j] / sum * v(keys[j], from + d);
        z(i, h * head_dim + d) = out;
      }
    }
  return z;
}

/// h = a / (1 + exp(-a)) b.
template <class Scalar>
Matrix<Scalar> swiglu(Matrix<Scalar> const& a, Matrix<Scalar> const& b) {
  Matrix<Scalar> h(a.rows(), a.cols());
  for (Index i = 0; i < a.size(); ++i) h.data()[i] = a.data()[i] / (Scalar(1) + exponential(Scalar(-a.data()[i]))) * b.data()[i];
  return h;
}

/// h = a (1 + erf(a / sqrt 2)) / 2.
template <class Scalar>
Matrix<Scalar> gelu(Matrix<Scalar> const& a) {
  using std::erf;
  Matrix<Scalar> h(a.rows(), a.cols());
  for (Index i = 0; i < a.size(); ++i)
    h.data()[i] = a.data()[i] * (Scalar(1) + erf(Scalar(a.data()[i] / Scalar(std::sqrt(2.0))))) / Scalar(2);
  return h;
}

/// h = a (1 + tanh(sqrt(2 / pi) (a + 0.044715 a^3))) / 2.
template <class Scalar>
Matrix<Scalar> gelu_tanh(Matrix<Scalar> const& a) {
  using std::tanh;
  Matrix<Scalar> h(a.rows(), a.cols());
  auto const scale = std::sqrt(2 / std::acos(-1.0));
  for (Index i = 0; i < a.size(); ++i) {
    auto const& x = a.data()[i];
    h.data()[i] = x * (Scalar(1) + tanh(Scalar(Scalar(scale) * (x + Scalar(0.044715) * x * x * x)))) / Scalar(2);
  }
  return h;
}

/// h = gelu(a) b, by the tanh approximation.
template <class Scalar>
Matrix<Scalar> geglu_tanh(Matrix<Scalar> const& a, Matrix<Scalar> const& b) {
  return gelu_tanh(a).cwiseProduct(b);
}

/// log softmax(x), a row at a time.
template <class Scalar>
Matrix<Scalar> log_softmax(Matrix<Scalar> const& x) {
  using std::log;
  Matrix<Scalar> y(x.rows(), x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    auto highest = real(x(i, 0));
    for (Index j = 1; j < x.cols(); ++j) highest = std::max(highest, real(x(i, j)));
    Scalar sum = 0;
    for (Index j = 0; j < x.cols(); ++j) sum += exponential(Scalar(x(i, j) - Scalar(highest)));
    for (Index j = 0; j < x.cols(); ++j) y(i, j) = x(i, j) - Scalar(highest) - Scalar(log(sum));
  }
  return y;
}

/// The gradient of <c, forward(inputs...)> in the precision of Real, an entry at a time by dual numbers.
template <class Real, class Forward, std::size_t N>
std::array<Matrix<Real>, N> gradient(Forward const& forward, verify::Point<N> const& point, Matrix<double> const& c) {
  std::array<Matrix<Dual<Real>>, N> x;
  std::array<Matrix<Real>, N> all;
  for (std::size_t n = 0; n < N; ++n) {
    x[n] = point.inputs[n].value.template cast<Real>().template cast<Dual<Real>>();
    all[n].resize(x[n].rows(), x[n].cols());
  }
  for (std::size_t n = 0; n < N; ++n)
    for (Index i = 0; i < x[n].size(); ++i) {
      x[n].data()[i].tangent = 1;
      auto const y = std::apply(forward, x);
      Real sum = 0;
      for (Index k = 0; k < y.size(); ++k) sum += static_cast<Real>(c.data()[k]) * y.data()[k].tangent;
      all[n].data()[i] = sum;
      x[n].data()[i].tangent = 0;
    }
  return all;
}

inline double largest(Matrix<double> const& m) { return m.size() == 0 ? 0 : m.cwiseAbs().maxCoeff(); }

/// What a float result may be off by: twice the error of the plain loop in float, and four roundings of the largest entry.
struct FloatBound {
  double error, limit;
  bool holds() const { return error <= limit; }
};
inline FloatBound float_bound(Matrix<float> const& fast, Matrix<float> const& plain, Matrix<double> const& exact) {
  auto const error = [&](Matrix<float> const& m) { return largest(m.cast<double>() - exact); };
  return {error(fast), 2 * error(plain) + 4 * double(std::numeric_limits<float>::epsilon()) * largest(exact)};
}

/// Whether two results in double agree to `roundings` roundings of the largest entry.
inline bool agree(Matrix<double> const& a, Matrix<double> const& b, double roundings) {
  return a.rows() == b.rows() && a.cols() == b.cols() && a.allFinite() &&
         largest(a - b) <= roundings * std::numeric_limits<double>::epsilon() * largest(b);
}

}  // namespace chg::twins
