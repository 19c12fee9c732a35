#pragma once

#include <string>
#include <vector>

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
  std::string cause;  // "distribution: scale"
  std::string question;
  std::string a, b;
  std::string held_equal;
  std::string
      metric;  // "steps" (until the loss is below the threshold) or "curve" (mean loss over the first steps)
  bool primary = true;
  std::string not_measurable;  // why there is nothing to compare; empty if there is
};

// The arms and contrasts of study.md for an experiment.
//   A0 separate; A0' the same again; A1 combined with A0's weights (A0d, A1d: both in f64); A2 redrawn; A3
//   initialised by another granularity (and A3m, the rule by part with the other's scale, where direction can
//   differ too); C1, C4m, C4: A1's counterpart, the middle and the whole-tensor arm under the optimizer that
//   can couple.
struct Design {
  std::vector<Arm> arms;
  std::vector<PlannedContrast> contrasts;
};
Design design_of(const ExperimentConfig& experiment);

// How many seeds the arm is run with, from the experiment's first on.
std::int64_t seeds_of(const Arm& arm, const ExperimentConfig& experiment);

}  // namespace lockstep::train
