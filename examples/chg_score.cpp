// SPDX-License-Identifier: MIT
// chg score, gradient, ablate and verify.
#include "chg_commands.hpp"

namespace chg::cli {
template void score_command<float>(Text, Text, Text, Text, Settings const&);
template void score_command<double>(Text, Text, Text, Text, Settings const&);
template void gradient_command<float>(Text, Text, Text, Text, Settings const&);
template void gradient_command<double>(Text, Text, Text, Text, Settings const&);
template void ablate_command<float>(AblateWords const&, Settings const&);
template void ablate_command<double>(AblateWords const&, Settings const&);
template void verify_command<float>(VerifyWords const&, Settings const&);
template void verify_command<double>(VerifyWords const&, Settings const&);
}  // namespace chg::cli
