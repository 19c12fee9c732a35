#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/decoder_only_transformer.h"
#include "optim/adamw.h"

namespace lockstep::train {

// A decoder: token and learned position embeddings, pre-norm blocks of causal attention and an MLP four times
// as wide (exact GELU), biases everywhere, a last norm, logits.
struct BenchModel {
  std::string name;
  std::int64_t vocabulary = 0, tokens = 0, width = 0, heads = 0, layers = 0, batch = 0;
};

// toy, copy, char and baby: the four that Lockstep is compared with other frameworks by.
const std::vector<BenchModel>& reference_models();
// Throws for a name that is none of them.
BenchModel reference_model(const std::string& name);

// A training of such a model in f32 on one batch of random tokens, by AdamW (1e-3, weight decay 0.01).
class BenchTraining {
 public:
  BenchTraining(const BenchModel& model, bool combined, Device device = Device::cpu);

  // The three parts of a step: mean cross entropy over all positions, its gradients, the update.
  Tensor forward() const;
  static void gradients(const Tensor& loss);
  void update() {
    adam_.step();
    adam_.zero_grad();
  }
  optim::Optimizer& optimizer() { return adam_; }
  void step() {
    gradients(forward());
    update();
  }

 private:
  Scope root_;
  nn::DecoderOnlyTransformer network_;
  optim::AdamW adam_;
  Tensor inputs_, targets_;
};

}  // namespace lockstep::train
