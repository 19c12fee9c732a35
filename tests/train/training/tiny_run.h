#pragma once

#include "train/config/recipe.h"

namespace lockstep::train {

// A task by a model of some hundred weights: a step of copy takes a millisecond.
inline RunConfig tiny_run(const std::string& task = "copy") {
  RunConfig config = defaults_for(task);
  config.steps = 8;
  config.batch = 2;
  config.layers = 1;
  config.width = 8;
  config.heads = 2;
  config.mlp = 8;
  return config;
}

}  // namespace lockstep::train
