#include "train/study/arm.h"

#include <algorithm>
#include <vector>

namespace lockstep::train {

std::span<const ArmRoleInfo> arm_roles() {
  static const std::vector<ArmRoleInfo> all = {
      {ArmRole::separate, "A0", "the baseline: separate to_q, to_k and to_v"},
      {ArmRole::repetition, "A0'", "the baseline once more, which must be equal bit for bit"},
      {ArmRole::combined, "A1", "the baseline's weights in combined storage"},
      {ArmRole::separate_f64, "A0d", "the baseline in f64", true},
      {ArmRole::combined_f64, "A1d", "the combined one in f64", true},
      {ArmRole::redrawn, "A2", "A1 with other random numbers for q, k and v"},
      {ArmRole::initialised, "A3", "A1 with q, k and v initialised by another granularity"},
      {ArmRole::by_part, "C1", "A1 under the optimizer that can couple, by part"},
      {ArmRole::optimized, "C4", "C1 with the optimizer by another granularity"},
  };
  return all;
}

const ArmRoleInfo& info(ArmRole role) { return arm_roles()[static_cast<std::size_t>(role)]; }

std::vector<std::int64_t> tuning_seeds(const ExperimentConfig& experiment) {
  std::vector<std::int64_t> seeds;
  for (std::int64_t i = 0; i < experiment.tune_seeds; ++i)
    seeds.push_back(experiment.run.seed + most_seeds + i);
  return seeds;
}

bool is_tuning_seed(std::int64_t seed, const ExperimentConfig& experiment) {
  return seed >= experiment.run.seed + most_seeds;
}

std::int64_t seeds_of(const Arm& arm, const ExperimentConfig& experiment) {
  constexpr std::int64_t repeated = 4;  // a control of the program, not a sample
  if (arm.role == ArmRole::repetition) return std::min(repeated, experiment.seeds);
  return info(arm.role).for_probes_alone ? std::min(experiment.f64_seeds, experiment.seeds)
                                         : experiment.seeds;
}

}  // namespace lockstep::train
