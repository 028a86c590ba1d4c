// SPDX-License-Identifier: MIT
// The constructed models of the program chg.
#include "chg_models.hpp"

#include <chg/cli/builtin_models.hpp>

template chg::cli::BuiltinModel<float> chg::cli::make_builtin<float>(std::string_view);
template chg::cli::BuiltinModel<double> chg::cli::make_builtin<double>(std::string_view);
