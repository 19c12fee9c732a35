#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "train/text/table.h"
#include "train/training/training.h"

namespace lockstep::train {

// How a text is continued.
struct SampleOptions {
  std::string prompt = "\n";
  std::int64_t tokens = 300;
  double temperature = 0.8;  // logits are divided by it; 0: always the likeliest
  std::int64_t top_k = 0;    // draw among the k likeliest only; 0: among all
  std::uint64_t seed = 0;
};

// The prompt, and its continuation one token after another; the model sees the last shape().length tokens.
// Each character is given to `emit` as it comes. Token i depends on (seed, i) and on what stands before it.
// Throws for a task without an alphabet, an empty prompt or characters of it that are not in the alphabet, a
// negative temperature or top_k.
void sample_text(Training& training, const SampleOptions& options, const std::function<void(char)>& emit);

// For tasks that are no text: `count` validation examples, each with what was asked, what would be right and
// what the model answers. Sequences longer than `width` columns of a terminal go on below, input, right and
// answer together.
std::string show_examples(Training& training, std::int64_t count, int width = unlimited);

}  // namespace lockstep::train
