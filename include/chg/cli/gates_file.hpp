// SPDX-License-Identifier: MIT
// Gates and logits from .npy files: [L, H] or [S, L, H].
#pragma once

#include <chg/formats/npy.hpp>
#include <chg/gate/gates.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

namespace chg::cli {

/// The array as [S, L, H]; one of [L, H] has S = 1. Throws Error naming both shapes when it is not the model's.
inline Array<double, 3> gate_shaped(formats::Npy const& npy, std::string const& name, Index layers, Index heads) {
  auto const& s = npy.shape;
  auto const right = (s.size() == 2 || (s.size() == 3 && s[0] >= 1)) && s[s.size() - 2] == layers && s.back() == heads;
  check(right, name + " has the wrong shape", text("[", layers, ", ", heads, "] or [S, ", layers, ", ", heads, "], the model's"),
        formats::extents_text(s));
  auto const sets = s.size() == 3 ? s[0] : Index{1};
  Array<double, 3> values({static_cast<std::size_t>(sets), static_cast<std::size_t>(layers), static_cast<std::size_t>(heads)});
  std::copy(npy.values.begin(), npy.values.end(), values.begin());
  return values;
}

/// GATES of a command line.
struct GatesFile {
  Gates gates;
  bool several = false;  ///< the file has the axis of gate sets, perhaps of extent 1
};

/// Throws Error as formats::read_npy does, for another shape than the model's, and naming the first entry outside [0, 1].
inline GatesFile read_gates(std::filesystem::path const& path, Index layers, Index heads) {
  auto const npy = formats::read_npy(path);
  try {
    return {Gates(gate_shaped(npy, path.string(), layers, heads)), npy.shape.size() == 3};
  } catch (Error const& e) {
    auto complaint = e.complaint();
    if (!complaint.what.starts_with(path.string())) complaint.what = path.string() + ": " + complaint.what;
    throw Error(std::move(complaint));
  }
}

}  // namespace chg::cli
