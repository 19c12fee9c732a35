#pragma once

#include "train/config/recipe.h"

namespace lockstep::train {

// The copy task by a model of some hundred weights: a step takes a millisecond.
inline RunConfig tiny_run() {
  RunConfig config = defaults_for("copy");
  config.steps = 8;
  config.batch = 2;
  config.layers = 1;
  config.width = 8;
  config.heads = 2;
  config.mlp = 8;
  return config;
}

}  // namespace lockstep::train
