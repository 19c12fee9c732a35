#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace lockstep::train {

// What an arm is there for.
enum class ArmRole {
  separate,
  repetition,
  combined,
  separate_f64,
  combined_f64,
  redrawn,
  initialised,
  by_part,
  optimized,
};

struct ArmRoleInfo {
  ArmRole role;
  std::string name;  // its arms' names begin so: "A3", "A3h"
  std::string purpose;
  // Trained not beyond curve_steps, in no metric, and over the first f64_seeds seeds.
  bool for_probes_alone = false;
};

std::span<const ArmRoleInfo> arm_roles();
const ArmRoleInfo& info(ArmRole role);

// One way to build and train the model: a run is an arm with a seed. Arms of an experiment share the data,
// its order and every draw that they do not change on purpose.
struct Arm {
  ArmRole role;
  std::string name;   // "A3"
  std::string label;  // "combined, xavier_uniform by the whole tensor"
  RunConfig run;
  bool redraw = false;  // q, k and v from other random numbers of the same distribution
  // The arm whose runs this one's are compared with by the probes that compare runs; empty: none.
  std::string partner = {};
  std::string at_rate_of = {};  // the arm that this one is but for its learning rate; empty: as declared
  bool judged = true;           // false: trained with tuning seeds alone
};

// Learning rates are chosen on seeds of their own, beyond all that a study can judge.
std::vector<std::int64_t> tuning_seeds(const ExperimentConfig& experiment);
bool is_tuning_seed(std::int64_t seed, const ExperimentConfig& experiment);

// How many seeds the arm is run with, from the experiment's first on.
std::int64_t seeds_of(const Arm& arm, const ExperimentConfig& experiment);

}  // namespace lockstep::train
