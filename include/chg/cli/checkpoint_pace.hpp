// SPDX-License-Identifier: MIT
// When a fit is saved on the way: after every few updates, where that is cheap.
#pragma once

#include <optional>

namespace chg::cli {

/// Asks for a checkpoint after 5 updates, or after 2 seconds where updates are slow, so that a killed fit loses no
/// more; but not before the time since the last checkpoint is 20 times what that one cost, so that saving takes a twentieth at
/// most.
class CheckpointPace {
 public:
  /// Whether to stop for a checkpoint; to be called after each update. now: seconds of a clock. in_call: how many of them the
  /// present call of fit or resume has spent on updates. What lies between a stop and the updates after it is the cost.
  bool due(double now, double in_call) {
    if (updates_++ == 0) {
      began_ = now - in_call;
      cost_ = stopped_ ? began_ - *stopped_ : 0;
    }
    auto const since = now - began_;
    if ((updates_ < kUpdates && since < kSeconds) || since * kShare < cost_) return false;
    stopped_ = now, updates_ = 0;
    return true;
  }

 private:
  static constexpr int kUpdates = 5;
  static constexpr double kSeconds = 2, kShare = 0.05;
  std::optional<double> stopped_{};
  double began_ = 0, cost_ = 0;
  int updates_ = 0;  ///< since the last checkpoint
};

}  // namespace chg::cli
