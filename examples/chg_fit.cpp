// SPDX-License-Identifier: MIT
// chg fit and contrast.
#include "chg_commands.hpp"

namespace chg::cli {
template void fit_command<float>(FitWords const&, Settings const&, Text);
template void fit_command<double>(FitWords const&, Settings const&, Text);
template void contrast_command<float>(FitWords const&, Settings const&, Text);
template void contrast_command<double>(FitWords const&, Settings const&, Text);
}  // namespace chg::cli
