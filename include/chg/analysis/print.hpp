// SPDX-License-Identifier: MIT
// Results as text for a terminal: a table of heads, ablation curves, gate matrices as heat maps.
#pragma once

#include <chg/analysis/ablation.hpp>

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <span>
#include <string>

namespace chg {

namespace detail {
/// A number with `digits` decimals, right-aligned in `width`; a dash for one that is not defined (NaN).
inline std::string fixed(double value, int digits, int width) {
  char buffer[512];  // the largest double has 309 digits
  if (std::isnan(value)) return std::string(static_cast<std::size_t>(std::max(0, width - 1)), ' ') + '-';
  std::snprintf(buffer, sizeof buffer, "%*.*f", width, digits, value);
  return buffer;
}
inline std::string padded(std::string_view part, std::size_t width, bool right = false) {
  auto const gap = std::string(width > part.size() ? width - part.size() : 0, ' ');
  return right ? gap + std::string(part) : std::string(part) + gap;
}
}  // namespace detail

/// How many heads have a role, and how many are in a class: mean over fits. Two counts, see Roles.
struct RoleCounts {
  std::array<double, 3> with_role{};  ///< by Score
  std::array<double, 5> in_class{};   ///< by HeadClass
  Index heads = 0;                    ///< of the model
  Index fits = 0;
};

inline RoleCounts count(Roles const& roles) {
  RoleCounts counts;
  counts.heads = roles.layers() * roles.heads(), counts.fits = roles.sets();
  for (Index s = 0; s < roles.sets(); ++s) {
    for (auto const score : all_scores)
      counts.with_role[static_cast<std::size_t>(score)] += static_cast<double>(roles.with_role(score, s));
    for (auto const c : all_head_classes)
      counts.in_class[static_cast<std::size_t>(c)] += static_cast<double>(roles.in_class(c, s));
  }
  for (auto& n : counts.with_role) n /= static_cast<double>(counts.fits);
  for (auto& n : counts.in_class) n /= static_cast<double>(counts.fits);
  return counts;
}

/// Both counts, on two lines. Numbers are as wide as the largest that there can be, and a space.
inline std::ostream& operator<<(std::ostream& out, RoleCounts const& counts) {
  auto const width = std::max(5, static_cast<int>(text(counts.heads, ".0").size()) + 1);
  out << "mean over " << counts.fits << (counts.fits == 1 ? " fit" : " fits") << " of " << counts.heads
      << " heads\n  by score >= 0.5:";
  for (auto const score : all_scores)
    out << "  " << name(score) << detail::fixed(counts.with_role[static_cast<std::size_t>(score)], 1, width);
  out << "\n  by class:       ";
  for (auto const c : all_head_classes)
    out << "  " << name(c) << detail::fixed(counts.in_class[static_cast<std::size_t>(c)], 1, width);
  return out << '\n';
}

/// One line a head: mean scores over fits, and in how many fits it is in which class. Of a model with more than 64 heads,
/// only those that are facilitating, interfering or contradictory in some fit. Then the counts.
inline std::ostream& operator<<(std::ostream& out, Roles const& roles) {
  auto const all = roles.layers() * roles.heads() <= 64;
  auto const matters = [&](Index l, Index h) {
    for (auto const c : {HeadClass::contradictory, HeadClass::facilitating, HeadClass::interfering})
      if (roles.fits_in_class(c, l, h) > 0) return true;
    return false;
  };
  out << "layer head  facilitation  interference  irrelevance  class (fits of " << roles.sets() << ")\n";
  Index left_out = 0;
  roles.for_each_head([&](Index l, Index h) {
    if (!all && !matters(l, h)) {
      ++left_out;
      return;
    }
    out << detail::padded(text(l), 5, true) << detail::padded(text(h), 5, true);
    for (auto const score : all_scores) {
      double sum = 0;
      for (Index s = 0; s < roles.sets(); ++s) sum += roles.score(score, s, l, h);
      out << detail::fixed(sum / static_cast<double>(roles.sets()), 2, score == Score::irrelevance ? 13 : 14);
    }
    out << "  ";
    auto first = true;
    for (auto const c : all_head_classes)
      if (auto const fits = roles.fits_in_class(c, l, h); fits > 0) {
        out << (first ? "" : ", ") << name(c);
        if (fits < roles.sets()) out << ' ' << fits;
        first = false;
      }
    out << '\n';
  });
  if (left_out > 0) out << "(" << left_out << " heads that are irrelevant or undecided in every fit are left out)\n";
  return out << count(roles);
}

/// Effects by k: the mean over gate sets, the standard error over them (over examples for a single set), and how many have
/// which sign.
inline std::ostream& operator<<(std::ostream& out, Ablation const& ablation) {
  constexpr Index kLines = 12;
  auto const sets = static_cast<Index>(ablation.seeds.size());
  auto const per_set = static_cast<Index>(ablation.points.size()) / std::max<Index>(1, sets);
  out << "ablation by " << name(ablation.score) << ", " << name(ablation.options.mode) << ", context "
      << name(ablation.options.context) << ", replaced by " << name(ablation.options.replace)
      << "\n    k    effect (nats)   std. error   negative in\n";
  for (auto const line : spread(per_set, kLines)) {
    auto const& first = ablation.points[static_cast<std::size_t>(line - 1)];
    auto const effect = [&](Index s) { return ablation.points[static_cast<std::size_t>(s * per_set + line - 1)].effect(); };
    auto const n = static_cast<double>(sets);
    double mean = 0, squares = 0;
    Index negative = 0;
    for (Index s = 0; s < sets; ++s) mean += effect(s) / n, negative += effect(s) < 0;
    for (Index s = 0; s < sets; ++s) squares += (effect(s) - mean) * (effect(s) - mean);
    auto const error = sets > 1 ? std::sqrt(squares / (n - 1) / n) : first.standard_error();
    out << detail::padded(text(first.k), 5, true) << detail::fixed(mean, 4, 17) << detail::fixed(error, 4, 13)
        << detail::padded(text(negative, " of ", sets), 14, true) << '\n';
  }
  return out;
}

/// Gate matrices side by side: layers down, heads across, one cell a head.
struct Heatmap {
  struct Panel {
    std::string title;
    Matrix<double> values;  ///< [L, H], from 0 (empty) to 1 (full)
  };
  std::vector<Panel> panels;
  bool colour = false;  ///< ANSI colours; otherwise shades of one character
};

/// Throws Error unless all panels have one shape.
inline std::ostream& operator<<(std::ostream& out, Heatmap const& map) {
  check(!map.panels.empty(), "heatmap: panels", "at least one", "none");
  auto const L = map.panels[0].values.rows(), H = map.panels[0].values.cols();
  for (auto const& panel : map.panels) check_shape("heatmap: " + panel.title, panel.values, L, H);
  auto const label = text(L - 1).size() + 1, cells = static_cast<std::size_t>(2 * H);
  auto const width = [&](Heatmap::Panel const& p) { return std::max(cells, p.title.size()); };
  out << std::string(label, ' ');
  for (auto const& panel : map.panels) out << "  " << detail::padded(panel.title, width(panel));
  out << '\n';
  for (Index l = 0; l < L; ++l) {
    out << detail::padded(text(l), label - 1, true) << ' ';
    for (auto const& panel : map.panels) {
      out << "  ";
      for (Index h = 0; h < H; ++h) {
        auto const value = std::clamp(panel.values(l, h), 0.0, 1.0);
        if (map.colour) {
          out << "\x1b[48;5;" << 232 + static_cast<int>(std::lround(value * 23)) << "m  \x1b[0m";
        } else {
          constexpr char const* shades[] = {"··", "░░", "▒▒", "▓▓", "██"};
          out << shades[std::lround(value * 4)];
        }
      }
      out << std::string(width(panel) - cells, ' ');
    }
    out << '\n';
  }
  return out;
}

/// The three gate matrices of one gate set.
inline Heatmap heatmap(Fit const& fit, Index set, bool colour = false) {
  return {{{"G0 (no pressure)", fit.g0().set(set)},
           {"G+ (retention)", fit.g_plus().set(set)},
           {"G- (removal)", fit.g_minus().set(set)}},
          colour};
}

}  // namespace chg
