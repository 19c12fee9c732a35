#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/training/training.h"

namespace lockstep::train {

// Weights on the way of a training, in OUT/keep/step-000010.safetensors: what training did to them, step by
// step. Step 0 is the initialisation.
struct KeptWeights {
  std::int64_t step = 0;  // steps done
  std::filesystem::path file;
};

// The steps that "0,10,20" names, or for "log" 0, 1, 2, 5, 10, 20, 50, ... and the last; in order, each once.
// Empty for an empty text. Throws for anything else, and for a step that the training does not have.
std::vector<std::int64_t> steps_to_keep(const std::string& text, std::int64_t steps);

void keep_weights(const std::filesystem::path& out, const Training& training);

// What a folder of lockstep train has kept, by step.
std::vector<KeptWeights> kept_weights(const std::filesystem::path& out);

}  // namespace lockstep::train
