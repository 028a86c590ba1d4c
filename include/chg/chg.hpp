// SPDX-License-Identifier: MIT
// Causal head gating on CPU: which attention heads of a frozen transformer facilitate a task, which interfere, which do not
// matter.
//
//     Nam, Conklin, Yang, Griffiths, Cohen, Leslie: "Causal Head Gating: A Framework for Interpreting Roles of Attention Heads in
//     Transformers", NeurIPS 2025, arXiv 2505.13737.
//
// One letter, one meaning, in all comments:
//
//     B sequences     T positions    V vocabulary     L layers       H query heads (one gate each)    H_kv key-value heads
//     D head width    C model width  F MLP width      S gate sets    G gates in [0, 1]                u gate logits, G = sigmoid(u)
//
// This header is the core, on Eigen, xtensor, OpenMP and a BLAS alone. chg/formats reads checkpoints, chg/run writes results.
#pragma once

#include <chg/analysis/ablation.hpp>
#include <chg/analysis/print.hpp>
#include <chg/analysis/taxonomy.hpp>
#include <chg/builtin/builtin.hpp>
#include <chg/gate/checkpoint.hpp>
#include <chg/gate/contrast.hpp>
#include <chg/gate/fit.hpp>
#include <chg/model/evaluate.hpp>
#include <chg/model/position_patch.hpp>
#include <chg/model/trace.hpp>
#include <chg/model/verify_gradient.hpp>
#include <chg/task/aba_abb.hpp>
#include <chg/task/mapping.hpp>
#include <chg/task/null_targets.hpp>
#include <chg/verify/verify.hpp>
