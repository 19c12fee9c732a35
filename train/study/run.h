#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/study/arm.h"

namespace lockstep::train {

// A model's weights as numbers, in an order that does not depend on the storage; the key biases are the last.
struct LogicalWeights {
  std::vector<double> values;
  std::int64_t key_biases = 0;  // how many
};

// What a run of a study leaves behind.
struct RunResult {
  std::vector<double> losses;  // training loss before each step's update
  // Steps taken until the loss was first below the threshold; none: not within the limit (censored), or
  // diverged.
  std::optional<std::int64_t> steps;
  bool diverged = false;  // the loss became NaN or infinite
  double seconds = 0;
  std::int64_t parameters = 0;    // trained scalars
  std::uint64_t fingerprint = 0;  // of the losses and the last weights, bit for bit
  // The weights at step curve_steps, of arms that have a weights_partner. Once the partner's are there, the
  // distances take their place in both: ||w - w'|| / ||w'||.
  LogicalWeights weights;
  std::optional<double> weight_distance;  // without the key biases
  std::optional<double> distance_with_key_biases;
  std::string version, processor;  // of the Lockstep and the machine that trained it
};

// Trains the arm with a seed until all declared metrics are known. Nothing if `stop` was set meanwhile.
std::optional<RunResult> run_arm(const Arm& arm, const ExperimentConfig& experiment, std::int64_t seed,
                                 const std::atomic<bool>& stop, const std::function<void()>& on_step);

// Puts the distances in the place of both runs' weights. Nothing if either has none (it diverged before).
void settle_weights(RunResult& run, RunResult& partner);

}  // namespace lockstep::train
