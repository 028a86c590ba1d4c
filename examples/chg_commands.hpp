// SPDX-License-Identifier: MIT
// What of the program chg is compiled in source files of its own: everything that takes the compiler more than a few seconds.
#pragma once

#include "chg_models.hpp"

#include <chg/cli/command_ablate.hpp>
#include <chg/cli/command_fit.hpp>
#include <chg/cli/command_score.hpp>
#include <chg/cli/command_verify.hpp>

namespace chg::cli {

extern template BuiltinModel<float> make_builtin<float>(std::string_view);
extern template BuiltinModel<double> make_builtin<double>(std::string_view);

using Text = std::string const&;
extern template void score_command<float>(Text, Text, Text, Text, Settings const&);
extern template void score_command<double>(Text, Text, Text, Text, Settings const&);
extern template void gradient_command<float>(Text, Text, Text, Text, Settings const&);
extern template void gradient_command<double>(Text, Text, Text, Text, Settings const&);
extern template void ablate_command<float>(AblateWords const&, Settings const&);
extern template void ablate_command<double>(AblateWords const&, Settings const&);
extern template void verify_command<float>(VerifyWords const&, Settings const&);
extern template void verify_command<double>(VerifyWords const&, Settings const&);
extern template void fit_command<float>(FitWords const&, Settings const&, Text);
extern template void fit_command<double>(FitWords const&, Settings const&, Text);
extern template void contrast_command<float>(FitWords const&, Settings const&, Text);
extern template void contrast_command<double>(FitWords const&, Settings const&, Text);

}  // namespace chg::cli
