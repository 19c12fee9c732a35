#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/probes/probe.h"
#include "train/study/arm.h"

namespace lockstep::train {

// What a run of a study gives.
struct RunResult {
  std::vector<double> losses;  // training loss before each step's update
  bool diverged = false;       // the loss became NaN or infinite
  double seconds = 0;
  std::int64_t parameters = 0;    // trained scalars
  std::uint64_t fingerprint = 0;  // of the losses and the last weights, bit for bit
  Measurements measured;
  std::string version, processor;  // of the Lockstep and the machine that trained it
};

struct RunKey {
  std::size_t experiment = 0;
  std::string arm;
  std::int64_t seed = 0;
  auto operator<=>(const RunKey&) const = default;
};

using RunResults = std::map<RunKey, RunResult>;

// Trains the arm with a seed on a device until all metrics are known; at a tuned learning rate, or with a
// tuning seed, until the primary one is, or is sure to exceed `give_up_above`. Nothing if `stop` was set
// meanwhile. Throws where the first loss is not finite or below the threshold, and what Training throws.
std::optional<RunResult> run_arm(const Arm& arm, const ExperimentConfig& experiment, std::int64_t seed,
                                 Device device, const std::atomic<bool>& stop,
                                 const std::function<void()>& on_step,
                                 double give_up_above = std::numeric_limits<double>::infinity());

}  // namespace lockstep::train
