#pragma once

#include <string>
#include <vector>

#include "train/config/cause.h"
#include "train/config/config.h"

namespace lockstep::train {

// One way to build and train the model: a run is an arm with a seed. Arms of an experiment share the data,
// its order and every draw that they do not change on purpose.
struct Arm {
  std::string name;   // "A3"
  std::string label;  // "combined, xavier_uniform by the whole tensor"
  RunConfig run;
  bool redraw = false;  // q, k and v from other random numbers of the same distribution
  // The arm that its weights at step curve_steps are compared with; empty: none.
  std::string weights_partner = {};
  // Trained for that comparison alone: not beyond curve_steps, in no metric, and only over the first
  // f64_seeds seeds.
  bool weights_only = false;
};

// Two arms that differ by one cause. The effect is metric(b) - metric(a).
struct PlannedContrast {
  Cause cause;
  std::string granularity;  // what the rule looks at in b; empty where no rule looks at a shape
  std::string rule;         // the initialiser or the optimizer that does; else empty
  std::string question;
  std::string a, b;
  std::string held_equal;
  std::string
      metric;  // "steps" (until the loss is below the threshold) or "curve" (mean loss over the first steps)
  std::string not_measurable = {};  // why there is nothing to compare; empty if there is
};

// Whether the contrast is tested, and counts in the correction for many tests: arms that differ by their
// draws alone have no mean difference to test.
inline bool is_primary(const PlannedContrast& contrast) {
  return contrast.not_measurable.empty() && contrast.cause != Cause::draw;
}

// The arms and contrasts of an experiment.
//   A0 separate; A0' the same again; A1 combined with A0's weights (A0d, A1d: both in f64); A2 redrawn; A3
//   (A3h) initialised by the whole tensor (by head), from the same standard draws; C1, C4 (C4h): A1's
//   counterpart and the whole-tensor (by-head) arm under the optimizer that can couple.
struct Design {
  std::vector<Arm> arms;
  std::vector<PlannedContrast> contrasts;
};
Design design_of(const ExperimentConfig& experiment);

// How many seeds the arm is run with, from the experiment's first on.
std::int64_t seeds_of(const Arm& arm, const ExperimentConfig& experiment);

}  // namespace lockstep::train
